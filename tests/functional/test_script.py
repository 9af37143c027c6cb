"""A script that tracks and simply ends."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.processes import (
    ROOT,
    SECONDS,
    CollectorProcess,
    clean_environment,
    collector,
)

SCRIPT = """
import threading
import sqreen_mw as sqreen

ids = [sqreen.track("row.imported", properties={"number": number}) for number in range(1000)]
assert all(ids)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Serve a collector."""
    data_dir: Path = tmp_path_factory.mktemp("collector")
    with collector(data_dir) as process:
        yield process


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_all_events_of_a_script_that_ends_arrive(served: CollectorProcess, host: str) -> None:
    """1000 events are delivered at exit, with the collector given by address and by name."""
    app = f"script-{host.replace('.', '-')}"
    settings = served.settings(app)
    settings["SQREEN_URL"] = served.url.replace("127.0.0.1", host)
    assert host in settings["SQREEN_URL"]

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        cwd=ROOT,
        env=clean_environment(settings),
    )

    assert (done.stdout, done.stderr) == ("", "")
    numbers = [row["event"]["properties"]["number"] for row in served.events(app, at_least=1000)]
    assert sorted(numbers) == list(range(1000))
