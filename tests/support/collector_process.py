"""The collector in its own process, as users run it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.processes import run_python, running_python
from tests.support.waiting import PATIENCE


@dataclass(frozen=True)
class CollectorProcess:
    """A collector that is ready.

    Attributes:
        process: Its process; stderr is a pipe.
        data_dir: The folder of its databases.
        url: Its address.
        login: The one-time link to log in, if it printed one.
        first_token: The ingest token, if it printed one.
    """

    process: subprocess.Popen[str]
    data_dir: Path
    url: str
    login: str | None
    first_token: str | None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Stop the process for the block: the system accepts connections, the app is silent."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def instances(self, app: str) -> dict[str, Any]:
        """Return the instances of an app."""
        answer = httpx2.get(
            f"{self.url}/v1/instances", headers=self._may_query(app), timeout=PATIENCE
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def new_token(self, app: str, *scopes: str) -> str:
        """Create a token on the command line."""
        options = [option for scope in scopes for option in ("--scope", scope)]
        command = ["sqreen_mw", "tokens", "create", app, "--data-dir", str(self.data_dir), *options]
        return run_python("-m", *command).stdout.strip()

    def settings(self, app: str, **more: str) -> dict[str, str]:
        """Return the settings that let an app send events here."""
        return {"SQREEN_URL": self.url, "SQREEN_TOKEN": self.new_token(app), **more}

    def events(
        self, app: str, *, at_least: int = 0, since: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the events of an app, newest first, as soon as there are at least so many.

        ``since`` is in milliseconds, by default a day ago.
        """
        end = time.monotonic() + PATIENCE
        with httpx2.Client(
            base_url=self.url, headers=self._may_query(app), timeout=PATIENCE
        ) as client:
            while len(found := _all_pages(client, since)) < at_least:
                assert time.monotonic() < end, f"{len(found)} of {at_least} events came"
                time.sleep(0.1)
            return found

    def _may_query(self, app: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.new_token(app, 'query')}"}


def _all_pages(client: httpx2.Client, since: int | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, str | int] = {"limit": 1000}
    if since is not None:
        params["from"] = since
    while True:
        answer = client.get("/v1/events/query", params=params).raise_for_status().json()
        found += answer["events"]
        if not answer["next_page_token"]:
            return found
        params["page_token"] = answer["next_page_token"]


@contextmanager
def run_collector(data_dir: Path, *options: str) -> Iterator[CollectorProcess]:
    """Serve a collector on a free port until the block ends."""
    command = ["sqreen_mw", "serve", "--port", "0", "--json", "--data-dir", str(data_dir), *options]
    with running_python("-m", *command, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)[1]
        ready = json.loads(line)
        yield CollectorProcess(
            process=process,
            data_dir=data_dir,
            url=ready["url"],
            login=ready["login"],
            first_token=ready["token"],
        )
