"""If the SDK cannot be loaded, the app goes on and lost events are counted."""

import json
from typing import Any

import pytest

from tests.support.processes import run_python, uncovered_environment

pytestmark = pytest.mark.slow

BEGIN = """
import json, logging, os, resource, sys
import sqreen_mw as sqreen

lines = []


class Handler(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())


logging.getLogger("sqreen_mw").addHandler(Handler())


def call():
    assert sqreen.track("x", properties={"a": 1}) is None
    assert sqreen.auth_track(False, id=1) is None
    assert sqreen.signup_track(id=1) is None
    sqreen.identify({"id": 1})
    assert not sqreen.user_is_banned()
    sqreen.flush(0.1)
    sqreen.close(0.1)


def counts():
    stats = sqreen.stats()
    lost = sum(stats.dropped.values())
    assert stats.tracked == stats.delivered + stats.waiting + lost, stats
    return stats.tracked, stats.dropped
"""

FINDER = """
class Finder:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            raise ERROR


sys.meta_path.insert(0, Finder())
"""

RECOVERY = """
for _ in range(100):
    call()
first = counts()
del sys.meta_path[0]
while sqreen.track("y") is None:
    pass
assert sqreen.flush()
print(json.dumps([first, counts(), lines]))
"""


def run(script: str, **settings: str) -> Any:
    """Run a script with settings, and return the JSON that it prints."""
    environment = uncovered_environment({"SQREEN_URL": "memory://", **settings})
    return json.loads(run_python("-c", BEGIN + script, environment=environment).stdout)


@pytest.mark.parametrize(
    ("error", "module"),
    [
        ("OSError(24, 'Too many open files')", "sqreen_mw.agent.runtime"),
        ("MemoryError()", "sqreen_mw.agent.delivery.queue"),
        ("RuntimeError('can not start new thread')", "sqreen_mw.agent.config.config"),
        ("ImportError('libssl.so: file too short')", "sqreen_mw.capture.request"),
        ("SyntaxError('invalid syntax')", "sqreen_mw.agent.tracker"),
    ],
)
def test_fault_of_an_import_is_logged_once_and_counts_events(error: str, module: str) -> None:
    """The counts move to the agent that is created as soon as the import works."""
    finder = FINDER.replace("MODULE", repr(module)).replace("ERROR", error)

    first, second, lines = run(finder + RECOVERY)

    assert first == [300, {"not_loaded": 300}]
    assert second[1]["not_loaded"] >= 300
    assert second[0] == sum(second[1].values()) + 1
    assert len(lines) == 1
    assert "sqreen_mw failed in loading, the app goes on" in lines[0]


def test_fault_of_the_transport_does_not_reach_the_app() -> None:
    """The agent is created by the first call: that may fail although the SDK is imported."""
    script = """
sys.modules["httpx2"] = None
for _ in range(100):
    call()
lost = counts()
del sys.modules["httpx2"]
middleware = sqreen.SqreenWSGIMiddleware(lambda *_: [])
print(json.dumps([lost, sqreen.stats().dropped, lines]))
"""
    lost, later, lines = run(script, SQREEN_URL="http://127.0.0.1:9", SQREEN_TOKEN="t")

    assert lost == [300, {"not_loaded": 300}]
    assert later == {"not_loaded": 300}
    assert len(lines) == 1


def test_lack_of_descriptors_is_logged_once_and_counts_events() -> None:
    """The first call needs file descriptors to import the SDK. The next one works without them."""
    script = """
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for _ in range(100):
    call()
for each in held:
    os.close(each)
assert sqreen.track("y")
assert sqreen.flush()
print(json.dumps([counts(), lines]))
"""
    counted, lines = run(script)

    assert counted == [301, {"not_loaded": 300}]
    assert len(lines) == 1


def test_lack_of_memory_is_logged_once_and_counts_events() -> None:
    """The limit of the address space leaves no room for the libraries of the SDK."""
    script = """
_, hard = resource.getrlimit(resource.RLIMIT_AS)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE"), hard))
for _ in range(100):
    call()
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
while sqreen.track("y") is None:
    pass
assert sqreen.flush()
tracked, dropped = counts()
print(json.dumps([tracked, dropped, lines]))
"""
    tracked, dropped, lines = run(script)

    assert tracked == sum(dropped.values()) + 1
    assert dropped["not_loaded"] >= 300
    assert len(lines) == 1


def test_expensive_attempts_are_rare() -> None:
    """An import that fails late costs the app a small part of its time, not each call."""
    script = """
import time
sys.modules["sqreen_mw.agent.delivery.driver"] = None
sqreen.track("x")
began, spent = time.monotonic(), time.thread_time()
attempts = sqreen.stats().misuse["loading"]
while time.monotonic() < began + 0.5:
    sqreen.track("x")
print(json.dumps(sqreen.stats().misuse["loading"] - attempts))
"""
    assert run(script) <= 5


def test_forked_child_counts_its_own_events() -> None:
    """The parent's lost events are not the child's."""
    finder = FINDER.replace("MODULE", "'sqreen_mw.agent.runtime'").replace("ERROR", "OSError()")
    script = """
call()
if os.fork() == 0:
    call()
    call()
    os._exit(counts() != (6, {"not_loaded": 6}))
_, status = os.wait()
print(json.dumps([status, counts()]))
"""
    assert run(finder + script) == [0, [3, {"not_loaded": 3}]]


@pytest.mark.parametrize("error", ["KeyboardInterrupt()", "SystemExit(7)"])
def test_stop_during_the_import_reaches_the_app(error: str) -> None:
    """Ctrl-C ends the app, and is no fault."""
    finder = FINDER.replace("MODULE", "'sqreen_mw.agent.runtime'").replace("ERROR", error)
    script = """
try:
    sqreen.track("x")
except (KeyboardInterrupt, SystemExit) as error:
    print(json.dumps([type(error).__name__, lines]))
"""
    assert run(finder + script) == [error.partition("(")[0], []]
