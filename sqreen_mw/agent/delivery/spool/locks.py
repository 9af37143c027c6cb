"""Locks that end with their process, however it ends, and that no forked child holds on to."""

import fcntl
import os
import time
from contextlib import suppress
from typing import Final

from sqreen_mw.agent.delivery.spool.files import PRIVATE, SAFE

PATIENCE: Final = 0.2
"""Seconds to wait for another process that uses the directory; it takes a millisecond."""

_POLL: Final = 0.002


class Lock:
    """A file that is locked until ``release``, or until this process ends."""

    def __init__(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self._descriptor: Final = descriptor
        self._file: Final = (status.st_dev, status.st_ino)
        self._pid: Final = os.getpid()
        _held.add(self)

    def release(self) -> None:
        """Let others have it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.forget()

    def forget(self) -> None:
        """Close the file: in a forked child this leaves the lock to the parent."""
        _held.discard(self)
        with suppress(OSError):
            status = os.fstat(self._descriptor)
            # A daemon closes what it does not know, and the number may be another file's now.
            if (status.st_dev, status.st_ino) == self._file:
                os.close(self._descriptor)

    def lies_at(self, directory: int, name: str) -> bool:
        """Tell whether its file is there, so that others see it; somebody may have tidied."""
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._file

    @property
    def inherited(self) -> bool:
        """Whether it is the parent's."""
        return self._pid != os.getpid()


_held: Final[set[Lock]] = set()


def forget_inherited() -> None:
    """Close the parent's locks, in a child: else they would outlive the parent."""
    for lock in [each for each in _held if each.inherited]:
        lock.forget()


os.register_at_fork(after_in_child=forget_inherited)


def claim(directory: int, name: str) -> Lock | None:
    """Return the lock of a file of a directory, or None where another process has it.

    Raises:
        OSError: The file can't be made.
    """
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | SAFE, PRIVATE, dir_fd=directory)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return Lock(descriptor)


def lock_soon(descriptor: int) -> None:
    """Lock an open file or directory.

    Raises:
        OSError: Another process has it for longer than it takes, as one that is stopped has.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(_POLL)
