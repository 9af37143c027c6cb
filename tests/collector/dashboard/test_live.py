"""Live tail over a real connection."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from starlette.requests import Request

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.explorer_url import ExplorerUrl
from sqreen_mw.collector.dashboard.live import SHOWN_AT_ONCE, stream
from sqreen_mw.collector.dashboard.visit import Visit
from sqreen_mw.collector.services import READS_AT_ONCE, read_events
from tests.collector.dashboard.world import World, served, told


@pytest.fixture
def url(here: World) -> Iterator[str]:
    """Return the address of a collector that is served."""
    with served(here.app) as address:
        yield address


@contextmanager
def tailed(
    here: World, url: str, query: str = "", **headers: str
) -> Iterator[Iterator[dict[str, str]]]:
    """Open a live tail and return its messages as they come."""
    cookies = {SESSION_COOKIE: here.session()}
    accept = {"accept": "text/event-stream", **headers}
    with (
        httpx2.Client(cookies=cookies, timeout=60) as client,
        client.stream("GET", f"{url}/events/live?{query}", headers=accept) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


def messages(answer: httpx2.Response) -> Iterator[dict[str, str]]:
    """Read messages as the HTML standard says, section 9.2.6."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


def test_what_is_stored_is_told(here: World, url: str) -> None:
    """A row follows each commit, with the number to go on from."""
    with tailed(here, url) as told_of:
        assert next(told_of)["event"] == "ready"
        event = told()
        here.put(event)
        message = next(told_of)

    row = json.loads(message["data"])
    assert (message["event"], message["id"]) == ("row", "1")
    assert row["key"] == f"shop/{event.id}"
    assert row["html"].startswith("<tr ")


def test_filters_apply_and_the_past_shows(here: World, url: str) -> None:
    """What does not match is left out; an event of last month shows, marked, when it arrives."""
    with tailed(here, url, "event=wanted&range=15m") as told_of:
        assert next(told_of)["event"] == "ready"
        here.put(told("other"))
        here.put(told("wanted", ago=30 * 24 * 3_600_000))
        message = next(told_of)

    assert message["id"] == "2"
    assert "wanted" in message["data"]
    assert "backfilled" in message["data"]


def test_a_reconnection_misses_nothing(here: World, url: str) -> None:
    """A browser that comes back says what it had last, and gets what was stored since."""
    here.put(told("had"), told("missed"))

    with tailed(here, url, "since=0", **{"last-event-id": "1"}) as told_of:
        assert next(told_of) == {"event": "ready", "id": "1", "data": "1"}
        assert "missed" in next(told_of)["data"]


def test_what_is_left_out_is_counted(here: World, url: str) -> None:
    """Of a burst the newest rows are sent, and the number of the others."""
    here.put(*(told(f"n{n}") for n in range(SHOWN_AT_ONCE + 7)))

    with tailed(here, url, "since=0") as told_of:
        next(told_of)
        skipped = next(told_of)
        rows = [next(told_of) for _ in range(SHOWN_AT_ONCE)]

    assert (skipped["event"], skipped["data"], skipped["id"]) == ("skipped", "7", "7")
    assert [row["id"] for row in rows] == [str(n) for n in range(8, SHOWN_AT_ONCE + 8)]


def listener(here: World, cookie: str) -> Visit:
    """Return the visit of somebody who listens."""
    headers = [(b"cookie", f"{SESSION_COOKIE}={cookie}".encode())]
    scope = {"type": "http", "headers": headers, "path": "/events/live", "app": here.app}
    session = here.services.state.sessions.find(cookie)
    return Visit(Request(scope), session)


def test_silence_is_broken_and_a_session_may_end(here: World) -> None:
    """A quiet stream sends signs of life, and stops once its reader is signed out."""
    cookie = here.session()
    visit = listener(here, cookie)

    async def listen() -> list[str]:
        told_of = stream(visit, ExplorerUrl(), seq=0, keep_alive=0.01)
        heard = [await anext(told_of), await anext(told_of)]
        here.services.state.sessions.close(cookie)
        return [*heard, *[message async for message in told_of]]

    heard = asyncio.run(listen())

    assert heard[1] == ": still here\n\n"
    assert heard[-1].startswith("event: signed-out\n")


def test_a_session_that_ended_hears_no_more(here: World) -> None:
    """However many rows there are to tell of, a reader who is signed out gets no further ones."""
    cookie = here.session()
    visit = listener(here, cookie)

    async def listen() -> list[str]:
        told_of = stream(visit, ExplorerUrl(), seq=0, keep_alive=0)
        here.put(told())
        heard = [await anext(told_of), await anext(told_of)]
        here.services.state.sessions.close(cookie)
        here.put(told())
        return [*heard, *[message async for message in told_of]]

    heard = asyncio.run(listen())

    assert heard[1].startswith("event: row\n")
    assert [message.partition("\n")[0] for message in heard[2:]] == ["event: signed-out"]


def test_reads_wait_for_their_turn(here: World) -> None:
    """A live tail reads no more at once than the API may, so that ingest keeps its threads."""
    visit = listener(here, here.session())
    reading, go_on = threading.Semaphore(0), threading.Event()

    def read() -> None:
        reading.release()
        assert go_on.wait(30)

    async def listen() -> bool:
        others = [asyncio.create_task(read_events(read)) for _ in range(READS_AT_ONCE)]
        for _ in others:
            await asyncio.to_thread(reading.acquire)
        told_of = stream(visit, ExplorerUrl(), seq=0, keep_alive=0.01)
        await anext(told_of)
        second = asyncio.ensure_future(anext(told_of))
        done, _ = await asyncio.wait([second], timeout=0.5)
        go_on.set()
        await asyncio.gather(*others, second)
        return bool(done)

    assert asyncio.run(listen()) is False


def test_a_store_that_fails_is_told_of(here: World) -> None:
    """Trouble of the store reaches the reader, and the stream goes on trying."""
    visit = listener(here, here.session())
    here.services.events.close()

    async def listen() -> list[str]:
        told_of = stream(visit, ExplorerUrl(), seq=0, keep_alive=0.01)
        return [await anext(told_of), await anext(told_of)]

    assert asyncio.run(listen())[1].startswith("event: trouble\n")


def test_what_does_not_match_is_not_read_again(here: World) -> None:
    """The place in the store moves past what was left out."""
    visit = listener(here, here.session())
    here.put(told("other"))

    async def listen() -> list[str]:
        told_of = stream(visit, ExplorerUrl(event="wanted"), seq=0, keep_alive=0.01)
        heard = [await anext(told_of), await anext(told_of)]
        here.put(told("wanted"))
        return [*heard, await anext(told_of)]

    heard = asyncio.run(listen())

    assert heard[1] == ": still here\n\n"
    assert heard[2].startswith("event: row\nid: 2\n")


def test_a_stream_needs_a_session_and_sense(here: World) -> None:
    """Strangers get 401, not a redirect that a stream can't follow; nonsense gets 400."""
    accept = {"accept": "text/event-stream"}

    answers = [
        here.client(None).get("/events/live", headers=accept),
        here.client().get("/events/live?since=-1", headers=accept),
        here.client().get("/events/live?ip=x", headers=accept),
        here.client().get("/events/live?since=" + "9" * 19, headers=accept),
        here.client().get("/events/live?since=" + "9" * 5000, headers=accept),
        here.client().get("/events/live", headers=accept | {"last-event-id": "9" * 5000}),
    ]

    assert [answer.status_code for answer in answers] == [401, 400, 400, 400, 400, 400]
