"""Runs a stub server while a contestant is measured."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Stub:
    """A running stub server.

    Attributes:
        url: Its URL.
    """

    url: str

    def at(self, host: str) -> str:
        """Return its URL with another name or address of this machine."""
        return f"http://{host}:{urlsplit(self.url).port}"

    def count(self) -> int:
        """Return the number of events so far."""
        return self._ask("/count")

    def settled(self, seconds: float = 10) -> int:
        """Return the number of events after all other connections are closed."""
        end = time.monotonic() + seconds
        while self._ask("/others") and time.monotonic() < end:
            time.sleep(0.02)
        return self.count()

    def _ask(self, path: str) -> int:
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path)
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def running_stub(*, stalls: bool = False, delay: float = 0) -> Iterator[Stub]:
    """Run a stub server.

    Args:
        stalls: If True, it reads requests and never answers.
        delay: Seconds before each answer.
    """
    given = ["--delay", str(delay), *(["--stalls"] if stalls else [])]
    command = [sys.executable, "-m", "benchmarks.stub", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()
