"""Instances with a spool, from the settings: SQLite, forks and gevent."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.optional import need
from tests.support.processes import ROOT, run_python, run_script, uncovered_environment
from tests.support.spool_files import stored_batches
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

SETTINGS = {"SQREEN_URL": "http://127.0.0.1:9", "SQREEN_TOKEN": "t"}

LOADED = """
import sys
import sqreen_mw

sqreen_mw.track("x")
sqreen_mw.close(1.0)
print("sqlite3" in sys.modules, sqreen_mw.stats().spooled)
"""

WITHOUT_SQLITE = """
import sys
sys.modules["_sqlite3"] = None
import sqreen_mw

sqreen_mw.track("x")
print(sqreen_mw.stats().waiting)
"""

FORK = """
import os
import sqreen_mw

sqreen_mw.track("parent")
sqreen_mw.flush(2.0)
assert sqreen_mw.stats().spooled == 1, sqreen_mw.stats()
if os.fork() == 0:
    sqreen_mw.track("child")
    sqreen_mw.close(2.0)
    os._exit(sqreen_mw.stats().spooled)
_, status = os.wait()
sqreen_mw.track("parent")
sqreen_mw.close(2.0)
print(os.waitstatus_to_exitcode(status), sqreen_mw.stats().spooled)
"""

SIGTERM_DURING_FORK = """
import os
import signal

# Hooks before a fork run in reverse order: this one runs when SIGTERM is blocked.
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
import sqreen_mw

sqreen_mw.track("first")
sqreen_mw.flush(2.0)
sqreen_mw.track("later")
os.fork()
os._exit(1)
"""

WITH_GEVENT = "from gevent import monkey\nmonkey.patch_all()\n"


def test_sqlite_is_loaded_only_with_a_spool(tmp_path: Path) -> None:
    """An app without a spool does not import sqlite3."""
    with_spool = {**SETTINGS, "SQREEN_SPOOL_DIR": str(tmp_path / "spool")}

    loaded = [
        run_python("-c", LOADED, environment=uncovered_environment(settings)).stdout.split()
        for settings in (SETTINGS, with_spool)
    ]

    assert loaded == [["False", "0"], ["True", "1"]]


def test_python_without_sqlite_keeps_events_in_memory(tmp_path: Path) -> None:
    """The app starts, and the log has one line."""
    settings = {**SETTINGS, "SQREEN_SPOOL_DIR": str(tmp_path / "spool")}

    done = run_python("-c", WITHOUT_SQLITE, environment=uncovered_environment(settings))

    assert done.stdout.split() == ["1"]
    assert done.stderr.count("the spool needs Python's sqlite3 module") == 1


@pytest.mark.parametrize("is_patched", [False, True], ids=["threads", "gevent"])
def test_parent_and_child_share_a_spool(tmp_path: Path, *, is_patched: bool) -> None:
    """Both store their events, before and after a fork, with and without gevent."""
    if is_patched:
        need("gevent")
    script = WITH_GEVENT + FORK if is_patched else FORK

    printed, logged = run_script(script, {**SETTINGS, "SQREEN_SPOOL_DIR": str(tmp_path / "spool")})

    assert printed.split() == ["1", "2"]
    assert "the spool can't be used" not in logged
    assert stored_batches(tmp_path / "spool") == 3


def test_sigterm_during_a_fork_stores_waiting_events(tmp_path: Path) -> None:
    """The handler runs at the end of the fork, while the fork still holds the spool's lock."""
    folder = tmp_path / "spool"
    settings = {**SETTINGS, "SQREEN_SPOOL_DIR": str(folder), "SQREEN_FLUSH_INTERVAL": "60"}

    ended = subprocess.run(
        [sys.executable, "-c", SIGTERM_DURING_FORK],
        cwd=ROOT,
        env=uncovered_environment(settings),
        check=False,
        timeout=PATIENCE,
    )

    assert ended.returncode == -signal.SIGTERM
    assert stored_batches(folder) == 2
