"""The wheel in an empty environment, without extras and with each of them."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.packaging.conftest import Installed
from tests.packaging.environments import SECONDS, Environment

IMPORT_ALL = """
from importlib import import_module
from pathlib import Path

import sqreen_mw

folder = Path(sqreen_mw.__file__).parent
for file in sorted(folder.rglob("*.py")):
    name = ".".join(file.relative_to(folder.parent).with_suffix("").parts)
    if not name.startswith({without!r}):
        import_module(name.removesuffix(".__init__"))
"""
TRACK = """
import sqreen_mw as sqreen

def call(app, environ={}):
    from wsgiref.util import setup_testing_defaults
    environ = {"PATH_INFO": "/coupons", **environ}
    setup_testing_defaults(environ)
    return b"".join(app(environ, lambda status, headers: None))
"""
WSGI = f"""{TRACK}
import io

def answer(environ, start_response):
    environ["wsgi.input"].read()
    environ["sqreen.request"].track("coupon.applied", collect_body=True)
    start_response("200 OK", [])
    return [b"ok"]

body = b"code=SPRING"
assert call(sqreen.SqreenWSGIMiddleware(answer), {{
    "REQUEST_METHOD": "POST",
    "CONTENT_TYPE": "application/x-www-form-urlencoded",
    "CONTENT_LENGTH": str(len(body)),
    "wsgi.input": io.BytesIO(body),
}}) == b"ok"
assert sqreen.flush(30)
"""
ASGI = """
import asyncio
import sqreen_mw as sqreen

async def app(scope, receive, send):
    sqreen.track("coupon.applied")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

async def receive():
    return {"type": "http.request", "body": b""}

async def send(message):
    pass

scope = {"type": "http", "method": "GET", "path": "/coupons", "query_string": b"", "headers": []}
asyncio.run(sqreen.SqreenMiddleware(app)(scope, receive, send))
assert sqreen.flush(30)
"""
FLASK = f"""{TRACK}
from flask import Flask, request

app = Flask(__name__)
sqreen.Sqreen(app)

@app.get("/coupons")
async def coupons():
    request.sqreen.track("coupon.applied")
    return "ok"

assert call(app) == b"ok"
assert sqreen.flush(30)
"""
DJANGO = f"""{TRACK}
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["sqreen_mw.middleware.django.SqreenMiddleware"],
)

def coupons(request):
    request.sqreen.track("coupon.applied")
    return HttpResponse("ok")

urlpatterns = [path("coupons", coupons)]

from django.core.wsgi import get_wsgi_application

assert call(get_wsgi_application()) == b"ok"
assert sqreen.flush(30)
"""
PYTEST = """
import sqreen_mw as sqreen

def test_tracks(sqreen_events):
    sqreen.track("coupon.applied")
    sqreen_events.assert_tracked("coupon.applied")
"""
USED = """
import re
import sys
from importlib.metadata import packages_distributions, requires

used = {name for module in sys.modules for name in packages_distributions().get(module, ())}
always = [line for line in requires("sqreen-mw") if "extra ==" not in line]
needed = {re.split("[^a-z0-9-]", line)[0] for line in always}
assert needed <= used, needed - used
"""


def written(environment: Environment, code: str, file: Path) -> list[dict[str, Any]]:
    """Run an app with a file transport, and return its events."""
    environment.python(code, SQREEN_URL=f"file://{file}")
    return [json.loads(line) for line in file.read_text().splitlines()]


FRAMEWORKS = {
    "flask": "sqreen_mw.middleware.flask",
    "django": "sqreen_mw.middleware.django",
}
SERVER = ("sqreen_mw.cli", "sqreen_mw.collector", EXAMPLES := "sqreen_mw.examples")
ALWAYS = (
    "sqreen_mw.collector.state.migrations.env",  # Alembic runs it at import.
    "sqreen_mw.middleware.flask_logins",  # An app with flask_login=True has Flask-Login.
)


@pytest.mark.parametrize(
    ("extras", "without"),
    [
        ("", (*SERVER, *FRAMEWORKS.values())),
        ("collector", (EXAMPLES, *FRAMEWORKS.values())),
        ("flask", (*SERVER, FRAMEWORKS["django"])),
        ("django", (*SERVER, FRAMEWORKS["flask"])),
        ("demo", (EXAMPLES, FRAMEWORKS["django"])),
    ],
)
def test_extra_installs_all_imports_of_its_modules(
    installed: Installed, extras: str, without: tuple[str, ...]
) -> None:
    """All modules of an extra can be imported with it."""
    installed(extras).python(IMPORT_ALL.format(without=(*without, *ALWAYS)))


@pytest.mark.parametrize(
    ("extras", "app"),
    [("", WSGI), ("", ASGI), ("flask", FLASK), ("django", DJANGO)],
    ids=["wsgi", "asgi", "flask", "django"],
)
def test_app_tracks_with_the_wheel(
    installed: Installed, tmp_path: Path, extras: str, app: str
) -> None:
    """A request to an app with the wheel and its framework is tracked with its path."""
    [event] = written(installed(extras), app, tmp_path / "events.jsonl")

    assert event["event"] == "coupon.applied"
    assert event["request"]["path"] == "/coupons"


def test_app_sends_to_a_collector(installed: Installed) -> None:
    """The collector stores the events of an app that has only the wheel.

    The app loads each package that the wheel depends on, so no dependency is superfluous.
    """
    serve = ["serve", "--port", "0", "--json", "--data-dir", "data"]
    with installed("collector").running("sqreen-mw", *serve) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        settings = {"SQREEN_URL": ready["url"], "SQREEN_TOKEN": ready["token"]}
        installed("").python(WSGI + USED, **settings)

        with httpx2.Client(base_url=ready["url"], follow_redirects=True, timeout=SECONDS) as client:
            assert client.post(ready["login"]).status_code == 200
            [row] = client.get("/v1/events/query").raise_for_status().json()["events"]

    assert row["event"]["event"] == "coupon.applied"
    assert row["event"]["request"]["params"] == {"form": {"code": ["SPRING"]}}


def test_demo_starts_with_its_extra(installed: Installed) -> None:
    """Both sites and the Explorer answer, and the demo stops."""
    ports = ["--port", "0", "--shop-port", "0", "--bank-port", "0"]
    with installed("demo").running("sqreen-mw", "demo", "--json", *ports) as process:
        assert process.stdout is not None
        links = json.loads(process.stdout.readline())
        for name in ("login", "shop", "bank"):
            answer = httpx2.get(links[name], follow_redirects=True, timeout=SECONDS)
            assert answer.status_code == 200

    assert process.returncode == 0


def test_doctor_needs_no_extra(installed: Installed) -> None:
    """With the wheel alone the doctor works, and other commands name the extra that they need."""
    doctor = installed("").run("sqreen-mw", "doctor", "--json", SQREEN_URL="memory://")
    served = installed("").run("sqreen-mw", "serve", "--port", "0")

    assert doctor.returncode == 0, doctor.stderr
    assert {"ok", "warning"} == {each["level"] for each in json.loads(doctor.stdout)["findings"]}
    assert served.returncode == 2
    assert served.stderr == (
        "sqreen-mw: typer is not installed: pip install 'sqreen-mw[collector]'; "
        "only 'sqreen-mw doctor' works without it\n"
    )


def test_pytest_finds_the_fixture(installed: Installed) -> None:
    """Tests of an app can use ``sqreen_events`` as soon as pytest is installed."""
    environment = installed("flask")
    environment.install("pytest>=9")
    (environment.work / "test_app.py").write_text(PYTEST)
    done = environment.run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout
