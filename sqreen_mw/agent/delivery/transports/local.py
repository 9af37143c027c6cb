"""Opens the transport of a URL. Files, the terminal and memory, which need no network, are here."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import unquote, urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.interfaces import Delivered, Outcome, Retry, Transport
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event import Event


def open_transport(
    url: str,
    *,
    token: str,
    user_agent: str,
    proxy: Proxy | None = None,
    ca_file: str | None = None,
) -> Transport:
    """Return the transport for the scheme of a URL: http, https, file, console or memory."""
    match urlsplit(url).scheme:
        case "file":
            return FileTransport(file_path(url))
        case "console":
            return ConsoleTransport()
        case "memory":
            return MemoryTransport(url)
        case _:
            # Imported here: it takes 100 ms, and other transports do not need it.
            from sqreen_mw.agent.delivery.transports.http import HttpTransport

            return HttpTransport(
                url=url, token=token, user_agent=user_agent, proxy=proxy, ca_file=ca_file
            )


_events_by_url: Final[dict[str, list[Event]]] = {}


def memory_events(url: str = "memory://") -> list[Event]:
    """Return the list of events of a ``memory://`` URL."""
    return _events_by_url.setdefault(url, [])


class MemoryTransport:
    """Appends events to the list of its URL."""

    def __init__(self, url: str) -> None:
        self._events: Final = memory_events(url)

    async def send(self, batch: Batch, *, seconds: float) -> Delivered:
        """Append the events."""
        self._events.extend(decode_event(bytes(raw)) for raw in batch.envelope.events)
        return Delivered()

    async def close(self) -> None:
        """Keep the events, so that a test can read them."""


def file_path(url: str) -> Path:
    """Return the path of a ``file://`` URL."""
    return Path(unquote(urlsplit(url).path))


class FileTransport:
    """Appends one JSON line per event to a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Append a batch. If the disk is full or missing, it is tried again later."""
        try:
            _append(self._path, _lines(batch))
        except OSError as error:
            return Retry(f"{self._path} can't be written: {error.strerror}")
        return Delivered()

    async def close(self) -> None:
        """Do nothing, as no file is open."""


class ConsoleTransport:
    """Writes one JSON line per event to the terminal, for development."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: Final = sys.stderr if stream is None else stream

    async def send(self, batch: Batch, *, seconds: float) -> Delivered:
        """Write the events."""
        self._stream.write(_lines(batch).decode())
        self._stream.flush()
        return Delivered()

    async def close(self) -> None:
        """Leave the terminal open."""


def _lines(batch: Batch) -> bytes:
    return b"".join(bytes(raw) + b"\n" for raw in batch.envelope.events)


def _append(path: Path, data: bytes) -> None:
    """Append data to a file. If that fails, the file is truncated to its former size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode=0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as file, _locked(descriptor):
        size = os.fstat(descriptor).st_size
        try:
            left = memoryview(data)
            while left:  # a disk that fills up accepts a part first
                left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):
                file.truncate(size)
            raise


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Lock the file against other processes of the app, if the file system has locks."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        # A child forked meanwhile has the descriptor as well, so closing it is not enough.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
