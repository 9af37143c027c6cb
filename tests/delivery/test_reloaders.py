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
import flask
import sqreen_mw as sqreen

app = flask.Flask(__name__)
sqreen.Sqreen(app)


@app.get("/")
def view():
    sqreen.track("x")
    return VERSION
"""

DJANGO = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
import sqreen_mw as sqreen

settings.configure(
    DEBUG=True,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    MIDDLEWARE=["sqreen_mw.middleware.django.SqreenMiddleware"],
)


def view(request):
    sqreen.track("x")
    return HttpResponse(VERSION)


urlpatterns = [path("", view)]
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""

SERVERS = {
    "flask": (FLASK, "-m", "flask", "--app", "site_of_test", "run", "--debug", "--port", "PORT"),
    "django": (DJANGO, "site_of_test.py", "runserver", "--skip-checks", "PORT"),
}


@contextmanager
def in_a_group(runner: Runner, *arguments: str) -> Iterator[None]:
    """Run a server with its reloader, and stop both as a supervisor does."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=runner.folder,
        env=runner.settings(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
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

    def answered(version: str) -> bool:
        if said := answer(f"http://127.0.0.1:{port}/"):
            answers.append(said)
        return said == version

    file.write_text(PRELUDE + site.replace("VERSION", '"1"'))
    with in_a_group(runner, *(word.replace("PORT", str(port)) for word in words)):
        wait_until(lambda: answered("1"))
        file.write_text(PRELUDE + site.replace("VERSION", '"2"'))
        wait_until(lambda: answered("2"))

    assert set(answers) == {"1", "2"}
    wait_until(lambda: len(runner.names) >= len(answers))
    assert runner.names == ["x"] * len(answers)
