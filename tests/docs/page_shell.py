"""Runs the commands of a page in an empty folder, in an environment with our package."""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT
from tests.support.optional import need_program
from tests.support.ports import free_port
from tests.support.processes import clean_environment
from tests.support.waiting import PATIENCE, wait_until_answered

COLLECTOR: Final = "sqreen-mw serve"
SERVERS: Final = {
    "uvicorn": "--port {}",
    "hypercorn": "--bind 127.0.0.1:{}",
    "gunicorn": "--bind 127.0.0.1:{} --no-control-socket",
    "flask": "--port {}",
    "waitress-serve": "",
    "python manage.py runserver": "127.0.0.1:{}",
    "celery -A tasks worker": "--pool solo --loglevel CRITICAL",
    COLLECTOR: "--port {}",
}
"""Commands that run until they are stopped, with their option for the port."""

LOCAL: Final = re.compile(r"127\.0\.0\.1:\d+")

_PLUGIN: Final = "[pytest11]\nsqreen_mw = _sqreen_mw_pytest\n"


class PageShell:
    """Runs commands, and stops the servers that it started with ``stop``.

    Attributes:
        settings: The exported variables.
        port: The port of the site that was started last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._log: Final = folder / "log"
        self._log.touch()
        self._processes: Final[dict[str, subprocess.Popen[str]]] = {}
        self.port = 0
        self.settings = {
            "SQREEN_URL": f"file://{folder}/events.jsonl",
            "SQREEN_FLUSH_INTERVAL": "0.1",
        }
        self._install_plugin()

    @property
    def log(self) -> str:
        """Return the output of the servers."""
        return self._log.read_text()

    def run(self, line: str) -> str:
        """Run a command, check its exit code, and return its output."""
        done = subprocess.run(
            ["sh", "-c", LOCAL.sub(f"127.0.0.1:{self.port}", line)],  # noqa: S607 finds sh as a reader does
            cwd=self._folder,
            env=self._environment(),
            capture_output=True,
            input="correct horse\n",
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        # The doctor exits with 1 if it has advice, which the page then shows.
        good = {0, 1} if line.startswith("sqreen-mw doctor ip") else {0}
        assert done.returncode in good, (line, done.stdout, done.stderr, self.log[-2000:])
        return done.stdout

    def serve(self, server: str, line: str) -> str:
        """Replace the running server by another one; return the output of a collector."""
        program = line.split(maxsplit=1)[0]
        need_program(program)
        is_site = server != COLLECTOR and not server.startswith("celery")
        role = "site" if is_site else server
        self._end(role)
        port = free_port()
        line = LOCAL.sub(f"127.0.0.1:{port}", line)
        if str(port) not in line:
            line = f"{line} {SERVERS[server].format(port)}"
        process = self._processes[role] = self._start(line)
        if is_site:
            self.port = port
            wait_until_answered(f"http://127.0.0.1:{port}/")
        return self._greeting(process) if server == COLLECTOR else ""

    def stop(self) -> None:
        """Stop all servers and their children."""
        for role in list(self._processes):
            self._end(role)

    def _start(self, line: str) -> subprocess.Popen[str]:
        with self._log.open("a") as log:
            return subprocess.Popen(
                shlex.split(line),
                cwd=self._folder,
                env=self._environment(),
                stdout=subprocess.PIPE if line.startswith(COLLECTOR) else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _end(self, role: str) -> None:
        process = self._processes.pop(role, None)
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=PATIENCE)

    def _greeting(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl+C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], self.log
        return "".join(lines)

    def _environment(self) -> dict[str, str]:
        folders = (self._folder / ".site", ROOT, self._folder)
        ours = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "XDG_DATA_HOME": str(self._folder / ".data"),
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }
        return clean_environment(self.settings | ours)

    def _install_plugin(self) -> None:
        """Register our pytest plugin, as an installation of the package would."""
        metadata = self._folder / ".site" / "sqreen_mw_kit-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: kit\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(_PLUGIN)
