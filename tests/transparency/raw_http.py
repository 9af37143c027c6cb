"""A client that returns the raw bytes of a response."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.waiting import PATIENCE

_DATES = re.compile(rb"(?im)^(date|x-time): [^\r]*")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One connection of a client.

    Attributes:
        behaviour: The name of the application.
        method: The request's method.
        fields: Additional header fields.
        version: The version of HTTP.
        parts: Pairs of a text and data: the data is sent once the text was received.
        hangs_up_at: The client disconnects after it received this text. None waits for the
            end of the response.
        in_pieces: Whether the server may split the body in any way.
    """

    behaviour: str
    method: str = "GET"
    fields: tuple[str, ...] = ()
    version: str = "1.1"
    parts: tuple[tuple[bytes, bytes], ...] = ()
    hangs_up_at: bytes | None = None
    in_pieces: bool = False

    def head(self, own: Mapping[str, str]) -> bytes:
        """Return the request line and all header fields."""
        more = [f"{name}: {value}" for name, value in own.items()]
        target = f"/{self.behaviour}?coupon=SPRING"
        lines = [f"{self.method} {target} HTTP/{self.version}", "Host: shop.test"]
        return "\r\n".join([*lines, *self.fields, *more, "", ""]).encode()


def visit(port: int, request: Visit, own: Mapping[str, str]) -> bytes:
    """Make a visit to loopback, and return the received bytes without dates."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        at_once = request.parts[:1] if _sends_at_once(request) else ()
        connection.sendall(request.head(own) + b"".join(data for _, data in at_once))
        seen = b""
        for awaited, data in request.parts[len(at_once) :]:
            seen = _read_until(connection, awaited, seen)
            connection.sendall(data)
        end = request.hangs_up_at
        seen = _read_until(connection, end, seen)
    if end:
        seen = seen[: seen.find(end) + len(end)]
    return _DATES.sub(rb"\1: then", seen)


def _sends_at_once(request: Visit) -> bool:
    return bool(request.parts) and not request.parts[0][0]


def _read_until(connection: socket.socket, awaited: bytes | None, seen: bytes) -> bytes:
    while awaited is None or awaited not in seen:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            break
        seen += data
    return seen


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a websocket frame of a client (RFC 6455, section 5.2), masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload
