from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.settings import Settings
from tests.collector.api.conftest import Collector


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nowhere", 404),
        ("GET", "/v1/events", 405),
        ("DELETE", "/healthz", 405),
        ("POST", "/v1/events", 401),
    ],
)
def test_every_error_is_a_problem(
    collector: Collector, *, method: str, path: str, status: int
) -> None:
    """Each error has type, title, status and detail (RFC 9457, section 3.1)."""
    answer = collector.client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/events", "POST"),
        ("/v1/events/query", "GET, POST"),
        ("/v1/instances", "GET"),
        ("/login", "GET, HEAD, POST"),
        ("/overview", "GET, HEAD"),
    ],
)
def test_405_lists_allowed_methods(collector: Collector, path: str, allowed: str) -> None:
    """A 405 has the Allow header with all methods of the path (RFC 9110, section 15.5.6)."""
    answer = collector.client.delete(path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_internal_error_hides_details(tmp_path: Path) -> None:
    """An internal error is a 500 without its text."""
    app = create_app(Settings(data_dir=tmp_path))

    @app.get("/v1/broken")
    def broken() -> None:
        raise RuntimeError("the secret is 42")

    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/v1/broken")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "42" not in answer.text
