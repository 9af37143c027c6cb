import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.delivery.conftest import Runner
from tests.support.faulty_collector import Answer
from tests.support.waiting import PATIENCE

WAITING = """
import threading
import time
import sqreen_mw as sqreen

for _ in range(50):
    sqreen.track("x")
print("ready", flush=True)
while True:
    time.sleep(0.01)  # not one long one: Python misses a signal just before it
"""

SIGNAL_MASKS = """
import signal
from pathlib import Path
import sqreen_mw as sqreen

sqreen.track("x")
sqreen.flush()
for task in sorted(Path("/proc/self/task").iterdir(), key=lambda path: int(path.name)):
    lines = (task / "status").read_text().splitlines()
    [blocked] = [int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:")]
    print(*[blocked >> (number - 1) & 1 for number in (signal.SIGTERM, signal.SIGINT)])
"""

IN_A_C_CALL = """
import sqreen_mw as sqreen

for _ in range(50):
    sqreen.track("x")
print("ready", flush=True)
while True:
    sum(range(10_000_000))
"""

HOLDING_A_LOCK = """
import sys
import time
import sqreen_mw as sqreen


def stay_in_put(frame, event, _):
    if frame.f_code.co_name == "put" and frame.f_globals["__name__"].endswith("delivery.queue"):
        if frame.f_locals["self"]._lock._is_owned():
            sys.settrace(None)
            print("ready", flush=True)
            while True:
                time.sleep(0.01)
        return stay_in_put


for _ in range(50):
    sqreen.track("x")
sys.settrace(stay_in_put)
sqreen.track("unfinished")
"""

WHILE_LOGGING = """
import logging
import time
import sqreen_mw as sqreen


class Slow(logging.Handler):
    def emit(self, record):
        for _ in range(50):
            sqreen.track("x")
        sqreen.flush(1.0)
        print("ready", flush=True)
        while True:
            time.sleep(0.01)


logging.getLogger().addHandler(Slow())
logging.warning("a line of the app")
"""

IN_A_LOG_LINE = """
import os
import signal
import sys
import threading
import time
import sqreen_mw as sqreen

MAIN = threading.get_ident()


def end_while_logging():
    frame = None
    while frame is None or frame.f_globals["__name__"] != "logging":
        frame = frame.f_back if frame else sys._current_frames()[MAIN]
        time.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)


sqreen.track("x")
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x")
except BlockingIOError:
    os.set_blocking(2, True)
print("ready", flush=True)
threading.Thread(target=end_while_logging).start()
sqreen.track("sq.reserved")
"""

BY_A_THREAD = """
import threading
import time
import sqreen_mw as sqreen


def work():
    for _ in range(50):
        sqreen.track("x")


thread = threading.Thread(target=work)
thread.start()
thread.join()
sqreen.stats()
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""

HANDLED = """
import signal
import sys
import threading
import time
import sqreen_mw as sqreen


def leave(*_):
    sqreen.track("x")
    sys.exit(3)


{early}
sqreen.track("x")
{late}
print("ready", flush=True)
while True:
    time.sleep(0.01)  # not one long one: Python misses a signal just before it
"""

AS_INIT = """
import os
import signal
import threading
import sqreen_mw as sqreen

assert os.getpid() == 1
sqreen.track("x")
os.kill(1, signal.SIGTERM)
print(bool(sqreen.track("x")))
"""


def terminated(runner: Runner, script: str, mutant: str = "") -> tuple[int, float]:
    """End a script by SIGTERM when it is ready. Return its status and the seconds that it took."""
    with runner.running(script, mutant) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=PATIENCE)
    return status, time.monotonic() - begin


@pytest.mark.parametrize(("mutant", "came"), [("", 50), ("no handler", 0)])
def test_script_delivers_before_sigterm_ends_it(runner: Runner, mutant: str, came: int) -> None:
    """Without a handler of the app, waiting events are delivered; the exit status is the signal."""
    status, _ = terminated(runner, WAITING, mutant)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * came


def test_flusher_thread_receives_no_signals(runner: Runner) -> None:
    """The main thread receives them, so that it wakes up and runs the handlers."""
    assert runner.run(SIGNAL_MASKS).splitlines() == ["0 0", "1 1"]


def test_sigterm_during_a_c_call_delivers_after_it(runner: Runner) -> None:
    """Python runs a signal handler when the main thread returns from C."""
    status, _ = terminated(runner, IN_A_C_CALL)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * 50


@pytest.mark.parametrize(("mutant", "came"), [("", 50), ("handler keeps locks", 0)])
def test_sigterm_in_the_middle_of_a_call_delivers(runner: Runner, mutant: str, came: int) -> None:
    """The flusher delivers although the main thread holds a lock that both need."""
    status, _ = terminated(runner, HOLDING_A_LOCK, mutant)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * came


@pytest.mark.parametrize(("mutant", "came"), [("", 50), ("log on the flusher's thread", 0)])
def test_sigterm_while_the_app_logs_delivers(runner: Runner, mutant: str, came: int) -> None:
    """The flusher delivers although the main thread holds the lock of a log handler."""
    runner.collector.answers[:] = [Answer(status=503)]

    status, _ = terminated(runner, WHILE_LOGGING, mutant)

    assert status == -signal.SIGTERM
    posts = runner.collector.posts[1:]  # the first one was refused
    assert [name for post in posts for name in post.names] == ["x"] * came


def test_sigterm_ends_process_blocked_on_stderr(runner: Runner) -> None:
    """SIGTERM ends a process that blocks in a log line of ours and has another one to log."""
    runner.collector.answers[:] = [Answer(delay=20.0)]

    with runner.running(IN_A_LOG_LINE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        status = process.wait(timeout=PATIENCE)

    assert status == -signal.SIGTERM


def test_handler_is_installed_by_the_main_threads_first_call(runner: Runner) -> None:
    """If another thread made the first call, the main thread's next call installs the handler."""
    status, _ = terminated(runner, BY_A_THREAD)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * 50


@pytest.mark.parametrize("moment", ["early", "late"])
def test_handler_of_the_app_wins(runner: Runner, moment: str) -> None:
    """We neither replace a handler that was set before the first event nor one set later."""
    steps = {"early": "", "late": ""} | {moment: "signal.signal(signal.SIGTERM, leave)"}

    assert terminated(runner, HANDLED.format(**steps))[0] == 3
    assert runner.names == ["x", "x"]


def test_sigterm_ends_process_while_the_collector_hangs(runner: Runner) -> None:
    """SIGTERM ends a process within two seconds, even if the collector does not answer."""
    runner.collector.answers[:] = [Answer(delay=20.0)]

    status, seconds = terminated(runner, WAITING)

    assert status == -signal.SIGTERM
    assert seconds < 9  # a request alone may take ten


@pytest.mark.parametrize(("mutant", "came"), [("", 2), ("handler in process 1", 1)])
def test_process_1_goes_on_after_sigterm(runner: Runner, mutant: str, came: int) -> None:
    """The kernel ignores SIGTERM for process 1 of a container, so delivery goes on."""
    enter = [shutil.which("unshare") or "", "--pid", "--fork"]
    if not enter[0] or subprocess.run([*enter, "true"], check=False).returncode:
        pytest.skip("unshare is missing or not permitted: run as root")

    with runner.running(AS_INIT, mutant, command=[*enter, sys.executable]) as process:
        out, errors = process.communicate(timeout=PATIENCE)

    assert (out, process.returncode) == (f"{came == 2}\n", 0), errors
    assert runner.names == ["x"] * came
