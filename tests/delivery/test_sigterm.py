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

IN_THE_MIDDLE = """
import signal
import sys
import threading
import time
import sqreen_mw as sqreen


def signal_in_the_middle(frame, event, _):
    if frame.f_code.co_name == "put" and frame.f_globals["__name__"].endswith(".buffer"):
        if "count" in frame.f_locals:  # it has the lock
            sys.settrace(None)
            signal.raise_signal(signal.SIGTERM)
        return signal_in_the_middle


sqreen.track("x")
print("ready", flush=True)
sys.stdin.readline()
sys.settrace(signal_in_the_middle)
sqreen.track("x")
while True:
    time.sleep(0.01)
"""

FOR_EVER_IN_THE_MIDDLE = """
import signal
import sys
import time
import sqreen_mw as sqreen


def stay(frame, event, _):
    if frame.f_code.co_name == "put" and frame.f_globals["__name__"].endswith(".buffer"):
        if "count" in frame.f_locals:  # it has the lock
            sys.settrace(None)
            print("ready", flush=True)
            while True:
                time.sleep(0.01)
        return stay


sys.settrace(stay)
sqreen.track("x")
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
logging.warning("an app's line")
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


def terminated(runner: Runner, script: str, naive: str = "") -> tuple[int, float]:
    """End a script by SIGTERM once it is ready; return its status and the seconds it took."""
    with runner.running(script, naive) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=PATIENCE)
    return status, time.monotonic() - begin


@pytest.mark.parametrize(("naive", "came"), [("", 50), ("SIGTERM kills", 0)])
def test_a_script_delivers_before_sigterm_kills_it(runner: Runner, naive: str, came: int) -> None:
    """Where nobody handles SIGTERM, what waits is delivered first; the status is the signal's."""
    status, _ = terminated(runner, WAITING, naive)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * came


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("waits with a lock", 0)])
def test_a_signal_may_come_in_the_middle_of_a_call(runner: Runner, naive: str, came: int) -> None:
    """SIGTERM while an event is being queued keeps nobody waiting, and loses nothing."""
    with runner.running(IN_THE_MIDDLE, naive) as process:
        process.communicate("go\n", timeout=PATIENCE)

    assert process.returncode == -signal.SIGTERM
    assert runner.names == ["x"] * came


def test_a_lock_that_is_never_free_keeps_no_process(runner: Runner) -> None:
    """SIGTERM ends a process that stays in the middle of a call, without delivering."""
    status, _ = terminated(runner, FOR_EVER_IN_THE_MIDDLE)

    assert status == -signal.SIGTERM


@pytest.mark.parametrize(("naive", "came"), [("", 50), ("logs on its thread", 0)])
def test_a_signal_may_come_while_the_app_logs(runner: Runner, naive: str, came: int) -> None:
    """The flusher delivers while the main thread keeps the lock of a log handler."""
    runner.collector.answers[:] = [Answer(status=503)]

    status, _ = terminated(runner, WHILE_LOGGING, naive)

    assert status == -signal.SIGTERM
    posts = runner.collector.posts[1:]  # the first one was refused
    assert [name for post in posts for name in post.names] == ["x"] * came


def test_a_log_that_nobody_reads_keeps_no_process(runner: Runner) -> None:
    """SIGTERM ends a process that waits in a log line of ours, and has another one to say."""
    runner.collector.answers[:] = [Answer(delay=20.0)]

    with runner.running(IN_A_LOG_LINE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        status = process.wait(timeout=PATIENCE)

    assert status == -signal.SIGTERM


def test_a_thread_may_make_the_first_call(runner: Runner) -> None:
    """Where only threads have tracked, any call of the main thread has SIGTERM deliver."""
    status, _ = terminated(runner, BY_A_THREAD)

    assert status == -signal.SIGTERM
    assert runner.names == ["x"] * 50


@pytest.mark.parametrize("moment", ["early", "late"])
def test_a_handler_of_the_apps_own_wins(runner: Runner, moment: str) -> None:
    """An app that handles SIGTERM, before its first event or after it, ends as it likes."""
    steps = {"early": "", "late": ""} | {moment: "signal.signal(signal.SIGTERM, leave)"}

    assert terminated(runner, HANDLED.format(**steps))[0] == 3
    assert runner.names == ["x", "x"]


def test_a_collector_that_hangs_keeps_no_process(runner: Runner) -> None:
    """SIGTERM ends a process within its two seconds, whatever the collector does."""
    runner.collector.answers[:] = [Answer(delay=20.0)]

    status, seconds = terminated(runner, WAITING)

    assert status == -signal.SIGTERM
    assert seconds < 9  # a request alone may take ten


@pytest.mark.parametrize(("naive", "came"), [("", 2), ("closes as init", 1)])
def test_the_first_process_of_a_container_goes_on(runner: Runner, naive: str, came: int) -> None:
    """Where the kernel lets SIGTERM end nobody, as of process 1, it does not end delivery."""
    enter = [shutil.which("unshare") or "", "--pid", "--fork"]
    if not enter[0] or subprocess.run([*enter, "true"], check=False).returncode:
        pytest.skip("no unshare, or nobody may use it here: run as root")

    with runner.running(AS_INIT, naive, command=[*enter, sys.executable]) as process:
        out, errors = process.communicate(timeout=PATIENCE)

    assert (out, process.returncode) == (f"{came == 2}\n", 0), errors
    assert runner.names == ["x"] * came
