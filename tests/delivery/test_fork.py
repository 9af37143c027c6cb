import pytest

from tests.delivery.conftest import Runner

MANY_CHILDREN = """
import os
import threading
import time
import sqreen_mw as sqreen

sqreen.track("parent")
children = []
for delay in (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.160):
    time.sleep(delay)
    children.append(os.fork())
    if not children[-1]:
        for _ in range(20):
            sqreen.track("child")
        break
else:
    assert not any([os.waitpid(child, 0)[1] for child in children])
"""

IN_THE_MIDDLE = """
import os
import signal
import sys
import threading
import time
import sqreen_mw as sqreen
from sqreen_mw.agent.process import import_lock

import_lock.FORK_WAIT_SECONDS *= 30
middle = threading.Event()


class Slow:
    def find_spec(self, name, *_):
        if name == "httpcore2._async":
            middle.set()
            time.sleep(1)


sys.meta_path.insert(0, Slow())
tracking = threading.Thread(target=sqreen.track, args=("parent",))
tracking.start()
assert middle.wait(60)
child = os.fork()
if child:
    tracking.join()
    os.waitpid(child, 0)
else:
    signal.alarm(20)
    assert all([sqreen.track("child") for _ in range(20)])
"""

TERMINATED_CHILDREN = """
import os
import signal
import time
import sqreen_mw as sqreen

sqreen.track("parent")
for tracks in (False, True):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if tracks:
            sqreen.track("child")
        os.write(writer, str(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL).encode())
        while True:
            time.sleep(0.01)
    print(os.read(reader, 9).decode())
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

LATE_IMPORTS = """
import sys
import threading
import sqreen_mw as sqreen

main, late = threading.get_ident(), []


class Watch:
    def find_spec(self, name, *_):
        if threading.get_ident() != main:
            late.append(name)


sys.meta_path.insert(0, Watch())
sqreen.track("x")
assert sqreen.flush()
sqreen.close()
print(*late)
"""


@pytest.mark.parametrize(("mutant", "came"), [("", 160), ("parent's flusher", 0)])
def test_forked_children_deliver_their_own_events(runner: Runner, mutant: str, came: int) -> None:
    """Each child delivers its events, whatever the parent did at the moment of the fork."""
    runner.run(MANY_CHILDREN, mutant)

    assert runner.names.count("child") == came
    assert runner.names.count("parent") == 1


@pytest.mark.parametrize(("mutant", "came"), [("", 20), ("no import lock", 0)])
def test_fork_waits_for_imports_of_another_thread(runner: Runner, mutant: str, came: int) -> None:
    """A child that was forked in the middle of an import of ours can import it, too."""
    runner.run(IN_THE_MIDDLE, mutant)

    assert runner.names.count("child") == came
    assert runner.names.count("parent") == 1


@pytest.mark.parametrize("mutant", ["", "late imports"])
def test_flusher_thread_imports_nothing(runner: Runner, mutant: str) -> None:
    """All modules are imported before the thread starts, so that no fork interrupts an import."""
    out = runner.run(LATE_IMPORTS, mutant)

    assert bool(out.strip()) is bool(mutant)
    assert runner.names == ["x"]


@pytest.mark.parametrize(("mutant", "waits"), [("", True), ("child keeps handler", False)])
def test_forked_child_installs_the_handler_at_its_first_event(
    runner: Runner, mutant: str, *, waits: bool
) -> None:
    """SIGTERM ends a child at once before its first event. After it, the child delivers."""
    lines = runner.run(TERMINATED_CHILDREN, mutant).splitlines()

    assert lines == [str(waits), "-15", "False", "-15"]
    assert runner.names == ["child", "parent"]
