"""Running a stub server for as long as a contestant is measured."""

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
    """A stub server that listens.

    Attributes:
        url: Where.
    """

    url: str

    def at(self, host: str) -> str:
        """Return where it is, by a name or an address of this machine."""
        return f"http://{host}:{urlsplit(self.url).port}"

    def count(self) -> int:
        """Return how many events it was told so far."""
        return self._ask("/count")

    def settled(self, seconds: float = 10) -> int:
        """Return how many events it was told once all that were connected are gone."""
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
        stalls: Whether it reads what it is sent, and never answers.
        delay: Seconds that it takes for each request.
    """
    given = ["--delay", str(delay), *(["--stalls"] if stalls else [])]
    command = [sys.executable, "-m", "benchmarks.stub", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 it is piped
        try:
            yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()
