"""Which owners of batches are alive: each locks one byte of a file until its process ends.

The kernel releases a POSIX lock when its process ends, and a forked child does not inherit it. It
also releases all locks on a file when the process closes any descriptor of it, so all owners in a
process share one.
"""

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PRIVATE: Final = 0o600
_ID_BITS: Final = 62


class _LockFile:
    """A lock file that this process has open, and the owners in this process."""

    def __init__(self, path: Path) -> None:
        self.owners: Final[set[int]] = set()
        self._path: Final = path
        self._pid: Final = os.getpid()
        self._descriptor: Final = os.open(path, _OPEN, _PRIVATE)
        self._file: Final = os.fstat(self._descriptor)

    @property
    def is_valid(self) -> bool:
        """Whether this process opened it, not its parent, and it was not deleted meanwhile."""
        with suppress(FileNotFoundError):
            is_there = os.path.samestat(self._file, os.lstat(self._path))
            return is_there and self._is_open() and self._pid == os.getpid()
        return False

    def lock(self, owner: int) -> bool:
        """Lock an owner's byte; return False if another process has locked it."""
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, owner)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def unlock(self, owner: int) -> None:
        """Unlock an owner's byte."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, owner)

    def close(self) -> None:
        """Close the file, unless its descriptor is another file's by now."""
        if self._is_open():
            os.close(self._descriptor)

    def _is_open(self) -> bool:
        with suppress(OSError):
            return os.path.samestat(self._file, os.fstat(self._descriptor))
        return False


_files: Final[dict[Path, _LockFile]] = {}


class Owner:
    """An owner of batches, with a random id that no other one has."""

    def __init__(self, path: Path) -> None:
        self.id: Final = secrets.randbits(_ID_BITS)
        self._path: Final = path

    def keep_alive(self) -> None:
        """Lock this owner's byte, unless it is locked.

        Raises:
            OSError: The file can't be opened.
        """
        file = self._open()
        if self.id not in file.owners:
            file.lock(self.id)
            file.owners.add(self.id)

    def is_alive(self, owner: int) -> bool:
        """Return whether the process of an owner runs.

        Raises:
            OSError: The file can't be opened.
        """
        file = self._open()
        if owner in file.owners or not file.lock(owner):
            return True
        file.unlock(owner)
        return False

    def end(self) -> None:
        """Unlock this owner's byte, so that others may claim its batches."""
        file = _files.get(self._path)
        if file is None or not file.is_valid or self.id not in file.owners:
            return
        file.owners.discard(self.id)
        file.unlock(self.id)
        if not file.owners:
            _files.pop(self._path).close()

    def _open(self) -> _LockFile:
        file = _files.get(self._path)
        if file is not None and file.is_valid:
            return file
        _files[self._path] = _LockFile(self._path)
        if file is not None:
            file.close()
        return _files[self._path]
