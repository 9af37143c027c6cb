"""The plugin in a separate pytest process that finds it by its entry point."""

import os
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.optional import need

pytestmark = pytest.mark.slow

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[2]
APP = """
import pytest
import sqreen_mw as sqreen
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient


def apply_coupon(request):
    code = request.path_params["code"]
    return JSONResponse(sqreen.track("coupon.applied", properties={"code": code}))


app = Starlette(routes=[Route("/coupons/{code}", apply_coupon)])
app.add_middleware(sqreen.SqreenMiddleware)
client = TestClient(app)
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen at the app's collector URL without accepting connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        monkeypatch.setenv("SQREEN_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("SQREEN_TOKEN", "sqm_1_abc")
        yield server


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a test file in a process with the plugin installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    metadata = pytester.mkdir("site") / "sqreen_mw_kit-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sqreen-mw-kit\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    path = [str(metadata.parent), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))

    def run(code: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(code)
        return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *options)

    return run


def was_called(listener: socket.socket) -> bool:
    """Return whether a client connected."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_fixture_needs_no_configuration(run: Run, listener: socket.socket) -> None:
    """The fixture captures the events of an app that is configured for a collector."""
    backends = ["asyncio", *(["trio"] if find_spec("trio") else [])]
    code = f"""{APP}
def test_one(sqreen_events):
    client.get("/coupons/SPRING")
    event = sqreen_events.one("coupon.applied")
    assert event.request.route == "/coupons/{{code}}"

def test_each_test_has_its_own(sqreen_events):
    assert sqreen_events == []

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", {backends})
async def test_async(sqreen_events, anyio_backend):
    assert sqreen.track("x")
    assert sqreen_events.names == ["x"]
"""
    run(code).assert_outcomes(passed=2 + len(backends))
    assert not was_called(listener)


def test_captures_with_the_django_test_client(run: Run) -> None:
    """Events of Django views are captured without further configuration."""
    need("django")
    code = """
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import path

import django

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["sqreen_mw.middleware.django.SqreenMiddleware"],
    SQREEN={"url": "http://127.0.0.1:9", "token": "t"},
)
django.setup()


def hello(request, name):
    request.sqreen.track("hello", properties={"name": name})
    return HttpResponse("hello")


urlpatterns = [path("hello/<name>", hello)]


def test_django(sqreen_events):
    Client().get("/hello/jane", {"x": "1"})
    request = {"route": "/hello/<name>", "status": 200, "params": {"query": {"x": ["1"]}}}
    sqreen_events.assert_tracked("hello", properties={"name": "jane"}, request=request)
"""
    run(code).assert_outcomes(passed=1)


def test_nothing_is_sent_without_the_fixture(run: Run, listener: socket.socket) -> None:
    """Under pytest every call is a safe no-op, also at the end of the run."""
    code = f"""{APP}
def test_no_op():
    assert client.get("/coupons/SPRING").json() is None
    assert sqreen.stats().tracked == 0
"""
    run(code).assert_outcomes(passed=1)
    assert not was_called(listener)


def test_plugin_can_be_disabled(run: Run, listener: socket.socket) -> None:
    """With ``-p no:sqreen_mw`` events are sent and there is no fixture."""
    code = f"""{APP}
def test_sends():
    assert client.get("/coupons/SPRING").json()

def test_fixture(sqreen_events): ...
"""
    run(code, "-p", "no:sqreen_mw").assert_outcomes(passed=1, errors=1)
    assert was_called(listener)


def test_child_processes_send_events(run: Run, listener: socket.socket) -> None:
    """Only the process with the plugin keeps its events."""
    code = f"""
import subprocess

def test_server():
    subprocess.run([{sys.executable!r}, "-c", "import sqreen_mw; sqreen_mw.track('x')"], check=True)
"""
    run(code).assert_outcomes(passed=1)
    assert was_called(listener)


def test_failure_shows_no_frames_of_ours(run: Run) -> None:
    """A failed assertion shows the test's own line and the events."""
    code = f"""{APP}
def test_wrong(sqreen_events):
    client.get("/coupons/AUTUMN")
    sqreen_events.assert_tracked("coupon.applied", properties={{"code": "SPRING"}})
"""
    result = run(code)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       sqreen_events.assert_tracked(*",
            "E       AssertionError: no event named 'coupon.applied' is as expected; *differs:",
            "E         properties['code'] is 'AUTUMN', expected 'SPRING'",
            "E       Tracked:",
            "E         1. coupon.applied {'code': 'AUTUMN'} in GET /coupons/AUTUMN -> 200 *",
        ]
    )
    result.stdout.no_fnmatch_line("*captured.py*")


def test_package_is_imported_when_needed(run: Run) -> None:
    """The plugin does not import the package until a test uses the fixture."""
    code = "import sys\n\ndef test_cheap():\n    assert 'sqreen_mw' not in sys.modules"

    run(code).assert_outcomes(passed=1)


def test_xdist_workers_capture_separately(run: Run, listener: socket.socket) -> None:
    """Tests in several processes see their own events only."""
    need("xdist")
    code = f"""{APP}
@pytest.mark.parametrize("code", range(6))
def test_one(sqreen_events, code):
    client.get(f"/coupons/{{code}}")
    assert sqreen_events.one("coupon.applied").properties == {{"code": str(code)}}
    assert len(sqreen_events) == 1
"""
    run(code, "-n", "2").assert_outcomes(passed=6)
    assert not was_called(listener)
