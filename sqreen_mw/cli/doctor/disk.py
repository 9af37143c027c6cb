"""Checks the events file and the spool directory on this machine."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.agent.delivery.spool.database import Database, stored_bytes
from sqreen_mw.agent.delivery.spool.directory import SpoolDirectory, UnsafeDirectoryError
from sqreen_mw.agent.delivery.transports.local import file_path
from sqreen_mw.cli.doctor.finding import Finding

_MIB: Final = 1024 * 1024
_PROBE: Final = b"\0" * 4096
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SPOOL_DIR: Final = SETTINGS["spool_dir"].variable
_SPOOL_SIZE: Final = SETTINGS["spool_size"].variable


def check_disk(config: Config) -> list[Finding]:
    """Return the findings about the files that the app writes. Leaves no file behind."""
    if config.url is None or config.disable:
        return []
    findings: list[Finding] = []
    if urlsplit(config.url).scheme == "file":
        findings.append(_file(file_path(config.url)))
    if config.spool_dir is not None:
        findings += _spool(Path(config.spool_dir), config)
    return findings


def _file(path: Path) -> Finding:
    """Open the file like the app does, but without creating it."""
    try:
        # O_NONBLOCK: opening a named pipe would wait for its reader.
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    except FileNotFoundError:
        return _new_file(path)
    except IsADirectoryError:
        return Finding("file", "problem", f"{path} is a directory: choose a file in it")
    except OSError as error:
        detail = f"{path} can't be written ({error.strerror}): {_fix('url', error.errno)}"
        return Finding("file", "problem", detail)
    return Finding("file", "ok", f"{path} can be written")


def _new_file(path: Path) -> Finding:
    folder = path.parent
    if not folder.is_dir():
        detail = f"{path} can't be created because the directory {folder} is missing: create it"
    elif not _writable(folder):
        detail = (
            f"{path} can't be created because this user has no write permission for {folder}: "
            f"{_fix('url')}"
        )
    else:
        return Finding("file", "ok", f"{path} will be created with the first event")
    return Finding("file", "problem", detail)


def _spool(path: Path, config: Config) -> list[Finding]:
    if not os.path.lexists(path):
        return [_new_spool(path)]
    directory = SpoolDirectory(path)
    own = Database(directory, app=config.spool_owner).path
    try:
        with directory.opened() as descriptor:
            _write(descriptor)
            free = os.fstatvfs(descriptor)
            sizes = {each: _stored(each) for each in path.glob("spool-*.db")}
    except UnsafeDirectoryError as error:
        return [_unsafe(path, error)]
    except BlockingIOError:
        detail = f"{path} is locked by a process that does not continue: look for a stopped process"
        return [Finding("spool", "problem", detail)]
    except OSError as error:
        fault = f"{path} can't be used, so events wait in memory only ({error.strerror})"
        return [Finding("spool", "problem", f"{fault}: {_fix('spool_dir', error.errno)}")]
    used = sizes.pop(own, 0)
    return [
        _room(path, used, size=config.spool_size, free=free.f_bavail * free.f_frsize),
        *_others(path, sum(map(bool, sizes.values()))),
    ]


def _unsafe(path: Path, error: UnsafeDirectoryError) -> Finding:
    if error.is_fatal:
        detail = f"the app does not start because {path} is not safe: {error}"
        return Finding("spool", "problem", detail)
    detail = f"the app starts because it runs as root, but does not use {path}: {error}"
    return Finding("spool", "warning", detail)


def _new_spool(path: Path) -> Finding:
    above = next(each for each in path.parents if os.access(each, os.F_OK))
    if _writable(above):
        return Finding("spool", "ok", f"{path} will be created when the app starts")
    detail = (
        f"{path} can't be created because this user has no write permission for {above}: "
        f"{_fix('spool_dir')}"
    )
    return Finding("spool", "problem", detail)


def _write(directory: int) -> None:
    """Write and delete a file.

    Raises:
        OSError: The directory can't be written.
    """
    name = f"doctor-{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        os.write(file, _PROBE)
    finally:
        os.close(file)
        os.unlink(name, dir_fd=directory)


def _stored(path: Path) -> int:
    """Return the bytes of the events in a database, or of the file if it can't be read."""
    try:
        return stored_bytes(path)
    except sqlite3.Error:
        return path.lstat().st_size


def _room(path: Path, used: int, *, size: int, free: int) -> Finding:
    content = f"it contains {used / _MIB:.1f} of at most {size / _MIB:g} MiB"
    if used + free >= size:
        return Finding("spool", "ok", f"{path} is private and can be written; {content}")
    detail = (
        f"the disk of {path} has only {free / _MIB:.0f} MiB left, and {content}: free some space, "
        f"or set a smaller {_SPOOL_SIZE}"
    )
    return Finding("spool", "warning", detail)


def _others(path: Path, count: int) -> list[Finding]:
    if count <= 0:
        return []
    detail = (
        f"{count} files in {path} contain events of another app, name or token, which this app "
        f"does not send: give each app its own {_SPOOL_DIR}"
    )
    return [Finding("spool", "warning", detail)]


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _fix(setting: str, code: int | None = None) -> str:
    if code in _FULL:
        return "free some space on that disk"
    variable = SETTINGS[setting].variable
    return f"give it to the user that the app runs as, or set {variable} to another path"
