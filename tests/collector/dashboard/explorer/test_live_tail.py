"""Test live tail over a real connection."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import Message

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.explorer.live_tail import SHOWN_AT_ONCE, stream
from sqreen_mw.collector.dashboard.explorer.url import ExplorerUrl
from sqreen_mw.collector.dashboard.web.page_context import PageContext
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.read_events import read_events
from sqreen_mw.collector.read_lanes import SHORT_READS
from tests.collector.dashboard.running_collector import RunningCollector, make_event, served


@pytest.fixture
def url(collector: RunningCollector) -> Iterator[str]:
    """Return the address of a running collector."""
    with served(collector.app) as address:
        yield address


@contextmanager
def open_stream(
    collector: RunningCollector, url: str, query: str = "", **headers: str
) -> Iterator[Iterator[dict[str, str]]]:
    """Open a live tail and yield its messages."""
    cookies = {SESSION_COOKIE: collector.session()}
    accept = {"accept": "text/event-stream", **headers}
    with (
        httpx2.Client(cookies=cookies, timeout=60) as client,
        client.stream("GET", f"{url}/events/live?{query}", headers=accept) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


def messages(answer: httpx2.Response) -> Iterator[dict[str, str]]:
    """Parse messages as in the HTML standard, section 9.2.6."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        else:
            if "data" in fields:
                yield fields
            fields = {}


def test_stored_event_is_streamed(collector: RunningCollector, url: str) -> None:
    """Each commit sends a row with its sequence number."""
    with open_stream(collector, url) as stream_messages:
        assert next(stream_messages)["event"] == "ready"
        event = make_event()
        collector.store(event)
        message = next(stream_messages)

    row = json.loads(message["data"])
    assert (message["event"], message["id"]) == ("row", "1")
    assert row["key"] == f"shop/{event.id}"
    assert row["html"].startswith("<tr ")


def test_stream_applies_filters_but_not_the_range(collector: RunningCollector, url: str) -> None:
    """Events that do not match are skipped; a matching old event is sent and marked."""
    with open_stream(collector, url, "event=wanted&range=15m") as stream_messages:
        assert next(stream_messages)["event"] == "ready"
        collector.store(make_event("other"))
        collector.store(make_event("wanted", ago=30 * 24 * 3_600_000))
        message = next(stream_messages)

    assert message["id"] == "2"
    assert "wanted" in message["data"]
    assert "backfilled" in message["data"]


def test_streamed_row_shows_outcome_and_import(collector: RunningCollector, url: str) -> None:
    """A row of the live tail has the marks of the list, and its filters."""
    with open_stream(collector, url, "outcome=refused&-imported=false") as stream_messages:
        assert next(stream_messages)["event"] == "ready"
        collector.store(make_event("order.refused"), make_event("order.failed"))
        collector.store(make_event("order.failed"), make_event("order.refused"), imported=True)
        message = next(stream_messages)

    assert message["id"] == "4"
    row = json.loads(message["data"])["html"]
    assert ">refused</span>" in row
    assert ">imported</span>" in row


def test_reconnected_stream_misses_no_event(collector: RunningCollector, url: str) -> None:
    """A browser sends its last id and gets all later events."""
    collector.store(make_event("old"), make_event("missed"))

    with open_stream(collector, url, "since=0", **{"last-event-id": "1"}) as stream_messages:
        assert next(stream_messages) == {"event": "ready", "id": "1", "data": "1"}
        assert "missed" in next(stream_messages)["data"]


def test_skipped_rows_of_a_burst_are_counted(collector: RunningCollector, url: str) -> None:
    """A burst sends the newest rows and the number of skipped ones."""
    collector.store(*(make_event(f"n{n}") for n in range(SHOWN_AT_ONCE + 7)))

    with open_stream(collector, url, "since=0") as stream_messages:
        next(stream_messages)
        skipped = next(stream_messages)
        rows = [next(stream_messages) for _ in range(SHOWN_AT_ONCE)]

    assert (skipped["event"], skipped["data"], skipped["id"]) == ("skipped", "7", "7")
    assert [row["id"] for row in rows] == [str(n) for n in range(8, SHOWN_AT_ONCE + 8)]


def page_context(collector: RunningCollector, cookie: str) -> PageContext:
    """Return the page context of a session."""
    headers = [(b"cookie", f"{SESSION_COOKIE}={cookie}".encode())]
    scope = {"type": "http", "headers": headers, "path": "/events/live", "app": collector.app}
    session = collector.services.state.sessions.find(cookie)
    return PageContext(Request(scope, _silent), session)


async def _silent() -> Message:
    """Wait forever: the client stays connected."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError


def test_idle_stream_sends_keep_alive_and_ends_with_the_session(
    collector: RunningCollector,
) -> None:
    """An idle stream sends comments and ends after the logout."""
    cookie = collector.session()
    page = page_context(collector, cookie)

    async def read_stream() -> list[str]:
        stream_messages = stream(page, ExplorerUrl(), seq=0, keep_alive=0.01)
        received = [await anext(stream_messages), await anext(stream_messages)]
        collector.services.state.sessions.close(cookie)
        return [*received, *[message async for message in stream_messages]]

    received = asyncio.run(read_stream())

    assert received[1] == ": keep-alive\n\n"
    assert received[-1].startswith("event: logged-out\n")


def test_busy_stream_ends_with_the_session(collector: RunningCollector) -> None:
    """A stream sends no more rows after the logout."""
    cookie = collector.session()
    page = page_context(collector, cookie)

    async def read_stream() -> list[str]:
        stream_messages = stream(page, ExplorerUrl(), seq=0, keep_alive=0)
        collector.store(make_event())
        received = [await anext(stream_messages), await anext(stream_messages)]
        collector.services.state.sessions.close(cookie)
        collector.store(make_event())
        return [*received, *[message async for message in stream_messages]]

    received = asyncio.run(read_stream())

    assert received[1].startswith("event: row\n")
    assert [message.partition("\n")[0] for message in received[2:]] == ["event: logged-out"]


def test_stream_reads_share_the_read_limit(collector: RunningCollector) -> None:
    """A live tail waits for the same read slots as the API."""
    page = page_context(collector, collector.session())
    reading, resume = threading.Semaphore(0), threading.Event()

    def read(_: Deadline) -> None:
        reading.release()
        assert resume.wait(30)

    async def read_stream() -> bool:
        others = [asyncio.create_task(read_events(page.request, read)) for _ in range(SHORT_READS)]
        for _ in others:
            await asyncio.to_thread(reading.acquire)
        stream_messages = stream(page, ExplorerUrl(), seq=0, keep_alive=0.01)
        await anext(stream_messages)
        second = asyncio.ensure_future(anext(stream_messages))
        done, _ = await asyncio.wait([second], timeout=0.5)
        resume.set()
        await asyncio.gather(*others, second)
        return bool(done)

    assert asyncio.run(read_stream()) is False


def test_stream_reports_store_errors(collector: RunningCollector) -> None:
    """A store error is sent to the browser, and the stream goes on."""
    page = page_context(collector, collector.session())
    collector.services.events.close()

    async def read_stream() -> list[str]:
        stream_messages = stream(page, ExplorerUrl(), seq=0, keep_alive=0.01)
        return [await anext(stream_messages), await anext(stream_messages)]

    assert asyncio.run(read_stream())[1].startswith("event: trouble\n")


def test_stream_does_not_reread_other_events(collector: RunningCollector) -> None:
    """The stream's position moves past events that do not match."""
    page = page_context(collector, collector.session())
    collector.store(make_event("other"))

    async def read_stream() -> list[str]:
        stream_messages = stream(
            page, ExplorerUrl(filters={"event": "wanted"}), seq=0, keep_alive=0.01
        )
        received = [await anext(stream_messages), await anext(stream_messages)]
        collector.store(make_event("wanted"))
        return [*received, await anext(stream_messages)]

    received = asyncio.run(read_stream())

    assert received[1] == ": searched\nid: 1\n\n"
    assert received[2].startswith("event: row\nid: 2\n")


def test_stream_requires_a_session_and_valid_parameters(collector: RunningCollector) -> None:
    """Without a session the status is 401, not a redirect; bad parameters get 400."""
    accept = {"accept": "text/event-stream"}

    answers = [
        collector.client(None).get("/events/live", headers=accept),
        collector.client().get("/events/live?since=-1", headers=accept),
        collector.client().get("/events/live?ip=x", headers=accept),
        collector.client().get("/events/live?since=" + "9" * 19, headers=accept),
        collector.client().get("/events/live?since=" + "9" * 5000, headers=accept),
        collector.client().get("/events/live", headers=accept | {"last-event-id": "9" * 5000}),
    ]

    assert [answer.status_code for answer in answers] == [401, 400, 400, 400, 400, 400]
