import time
from typing import Any

import pytest

from tests.delivery.conftest import Runner
from tests.delivery.silent_names import SilentNames, silent_name_server
from tests.support.waiting import PATIENCE

NO_SUCH_HOST = "http://collector.test:9"

END_SECONDS = 15.0
"""What a process's end of two seconds may take on a busy machine: the resolver takes 30."""

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
    """Return a machine without answers: with a resolver of ours, or with its own."""
    return silent_name_server(runner.folder) if request.param == "real" else SilentNames()


def settings(runner: Runner, names: SilentNames, *, spool: bool = True) -> dict[str, Any]:
    """Return what a script needs where names are not answered, with a short interval."""
    spooled = {"SQREEN_SPOOL_DIR": str(runner.folder / "spool")} if spool else {}
    return {"SQREEN_URL": NO_SUCH_HOST, **spooled, **names.settings}


def end_of(runner: Runner, names: SilentNames, script: str, naive: str = "") -> float:
    """Run a script with a spool to its end, and return how many seconds that took."""
    more = settings(runner, names)
    with runner.running(names.prelude + script, naive, command=names.command, **more) as process:
        printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return time.monotonic() - float(printed)


def replayed(runner: Runner) -> int:
    """Return how many events the next process delivers, for which names are answered."""
    runner.run(DELIVERED, SQREEN_SPOOL_DIR=str(runner.folder / "spool"))
    return runner.names.count("x")


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("looks up on its thread", 0)])
def test_events_are_in_the_spool_while_a_name_is_looked_up(
    runner: Runner, names: SilentNames, naive: str, came: int
) -> None:
    """A process that is killed meanwhile loses nothing that is older than the spool needs."""
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
def test_an_exit_leaves_events_to_the_spool_while_a_name_is_looked_up(
    runner: Runner, names: SilentNames, script: str, naive: str, came: int
) -> None:
    """The end does not wait for the resolver, and the next process has what was left."""
    assert end_of(runner, names, script, naive) < END_SECONDS
    assert replayed(runner) == came


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("blocks before it keeps", 0)])
def test_an_exit_without_a_thread_leaves_events_to_the_spool(
    runner: Runner, naive: str, came: int
) -> None:
    """Where no thread can start for the look-up, the spool has what is sent before it begins."""
    assert end_of(runner, SilentNames(), WITHOUT_THREADS, naive) < END_SECONDS
    assert replayed(runner) == came


def test_a_close_is_answered_while_a_name_is_looked_up(runner: Runner, names: SilentNames) -> None:
    """It ends in time, the loss is counted, and the log has the reason and the setting."""
    more = settings(runner, names, spool=False)
    with runner.running(names.prelude + CLOSED, command=names.command, **more) as process:
        printed, errors = process.communicate(timeout=PATIENCE)

    assert printed == "1 True {'exit': 1}\n"
    assert "(collector.test:9 could not be resolved in time, check SQREEN_URL and" in errors
