"""The doctor's findings about server flags, compared with real servers."""

import json
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sqreen_mw.cli.doctor.server_flags import check_command, check_variables
from tests.support.optional import need_program
from tests.support.ports import free_port
from tests.support.processes import ROOT, uncovered_environment
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

SITE = """
import flask
import starlette.applications
import sqreen_mw as sqreen

web = flask.Flask(__name__)
sqreen.Sqreen(web)


@web.get("/")
def view():
    return str(bool(sqreen.track("x")))


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    body = str(bool(sqreen.track("x"))).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


asgi = sqreen.SqreenMiddleware(app)
lazy = starlette.applications.Starlette()
lazy.add_middleware(sqreen.SqreenMiddleware)
lazy.mount("/", app)
"""


@pytest.mark.parametrize(
    "command",
    [
        "uvicorn site_of_test:asgi --port PORT",
        "uvicorn site_of_test:asgi --port PORT --lifespan off",
        "uvicorn site_of_test:lazy --port PORT --lifespan off",
        "uvicorn site_of_test:lazy --port PORT --lifespan off --workers 2",
        "uvicorn site_of_test:lazy --port PORT --lifespan off --reload",
        "hypercorn site_of_test:asgi --bind 127.0.0.1:PORT",
        "granian site_of_test:asgi --port PORT --interface asgi",
        "granian site_of_test:web --port PORT --interface wsgi",
        "gunicorn site_of_test:web --bind 127.0.0.1:PORT --no-control-socket",
        "waitress-serve --listen 127.0.0.1:PORT site_of_test:web",
        "flask --app site_of_test:web run --port PORT",
    ],
)
def test_last_events_arrive_if_the_doctor_reports_ok(tmp_path: Path, command: str) -> None:
    """An event that waits when a server stops is delivered exactly if there is no problem."""
    [finding] = check_command(command)

    assert bool(delivered(command, tmp_path)) == (finding.level != "problem")


@pytest.mark.parametrize("flag", ["", "--forwarded-allow-ips '*'"])
def test_clients_forge_addresses_if_the_doctor_reports_a_problem(tmp_path: Path, flag: str) -> None:
    """A client can choose the address of its events exactly if the finding is a problem."""
    command = f"uvicorn site_of_test:asgi --port PORT {flag}"
    [finding] = check_command(command)

    [event] = delivered(command, tmp_path, headers={"X-Forwarded-For": "8.8.8.8, 203.0.113.9"})

    assert event["request"]["ip"] == ("203.0.113.9" if finding.level == "ok" else "8.8.8.8")


def test_dangerous_header_map_of_gunicorn_is_a_problem() -> None:
    """The doctor finds the flag in the command and in gunicorn's variable."""
    [by_command] = check_command("gunicorn --header-map=dangerous shop:app")
    [by_variable] = check_variables({"GUNICORN_CMD_ARGS": "--workers 2 --header-map dangerous"})

    assert (by_command.level, by_variable.level) == ("problem", "problem")
    assert check_command("gunicorn --header-map drop shop:app")[0].level == "ok"
    assert check_variables({"GUNICORN_CMD_ARGS": "--workers 2"}) == []


def delivered(command: str, folder: Path, headers: dict[str, str] | None = None) -> list[Any]:
    """Run a server, send it a request that tracks, stop it, and return the delivered events."""
    port = free_port()
    program, *arguments = shlex.split(command.replace("PORT", str(port)))
    program = need_program(program)
    (folder / "site_of_test.py").write_text(SITE)
    events = folder / "events.jsonl"
    settings = {"SQREEN_URL": events.as_uri(), "SQREEN_FLUSH_INTERVAL": "60"}
    with subprocess.Popen(
        [program, *arguments],
        cwd=folder,
        env=uncovered_environment({**settings, "PYTHONPATH": str(ROOT)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert answer(port, headers) == "True"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)
    return [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []


def answer(port: int, headers: dict[str, str] | None) -> str:
    """Return the server's answer, as soon as it accepts connections."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx2.get(
                f"http://127.0.0.1:{port}/", headers=headers, trust_env=False, timeout=PATIENCE
            ).text
        except httpx2.HTTPError:
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)
