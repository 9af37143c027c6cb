"""Running a stub server for as long as a contestant is measured."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection


@dataclass(frozen=True)
class Stub:
    """A stub server that listens.

    Attributes:
        url: Where.
    """

    url: str

    def count(self) -> int:
        """Return how many events it was told so far."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", "/count")
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def running_stub(*, stalls: bool = False) -> Iterator[Stub]:
    """Run a stub server; one that stalls reads what it is sent, and never answers."""
    command = [sys.executable, "-m", "benchmarks.stub", *(["--stalls"] if stalls else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 it is piped
        try:
            yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()
