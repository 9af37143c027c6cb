import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.conftest import PRELUDE, Runner
from tests.support.optional import need
from tests.support.waiting import PATIENCE, wait_until

SITE = """
from pathlib import Path
import sqreen_mw as sqreen
from tests.frameworks.celery_site import app


@app.task(name="note")
def note(number):
    sqreen.track("x")
    Path(f"done-{number}").touch()
"""

WORKER = (
    *(sys.executable, "-m", "celery", "--quiet", "-A", "site_of_test", "worker"),
    *("--pool", "prefork", "--concurrency", "1", "--loglevel", "CRITICAL"),
)


@pytest.mark.parametrize(("mutant", "came"), [("", 5), ("no worker hooks", 0)])
def test_stopped_celery_worker_delivers(
    runner: Runner, tmp_path: Path, mutant: str, came: int
) -> None:
    """A prefork worker delivers the events of its tasks when it stops, before the interval ends."""
    need("celery")
    (tmp_path / "site_of_test.py").write_text(PRELUDE + SITE)
    (tmp_path / "broker").mkdir()
    env = runner.settings(mutant, CELERY_FOLDER=str(tmp_path / "broker"))
    enqueue = (
        sys.executable,
        "-c",
        "from site_of_test import note; [note.delay(n) for n in range(5)]",
    )
    subprocess.run(enqueue, check=True, cwd=tmp_path, env=env, timeout=PATIENCE)

    with subprocess.Popen(WORKER, cwd=tmp_path, env=env) as worker:
        try:
            wait_until(lambda: len(list(tmp_path.glob("done-*"))) == 5)
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=PATIENCE)

    assert runner.names == ["x"] * came
