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

from sqreen_mw.cli.demonstration.sites import check_installed
from sqreen_mw.errors import ConfigurationError

_COMMAND = [sys.executable, "-m", "sqreen_mw", "demo"]
_ANY_PORTS = ["--port", "0", "--shop-port", "0", "--bank-port", "0"]
SECONDS = 120

_T = TypeVar("_T")


class Demo:
    """A demonstration in a session of its own, and what it printed."""

    def __init__(self, process: subprocess.Popen[str], line: dict[str, str]) -> None:
        self.process = process
        self.links = line

    def members(self) -> dict[int, str]:
        """Return the processes of the session, by number, with their command lines."""
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
        """Return the oldest process with a word in its command line."""
        return min(number for number, command in self.members().items() if word in command)


@contextmanager
def demonstration(folder: Path, *options: str) -> Iterator[Demo]:
    """Play until the block ends, with temporary files in a folder."""
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
    told = client.get("/v1/instances").raise_for_status().json()
    return {instance["app"] for instance in told["instances"] if not instance["ended"]}


def test_demo_shows_both_sites_and_leaves_nothing(tmp_path: Path) -> None:
    """The login link opens a collector with events of both sites; SIGINT ends all of it.

    The Overview has a living process of each.
    """
    with demonstration(tmp_path, "--visitors-rate", "20") as demo:
        links = demo.links
        with httpx2.Client(base_url=links["url"], follow_redirects=True, timeout=SECONDS) as client:
            assert client.get(links["login"]).status_code == 200
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
        said, complained = demo.process.communicate(timeout=SECONDS)

        assert (demo.process.returncode, said, complained) == (0, "", "")
        assert demo.members() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def heeded_hangup() -> Iterator[None]:
    """Heed SIGHUP, which below nohup is ignored, by children and so by the demo as well."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heeded_hangup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_too(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM, and the end of the terminal, stop everything."""
    with demonstration(tmp_path, "--no-visitors") as demo:
        demo.process.send_signal(number)

        assert demo.process.wait(SECONDS) == 0
        assert demo.members() == {}


def test_part_that_dies_is_named(tmp_path: Path) -> None:
    """When a part ends by itself, the rest is stopped and the exit code is 1."""
    with demonstration(tmp_path, "--no-visitors") as demo:
        os.kill(demo.child("gunicorn"), signal.SIGKILL)

        _, complained = demo.process.communicate(timeout=SECONDS)
        assert demo.process.returncode == 1
        assert complained.startswith("The bank has died (exit code -9).")
        assert _until(demo.members, holds=lambda members: not members) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a killed parent")
def test_killed_demo_leaves_nothing(tmp_path: Path) -> None:
    """Even SIGKILL, which can't be handled, ends all processes."""
    with demonstration(tmp_path, "--no-visitors") as demo:
        demo.process.kill()
        demo.process.wait()

        assert _until(demo.members, holds=lambda members: not members) == {}


def test_taken_port_is_named_with_its_option() -> None:
    """A port in use is refused on one line, before anything is started."""
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


def test_one_port_twice_is_named_with_both_options() -> None:
    """Two parts can't share a port: the message names both options, whatever listens there."""
    done = subprocess.run(
        [*_COMMAND, "--port", "7090", "--shop-port", "0", "--bank-port", "7090"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        "sqreen-mw: port 7090 is given by --port and by --bank-port: choose another for one\n"
    )


def test_missing_package_is_named_with_the_fix() -> None:
    """Without the packages that the sites stand on, the message says what to install."""
    with pytest.raises(ConfigurationError, match=r'needs no_such_package: pip install ".*\[demo]"'):
        check_installed(("json", "no_such_package"))
