"""What the app writes on this machine: the file of its events, and the spool."""

import errno
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.config.table import SETTINGS
from sqreen_mw.agent.delivery.spool.directory import Directory, Segment, UnsafeDirectoryError
from sqreen_mw.agent.delivery.spool.files import create, remove
from sqreen_mw.agent.delivery.spool.names import key_of
from sqreen_mw.agent.delivery.transports.local import path_of
from sqreen_mw.cli.doctor_finding import Finding

_MIB: Final = 1024 * 1024
_PROBE: Final = b"\0" * 4096
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SPOOL_DIR: Final = SETTINGS["spool_dir"].variable
_SPOOL_SIZE: Final = SETTINGS["spool_size"].variable


def look_at_disk(config: Config) -> list[Finding]:
    """Return how it is with what the app writes here; nothing is left there."""
    if config.url is None or config.disable:
        return []
    findings: list[Finding] = []
    if urlsplit(config.url).scheme == "file":
        findings.append(_file(path_of(config.url)))
    if config.spool_dir is not None:
        findings += _spool(Path(config.spool_dir), config)
    return findings


def _file(path: Path) -> Finding:
    """Open the file as the app does, but for making it."""
    try:
        # Opening a pipe would wait for its other end.
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    except FileNotFoundError:
        return _new_file(path)
    except IsADirectoryError:
        return Finding("file", "problem", f"{path} is a directory: name a file in it")
    except OSError as error:
        detail = f"{path} can't be written ({error.strerror}): {_remedy('url', error.errno)}"
        return Finding("file", "problem", detail)
    return Finding("file", "fine", f"{path} can be written")


def _new_file(path: Path) -> Finding:
    folder = path.parent
    if not folder.is_dir():
        detail = f"{path} can't be made, as there is no directory {folder}: make it"
    elif not _writable(folder):
        remedy = _remedy("url")
        detail = f"{path} can't be made, as this user may not write to {folder}: {remedy}"
    else:
        return Finding("file", "fine", f"{path} is made with the first event")
    return Finding("file", "problem", detail)


def _spool(path: Path, config: Config) -> list[Finding]:
    if not os.path.lexists(path):
        return [_new_spool(path)]
    directory = Directory(path, key=key_of(config.spool_owner))
    try:
        with directory.opened() as descriptor:
            _write(descriptor)
            free = os.fstatvfs(descriptor)
            segments = _segments(descriptor)
            own = directory.segments(descriptor)
    except UnsafeDirectoryError as error:
        return [_unsafe(path, error)]
    except BlockingIOError:
        detail = f"{path} is held by a process that does not go on: look for one that is stopped"
        return [Finding("spool", "problem", detail)]
    except OSError as error:
        fault = f"{path} can't be used, so events wait in memory only ({error.strerror})"
        return [Finding("spool", "problem", f"{fault}: {_remedy('spool_dir', error.errno)}")]
    return [
        _room(path, own, size=config.spool_size, free=free.f_bavail * free.f_frsize),
        *_others(path, segments - len(own)),
    ]


def _unsafe(path: Path, error: UnsafeDirectoryError) -> Finding:
    if error.is_fatal:
        detail = f"the app does not start, as {path} is not safe: {error}"
        return Finding("spool", "problem", detail)
    return Finding("spool", "warning", f"as root the app starts, and does not use {path}: {error}")


def _new_spool(path: Path) -> Finding:
    above = next(each for each in path.parents if os.path.exists(each))  # noqa: PTH110 never raises
    if _writable(above):
        return Finding("spool", "fine", f"{path} is made when the app starts")
    remedy = _remedy("spool_dir")
    detail = f"{path} can't be made, as this user may not write to {above}: {remedy}"
    return Finding("spool", "problem", detail)


def _write(directory: int) -> None:
    """Write a file there, and delete it.

    Raises:
        OSError: That fails.
    """
    name = f"doctor-{os.getpid()}"
    create(directory, name, _PROBE)
    remove(directory, name)


def _segments(directory: int) -> int:
    """Return how many files of events there are, whose ever they are."""
    return sum(name.endswith(".segment") for name in os.listdir(directory))


def _room(path: Path, own: list[Segment], *, size: int, free: int) -> Finding:
    used = sum(segment.size for segment in own)
    holds = f"{used / _MIB:.1f} of at most {size / _MIB:g} MiB wait there"
    if used + free >= size:
        return Finding("spool", "fine", f"{path} is private and can be written; {holds}")
    detail = (
        f"the disk of {path} has room for {free / _MIB:.0f} MiB only, and {holds}: make room, or "
        f"set a smaller {_SPOOL_SIZE}"
    )
    return Finding("spool", "warning", detail)


def _others(path: Path, count: int) -> list[Finding]:
    if count <= 0:
        return []
    detail = (
        f"{count} files in {path} hold events of another app, or of another name or token of this "
        f"one, which alone sends them: give each app a {_SPOOL_DIR} of its own"
    )
    return [Finding("spool", "warning", detail)]


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _remedy(setting: str, code: int | None = None) -> str:
    if code in _FULL:
        return "make room on that disk"
    variable = SETTINGS[setting].variable
    return f"give it to the user that the app runs as, or name another place in {variable}"
