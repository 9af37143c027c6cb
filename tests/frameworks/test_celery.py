import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.event_file import written_events
from tests.support.optional import need
from tests.support.processes import ROOT, clean_environment, running_python
from tests.support.waiting import PATIENCE, wait_until

CELERY = ("celery", "--quiet", "-A", "tests.frameworks.celery_site")


@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_task_tracks_without_a_request(pool: str, tmp_path: Path) -> None:
    """An event of a task arrives with its user and without a request."""
    need("celery")
    folder, file = tmp_path / "broker", tmp_path / "events"
    folder.mkdir()
    settings = {"SQREEN_URL": f"file://{file}", "CELERY_FOLDER": str(folder)}
    subprocess.run(
        [sys.executable, "-m", *CELERY, "call", "remind", "--args", "[42]"],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env=clean_environment(settings),
    )

    options = ("--pool", pool, "--concurrency", "1", "--loglevel", "CRITICAL")
    with running_python("-m", *CELERY, "worker", *options, settings=settings):
        wait_until(file.exists)

    [event] = written_events(file)
    assert (event["event"], event["properties"]) == ("reminded", {"by": "mail"})
    assert event["user_identifiers"] == {"id": "42"}
    assert "request" not in event
