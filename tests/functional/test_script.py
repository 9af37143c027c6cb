"""A script that tracks and exits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collector_process import CollectorProcess, run_collector
from tests.support.processes import run_script

pytestmark = pytest.mark.smoke

SCRIPT = """
import threading
import sqreen_mw as sqreen

ids = [sqreen.track("row.imported", properties={"number": number}) for number in range(1000)]
assert all(ids)
"""


FORKING = """
import os
import sqreen_mw as sqreen

assert sqreen.track("parent")
child = os.fork()
if child == 0:
    assert all([sqreen.track("child", properties={"number": number}) for number in range(20)])
else:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run a collector."""
    data_dir: Path = tmp_path_factory.mktemp("collector")
    with run_collector(data_dir) as process:
        yield process


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_events_are_delivered_at_exit(served: CollectorProcess, host: str) -> None:
    """All 1000 events are delivered, with the collector's address and with its name."""
    app = f"script-{host.replace('.', '-')}"
    settings = served.settings(app)
    settings["SQREEN_URL"] = served.url.replace("127.0.0.1", host)
    assert host in settings["SQREEN_URL"]

    assert run_script(SCRIPT, settings) == ("", "")
    numbers = [row["event"]["properties"]["number"] for row in served.events(app, at_least=1000)]
    assert sorted(numbers) == list(range(1000))


def test_forked_child_delivers_its_own_events(served: CollectorProcess) -> None:
    """Parent and child each deliver their own events once."""
    assert run_script(FORKING, served.settings("forking")) == ("", "")

    names = [row["event"]["event"] for row in served.events("forking", at_least=21)]
    assert sorted(names) == ["child"] * 20 + ["parent"]
