import asyncio
from contextlib import AsyncExitStack

import httpx2
import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.explorer.live_tail_limits import MAX_TAILS, MAX_USER_TAILS
from tests.collector.dashboard.running_collector import RunningCollector, served
from tests.support.waiting import wait_until


def test_eleventh_live_tail_of_a_user_is_refused(
    collector: RunningCollector, client: TestClient
) -> None:
    """A user has ten live tails in all sessions; another user may open other ones."""
    session = collector.services.state.sessions.find(client.cookies[SESSION_COOKIE])
    assert session is not None
    collector.services.live_tails[session.user.id] = MAX_USER_TAILS

    answers = [user.get("/events/live") for user in (client, collector.client())]

    assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(429, "5")] * 2
    assert "close one" in answers[0].text
    assert collector.client("viewer").head("/events/live").status_code == 200


@pytest.mark.parametrize("query", ["", "?since=0"])
def test_live_tails_that_open_together_are_limited(collector: RunningCollector, query: str) -> None:
    """Of many requests at the same time, ten open a live tail."""
    cookies = {SESSION_COOKIE: collector.session()}

    async def open_together(url: str) -> list[int]:
        limits = httpx2.Limits(max_connections=30)
        async with (
            httpx2.AsyncClient(base_url=url, cookies=cookies, limits=limits) as client,
            AsyncExitStack() as stack,
        ):

            async def opened() -> httpx2.Response:
                return await client.send(
                    client.build_request("GET", f"/events/live{query}"), stream=True
                )

            answers = await asyncio.gather(*(opened() for _ in range(30)))
            for answer in answers:
                stack.push_async_callback(answer.aclose)
            return [answer.status_code for answer in answers]

    with served(collector.app) as url:
        statuses = asyncio.run(open_together(url))
        wait_until(lambda: not collector.services.live_tails)

    assert sorted(statuses) == [200] * MAX_USER_TAILS + [429] * 20


def test_all_live_tails_are_limited(collector: RunningCollector, client: TestClient) -> None:
    """If all users together have too many live tails, the next one is refused."""
    for user in range(MAX_TAILS):
        collector.services.live_tails[-user] = 1

    assert client.get("/events/live").status_code == 429


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_closed_live_tail_makes_room(collector: RunningCollector, method: str) -> None:
    """A live tail counts until its connection is closed."""
    cookies = {SESSION_COOKIE: collector.session()}
    tails = collector.services.live_tails
    with served(collector.app) as url:
        with (
            httpx2.Client(base_url=url, cookies=cookies) as client,
            client.stream(method, "/events/live") as answer,
        ):
            assert answer.status_code == 200
            lines = answer.iter_lines()  # The connection closes when this is deleted.
            if method == "GET":
                next(lines)
                assert tails.total() == 1
        wait_until(lambda: tails.total() == 0)
