"""Files of a directory that is open: never through a link, never for others, never unbounded."""

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from sqreen_mw.agent.delivery.spool.framing import MAX_SEGMENT_BYTES

# Opening a pipe would wait for its other end.
SAFE: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
PRIVATE: Final = 0o600


def create(directory: int, name: str, data: bytes) -> None:
    """Write a new file; where that fails there is none.

    Raises:
        OSError: It exists, or can't be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE
    descriptor = os.open(name, flags, PRIVATE, dir_fd=directory)
    try:
        _write(descriptor, data)
    except OSError:
        remove(directory, name)
        raise
    finally:
        os.close(descriptor)


def append(directory: int, name: str, data: bytes) -> None:
    """Write to the end of a file; where that fails it is as long as before, if that can be had.

    Raises:
        OSError: There is no such file, or it can't be written.
    """
    descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | SAFE, dir_fd=directory)
    try:
        size = os.fstat(descriptor).st_size
        try:
            _write(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def read(directory: int, name: str) -> bytes:
    """Return the bytes of a file, at most those of a segment.

    Raises:
        OSError: There is no such file, or it can't be read; ELOOP where it is a link, a pipe or so.
    """
    descriptor = os.open(name, os.O_RDONLY | SAFE, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ELOOP, "it is no file", name)
        return file.read(MAX_SEGMENT_BYTES)


def remove(directory: int, name: str) -> None:
    """Delete a file, unless it is gone.

    Raises:
        OSError: It can't be deleted.
    """
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it: a disk that fills up takes a part first."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
