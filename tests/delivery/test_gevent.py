import sys

import httpx2
import pytest

from tests.delivery.conftest import Runner
from tests.support.optional import need
from tests.support.waiting import PATIENCE

need("gevent")

IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import asyncio
import time
import gevent
import sqreen_mw as sqreen

visible = 0


def view():
    global visible
    for _ in range(10):
        sqreen.track("x")
        time.sleep(0.001)
        try:
            asyncio.get_running_loop()
            visible += 1
        except RuntimeError:
            pass


gevent.joinall([gevent.spawn(view) for _ in range(20)], raise_error=True)
assert sqreen.flush()
print(visible)
"""

AT_ONCE = """
from gevent import monkey
monkey.patch_all()
import sqreen_mw as sqreen

sqreen.track("x")
"""

RECONNECTING = """
from gevent import monkey
monkey.patch_all()
import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports import http

http.KEEP_SECONDS = 0.0  # the next batch needs a new connection
sqreen.track("x")
assert sqreen.flush()
sqreen.track("x")
"""

PATCHED_LATE = """
import time
import sqreen_mw as sqreen

sqreen.track("x")
assert sqreen.flush()

import warnings
warnings.simplefilter("ignore")
from gevent import monkey
monkey.patch_all()

time.sleep(5.5)  # the connection expires
sqreen.track("x")
sqreen.flush()
"""

IN_THE_HUB = """
from gevent import monkey
monkey.patch_all()
import signal
import time
import sqreen_mw as sqreen

sqreen.track("x")
signal.signal(signal.SIGALRM, lambda *_: print(sqreen.close(), flush=True))
signal.setitimer(signal.ITIMER_REAL, 0.5)
time.sleep(2)
"""

SITE = """
import asyncio
import time
import flask
import sqreen_mw as sqreen
from asgiref.sync import async_to_sync

app = flask.Flask(__name__)
sqreen.Sqreen(app)


@app.get("/ready")
def ready():
    return "yes"


@app.get("/")
def view():
    time.sleep(0.01)
    asyncio.run(asyncio.sleep(0))
    async_to_sync(asyncio.sleep)(0)
    return str(sqreen.track("x"))
"""


@pytest.mark.parametrize("mutant", ["", "gevent's threads"])
def test_greenlets_see_no_running_loop(runner: Runner, mutant: str) -> None:
    """The flusher has its own thread, so ``get_running_loop`` fails in each greenlet."""
    visible = int(runner.run(IN_GREENLETS, mutant))

    assert bool(visible) is bool(mutant)
    assert runner.names == ["x"] * 200


@pytest.mark.parametrize(
    ("script", "mutant", "came"),
    [
        (RECONNECTING, "", 2),
        (RECONNECTING, "asyncio's resolver", 1),
        (AT_ONCE, "", 1),
        pytest.param(
            AT_ONCE,
            "gevent's resolver",
            0,
            marks=pytest.mark.skipif(
                sys.version_info[:2] != (3, 12), reason="only Python 3.12 starts no thread then"
            ),
        ),
    ],
)
def test_gevent_exit_connects_by_host_name(
    runner: Runner, script: str, mutant: str, came: int
) -> None:
    """At the exit, gevent resolves no names any more. Our resolver does."""
    runner.close_each_connection()
    runner.run(script, mutant)

    assert runner.names == ["x"] * came


@pytest.mark.parametrize(
    ("way", "mutant", "came"),
    [("runner", "", 2), ("tls_runner", "", 2), ("tls_runner", "TLS context kept", 1)],
)
def test_patching_after_the_first_event_delivers(
    way: str, mutant: str, came: int, request: pytest.FixtureRequest
) -> None:
    """A flusher that started before ``patch_all`` goes on, also with new connections."""
    runner: Runner = request.getfixturevalue(way)
    runner.run(PATCHED_LATE, mutant)

    assert runner.names == ["x"] * came


def test_gevent_exit_reconnects_with_tls(tls_runner: Runner) -> None:
    """The same, over TLS."""
    tls_runner.close_each_connection()
    tls_runner.run(RECONNECTING)

    assert tls_runner.names == ["x"] * 2


@pytest.mark.parametrize("mutant", ["", "sleep in the hub"])
def test_signal_handler_in_the_hub_may_close(runner: Runner, mutant: str) -> None:
    """A handler runs in gevent's hub, which must not switch greenlets, so ``close`` blocks."""
    with runner.running(IN_THE_HUB, mutant) as process:
        out, errors = process.communicate(timeout=PATIENCE)

    assert out == "0\n"
    assert ("BlockingSwitchOutError" in errors) is bool(mutant)
    assert runner.names == ["x"]


@pytest.mark.parametrize("mutant", ["", "gevent's threads"])
def test_gevent_worker_of_gunicorn_delivers(runner: Runner, mutant: str) -> None:
    """A worker that stops delivers the events of all its greenlets."""
    command = ("gunicorn", "-k", "gevent", "--bind", "127.0.0.1:PORT", "--no-control-socket")
    answers = []
    with (
        runner.serving(*command, "site_of_test:app", site=SITE, mutant=mutant) as url,
        httpx2.Client(trust_env=False, timeout=PATIENCE) as client,
    ):
        answers += [client.get(url).status_code for _ in range(20)]

    assert (answers == [200] * 20) is not bool(mutant)
    assert (runner.names == ["x"] * 20) is not bool(mutant)
