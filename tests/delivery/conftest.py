import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.faulty_collector import FaultyCollector, collector, tls_collector
from tests.support.ports import free_port
from tests.support.processes import ROOT, signalled_environment
from tests.support.waiting import PATIENCE, wait_until_answered

__all__ = ["collector"]

PRELUDE = "from tests.delivery import mutants; mutants.apply()\n"

MUTANT_SECONDS = 30
"""How long to wait for a mutant, which may hang."""


@dataclass(frozen=True)
class Runner:
    """Runs scripts that track; nothing of theirs leaves before they end, or flush.

    The collector is given by name, as a connection to an address needs no resolver.
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
        return signalled_environment({**ours, **more})

    @contextmanager
    def running(
        self,
        script: str,
        mutant: str = "",
        *,
        command: Sequence[str] = (sys.executable,),
        **more: str,
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a script, and end it with the block unless it has come to its end."""
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
        """Run a script, given a line, to its good end, and return what it printed."""
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
                process.wait(timeout=PATIENCE)

    @property
    def names(self) -> list[str]:
        """The names of the events that came, sorted; each event has come once."""
        ids = [an_id for post in self.collector.posts for an_id in post.ids]
        assert len(ids) == len(set(ids))
        return sorted(self.collector.names)


@pytest.fixture
def runner(collector: FaultyCollector, tmp_path: Path) -> Runner:
    """Return what runs scripts towards a collector."""
    return Runner(collector, tmp_path)


@pytest.fixture
def tls_runner(tmp_path: Path) -> Iterator[Runner]:
    """Return what runs scripts towards a collector with TLS and an authority of its own."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    with tls_collector(authority.issue_cert("localhost")) as told:
        yield Runner(told, tmp_path, ca_file=str(file))
