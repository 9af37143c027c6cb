import asyncio
import io
import json
import logging
import resource
import stat
from pathlib import Path

import pytest
from msgspec import Raw

from sqreen_mw.agent.delivery.batch import Batch, make_batch
from sqreen_mw.agent.delivery.interfaces import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
    Transport,
)
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.delivery.transports.local import (
    ConsoleTransport,
    FileTransport,
    MemoryTransport,
    memory_events,
    open_transport,
)
from sqreen_mw.protocol.batch import Envelope, encode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import new_event_id
from tests.support.faulty_collector import Answer, FaultyCollector
from tests.support.waiting import PATIENCE

NO_TOKEN = Misconfigured("SQREEN_TOKEN", "HTTP 401 no \N{RIGHTWARDS ARROW} token")


def batch_of(*names: str) -> Batch:
    """Return a batch of events with these names."""
    events = [Event(id=new_event_id(0), name=name, timestamp=0) for name in names]
    header = Envelope(app="shop", events=[])
    data = [Raw(encode_event(event)) for event in events]
    return make_batch(header, events=data, tracked_at=[0.0 for _ in data])


def send(transport: Transport, batch: Batch, seconds: float = PATIENCE) -> Outcome:
    """Send and close."""

    async def run() -> Outcome:
        try:
            return await transport.send(batch, seconds=seconds)
        finally:
            await transport.close()

    return asyncio.run(run())


def http(collector: FaultyCollector) -> HttpTransport:
    """Return a transport for a collector."""
    return HttpTransport(url=collector.url, token="sqm_1_abc", user_agent="sqreen-mw/0")


def test_batch_is_posted_with_its_id_and_token(collector: FaultyCollector) -> None:
    """Small batches are sent uncompressed, with the token and the batch's id."""
    batch = batch_of("a", "b")

    assert send(http(collector), batch) == Delivered()

    [post] = collector.posts
    assert post.names == ["a", "b"]
    assert post.headers["authorization"] == "Bearer sqm_1_abc"
    assert post.headers["idempotency-key"] == batch.id
    assert post.headers["content-type"] == "application/json"
    assert post.headers["user-agent"] == "sqreen-mw/0"
    assert "content-encoding" not in post.headers


def test_requests_are_not_logged(
    collector: FaultyCollector, caplog: pytest.LogCaptureFixture
) -> None:
    """An app that logs at every level gets no line for each batch."""
    with caplog.at_level(logging.INFO):
        assert send(http(collector), batch_of("a")) == Delivered()

    assert caplog.messages == []


def test_large_batches_are_compressed(collector: FaultyCollector) -> None:
    """From 1 KiB on the body is gzip."""
    assert send(http(collector), batch_of(*["x" * 100] * 50)) == Delivered()

    assert collector.posts[0].headers["content-encoding"] == "gzip"
    assert len(collector.posts[0].names) == 50


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(status=413), TooLarge()),
        (Answer(status=401, body=b"no"), Misconfigured("SQREEN_TOKEN", "HTTP 401 no")),
        (Answer(status=401, body=b'{"detail": "no \\u2192 token"}'), NO_TOKEN),
        (Answer(status=403), Misconfigured("SQREEN_TOKEN", "HTTP 403")),
        (Answer(status=400, body=b"bad"), Refused("HTTP 400 bad")),
        (Answer(status=301, headers={"Location": "/"}), Misconfigured("SQREEN_URL", "HTTP 301")),
        (Answer(status=407), Misconfigured("SQREEN_HTTP_PROXY", "HTTP 407")),
        (Answer(status=404), Misconfigured("SQREEN_URL", "HTTP 404")),
        (Answer(status=405), Misconfigured("SQREEN_URL", "HTTP 405")),
        (Answer(status=500), Retry("HTTP 500")),
        (Answer(status=408), Retry("HTTP 408")),
        (Answer(status=429, headers={"Retry-After": "7"}), Retry("HTTP 429", 7.0)),
        (Answer(status=503, headers={"Retry-After": "soon"}), Retry("HTTP 503")),
    ],
)
def test_outcome_depends_on_the_status(
    collector: FaultyCollector, answer: Answer, outcome: Outcome
) -> None:
    """Each kind of answer has its outcome."""
    collector.answers = [answer]

    assert send(http(collector), batch_of("x")) == outcome


def test_rejected_events_are_counted(collector: FaultyCollector) -> None:
    """A collector may reject some of the events."""
    rejection = {"index": 0, "code": "invalid_event", "detail": "bad name"}
    body = json.dumps({"accepted": 1, "rejected": [rejection]}).encode()
    collector.answers = [Answer(status=202, body=body)]

    assert send(http(collector), batch_of("a", "b")) == Delivered(rejected=1, detail="bad name")


@pytest.mark.parametrize("body", [b"", b"<html>welcome</html>", b"x" * 2**21])
def test_answer_of_another_server_is_retried(collector: FaultyCollector, body: bytes) -> None:
    """A 200 that is not from a collector confirms no events, however large it is."""
    collector.answers = [Answer(status=200, body=body)]

    outcome = send(http(collector), batch_of("x"))

    assert isinstance(outcome, Retry)
    assert "not from a collector" in outcome.reason


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        ({"accepted": 0}, "2 were sent"),
        ({"accepted": 1}, "2 were sent"),
        ({"accepted": 5}, "2 were sent"),
        ({"accepted": 2, "duplicates": 1}, "2 were sent"),
        ({"accepted": 3, "duplicates": -1}, ">= 0"),
        ({"accepted": -1, "duplicates": 3}, ">= 0"),
    ],
)
def test_answer_with_wrong_counts_is_retried(
    collector: FaultyCollector, verdict: dict[str, int], why: str
) -> None:
    """An answer that counts other events than were sent confirms none."""
    collector.answers = [Answer(status=202, body=json.dumps(verdict).encode())]

    outcome = send(http(collector), batch_of("a", "b"))

    assert isinstance(outcome, Retry)
    assert why in outcome.reason


@pytest.mark.slow
def test_hanging_collector_is_retried_after_the_timeout(collector: FaultyCollector) -> None:
    """A batch without an answer in time is tried again."""
    collector.answers = [Answer(delay=20.0)]

    assert send(http(collector), batch_of("x"), seconds=2.0) == Retry("no answer within 2.0 s")


def test_halves_contain_the_same_events() -> None:
    """A batch that is too large becomes two, with new ids."""
    batch = batch_of("a", "b", "c")

    first, second = batch.halves()

    assert (len(first), len(second)) == (1, 2)
    assert [*first.envelope.events, *second.envelope.events] == batch.envelope.events
    assert first.envelope.app == second.envelope.app == "shop"
    assert len({batch.id, first.id, second.id}) == 3


def test_file_gets_one_line_per_event(tmp_path: Path) -> None:
    """Events are appended as JSON lines that only the owner can read."""
    path = tmp_path / "events.jsonl"

    for _ in range(2):
        assert send(FileTransport(path), batch_of("a", "b")) == Delivered()

    names = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert names == ["a", "b", "a", "b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_full_disk_leaves_no_partial_batch(tmp_path: Path) -> None:
    """A batch that did not fit is written completely later, and no event is there twice."""
    path = tmp_path / "events"
    transport = FileTransport(path)
    send(transport, batch_of("first"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, limits[1]))
    try:
        outcome = send(transport, rest := batch_of(*"abc"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(outcome, Retry)

    assert send(transport, rest) == Delivered()

    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "first",
        "a",
        "b",
        "c",
    ]


def test_unwritable_file_is_tried_again(tmp_path: Path) -> None:
    """The reason names the path of a missing directory."""
    outcome = send(FileTransport(tmp_path / "missing" / "x"), batch_of("a"))

    assert isinstance(outcome, Retry)
    assert "No such file or directory" in outcome.reason


def test_terminal_gets_one_line_per_event() -> None:
    """The console transport writes JSON lines."""
    stream = io.StringIO()

    assert send(ConsoleTransport(stream), batch_of("a")) == Delivered()
    assert json.loads(stream.getvalue())["event"] == "a"


def test_memory_keeps_events() -> None:
    """The memory transport appends decoded events to the list of its URL."""
    send(MemoryTransport("memory://kept"), batch_of("a"))

    assert [event.name for event in memory_events("memory://kept")] == ["a"]
    assert memory_events("memory://other") == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///x", FileTransport),
        ("console://", ConsoleTransport),
        ("memory://", MemoryTransport),
        ("http://localhost", HttpTransport),
        ("https://localhost", HttpTransport),
    ],
)
def test_scheme_selects_the_transport(url: str, kind: type) -> None:
    """Each scheme has its transport."""
    assert type(open_transport(url, token="t", user_agent="u")) is kind
