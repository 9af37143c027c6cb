"""Create SQLite files that only their owner can read."""

import os
from pathlib import Path
from typing import Final

from sqreen_mw.errors import ConfigurationError

_SCHEME: Final = "sqlite:///"


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

    SQLite creates journals with the mode of the database.

    Raises:
        ConfigurationError: The folder or the file cannot be created or written.
    """
    try:
        for folder in reversed([path.parent, *path.parent.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}): choose another --data-dir or {setting}"
        ) from error
