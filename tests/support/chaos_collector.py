"""A real collector on loopback that fails in the ways of networks and servers."""

import gzip
import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.http_server import http_server

BAD = "bad"
"""The name of events that are always rejected."""

PAUSE_SECONDS = 1.0
"""The pause of answers with Retry-After, which has no shorter one."""

_NO_LINGER = struct.pack("ii", 1, 0)
_OVER_THE_WIRE = 0.001


class Fault(Enum):
    """A fault of one post."""

    FAILS = "500"
    IS_DOWN = "503, and closes the connection"
    ASKS_FOR_SECONDS = "429 with Retry-After in seconds"
    ASKS_FOR_A_DATE = "429 with Retry-After as a date"
    REFUSES_THE_TOKEN = "401"
    REFUSES = "400"
    TAKES_THREE = "413 for more than 3 events"
    TAKES_NONE = "413 for every batch"
    IS_ANOTHER_SERVER = "200 with a page"
    STORES_AND_ANSWERS_WITH_A_PAGE = "stores, and answers with a page"
    MISCOUNTS = "stores, and answers with counts of more events"
    IS_SLOW = "stores, and answers byte by byte"
    HANGS = "answers nothing"
    STORES_AND_HANGS = "stores, and answers nothing"
    RESETS_THE_REQUEST = "resets the connection in the middle of the request"
    RESETS_THE_ANSWER = "stores, and resets the connection in the middle of the answer"


_PLAIN = {
    Fault.FAILS: (500, {}),
    Fault.IS_DOWN: (503, {"Connection": "close"}),
    Fault.ASKS_FOR_SECONDS: (429, {"Retry-After": "1"}),
    Fault.ASKS_FOR_A_DATE: (
        429,
        {"Date": "Sun, 22 Nov 2026 10:00:00 GMT", "Retry-After": "Sun, 22 Nov 2026 10:00:01 GMT"},
    ),
    Fault.REFUSES_THE_TOKEN: (401, {}),
    Fault.IS_ANOTHER_SERVER: (200, {}),
}
_FINAL = {
    Fault.REFUSES: (400, "refused", 0),
    Fault.TAKES_THREE: (413, "too_large", 3),
    Fault.TAKES_NONE: (413, "too_large", 0),
}
_PAGE = b"<html>Welcome to nginx</html>"


@dataclass
class ChaosCollector:
    """A collector, its planned faults and its events.

    Attributes:
        port: Its port.
        faults: The faults of the next posts; later posts succeed.
        stored: The stored events by id.
        fates: The last reason for each event that it refused, by id.
        bodies: The body of each batch by its id.
        posts: When each post came.
        broken: Violations of the protocol.
    """

    port: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    stored: dict[str, str] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    posts: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    calm: threading.Event = field(default_factory=threading.Event)

    def recover(self) -> None:
        """Stop failing, and answer the hanging posts."""
        self.faults.clear()
        self.calm.set()

    @property
    def lost(self) -> dict[str, int]:
        """The number of events that it refused for good, by reason."""
        return Counter(fate for name, fate in self.fates.items() if name not in self.stored)

    def knows_any(self, events: list[dict[str, Any]]) -> bool:
        """Return whether it has stored one of the events; then it must not refuse the batch."""
        return any(event["id"] in self.stored for event in events)

    def note(self, key: str, body: bytes, events: list[dict[str, Any]]) -> None:
        """Record a post and its violations of the protocol."""
        self.posts.append(time.monotonic())
        if self.bodies.setdefault(key, body) != body:
            self.broken.append(f"batch {key} came with other bytes")
        for event in events:
            if self.stored.get(event["id"], json.dumps(event)) != json.dumps(event):
                self.broken.append(f"event {event['id']} changed")

    def store(self, events: list[dict[str, Any]]) -> bytes:
        """Store the good events and return the answer."""
        rejected: list[dict[str, Any]] = []
        duplicates = 0
        for index, event in enumerate(events):
            if event["event"] == BAD:
                self.fates[event["id"]] = "rejected"
                rejected.append({"index": index, "code": "bad", "detail": "it is bad"})
            elif event["id"] in self.stored:
                duplicates += 1
            else:
                self.stored[event["id"]] = json.dumps(event)
        accepted = len(events) - duplicates - len(rejected)
        answer = {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}
        return json.dumps(answer).encode()


@contextmanager
def chaos_collector() -> Iterator[ChaosCollector]:
    """Run a collector that fails as planned."""
    running = ChaosCollector()

    class Handler(_Handler):
        collector = running

    with http_server(Handler) as port:
        running.port = port
        yield running
        running.recover()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collector: ChaosCollector

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        fault = self.collector.faults.popleft() if self.collector.faults else None
        if fault is Fault.RESETS_THE_REQUEST:
            self.rfile.read(size // 2)
            self.collector.posts.append(time.monotonic())
            self._reset()
            return
        body = self.rfile.read(size)
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        events = json.loads(body)["events"]
        self.collector.note(self.headers["Idempotency-Key"], body, events)
        self._meet(fault, events)

    def _meet(self, fault: Fault | None, events: list[dict[str, Any]]) -> None:
        if fault in _PLAIN:
            status, headers = _PLAIN[fault]
            self._send(_PAGE, status=status, **headers)
        elif fault in _FINAL and not self.collector.knows_any(events):
            self._refuse(fault, events)
        elif fault is Fault.HANGS:
            self._hang()
        else:
            self._sender_of(fault)(self.collector.store(events))

    def _sender_of(self, fault: Fault | None) -> Callable[[bytes], None]:
        """Return the function that sends the answer."""
        senders: dict[Fault | None, Callable[[bytes], None]] = {
            Fault.STORES_AND_ANSWERS_WITH_A_PAGE: lambda _: self._send(_PAGE),
            Fault.MISCOUNTS: lambda _: self._send(b'{"accepted": 1001}'),
            Fault.IS_SLOW: self._send_slowly,
            Fault.STORES_AND_HANGS: lambda _: self._hang(),
            Fault.RESETS_THE_ANSWER: self._send_half,
        }
        return senders.get(fault, self._send)

    def _refuse(self, fault: Fault, events: list[dict[str, Any]]) -> None:
        status, reason, limit = _FINAL[fault]
        if len(events) <= limit:
            self._send(self.collector.store(events))
            return
        if len(events) == 1 or reason == "refused":
            for event in events:
                self.collector.fates[event["id"]] = reason
        self._send(_PAGE, status=status)

    def _send(self, body: bytes, *, status: int = 202, **headers: str) -> None:
        self.wfile.write(self._head(body, status, headers) + body)

    def _send_slowly(self, body: bytes) -> None:
        for byte in self._head(body, 202, {}) + body:
            self.wfile.write(bytes([byte]))
            time.sleep(_OVER_THE_WIRE)

    def _send_half(self, body: bytes) -> None:
        self.wfile.write(self._head(body, 202, {}) + body[: len(body) // 2])
        self._reset()

    def _head(self, body: bytes, status: int, headers: dict[str, str]) -> bytes:
        self.close_connection = headers.get("Connection") == "close"
        fields = {"Content-Length": str(len(body)), **headers}
        lines = [f"HTTP/1.1 {status} Chaos", *(f"{key}: {value}" for key, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def _hang(self) -> None:
        self.collector.calm.wait(10)
        self.close_connection = True

    def _reset(self) -> None:
        """Reset the connection, as a crash or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        for each in (self.wfile, self.rfile, self.connection):
            each.close()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""
