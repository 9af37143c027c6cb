import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.servers.table import CELERY, SERVERS, Server
from tests.support.faulty_collector import FaultyCollector, collector
from tests.support.optional import missing
from tests.support.ports import free_port
from tests.support.processes import ROOT, uncovered_environment
from tests.support.waiting import PATIENCE, wait_until, wait_until_answered

__all__ = ["collector"]

EVENTS = 60

ASK = "from tests.servers.celery_site import order; [order.delay(n) for n in range({})]"


@dataclass
class Stage:
    """Runs servers with a collector.

    Attributes:
        collector: Receives the events. Its URL has a host name.
        folder: Processes write their files here.
        mutant: The change of the agent, if any.
        pids: The processes that answered.
        ids: The events that were tracked.
    """

    collector: FaultyCollector
    folder: Path
    mutant: str = ""
    pids: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, str]:
        """Return an environment in which processes deliver only at their end."""
        ours = {
            "SQREEN_URL": self.collector.url,
            "SQREEN_TOKEN": "t",
            "SQREEN_FLUSH_INTERVAL": "60",
            "PYTHONPATH": str(ROOT),
            "MUTANT": self.mutant,
            "WITNESS": str(self.made("witness")),
            "ANSWERS": str(self.made("answers")),
            "CELERY_FOLDER": str(self.made("broker")),
        }
        return uncovered_environment(ours)

    def made(self, name: str) -> Path:
        """Create a folder if necessary, and return it."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    @contextmanager
    def running(self, server: Server) -> Iterator[str]:
        """Run a server, and send it SIGTERM at the end of the block."""
        if server.missing is not None:
            missing(server.missing)
        port = str(free_port())
        _, *words = server.command.replace("PORT", port).split()
        log = self.folder / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [str(server.program), *words],
                cwd=self.folder,
                env=self.settings(),
                stdout=output,
                stderr=output,
            ) as process,
        ):
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=PATIENCE)
                finally:
                    process.kill()

    def record(self, answer: str) -> None:
        """Record an answer: the id of a process, and of its event."""
        pid, event_id = answer.split()
        self.pids.add(pid)
        self.ids.append(event_id)

    @property
    def came(self) -> list[str]:
        """The sorted ids of the events that arrived, with duplicates."""
        return sorted(an_id for post in self.collector.posts for an_id in post.ids)

    @property
    def witnesses(self) -> set[tuple[str, str]]:
        """The step that delivered the last events of each process, as it recorded."""
        return {(path.name, path.read_text()) for path in self.made("witness").iterdir()}


@pytest.fixture
def stage(collector: FaultyCollector, tmp_path: Path) -> Stage:
    """Return a stage with a collector."""
    return Stage(collector, tmp_path)


def visit(stage: Stage, url: str, processes: int) -> None:
    """Send requests on new connections until enough events were tracked by enough processes."""
    wait_until_answered(url)
    headers = {"Connection": "close"}
    with httpx2.Client(headers=headers, trust_env=False, timeout=PATIENCE) as client:

        def done() -> bool:
            stage.record(client.get(f"{url}/order").raise_for_status().text)
            return len(stage.ids) >= EVENTS and len(stage.pids) >= processes

        wait_until(done)


SMOKE = {"uvicorn", "gunicorn --worker-class gthread --threads 4"}
"""Servers that are installed with the group "test"."""


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(server, id=server.name, marks=[pytest.mark.smoke] * (server.name in SMOKE))
        for server in SERVERS
    ],
)
def test_server_delivers_each_event_once(stage: Stage, server: Server) -> None:
    """After SIGTERM, each event has arrived once, delivered by the step that the table names."""
    with stage.running(server) as url:
        visit(stage, url, server.processes)

    assert stage.came == sorted(stage.ids)
    assert stage.witnesses == {(pid, server.held_by.name) for pid in stage.pids}


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("uvicorn --workers 3", "no lifespan"),
        ("granian --interface wsgi", "no worker hooks"),
        ("gunicorn --preload", "no exit handler"),
        ("flask run", "no handler"),
    ],
)
def test_mutant_loses_all_events(stage: Stage, name: str, mutant: str) -> None:
    """Without the step that the table names, no event arrives."""
    [server] = [server for server in SERVERS if server.name == name]
    stage.mutant = mutant

    with stage.running(server) as url:
        visit(stage, url, server.processes)

    assert stage.came == []


def test_celery_delivers_each_event_once(stage: Stage) -> None:
    """After SIGTERM, each event of a task has arrived once."""
    answers = stage.made("answers")
    with stage.running(CELERY):
        ask = (sys.executable, "-c", ASK.format(EVENTS))
        subprocess.run(ask, check=True, cwd=ROOT, env=stage.settings(), timeout=PATIENCE)
        wait_until(lambda: len(list(answers.glob("*.done"))) == EVENTS)

    for path in answers.iterdir():
        stage.record(path.read_text())
    assert stage.came == sorted(stage.ids)
    assert stage.witnesses == {(pid, CELERY.held_by.name) for pid in stage.pids}
