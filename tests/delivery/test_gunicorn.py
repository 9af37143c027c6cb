import contextlib

import httpx2

from tests.delivery.conftest import Runner
from tests.support.optional import need_program
from tests.support.waiting import PATIENCE, wait_until

SITE = """
import time
import sqreen_mw as sqreen


def view(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/ready":
        sqreen.track(path[1:])
    while path == "/stuck":
        time.sleep(0.05)
    start_response("200 OK", [])
    return [b"ok"]


app = sqreen.SqreenWSGIMiddleware(view)
"""

GUNICORN = ("gunicorn", "--bind", "127.0.0.1:PORT", "--no-control-socket", "site_of_test:app")


def test_worker_that_is_replaced_delivers(runner: Runner) -> None:
    """A worker that reaches ``--max-requests`` exits normally."""
    need_program("gunicorn")
    with (
        runner.serving(*GUNICORN, "--max-requests", "4", site=SITE) as url,
        httpx2.Client(headers={"Connection": "close"}, timeout=PATIENCE) as client,
    ):
        for _ in range(10):
            assert client.get(f"{url}x").status_code == 200

    assert runner.names == ["x"] * 10


def test_worker_that_is_stuck_delivers(runner: Runner) -> None:
    """``--timeout`` aborts a worker whose Python code still runs, and its exit handlers run."""
    need_program("gunicorn")
    with runner.serving(*GUNICORN, "--timeout", "3", site=SITE) as url:
        with contextlib.suppress(httpx2.HTTPError):
            httpx2.get(f"{url}stuck", timeout=PATIENCE)
        wait_until(lambda: runner.names == ["stuck"])
