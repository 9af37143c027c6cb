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
def test_children_have_a_flusher_of_their_own(runner: Runner, mutant: str, came: int) -> None:
    """Each child delivers what it tracked, whatever its parent did when it forked."""
    runner.run(MANY_CHILDREN, mutant)

    assert runner.names.count("child") == came
    assert runner.names.count("parent") == 1


@pytest.mark.parametrize(("mutant", "came"), [("", 20), ("no import lock", 0)])
def test_no_child_has_half_a_module(runner: Runner, mutant: str, came: int) -> None:
    """A fork waits while another thread loads the way out, so that the child can load it too."""
    runner.run(IN_THE_MIDDLE, mutant)

    assert runner.names.count("child") == came
    assert runner.names.count("parent") == 1


@pytest.mark.parametrize("mutant", ["", "late imports"])
def test_the_flushers_thread_imports_nothing(runner: Runner, mutant: str) -> None:
    """All modules are there when the thread is born, so that no fork meets one half loaded."""
    out = runner.run(LATE_IMPORTS, mutant)

    assert bool(out.strip()) is bool(mutant)
    assert runner.names == ["x"]
