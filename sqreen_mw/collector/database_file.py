"""Create SQLite files that only their owner can read."""

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from sqreen_mw.errors import ConfigurationError

FileIdentity: TypeAlias = tuple[int, int]
"""The device and the inode of a file."""

WatchedFiles: TypeAlias = Mapping[Path, FileIdentity | None]
"""The files of an open store, each with the identity that it had when it was opened."""

WAL: Final = "-wal"
"""The end of the name of a write-ahead log."""

_SCHEME: Final = "sqlite:///"
_PRIVATE: Final = 0o600
_JOURNALS: Final = (WAL, "-shm", "-journal")
_logger: Final = logging.getLogger("sqreen_mw.collector")


def database_path(url: str, *, setting: str) -> Path:
    """Return the path of a URL such as ``sqlite:///folder/events.db``.

    Four slashes start an absolute path.

    Raises:
        ConfigurationError: The URL has another scheme or no path.
    """
    if not url.startswith(_SCHEME) or not (path := url.removeprefix(_SCHEME)) or path[0] == ":":
        scheme = url.partition(":")[0]
        raise ConfigurationError(
            f"{setting} has the scheme {scheme!r} or no path: use sqlite:///path/to/file.db"
        )
    return Path(path)


def make_private_file(path: Path, *, setting: str) -> None:
    """Create a missing file with mode 0600, and missing folders with mode 0700.

    If others can read or write an existing file or its journals, the mode becomes 0600. SQLite
    creates journals with the mode of the database.

    Raises:
        ConfigurationError: The folder or the file cannot be created or written, or its mode cannot
            be changed.
    """
    try:
        for folder in reversed([path.parent, *path.parent.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}): choose another --data-dir or {setting}"
        ) from error
    for name in ("", *_JOURNALS):
        _make_private(path.with_name(path.name + name))


def file_identity(path: Path) -> FileIdentity | None:
    """Return the identity of the file at a path, or None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def opened_files(path: Path) -> dict[Path, FileIdentity | None]:
    """Return a database that was just opened, and its write-ahead log, with their identities."""
    return {file: file_identity(file) for file in (path, path.with_name(path.name + WAL))}


def _make_private(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode != _PRIVATE:
            path.chmod(_PRIVATE)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(
            f"other users can read {path}, and its mode cannot be changed ({error.strerror}): run "
            f"'chmod 600 {path}' as its owner"
        ) from error
    if mode & ~_PRIVATE:
        _logger.warning("%s had the mode %03o: it is now 600, for its owner only", path, mode)
