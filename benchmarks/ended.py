"""Running a process that loses, until its end or for as long as anybody waits for it."""

import json
import signal
import subprocess
import sys
import time
from typing import Any, Final, NamedTuple

from benchmarks.losing import DONE

SECONDS: Final = 30.0
"""How long a process may take to end; it is killed then."""


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        seconds: From its last event to its end.
        killed: Whether it had not ended by itself.
        counts: Ours alone: what it says of its events at its end; empty where it says nothing.
    """

    seconds: float
    killed: bool
    counts: dict[str, Any]


def run_to_end(
    name: str, url: str, *, events: int, end: str, settings: tuple[str, ...] = ()
) -> Ended:
    """Return how a contestant's process ended that told of events.

    Args:
        name: The contestant.
        url: Where it sends them.
        events: How many.
        end: How the process ends; by ``signal``, it is sent SIGTERM after its last event.
        settings: Variables of the environment, as ``NAME=value``.

    Raises:
        RuntimeError: It failed before it had told of all.
    """
    given = ["--name", name, "--url", url, "--events", str(events), "--end", end]
    command = ["env", *settings, sys.executable, "-m", "benchmarks.losing", *given]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdout=pipe, stderr=nowhere, text=True) as process:
        assert process.stdout is not None  # noqa: S101 it is piped
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
