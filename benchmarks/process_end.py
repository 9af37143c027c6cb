"""Runs a process that loses events until its end or a timeout."""

import json
import signal
import subprocess
import sys
import time
from typing import Any, Final, NamedTuple

from benchmarks.losing_process import DONE

SECONDS: Final = 30.0
"""Seconds until a process that does not end is killed."""


class Ended(NamedTuple):
    """The end of a process.

    Attributes:
        seconds: Time from its last event to its end.
        killed: True if it did not end by itself.
        counts: The counters of ours at its end; empty for peers.
    """

    seconds: float
    killed: bool
    counts: dict[str, Any]


def run_to_end(
    name: str, url: str, *, events: int, end: str, settings: tuple[str, ...] = ()
) -> Ended:
    """Run a contestant's process that tracks events, and return its end.

    Args:
        name: The contestant.
        url: The server of the events.
        events: The number of events.
        end: The kind of end; ``signal`` is SIGTERM after the last event.
        settings: Environment variables as ``NAME=value``.

    Raises:
        RuntimeError: It failed before it had tracked all events.
    """
    given = ["--name", name, "--url", url, "--events", str(events), "--end", end]
    command = ["env", *settings, sys.executable, "-m", "benchmarks.losing_process", *given]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdout=pipe, stderr=nowhere, text=True) as process:
        assert process.stdout is not None
        try:
            if DONE not in (line.strip() for line in iter(process.stdout.readline, "")):
                raise RuntimeError(f"{name} failed: {command}")
            begin = time.monotonic()
            if end == "signal":
                process.send_signal(signal.SIGTERM)
            killed = not _has_ended(process)
            seconds = time.monotonic() - begin
        finally:
            process.kill()
        lines = process.stdout.read().splitlines()
    return Ended(seconds, killed, json.loads(lines[-1]) if lines else {})


def _has_ended(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True
