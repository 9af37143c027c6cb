"""A client that shows the very bytes of an answer."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

SECONDS = 60.0

_DATES = re.compile(rb"(?im)^(date|x-time): [^\r]*")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a client does on one connection.

    Attributes:
        behaviour: The application that it asks for.
        method: The request's method.
        fields: Header fields besides those that every request has.
        version: The version of HTTP.
        parts: What is sent after the head, each when the text beside it has come.
        hangs_up_at: The text at which the client goes away; None has it wait for the end. What
            comes after the text is not looked at.
        in_pieces: Whether a server may take in the body in pieces of any size.
    """

    behaviour: str
    method: str = "GET"
    fields: tuple[str, ...] = ()
    version: str = "1.1"
    parts: tuple[tuple[bytes, bytes], ...] = ()
    hangs_up_at: bytes | None = None
    in_pieces: bool = False

    def head(self, own: Mapping[str, str]) -> bytes:
        """Return the request's head, with header fields that are not part of the visit."""
        more = [f"{name}: {value}" for name, value in own.items()]
        target = f"/{self.behaviour}?coupon=SPRING"
        lines = [f"{self.method} {target} HTTP/{self.version}", "Host: shop.test"]
        return "\r\n".join([*lines, *self.fields, *more, "", ""]).encode()


def visit(port: int, what: Visit, own: Mapping[str, str]) -> bytes:
    """Make a visit to loopback, and return the bytes that came, without their dates."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        seen = b""
        first, rest = (what.parts[:1], what.parts[1:]) if _at_once(what) else ((), what.parts)
        connection.sendall(what.head(own) + b"".join(data for _, data in first))
        for awaited, data in rest:
            seen = _read_until(connection, awaited, seen)
            connection.sendall(data)
        end = what.hangs_up_at
        seen = _read_until(connection, end, seen)
    if end:
        seen = seen[: seen.find(end) + len(end)]
    return _DATES.sub(rb"\1: then", seen)


def _at_once(what: Visit) -> bool:
    return bool(what.parts) and not what.parts[0][0]


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
