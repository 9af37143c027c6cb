from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.event_file import written_events
from tests.support.optional import need
from tests.support.ports import free_port
from tests.support.server_process import run_server
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

SITE = "tests.middleware.django_site"
SERVERS = {
    "uvicorn": ["uvicorn", "--port", "{port}", f"{SITE}.asgi:application"],
    "gunicorn": ["gunicorn", "-b", "127.0.0.1:{port}", f"{SITE}.wsgi:application"],
    "runserver": [f"{SITE}.manage", "runserver", "{port}"],
    "uvicorn-wrapped": ["uvicorn", "--port", "{port}", f"{SITE}.asgi:wrapped"],
    "gunicorn-wrapped": ["gunicorn", "-b", "127.0.0.1:{port}", f"{SITE}.wsgi:wrapped"],
}
FIELDS = {"User-Agent": "curl/8", "X-Forwarded-For": "203.0.113.9"}


@dataclass(frozen=True)
class Served:
    """A site on a real server, and the file of its events."""

    client: httpx2.Client
    file: Path
    log: Path

    def events(self, name: str, count: int) -> list[dict[str, Any]]:
        """Return the events of a name, once there are so many."""

        def found() -> list[dict[str, Any]]:
            events = [event for event in written_events(self.file) if event["event"] == name]
            return events if len(events) >= count else []

        return wait_until(found, hint=self.log.read_text)


@pytest.fixture(scope="module", params=SERVERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve the site."""
    module, *arguments = SERVERS[request.param]
    for needed in ("django", module.partition(".")[0]):
        need(needed)
    folder: Path = tmp_path_factory.mktemp("django")
    settings = {"SQREEN_URL": f"file://{folder}/events", "SQREEN_FLUSH_INTERVAL": "0.1"}
    port = free_port()
    command = ["-m", module, *(argument.format(port=port) for argument in arguments)]
    log = folder / "log"
    with (
        run_server(command, port=port, log=log, settings=settings),
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers=FIELDS, timeout=PATIENCE
        ) as client,
    ):
        yield Served(client, folder / "events", log)


def test_event_describes_its_request(served: Served) -> None:
    """On every server an event arrives once, with its request and its user."""
    assert served.client.get("/hello/J%C3%BCrgen/?tag=a").text == "ok"

    (event,) = served.events("by.request", 1)
    request = event["request"]
    assert event["properties"] == {"name": "Jürgen"}
    assert event["user_identifiers"] == {"id": "42"}
    assert (request["ip"], request["user_agent"]) == ("203.0.113.9", "curl/8")
    assert (request["verb"], request["path"], request["status"]) == ("GET", "/hello/Jürgen/", 200)
    assert request["route"] == "/hello/<str:name>/"
    assert request["params"] == {"query": {"tag": ["a"]}, "path": {"name": "Jürgen"}}


def test_streams_files_and_bodies_are_unchanged(served: Served) -> None:
    """Responses arrive complete, and the event contains the form."""
    assert served.client.get("/stream/").text == "one two"
    assert served.client.get("/stream-async/").text == "one two"
    assert "def file(" in served.client.get("/file/").text
    answer = served.client.post(
        "/form/", data={"coupon": "SPRING"}, files={"photo": ("me.png", b"x" * 40_000)}
    )
    assert answer.text == "SPRING [40000]"

    streams = served.events("streamed", 2)
    assert [event["request"]["path"] for event in streams] == ["/stream/", "/stream-async/"]
    assert [event["user_identifiers"] for event in streams] == [{"id": "42"}] * 2
    (form,) = served.events("form", 1)
    assert form["request"]["params"]["form"]["coupon"] == ["SPRING"]


@pytest.mark.parametrize("server", ["uvicorn-wrapped", "gunicorn"])
def test_stopping_server_delivers_its_events(server: str, tmp_path: Path) -> None:
    """Django does not support the lifespan, so the ASGI middleware delivers when uvicorn stops."""
    module, *arguments = SERVERS[server]
    for needed in ("django", module):
        need(needed)
    file, port = tmp_path / "events", free_port()
    settings = {"SQREEN_URL": f"file://{file}", "SQREEN_FLUSH_INTERVAL": "60"}
    command = ["-m", module, *(argument.format(port=port) for argument in arguments)]
    with run_server(command, port=port, log=tmp_path / "log", settings=settings):
        assert httpx2.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE).text == "ok"
        assert not file.exists()

    names = [event["event"] for event in written_events(file)]
    assert names == ["by.request", "by.module", "by.name"]


def test_failing_view_is_handled_by_django(served: Served) -> None:
    """The event contains the status of Django's response."""
    assert served.client.get("/boom/").status_code == 500

    (event,) = served.events("boom", 1)
    assert event["request"]["status"] == 500
