"""The same site in each framework; its events must be equal."""

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

ASGI = ("uvicorn", "--port", "{port}", "--log-level", "critical")
WSGI = ("gunicorn", "-b", "127.0.0.1:{port}", "--log-level", "critical")


@dataclass(frozen=True)
class Framework:
    """How to serve a framework, and its differences.

    Attributes:
        module: The name of its package.
        server: The command of its server.
        route: The route of ``/hello/jane``; None if middleware cannot see it.
        threads: Whether it runs sync views in threads.
    """

    module: str
    server: tuple[str, ...]
    route: str | None = None
    threads: bool = False


FRAMEWORKS = {
    "litestar": Framework("litestar", ASGI, route="/hello/{name}", threads=True),
    "falcon_wsgi": Framework("falcon", WSGI),
    "falcon_asgi": Framework("falcon", ASGI),
    "bottle": Framework("bottle", WSGI, route="/hello/<name>"),
    "quart": Framework("quart", ASGI, threads=True),
    "pyramid": Framework("pyramid", WSGI),
}
FIELDS = {"User-Agent": "curl/8", "X-Forwarded-For": "203.0.113.9"}


@dataclass(frozen=True)
class Site:
    """A site on a real server, and the file of its events."""

    framework: Framework
    client: httpx2.Client
    file: Path
    log: Path

    def event(self, name: str, **wanted: object) -> dict[str, Any]:
        """Wait for the event with this name and these values of its request."""

        def found() -> list[dict[str, Any]]:
            return [
                event
                for event in written_events(self.file)
                if event["event"] == name and wanted.items() <= event["request"].items()
            ]

        [event] = wait_until(found, hint=self.log.read_text)
        return event


def command(name: str, port: int) -> list[str]:
    """Return the command that serves a framework's site."""
    framework = FRAMEWORKS[name]
    server, *arguments = framework.server
    for module in (framework.module, server):
        need(module)
    options = [argument.format(port=port) for argument in arguments]
    return ["-m", server, *options, f"tests.frameworks.{name}_site:app"]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Serve the site of a framework."""
    port = free_port()
    arguments = command(request.param, port)
    folder: Path = tmp_path_factory.mktemp("framework")
    settings = {"SQREEN_URL": f"file://{folder}/events", "SQREEN_FLUSH_INTERVAL": "0.1"}
    with (
        run_server(arguments, port=port, log=folder / "log", settings=settings),
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers=FIELDS, timeout=PATIENCE
        ) as client,
    ):
        yield Site(FRAMEWORKS[request.param], client, folder / "events", folder / "log")


def test_event_describes_its_request_and_user(site: Site) -> None:
    """Both calls describe the request and the user completely."""
    assert site.client.get("/hello/jane?x=1").text == "hello jane"

    by_request, by_module = site.event("by.request"), site.event("by.module", path="/hello/jane")
    request = by_request["request"]
    assert by_module["request"] == request
    assert by_request["properties"] == {"name": "jane"}
    assert by_request["user_identifiers"] == {"email": "jane@example.org"}
    assert by_module["user_identifiers"] == {"email": "jane@example.org"}
    assert (request["ip"], request["user_agent"]) == ("203.0.113.9", "curl/8")
    assert (request["verb"], request["path"], request["status"]) == ("GET", "/hello/jane", 200)
    assert request["params"]["query"] == {"x": ["1"]}
    assert request.get("route") == site.framework.route
    named = {} if site.framework.route is None else {"name": "jane"}
    assert request["params"].get("path", {}) == named


def test_view_in_a_thread_has_its_request(site: Site) -> None:
    """A view in a thread tracks events of its request."""
    if not site.framework.threads:
        pytest.skip("the framework runs views in no threads")
    assert site.client.get("/thread/jane").text == "hello jane"

    event = site.event("by.module", path="/thread/jane")
    assert event["user_identifiers"] == {"email": "jane@example.org"}


def test_event_contains_the_body_that_the_app_reads(site: Site) -> None:
    """The app reads the JSON body, and the event contains it."""
    assert site.client.post("/coupons", json={"code": "SPRING"}).json() == {"code": "SPRING"}

    assert site.event("coupon.applied")["request"]["params"]["json"] == {"code": "SPRING"}


def test_errors_are_left_to_the_framework(site: Site) -> None:
    """The framework or its server responds to errors, and the next request is served."""
    assert site.client.get("/boom").status_code == 500
    assert site.client.get("/hello/jim").text == "hello jim"

    request = site.event("boom")["request"]
    assert request["path"] == "/boom"
    assert request["status"] == 500


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_stopping_server_loses_no_events(name: str, tmp_path: Path) -> None:
    """Events tracked right before SIGTERM arrive."""
    file, port = tmp_path / "events", free_port()
    settings = {"SQREEN_URL": f"file://{file}", "SQREEN_FLUSH_INTERVAL": "60"}
    with run_server(command(name, port), port=port, log=tmp_path / "log", settings=settings):
        assert (
            httpx2.get(f"http://127.0.0.1:{port}/hello/jane", timeout=PATIENCE).text == "hello jane"
        )
        assert not file.exists()

    names = [event["event"] for event in written_events(file)]
    assert names == ["by.request", "by.module"]
