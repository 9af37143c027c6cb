import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.faulty_collector import Answer, FaultyCollector, collector, tls_collector
from tests.support.ports import free_port
from tests.support.processes import ROOT, uncovered_environment
from tests.support.waiting import PATIENCE, wait_until_answered

__all__ = ["collector"]

PRELUDE = "from tests.delivery import mutants; mutants.apply()\n"

MUTANT_SECONDS = 30
"""How long to wait for a mutant, which may hang."""


@dataclass(frozen=True)
class Runner:
    """Runs scripts that deliver only at their end or at a flush: the interval is a minute.

    The URL has a host name, because a connection to an address needs no resolver.
    """

    collector: FaultyCollector
    folder: Path
    ca_file: str = ""

    def settings(self, mutant: str = "", **more: str) -> dict[str, str]:
        """Return the environment of such a process."""
        ours = {
            "SQREEN_URL": self.collector.url,
            "SQREEN_TOKEN": "t",
            "SQREEN_FLUSH_INTERVAL": "60",
            "PYTHONPATH": str(ROOT),
            "MUTANT": mutant,
            **({"SQREEN_CA_FILE": self.ca_file} if self.ca_file else {}),
        }
        return uncovered_environment({**ours, **more})

    @contextmanager
    def running(
        self,
        script: str,
        mutant: str = "",
        *,
        command: Sequence[str] = (sys.executable,),
        **more: str,
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a script, and kill it at the end of the block."""
        file = self.folder / "script.py"
        file.write_text(PRELUDE + script)
        with subprocess.Popen(
            [*command, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.settings(mutant, **more),
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, script: str, mutant: str = "", *, given: str = "", **more: str) -> str:
        """Run a script with this input until it exits with 0, and return its output."""
        with self.running(script, mutant, **more) as process:
            out, errors = process.communicate(given, timeout=PATIENCE)
        assert process.returncode == 0, errors
        return out

    @contextmanager
    def serving(self, *command: str, site: str, mutant: str = "") -> Iterator[str]:
        """Run a server of ``site_of_test`` at a PORT, and stop it by SIGTERM with the block."""
        (self.folder / "site_of_test.py").write_text(PRELUDE + site)
        port = str(free_port())
        with subprocess.Popen(
            [word.replace("PORT", port) for word in command],
            cwd=self.folder,
            env=self.settings(mutant),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until_answered(
                    f"http://127.0.0.1:{port}/ready", seconds=MUTANT_SECONDS if mutant else PATIENCE
                )
                yield f"http://127.0.0.1:{port}/"
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=PATIENCE)
                finally:
                    process.kill()

    def close_each_connection(self) -> None:
        """Let the collector close each connection after its answer, so that the next one is new."""
        closing = Answer(headers={"Connection": "close"})
        self.collector.answers[:] = [closing] * 9
        self.collector.beat_answers[:] = [closing] * 9

    @property
    def names(self) -> list[str]:
        """The sorted names of the events that arrived. Each event must have arrived once."""
        ids = [an_id for post in self.collector.posts for an_id in post.ids]
        assert len(ids) == len(set(ids))
        return sorted(self.collector.names)


@pytest.fixture
def runner(collector: FaultyCollector, tmp_path: Path) -> Runner:
    """Return a runner with a collector."""
    return Runner(collector, tmp_path)


@pytest.fixture
def tls_runner(tmp_path: Path) -> Iterator[Runner]:
    """Return a runner with a TLS collector and its own certificate authority."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    with tls_collector(authority.issue_cert("localhost")) as running:
        yield Runner(running, tmp_path, ca_file=str(file))
