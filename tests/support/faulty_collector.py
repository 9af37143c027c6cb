"""A collector in the test's process, with prepared answers."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import trustme

from sqreen_mw.protocol.heartbeat import Heartbeat, decode_heartbeat
from tests.support.http_server import http_server, server_context
from tests.support.waiting import PATIENCE


@dataclass
class Answer:
    """The answer to one post; ``None`` as status accepts every event.

    It is sent after the delay, and after the test has set ``due``.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    due: threading.Event | None = None

    def wait(self) -> None:
        """Wait until the answer may be sent."""
        time.sleep(self.delay)
        if self.due is not None:
            self.due.wait(PATIENCE)


@dataclass
class Post:
    """One post, as received."""

    headers: dict[str, str]
    ids: list[str]
    names: list[str]
    at: float
    instance: str | None


@dataclass
class FaultyCollector:
    """A real HTTP server on loopback: it gives the prepared answers, then accepts everything."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    connections: int = 0
    beats: list[Heartbeat] = field(default_factory=list)
    beat_answers: list[Answer] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of all received events, in order."""
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
                self._send(answer, b'{"server_time":0,"heartbeat_interval":60}')
                return
            batch = json.loads(body)
            events = batch["events"]
            headers = {key.lower(): value for key, value in self.headers.items()}
            ids, names = [e["id"] for e in events], [e["event"] for e in events]
            instance = batch.get("instance_id")
            collector.posts.append(Post(headers, ids, names, time.monotonic(), instance))
            answer = collector.answers.pop(0) if collector.answers else Answer()
            answer.wait()
            self._send(answer, json.dumps({"accepted": len(events)}).encode())

        def _send(self, answer: Answer, accepted: bytes) -> None:
            body = accepted if answer.status is None else answer.body
            self.send_response_only(answer.status or 202)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler


@pytest.fixture
def collector() -> Iterator[FaultyCollector]:
    """Run a collector over HTTP."""
    running = FaultyCollector(url="")
    with http_server(_handler(running)) as port:
        running.url = f"http://localhost:{port}"
        yield running


@contextmanager
def tls_collector(certificate: trustme.LeafCert) -> Iterator[FaultyCollector]:
    """Run a collector over TLS, named localhost."""
    running = FaultyCollector(url="")
    with http_server(_handler(running), tls=server_context(certificate)) as port:
        running.url = f"https://localhost:{port}"
        yield running
