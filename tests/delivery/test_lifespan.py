"""Apps that do not support the lifespan, and lifespans that fail, on real servers."""

import subprocess
import sys
from typing import Final

import httpx2
import pytest

from tests.delivery.conftest import Runner
from tests.support.faulty_collector import Answer
from tests.support.optional import need_module
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE

UVICORN: Final = (sys.executable, "-m", "uvicorn", "--port", "PORT")

SITE: Final = """
import sqreen_mw as sqreen


async def site(scope, receive, send):
    {refusal}
    if scope["path"] == "/order":
        sqreen.track("x")
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"ok"}})


app = sqreen.SqreenMiddleware(site)
"""

REFUSALS: Final = {
    "bare assert": "assert scope['type'] == 'http'",
    "error without text": "if scope['type'] != 'http': raise NotImplementedError",
    "error with text": "if scope['type'] != 'http': raise ValueError('no lifespan here')",
    "missing key": "scope['path']",
    "assert after receiving": "assert (await receive())['type'] == 'http.request'",
    "HTTP response": "scope = {'path': '/', **scope}",
    "caught error": "if scope['type'] != 'http': return",
}


def serve_one_order(runner: Runner, refusal: str, *flags: str) -> None:
    """Track one event on a uvicorn server, and end it by SIGTERM."""
    site = SITE.format(refusal=refusal)
    with runner.serving(*UVICORN, *flags, "site_of_test:app", site=site) as url:
        assert httpx2.get(f"{url}order").text == "ok"


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_app_without_lifespan_delivers_at_sigterm(runner: Runner, refusal: str) -> None:
    """Uvicorn ends by SIGTERM without exit handlers, but waits for the middleware."""
    serve_one_order(runner, refusal)

    assert runner.names == ["x"]


@pytest.mark.parametrize("flags", ["--workers 2 --log-level trace", "--reload"])
def test_refusal_is_recognised_with_flags(runner: Runner, flags: str) -> None:
    """It does not matter which process serves the app, nor if uvicorn wraps it to log messages."""
    serve_one_order(runner, REFUSALS["bare assert"], *flags.split())

    assert runner.names == ["x"]


OTHER_SERVERS: Final = {
    "hypercorn": "hypercorn --bind 127.0.0.1:PORT site_of_test:app",
    "granian": "granian --interface asgi --port PORT site_of_test:app",
    "gunicorn": "gunicorn --worker-class asgi --bind 127.0.0.1:PORT site_of_test:app",
}


@pytest.mark.slow
@pytest.mark.parametrize("server", OTHER_SERVERS)
def test_app_without_lifespan_delivers_on_other_servers(runner: Runner, server: str) -> None:
    """They handle the app's refusal themselves, and run exit handlers."""
    need_module(server, package=server)
    command = [sys.executable, "-m", *OTHER_SERVERS[server].split()]
    site = SITE.format(refusal=REFUSALS["error with text"])
    with runner.serving(*command, site=site) as url:
        assert httpx2.get(f"{url}order").text == "ok"

    assert runner.names == ["x"]


FAILURES: Final = {
    "after receiving": "await receive(); raise ValueError('no database')",
    "text with lifespan": "raise ValueError('no database for the lifespan')",
    "bare assert": "assert scope['type'] == 'http'",
    "reported": "await receive();"
    " await send({'type': 'lifespan.startup.failed', 'message': 'no database'})",
}


def start(runner: Runner, entry: str, failure: str) -> tuple[int, list[str]]:
    """Start uvicorn with ``--lifespan on``; return its status and the last lines of its log."""
    refusal = f"if scope['type'] == 'lifespan': {failure}; return"
    (runner.folder / "site_of_test.py").write_text(SITE.format(refusal=refusal))
    command = [word.replace("PORT", str(free_port())) for word in UVICORN]
    done = subprocess.run(
        [*command, "--lifespan", "on", f"site_of_test:{entry}"],
        cwd=runner.folder,
        env=runner.settings(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    lines = done.stderr.splitlines()
    return done.returncode, [line for line in lines if line.startswith(("ERROR", "ValueError"))]


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failed_startup_is_reported(runner: Runner, failure: str) -> None:
    """With ``--lifespan on``, uvicorn logs the same errors as without the middleware, and ends."""
    without = start(runner, "site", failure)

    assert start(runner, "app", failure) == without
    assert without[0] == 3
    assert without[1]


@pytest.mark.slow
def test_failed_startup_ends_gunicorn(runner: Runner) -> None:
    """With ``--asgi-lifespan on``, gunicorn does not start, whatever the text of the error is."""
    need_module("gunicorn", package="gunicorn")
    failure = "raise RuntimeError('lifespan: DATABASE_URL is not set')"
    site = SITE.format(refusal=f"if scope['type'] == 'lifespan': {failure}")
    (runner.folder / "site_of_test.py").write_text(site)
    command = OTHER_SERVERS["gunicorn"].replace("PORT", str(free_port()))
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--asgi-lifespan", "on"],
        cwd=runner.folder,
        env=runner.settings(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 3
    assert "lifespan: DATABASE_URL is not set" in done.stderr


MANGUM: Final = """
import sys
import sqreen_mw as sqreen
from mangum import Mangum

EVENT = {{
    "version": "2.0",
    "rawPath": "/order",
    "rawQueryString": "",
    "headers": {{}},
    "requestContext": {{"http": {{"method": "GET", "path": "/order", "sourceIp": "203.0.113.5"}}}},
    "isBase64Encoded": False,
}}

{site}

handler = Mangum(app)
for _ in range(8):
    handler(EVENT, None)
    print(sqreen.stats().delivered)
"""


@pytest.mark.parametrize(
    "refusal", [REFUSALS["bare assert"], REFUSALS["error with text"], REFUSALS["HTTP response"]]
)
def test_each_invocation_delivers(runner: Runner, refusal: str) -> None:
    """On AWS Lambda, each invocation has a lifespan, and the process is stopped in between."""
    need_module("mangum", package="mangum")
    runner.collector.answers[:] = [Answer(delay=0.3)] * 8
    script = MANGUM.format(site=SITE.format(refusal=refusal))

    assert runner.run(script).split() == [str(n + 1) for n in range(8)]
