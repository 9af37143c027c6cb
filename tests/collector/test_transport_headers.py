"""Test the headers that every response has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.collector.dashboard.running_collector import RunningCollector, running_collector

PATHS = ["/login", "/events", "/nowhere", "/static/app.css", "/favicon.svg", "/openapi.json"]
API = ["/healthz", "/v1/events", "/v1/events/query", "/v1/nowhere"]
HSTS = "strict-transport-security"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[RunningCollector]:
    """Return a collector."""
    with running_collector(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS + API)
def test_browsers_believe_every_media_type(collector: RunningCollector, path: str) -> None:
    """Pages, files, the API and errors have nosniff, once."""
    answer = collector.client().get(path)

    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize(
    ("base_url", "public_url", "has_hsts"),
    [
        ("http://sqreen.example.com", "", False),
        ("https://sqreen.example.com", "", True),
        ("https://192.0.2.1:7070", "", True),
        ("https://localhost:7070", "", False),
        ("http://127.0.0.1:7070", "https://sqreen.example.com", True),
        ("http://127.0.0.1:7070", "http://sqreen.example.com", False),
    ],
)
def test_https_is_kept_once_used(
    tmp_path: Path, base_url: str, public_url: str, *, has_hsts: bool
) -> None:
    """Under TLS, or behind a proxy with TLS, every response asks the browser to keep to HTTPS."""
    with running_collector(tmp_path, public_url=public_url) as collector:
        client = TestClient(collector.app, base_url=base_url, follow_redirects=False)

        answers = [client.get(path) for path in ("/login", "/static/app.css", "/healthz")]

    assert [HSTS in answer.headers for answer in answers] == [has_hsts] * 3


def test_malformed_host_changes_nothing(collector: RunningCollector) -> None:
    """A Host header that is no host gets an answer too."""
    client = TestClient(collector.app, base_url="https://sqreen.example.com")

    assert client.get("/login", headers={"host": "[x"}).status_code == 200
