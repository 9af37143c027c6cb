"""Test the time limits of slow clients."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from starlette.types import Receive, Scope, Send

from sqreen_mw.cli.h11_timeouts import TimedH11Protocol
from tests.collector.dashboard.running_collector import served
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

SECONDS = 0.3
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


class QuickProtocol(TimedH11Protocol):
    """The collector's connection with short limits."""

    head_seconds: ClassVar[float] = SECONDS
    body_seconds: ClassVar[float] = SECONDS


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer with its length, early or late at two paths."""
    start = {"type": "http.response.start", "status": 200, "headers": []}
    if scope["path"] == "/early":
        await send({**start, "headers": [(b"content-length", b"2")]})
    if scope["path"] == "/late":
        await asyncio.sleep(3 * SECONDS)
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    if scope["path"] != "/early":
        await send(start)
    await send({"type": "http.response.body", "body": f"{size:02}".encode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the site with short limits and return its port."""
    with served(site, http=QuickProtocol) as url:
        yield int(url.rpartition(":")[2])


def exchange(port: int, *parts: bytes, pause: float = 0) -> tuple[bytes, float]:
    """Send parts with pauses. Return all bytes up to the end, and the seconds until then."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        started = time.monotonic()
        for part in parts:
            client.sendall(part)
            time.sleep(pause)
        received = b"".join(iter(lambda: client.recv(4096), b""))
        return received, time.monotonic() - started


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"GET / HT",),
        (b"GET / HTTP/1.1\r\nhost: x\r\n",),
        (POST,),
        (POST + b"\r\n01234",),
        (CHUNKED,),
        (CHUNKED + b"5\r\n012",),
        (CHUNKED + b"5\r\n01234\r\n",),
    ],
)
def test_request_that_stops_is_answered_with_408(port: int, parts: tuple[bytes, ...]) -> None:
    """A head or a body that stops gets a problem with the status 408, and the connection ends."""
    received, seconds = exchange(port, *parts)

    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in received
    assert b"x-content-type-options: nosniff" in received
    assert seconds >= SECONDS * 0.9


def test_bytes_do_not_extend_the_time_of_a_head(port: int) -> None:
    """A head must be complete in time, even if bytes keep arriving."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS / 10) as client:
        started, received = time.monotonic(), b""
        while not received:
            client.sendall(b"G")
            try:
                received = client.recv(4096)
            except TimeoutError:
                assert time.monotonic() - started < PATIENCE

    assert received.startswith(b"HTTP/1.1 408 ")


def test_next_head_on_a_kept_connection_is_limited(port: int) -> None:
    """The limit holds for each request of a connection, also if they arrive together."""
    received, _ = exchange(port, GET + GET + b"GET / HT")

    assert received.count(b"HTTP/1.1 200 ") == 2
    assert received.count(b"HTTP/1.1 408 ") == 1


def test_started_answer_is_cut(port: int) -> None:
    """If the answer has started, the connection ends without another status."""
    early = POST.replace(b"/ ", b"/early ") + b"\r\n01"

    received, _ = exchange(port, early)

    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"408" not in received


def test_steady_body_may_take_longer_than_the_limit() -> None:
    """Each byte of a body starts the limit again."""

    class Protocol(TimedH11Protocol):
        body_seconds: ClassVar[float] = 1.5  # a busy machine may pause for a second

    last = b"0\r\n\r\n" + GET.replace(b"x\r\n", b"x\r\nconnection: close\r\n")
    with served(site, http=Protocol) as url:
        port = int(url.rpartition(":")[2])
        received, seconds = exchange(port, CHUNKED, *[b"1\r\nx\r\n"] * 4, last, pause=0.4)

    assert b"04" in received
    assert b"408" not in received
    assert seconds > Protocol.body_seconds


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST.replace(b"/ ", b"/late ") + b"expect: 100-continue\r\nconnection: close\r\n\r\n",
        POST.replace(b"/ ", b"/late ").replace(b"10", b"200000") + b"connection: close\r\n\r\n",
    ],
    ids=["expect", "large"],
)
def test_client_that_waits_for_the_app_is_not_late(port: int, request_bytes: bytes) -> None:
    """A client that the collector keeps waiting is not cut."""
    size = 10 if b"expect" in request_bytes else 200_000
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(request_bytes)
        if size == 10:
            assert b"100" in client.recv(4096)
        client.sendall(b"x" * size)
        received = b"".join(iter(lambda: client.recv(4096), b""))

    assert b"HTTP/1.1 200 " in received


def test_bytes_that_are_not_http_get_a_problem(port: int) -> None:
    """Bytes of another protocol get a 400 with problem details."""
    received, _ = exchange(port, b"\x16\x03\x01\x02\x00\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in received
