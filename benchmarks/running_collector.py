"""The real collector in its own process, and its clients."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.state import open_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES

APP: Final = "shop"


@dataclass(frozen=True)
class RunningCollector:
    """A running collector with one app.

    Attributes:
        pid: Its process id.
        host: Its address and port.
        folder: Its data folder.
        token: A secret that may send the events of the app.
    """

    pid: int
    host: str
    folder: Path
    token: str

    def connect(self) -> HTTPConnection:
        """Return a connection that is kept alive."""
        return HTTPConnection(self.host, timeout=120)

    def post(self, connection: HTTPConnection, body: bytes) -> int:
        """Send a compressed batch and return the number of accepted events."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        connection.request("POST", "/v1/events", body, headers)
        return int(json.loads(connection.getresponse().read())["accepted"])

    def sessions(self, count: int) -> list[dict[str, str]]:
        """Open sessions of a new user and return the headers of each."""
        state = open_state(f"sqlite:///{self.folder / 'state.db'}")
        user = state.users.by_name("bench") or state.users.create(
            "bench", password=None, role="viewer"
        )
        cookies = [state.sessions.open(user) for _ in range(count)]
        state.close()
        return [{"Cookie": f"{SESSION_COOKIE}={cookie}"} for cookie in cookies]


@contextmanager
def running_collector(folder: Path) -> Iterator[RunningCollector]:
    """Serve the databases of a folder until the block ends."""
    options = ["--json", "--port", "0", "--data-dir", str(folder)]
    command = [sys.executable, "-m", "sqreen_mw", "serve", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            host = json.loads(process.stdout.readline())["url"].removeprefix("http://")
            yield RunningCollector(process.pid, host, folder, _token(folder))
        finally:
            process.terminate()


def _token(folder: Path) -> str:
    state = open_state(f"sqlite:///{folder / 'state.db'}")
    state.apps.ensure(APP)
    token = state.tokens.issue(APP, name="benchmark", scopes=AGENT_SCOPES)
    state.close()
    return token.secret
