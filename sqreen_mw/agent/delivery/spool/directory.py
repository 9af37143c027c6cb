"""The private directory of a spool."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqreen_mw.agent.guard import Guard
from sqreen_mw.errors import ConfigurationError

_PRIVATE: Final = 0o700
_WRITABLE_BY_OTHERS: Final = 0o022
_ROOT: Final = 0
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafeDirectoryError(OSError):
    """Other users could add events to the directory or read ours."""

    @property
    def is_fatal(self) -> bool:
        """Whether the app does not start."""
        return True


class AnotherUsersDirectoryError(UnsafeDirectoryError):
    """Another user owns the directory."""

    @property
    def is_fatal(self) -> bool:
        """Whether the app does not start: root may start workers that run as the owner."""
        return os.geteuid() != _ROOT


class SpoolDirectory:
    """A directory that belongs to this user, or to root, and that no other user may write to.

    Attributes:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Check the directory and yield its descriptor; it is created if it is missing.

        Check it before each use, because the path may lead to another directory by now.

        Raises:
            UnsafeDirectoryError: The directory is a link, or another user owns it or may write.
            OSError: The directory can't be opened.
        """
        descriptor = self._open()
        try:
            _check(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Check the directory, like ``opened``."""
        with self.opened():
            pass

    def check_at_start(self, guard: Guard) -> None:
        """Check the directory, and log an error that may pass.

        Raises:
            ConfigurationError: Other users could add events to the directory, or read them.
        """
        try:
            self.check()
        except UnsafeDirectoryError as error:
            if not error.is_fatal:
                return
            raise ConfigurationError(
                f"spool_dir / SQREEN_SPOOL_DIR is not safe, {error} (it is {str(self.path)!r})"
            ) from error
        except OSError as error:
            message = "the spool %s can't be used (%s), so events wait in memory only"
            guard.warn("spool", message, self.path, error.strerror or error)

    def _open(self) -> int:
        try:
            return os.open(self.path, _OPEN)
        except FileNotFoundError:
            self.path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            return os.open(self.path, _OPEN)
        except NotADirectoryError as error:
            raise UnsafeDirectoryError("it is a link, or no directory") from error


def _check(status: os.stat_result) -> None:
    """Check owner and mode, for root as for any other user."""
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise UnsafeDirectoryError("other users may write to it: chmod 700 it")
    if status.st_uid not in {os.geteuid(), _ROOT}:
        message = "another user owns it: chown it to the user that the app runs as"
        raise AnotherUsersDirectoryError(message)
