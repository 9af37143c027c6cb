"""The collector as a process of its own, as users run it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

SECONDS = 120


@dataclass(frozen=True)
class Serving:
    """A collector that is ready, with what its first line of output told."""

    process: subprocess.Popen[str]
    url: str
    login: str | None
    token: str | None


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Serving]:
    """Run ``serve`` on a free port; it is killed at the end if it still runs then."""
    command = [sys.executable, "-m", "sqreen_mw", "serve", "--json", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=SECONDS)[1]
        yield Serving(process, **msgspec.json.decode(line))
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
