import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.delivery.conftest import PRELUDE, Runner, wait_until
from tests.functional.processes import SECONDS
from tests.transparency.serving import free_port

FLASK = """
import os
import flask
import sqreen_mw as sqreen

app = flask.Flask(__name__)
sqreen.Sqreen(app)


@app.get("/")
def view():
    sqreen.track("x")
    return f"{VERSION} {os.getpid()}"
"""

SERVERS = {
    "flask": (FLASK, "-m", "flask", "--app", "site_of_test", "run", "--debug", "--port", "PORT"),
}


@contextmanager
def reloading(runner: Runner, *arguments: str) -> Iterator[None]:
    """Run a server with its reloader, which ends with the process that serves."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=runner.folder,
        env=runner.settings(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.wait(timeout=SECONDS)


def answer(url: str) -> str:
    """Return what a site answers, or nothing while it does not."""
    try:
        return httpx2.get(url, trust_env=False).text
    except httpx2.HTTPError:
        return ""


@pytest.mark.parametrize("framework", SERVERS)
def test_a_reload_neither_doubles_nor_loses(runner: Runner, framework: str) -> None:
    """Events before a reload and after it arrive once each, from whichever process has them."""
    site, *words = SERVERS[framework]
    file, port = runner.folder / "site_of_test.py", free_port()
    answers: list[str] = []
    asked = 0

    def answered(version: str) -> bool:
        nonlocal asked
        asked += 1
        if said := answer(f"http://127.0.0.1:{port}/"):
            answers.append(said)
        return said.startswith(version)

    file.write_text(PRELUDE + site.replace("VERSION", "1"))
    with reloading(runner, *(word.replace("PORT", str(port)) for word in words)):
        try:
            wait_until(lambda: answered("1"))
            file.write_text(PRELUDE + site.replace("VERSION", "2"))
            wait_until(lambda: answered("2"))
        finally:
            # Not to the reloader, which would kill it.
            os.kill(int(answers[-1].split()[1]), signal.SIGTERM)

    assert len(set(answers)) == 2
    # One that was served during the reload may have lost its answer, not its event.
    assert len(answers) <= len(runner.names) <= asked
