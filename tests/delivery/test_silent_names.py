import time
from typing import Any

import pytest

from tests.delivery.conftest import Runner
from tests.delivery.silent_names import SilentNames, silent_name_server
from tests.support.waiting import PATIENCE

NO_SUCH_HOST = "http://collector.test:9"

END_SECONDS = 15.0
"""The most that an exit of two seconds may take on a busy machine. The resolver takes 30."""

UNTIL_KILLED = """
import sys
import time
import sqreen_mw as sqreen


def wait_until_spooled(count):
    end = time.monotonic() + 8.0
    while sqreen.stats().spooled < count and time.monotonic() < end:
        time.sleep(0.01)


for count in range(2):
    sqreen.track("x")
    wait_until_spooled(count + 1)
print(sqreen.stats().spooled, flush=True)
sys.stdin.read()
"""

AT_ONCE = """
import time
import sqreen_mw as sqreen

for _ in range(2):
    sqreen.track("x")
print(time.monotonic())
"""

AFTER_A_TRY = """
import time
import sqreen_mw as sqreen

sqreen.track("x")
assert sqreen.flush()
sqreen.track("x")
print(time.monotonic())
"""

WITHOUT_THREADS = """
import threading
import time
import sqreen_mw as sqreen

for _ in range(2):
    sqreen.track("x")
threading.stack_size(1 << 46)
print(time.monotonic())
"""

CLOSED = """
import time
import sqreen_mw as sqreen

sqreen.track("x")
begin = time.monotonic()
left = sqreen.close(6.0)  # a connection has three
print(left, time.monotonic() - begin < 20, sqreen.stats().dropped)
"""

DELIVERED = """
import sqreen_mw as sqreen

sqreen.track("next")
"""


@pytest.fixture(params=["replaced", "real"])
def names(request: pytest.FixtureRequest, runner: Runner) -> SilentNames:
    """Return a machine whose name server is silent, with a replaced or the real resolver."""
    return silent_name_server(runner.folder) if request.param == "real" else SilentNames()


def settings(runner: Runner, names: SilentNames, *, spool: bool = True) -> dict[str, Any]:
    """Return the environment of a script on that machine."""
    spooled = {"SQREEN_SPOOL_DIR": str(runner.folder / "spool")} if spool else {}
    return {"SQREEN_URL": NO_SUCH_HOST, **spooled, **names.settings}


def end_of(runner: Runner, names: SilentNames, script: str, naive: str = "") -> float:
    """Run a script with a spool, and return how many seconds its exit took."""
    more = settings(runner, names)
    with runner.running(names.prelude + script, naive, command=names.command, **more) as process:
        printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return time.monotonic() - float(printed)


def replayed(runner: Runner) -> int:
    """Return how many events the next process delivers, which has a working name server."""
    runner.run(DELIVERED, SQREEN_SPOOL_DIR=str(runner.folder / "spool"))
    return runner.names.count("x")


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("looks up on its thread", 0)])
def test_events_are_spooled_while_a_name_is_resolved(
    runner: Runner, names: SilentNames, naive: str, came: int
) -> None:
    """A process that is killed meanwhile loses no event older than the limit of the spool."""
    more = settings(runner, names) | {"SQREEN_FLUSH_INTERVAL": "0.1"}
    script = names.prelude + UNTIL_KILLED
    with runner.running(script, naive, command=names.command, **more) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{came}\n"

    assert replayed(runner) == came


@pytest.mark.parametrize(
    ("script", "naive", "came"),
    [(AT_ONCE, "", 2), (AT_ONCE, "looks up on its thread", 0), (AFTER_A_TRY, "", 2)],
)
def test_exit_spools_events_while_a_name_is_resolved(
    runner: Runner, names: SilentNames, script: str, naive: str, came: int
) -> None:
    """The exit does not wait for the resolver, and the next process sends the rest."""
    assert end_of(runner, names, script, naive) < END_SECONDS
    assert replayed(runner) == came


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("blocks before it keeps", 0)])
def test_exit_without_threads_spools_events(runner: Runner, naive: str, came: int) -> None:
    """If no thread can start for the lookup, the batch is spooled before the lookup blocks."""
    assert end_of(runner, SilentNames(), WITHOUT_THREADS, naive) < END_SECONDS
    assert replayed(runner) == came


def test_close_ends_in_time_while_a_name_is_resolved(runner: Runner, names: SilentNames) -> None:
    """The loss is counted, and the log line has the reason and the setting."""
    more = settings(runner, names, spool=False)
    with runner.running(names.prelude + CLOSED, command=names.command, **more) as process:
        printed, errors = process.communicate(timeout=PATIENCE)

    assert printed == "1 True {'exit': 1}\n"
    assert "(collector.test:9 could not be resolved in time, check SQREEN_URL and" in errors
