import httpx2
import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.explorer.live_tail_limits import MAX_SESSION_TAILS, MAX_TAILS
from tests.collector.dashboard.running_collector import RunningCollector, served
from tests.support.waiting import wait_until


def test_eleventh_live_tail_of_a_session_is_refused(
    collector: RunningCollector, client: TestClient
) -> None:
    """A session has ten live tails; another session may open its own."""
    session = collector.services.state.sessions.find(client.cookies[SESSION_COOKIE])
    assert session is not None
    collector.services.live_tails[session.id] = MAX_SESSION_TAILS

    answer = client.get("/events/live")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert "close one" in answer.text
    assert collector.client().head("/events/live").status_code == 200


def test_all_live_tails_are_limited(collector: RunningCollector, client: TestClient) -> None:
    """If all sessions together have too many live tails, the next one is refused."""
    for session in range(MAX_TAILS):
        collector.services.live_tails[-session] = 1

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
