"""Opens the spool of each process of an app."""

from collections.abc import Callable
from pathlib import Path

from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.spool.base import Spool
from sqreen_mw.agent.delivery.spool.database import Database
from sqreen_mw.agent.delivery.spool.directory import SpoolDirectory, UnsafeDirectoryError
from sqreen_mw.agent.delivery.spool.eviction import SpoolLimits
from sqreen_mw.agent.delivery.spool.sqlite_spool import Clocks, SqliteSpool
from sqreen_mw.agent.guard import Guard
from sqreen_mw.errors import ConfigurationError


def spool_opener(
    path: Path,
    *,
    app: str,
    size: int,
    age: float,
    guard: Guard,
    clocks: Clocks | None = None,
) -> Callable[[EventQueue], Spool]:
    """Return a function that opens the spool in a directory for one queue.

    A directory that can't be used now is tried again when it is needed.

    Args:
        path: The directory, which is created if it is missing.
        app: Whose events these are: those of other apps in the directory are left alone.
        size: The most bytes that the spool uses on disk.
        age: The most seconds that it keeps events.
        guard: Logs and counts faults.
        clocks: The time.

    Raises:
        ConfigurationError: Other users could add events to the directory, or read them.
    """
    directory = SpoolDirectory(path)
    limits = SpoolLimits(size=size, age=age)
    _check(directory, guard)

    def open_spool(queue: EventQueue) -> Spool:
        database = Database(directory, app=app)
        return SqliteSpool(
            queue, database=database, limits=limits, guard=guard, clocks=clocks or Clocks()
        )

    return open_spool


def _check(directory: SpoolDirectory, guard: Guard) -> None:
    try:
        directory.check()
    except UnsafeDirectoryError as error:
        if not error.is_fatal:
            return
        raise ConfigurationError(
            f"spool_dir / SQREEN_SPOOL_DIR is not safe, {error} (it is {str(directory.path)!r})"
        ) from error
    except OSError as error:
        message = "the spool %s can't be used (%s), so events wait in memory only"
        guard.warn("spool", message, directory.path, error.strerror or error)
