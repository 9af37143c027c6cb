import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from sqreen_mw.cli.demo.sites import check_installed
from sqreen_mw.errors import ConfigurationError

pytestmark = pytest.mark.slow

_COMMAND = [sys.executable, "-m", "sqreen_mw", "demo"]
_ANY_PORTS = ["--port", "0", "--shop-port", "0", "--bank-port", "0"]
SECONDS = 120

_T = TypeVar("_T")


class Demo:
    """A demo in its own process session, and the line that it printed."""

    def __init__(self, process: subprocess.Popen[str], line: dict[str, str]) -> None:
        self.process = process
        self.links = line

    def members(self) -> dict[int, str]:
        """Return the command lines of the session's processes, by process id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
                command = (folder / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(after_name[3]) == self.process.pid:
                found[int(folder.name)] = command
        return found

    def child(self, word: str) -> int:
        """Return the oldest process whose command line contains a word."""
        return min(number for number, command in self.members().items() if word in command)


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[Demo]:
    """Run the demo until the block ends, with temporary files in a directory."""
    with subprocess.Popen(
        [*_COMMAND, "--json", *_ANY_PORTS, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            yield Demo(process, json.loads(line))
        finally:
            process.terminate()
            process.wait(SECONDS)


def _until(ask: Callable[[], _T], *, holds: Callable[[_T], bool]) -> _T:
    deadline = time.monotonic() + SECONDS
    while not holds(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


def _events(client: httpx2.Client, app: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/events/query", params={"app": app, "limit": 200})
    assert answer.status_code == 200, answer.text
    stored: list[dict[str, Any]] = answer.json()["events"]
    return stored


def _live_apps(client: httpx2.Client) -> set[str]:
    answer = client.get("/v1/instances").raise_for_status().json()
    return {instance["app"] for instance in answer["instances"] if not instance["ended"]}


@pytest.mark.smoke
def test_demo_shows_both_sites_and_leaves_nothing(tmp_path: Path) -> None:
    """The sign-in link opens a collector with events of both sites; SIGINT stops everything.

    The Overview shows a live instance of each app.
    """
    with running_demo(tmp_path, "--visitors-rate", "20") as demo:
        links = demo.links
        with httpx2.Client(base_url=links["url"], follow_redirects=True, timeout=SECONDS) as client:
            for _ in range(2):  # The link can be used again.
                assert client.post(links["login"]).status_code == 200
            for app in ("shop", "bank"):
                stored = _until(partial(_events, client, app), holds=lambda found: len(found) >= 10)
                assert {event["env"] for event in stored} == {"demo"}
                addresses = {event["event"]["request"]["ip"].rpartition(".")[0] for event in stored}
                assert addresses <= {"203.0.113", "198.51.100"}
            _until(partial(_live_apps, client), holds=lambda live: live == {"shop", "bank"})
            page = client.get("/overview").text
            assert "No event lost in the last 24 hours" in page
            assert page.count("is-live") == 2
        assert httpx2.get(links["shop"], timeout=SECONDS).status_code == 200
        assert httpx2.get(links["bank"], follow_redirects=True, timeout=SECONDS).status_code == 200
        assert len(demo.members()) == 5

        demo.process.send_signal(signal.SIGINT)
        out, err = demo.process.communicate(timeout=SECONDS)

        assert (demo.process.returncode, out, err) == (0, "", "")
        assert demo.members() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_stop_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP stop all processes."""
    with running_demo(tmp_path, "--no-visitors") as demo:
        demo.process.send_signal(number)

        assert demo.process.wait(SECONDS) == 0
        assert demo.members() == {}


def test_part_that_dies_is_named(tmp_path: Path) -> None:
    """If a part dies, the others are stopped and the exit code is 1."""
    with running_demo(tmp_path, "--no-visitors") as demo:
        os.kill(demo.child("gunicorn"), signal.SIGKILL)

        _, err = demo.process.communicate(timeout=SECONDS)
        assert demo.process.returncode == 1
        assert err.startswith("The bank stopped (exit code -9).")
        assert _until(demo.members, holds=lambda members: not members) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which signals orphans")
def test_killed_demo_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL of the demo ends all of its processes."""
    with running_demo(tmp_path, "--no-visitors") as demo:
        demo.process.kill()
        demo.process.wait()

        assert _until(demo.members, holds=lambda members: not members) == {}


def test_taken_port_is_named_with_its_option() -> None:
    """A taken port is one line on stderr, before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*_COMMAND, *_ANY_PORTS, "--bank-port", port],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert port in ended.stderr
    assert "--bank-port" in ended.stderr


def test_port_given_twice_is_named_with_both_options() -> None:
    """The message names both options, even if the port is free."""
    done = subprocess.run(
        [*_COMMAND, "--port", "7090", "--shop-port", "0", "--bank-port", "7090"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        "sqreen-mw: port 7090 is given by --port and by --bank-port: choose two different ports\n"
    )


def test_missing_package_is_named_with_the_fix() -> None:
    """The message contains the install command."""
    with pytest.raises(ConfigurationError, match=r'needs no_such_package: pip install ".*\[demo]"'):
        check_installed(("json", "no_such_package"))
