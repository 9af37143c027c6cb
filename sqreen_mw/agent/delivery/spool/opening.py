"""A spool for each process of an app, as the settings have it."""

from collections.abc import Callable
from pathlib import Path

from sqreen_mw.agent.delivery.queue import Buffer
from sqreen_mw.agent.delivery.spool.base import Spool
from sqreen_mw.agent.delivery.spool.bounds import Bounds
from sqreen_mw.agent.delivery.spool.directory import Directory, UnsafeDirectoryError
from sqreen_mw.agent.delivery.spool.disk import DiskSpool
from sqreen_mw.agent.delivery.spool.joining import JoiningSpool
from sqreen_mw.agent.delivery.spool.names import key_of
from sqreen_mw.agent.guard import Guard
from sqreen_mw.errors import ConfigurationError


def spool_opener(
    path: Path, *, owner: str, size: int, age: float, guard: Guard
) -> Callable[[Buffer], Spool]:
    """Return what opens the spool in a directory, which is made if it is missing.

    One that can't be used now is tried again when it is needed.

    Args:
        path: The directory.
        owner: Whose events these are: those of others in the same directory are left alone.
        size: The bytes that it holds at most.
        age: The seconds for which it holds them at most.
        guard: Is told what fails.

    Raises:
        ConfigurationError: Other users could put events there, or read them.
    """
    directory = Directory(path, key=key_of(owner))
    _try_out(directory, path, guard)
    bounds = Bounds(size=size, age=age)

    def open_spool(buffer: Buffer) -> Spool:
        return JoiningSpool(DiskSpool(buffer, directory=directory, bounds=bounds, guard=guard))

    return open_spool


def _try_out(directory: Directory, path: Path, guard: Guard) -> None:
    try:
        with directory.opened():
            pass
    except UnsafeDirectoryError as error:
        if not error.is_fatal:
            return
        raise ConfigurationError(
            f"spool_dir / SQREEN_SPOOL_DIR is not safe, {error} (it is {str(path)!r})"
        ) from error
    except OSError as error:
        message = "the spool %s can't be used (%s), so events wait in memory only"
        guard.warn("spool", message, path, error.strerror or error)
