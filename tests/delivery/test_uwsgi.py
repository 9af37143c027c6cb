import sys
from contextlib import nullcontext, suppress

import httpx2
import pytest

from tests.delivery.conftest import MUTANT_SECONDS, Runner
from tests.support.optional import need_program
from tests.support.waiting import PATIENCE, wait_until

SITE = """
import os
import threading
from pathlib import Path
import sqreen_mw as sqreen


def view(environ, start_response):
    start_response("200 OK", [])
    return [str(environ["PATH_INFO"] != "/ready" and sqreen.track("x")).encode()]


app = sqreen.SqreenWSGIMiddleware(view)
sqreen.track("load")
Path(f"loaded-{os.getpid()}").touch()
"""

UWSGI = (
    *("uwsgi", "--http-socket", "127.0.0.1:PORT", "--master", "--processes", "2", "--die-on-term"),
    *("--module", "site_of_test:app", "--need-app", "--worker-reload-mercy", "4"),
)


@pytest.mark.parametrize(
    ("flags", "loads", "mutant"),
    [
        ((), 1, ""),
        (("--threads", "2"), 1, ""),
        (("--lazy-apps",), 2, ""),
        pytest.param(
            *(("--py-call-osafterfork",), 1, ""),
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 13),
                reason="uWSGI then answers no request, whatever the app",
            ),
        ),
        ((), 1, "thread in the master"),
    ],
)
def test_uwsgi_workers_deliver(
    runner: Runner, flags: tuple[str, ...], loads: int, mutant: str
) -> None:
    """A fork of uWSGI runs no fork hooks; each event arrives once, also those of the master."""
    need_program("uwsgi")
    # The worker of a mutant may hang in a lock that the thread of its master held at the fork.
    with (
        suppress(AssertionError, httpx2.HTTPError) if mutant else nullcontext(),
        runner.serving(*UWSGI, *flags, site=SITE, mutant=mutant) as url,
        httpx2.Client(trust_env=False, timeout=MUTANT_SECONDS if mutant else PATIENCE) as client,
    ):
        # uWSGI hangs if a worker is stopped while it loads the app.
        wait_until(lambda: len(list(runner.folder.glob("loaded-*"))) == loads)
        for _ in range(20):
            assert client.get(url).status_code == 200

    came = sorted(runner.collector.names)
    assert (came == ["load"] * loads + ["x"] * 20) is not bool(mutant)
