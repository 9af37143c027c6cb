import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.delivery.conftest import PRELUDE, Runner
from tests.support.optional import need
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_until

FLASK = """
import os
import flask
import sqreen_mw as sqreen

app = flask.Flask(__name__)
sqreen.Sqreen(app)


@app.get("/")
def view():
    return f"{VERSION} {os.getpid()} {sqreen.track('x')}"
"""

DJANGO = """
import os
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
    return HttpResponse(f"{VERSION} {os.getpid()} {sqreen.track('x')}")


urlpatterns = [path("", view)]
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""

SERVERS = {
    "flask": (FLASK, "-m", "flask", "--app", "site_of_test", "run", "--debug", "--port", "PORT"),
    "django": (DJANGO, "site_of_test.py", "runserver", "--skip-checks", "PORT"),
}


@contextmanager
def reloading(runner: Runner, *arguments: str) -> Iterator[None]:
    """Run a server with its reloader, which ends when its child does."""
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
            try:
                process.wait(timeout=PATIENCE)
            finally:
                process.kill()


def answer(url: str) -> str:
    """Return the answer of a site, or an empty string if there is none."""
    try:
        return httpx2.get(url, trust_env=False, timeout=PATIENCE).text
    except httpx2.HTTPError:
        return ""


@pytest.mark.parametrize("framework", SERVERS)
def test_reload_neither_doubles_nor_loses_events(runner: Runner, framework: str) -> None:
    """Events from before and after a reload arrive once each."""
    need(framework)
    site, *words = SERVERS[framework]
    file, port = runner.folder / "site_of_test.py", free_port()
    answers: list[str] = []

    def version() -> str:
        if text := answer(f"http://127.0.0.1:{port}/"):
            answers.append(text)
        return text[:1]

    def is_reloaded() -> bool:
        found = version()
        if found == "1":
            os.utime(file)  # A reloader misses a change before its first look: save again.
        return found == "2"

    file.write_text(PRELUDE + site.replace("VERSION", "1"))
    with reloading(runner, *(word.replace("PORT", str(port)) for word in words)):
        try:
            wait_until(lambda: version() == "1")
            # In one step, so that the reloader never imports half a file.
            new = runner.folder / "new"
            new.write_text(PRELUDE + site.replace("VERSION", "2"))
            new.replace(file)
            wait_until(is_reloaded)
        finally:
            # The reloader would kill its child, so the child gets the signal.
            os.kill(int(answers[-1].split()[1]), signal.SIGTERM)

    # A view gets None if a thread still serves it while the process ends.
    accepted = {text.split()[2] for text in answers} - {"None"}
    assert {text[0] for text in answers} == {"1", "2"}
    assert accepted <= {an_id for post in runner.collector.posts for an_id in post.ids}
    assert set(runner.names) == {"x"}
