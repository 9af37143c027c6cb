"""The directory of a spool: private, and used by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sqreen_mw.agent.delivery.spool.locks import lock_soon
from sqreen_mw.agent.delivery.spool.names import desk_of_lock, read_segment_name

_PRIVATE: Final = 0o700
_WRITABLE_BY_OTHERS: Final = 0o022
_ROOT: Final = 0


class UnsafeDirectoryError(OSError):
    """Others could put their events there, or read ours."""

    @property
    def is_fatal(self) -> bool:
        """Whether the app does not start."""
        return True


class AnotherUsersDirectoryError(UnsafeDirectoryError):
    """Its owner could."""

    @property
    def is_fatal(self) -> bool:
        """Whether the app does not start: as root it may be its workers', and only they use it."""
        return os.geteuid() != _ROOT


class Segment(NamedTuple):
    """A segment that lies in the directory; of two, the lesser began earlier."""

    began: int
    name: str
    desk: str
    size: int


class Directory:
    """A spool's directory, and which of its files are the app's."""

    def __init__(self, path: Path, *, key: str) -> None:
        self.key: Final = key
        self._path: Final = path

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Give the directory's descriptor, and keep other processes out meanwhile.

        It is made if it is missing, and looked at each time: a path may be another one by now.

        Raises:
            UnsafeDirectoryError: It is a link, or another user may write to it, or owns it.
            OSError: It can't be made or opened, or another process does not come to an end.
        """
        descriptor = self._open()
        try:
            _check(os.fstat(descriptor))
            lock_soon(descriptor)
            try:
                yield descriptor
            finally:
                # Not by closing alone: a child that was forked meanwhile has it open as well.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def segments(self, descriptor: int) -> list[Segment]:
        """Return the app's segments, the oldest first."""
        found: list[Segment] = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name = read_segment_name(entry.name, self.key)
                if name is not None:
                    found.append(Segment(*name, entry.stat(follow_symlinks=False).st_size))
        return sorted(found)

    def desks(self, descriptor: int) -> set[str]:
        """Return the desks that have a lock or a segment."""
        names = os.listdir(descriptor)
        locks = (desk_of_lock(name, self.key) for name in names)
        segments = (read_segment_name(name, self.key) for name in names)
        return {desk for desk in locks if desk} | {each.desk for each in segments if each}

    def _open(self) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(self._path, flags)
        except FileNotFoundError:
            self._path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            return os.open(self._path, flags)
        except NotADirectoryError as error:
            raise UnsafeDirectoryError("it is a link, or no directory") from error


def _check(status: os.stat_result) -> None:
    """See that a directory is fit: for root as for any other user."""
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise UnsafeDirectoryError("other users may write to it: chmod 700 it")
    if status.st_uid not in {os.geteuid(), _ROOT}:
        message = "it is another user's: chown it to the user that the app runs as"
        raise AnotherUsersDirectoryError(message)
