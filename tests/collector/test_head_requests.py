"""Test that HEAD has the status and the headers of GET everywhere."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.routing import Route

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.routes import ROUTES
from sqreen_mw.collector.state.users import Role
from tests.collector.dashboard.running_collector import (
    RunningCollector,
    make_event,
    running_collector,
    served,
)

UNKNOWN = "00000000-0000-7000-8000-000000000000"
PATHS = [
    *("/", "/events", "/events?q=x", "/events?from=wrong", "/overview", "/login", "/nowhere"),
    *(
        "/events/suggestions",
        "/login/once?token=used",
        "/logout",
        "/favicon.svg",
        "/static/app.css",
        "/static/no",
    ),
    *("/healthz", "/openapi.json", "/v1/events", "/v1/events/query", "/v1/events/query?limit=0"),
    *("/v1/events/histogram?interval=60000", "/v1/instances", "/v1/heartbeat", "/v1/nowhere"),
    *("/events/shop/x", f"/v1/events/{UNKNOWN}?app=shop", "/events/live?since=x"),
    *("/events/suggestions", "/events/suggestions?text=a", "/time-zone"),
]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """Return a collector with an event."""
    folder: Path = tmp_path_factory.mktemp("collector")
    with running_collector(folder) as opened:
        opened.store(make_event())
        yield opened


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", [None, "admin"])
def test_head_has_the_status_and_headers_of_get(
    collector: RunningCollector, path: str, role: Role | None
) -> None:
    """HEAD differs from GET in the body only, with and without a session."""
    client = collector.client(role)

    got, head = client.get(path), client.head(path)

    for answer in (got, head):
        assert int(answer.headers.pop("content-length")) > 0 or answer.is_redirect  # ages change
    assert (head.status_code, head.headers) == (got.status_code, got.headers)
    assert head.content == b""


def test_paths_cover_every_page() -> None:
    """Each page without parameters in its path is among the tested paths."""
    routes = [route for route in ROUTES if isinstance(route, Route) and "{" not in route.path]
    tested = {path.partition("?")[0] for path in PATHS}

    assert {route.path for route in routes if "GET" in (route.methods or ())} <= tested


def test_head_of_the_live_tail_ends(collector: RunningCollector) -> None:
    """HEAD of a stream gets the stream's headers, and the connection can be used again."""
    cookies = {SESSION_COOKIE: collector.session()}
    with served(collector.app) as url, httpx2.Client(base_url=url, cookies=cookies) as client:
        head, again = client.head("/events/live"), client.head("/login")

    assert head.headers["content-type"].startswith("text/event-stream")
    assert (head.status_code, again.status_code) == (200, 303)
