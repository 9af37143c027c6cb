"""Servers of applications, each in its own process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import PATIENCE, wait_until


@contextmanager
def run_server(
    arguments: Sequence[str], *, port: int, log: Path, settings: Mapping[str, str]
) -> Iterator[None]:
    """Run a server in Python until the block ends; it listens when the block begins."""
    with run_program([sys.executable, *arguments], port=port, log=log, settings=settings):
        yield


@contextmanager
def run_program(
    command: Sequence[str], *, port: int, log: Path, settings: Mapping[str, str]
) -> Iterator[None]:
    """Run a server until the block ends; it listens when the block begins."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **settings}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, env=clean_environment(environment)
        )
        try:
            wait_until(lambda: _listens(process, port, log), hint=log.read_text)
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def wait_until_listening(port: int) -> None:
    """Wait until something listens on a port of loopback."""
    wait_until(lambda: _accepts(port), hint=lambda: f"nothing listens on port {port}")


def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return _accepts(port)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True
