"""The product's own processes: the collector, the example sites, and scripts that track."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
SECONDS = 120


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this environment with these SQREEN_ settings and no others.

    Django's settings stay behind too: a test of this process may have set it up on its own.
    """
    ours = ("SQREEN_", "DJANGO_SETTINGS_MODULE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **settings}


def signalled_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return that environment for a process to which SIGTERM is sent, without coverage.

    Coverage handles that signal, and ours then leaves it alone.
    """
    kept = clean_environment(settings)
    return {name: value for name, value in kept.items() if not name.startswith("COVERAGE_")}


def run_script(script: str, settings: Mapping[str, str]) -> tuple[str, str]:
    """Run a script to its end, which must be a good one, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        cwd=ROOT,
        env=clean_environment(settings),
    )
    return done.stdout, done.stderr


@contextmanager
def running(*arguments: str, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this Python until the block ends, then stop it as a supervisor would."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(settings),
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)


@dataclass(frozen=True)
class CollectorProcess:
    """A collector in its own process."""

    url: str
    login: str
    data_dir: Path
    pid: int

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let it hang, as a machine that swaps: it takes connections and answers none."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def instances(self, app: str) -> dict[str, Any]:
        """Return what the collector knows of an app's processes."""
        headers = {"Authorization": f"Bearer {self.token(app, 'query')}"}
        answer = httpx2.get(
            f"{self.url}/v1/instances", headers=headers, timeout=SECONDS
        ).raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def token(self, app: str, *scopes: str) -> str:
        """Make a token as an operator does, on the command line."""
        options = [option for scope in scopes for option in ("--scope", scope)]
        command = ["sqreen_mw", "tokens", "create", app, "--data-dir", str(self.data_dir), *options]
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
            cwd=ROOT,
            env=clean_environment({}),
        )
        return done.stdout.strip()

    def settings(self, app: str, **more: str) -> dict[str, str]:
        """Return the settings that let an app send events here."""
        return {"SQREEN_URL": self.url, "SQREEN_TOKEN": self.token(app), **more}

    def events(self, app: str, *, at_least: int = 0) -> list[dict[str, Any]]:
        """Return the events of an app, newest first, once there are so many."""
        headers = {"Authorization": f"Bearer {self.token(app, 'query')}"}
        end = time.monotonic() + SECONDS
        with httpx2.Client(base_url=self.url, headers=headers, timeout=SECONDS) as client:
            while True:
                found = _all_pages(client)
                if len(found) >= at_least:
                    return found
                assert time.monotonic() < end, f"{len(found)} of {at_least} events came"
                time.sleep(0.1)


def _all_pages(client: httpx2.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, str | int] = {"limit": 1000}
    while True:
        answer = client.get("/v1/events/query", params=params).raise_for_status().json()
        found += answer["events"]
        if not answer["next_page_token"]:
            return found
        params["page_token"] = answer["next_page_token"]


@contextmanager
def collector(data_dir: Path, *options: str) -> Iterator[CollectorProcess]:
    """Serve a collector on any free port."""
    command = ["sqreen_mw", "serve", "--port", "0", "--json", "--data-dir", str(data_dir), *options]
    with running(*command, settings={}) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield CollectorProcess(
            url=ready["url"], login=ready["login"], data_dir=data_dir, pid=process.pid
        )


def wait_until_answered(url: str, seconds: float = SECONDS) -> None:
    """Wait until a site answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            httpx2.get(url)
        except httpx2.HTTPError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.05)
        else:
            return
