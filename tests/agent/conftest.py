import gzip
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from sqreen_mw.protocol.heartbeat import Heartbeat, decode_heartbeat

PATIENCE = 120.0
"""Seconds for what is done in a moment: a machine that does nothing for a while is no fault."""


@dataclass
class Answer:
    """What the server says to one post; ``None`` as status accepts every event.

    It comes after a delay, and once the test has set ``due``.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    due: threading.Event | None = None

    def wait(self) -> None:
        """Wait until it is time."""
        time.sleep(self.delay)
        if self.due is not None:
            self.due.wait(PATIENCE)


@dataclass
class Post:
    """One post as the server saw it."""

    headers: dict[str, str]
    ids: list[str]
    names: list[str]
    at: float
    instance: str | None


@dataclass
class FaultyCollector:
    """A real HTTP server on loopback that answers as it is told, then accepts."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    connections: int = 0
    beats: list[Heartbeat] = field(default_factory=list)
    beat_answers: list[Answer] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of all events that came, in order."""
        return [name for post in self.posts for name in post.names]


def _handler(collector: FaultyCollector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            collector.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/heartbeat":
                collector.beats.append(decode_heartbeat(body))
                answer = collector.beat_answers.pop(0) if collector.beat_answers else Answer()
                answer.wait()
                self._say(answer, b'{"server_time":0,"heartbeat_interval":60}')
                return
            batch = json.loads(body)
            events = batch["events"]
            headers = {key.lower(): value for key, value in self.headers.items()}
            ids, names = [e["id"] for e in events], [e["event"] for e in events]
            instance = batch.get("instance_id")
            collector.posts.append(Post(headers, ids, names, time.monotonic(), instance))
            answer = collector.answers.pop(0) if collector.answers else Answer()
            answer.wait()
            self._say(answer, json.dumps({"accepted": len(events)}).encode())

        def _say(self, answer: Answer, taken: bytes) -> None:
            body = taken if answer.status is None else answer.body
            self.send_response_only(answer.status or 202)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """A server with a thread a connection; clients that give up are part of the tests."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], *, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Run a server on loopback, with TLS if a context is given, and yield its port."""
    with QuietServer(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def collector() -> Iterator[FaultyCollector]:
    """Run a server that answers as told."""
    told = FaultyCollector(url="")
    with serving(_handler(told)) as port:
        told.url = f"http://localhost:{port}"
        yield told


@contextmanager
def tls_collector(certificate: trustme.LeafCert) -> Iterator[FaultyCollector]:
    """Run such a server with TLS, under the name of localhost."""
    told = FaultyCollector(url="")
    with serving(_handler(told), tls=server_context(certificate)) as port:
        told.url = f"https://localhost:{port}"
        yield told


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return what a server needs for TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Return a function that waits until a condition holds, and fails where it does not."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.005)

    return wait
