"""The rejects file: one JSON object for each row that was not stored."""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sqreen_mw.errors import ConfigurationError


class Reject(Struct):
    """A rejected row: the number of its line, the reason, and its original text."""

    line: int
    reason: str
    row: str


class RejectsFile:
    """Writes the rejects of one import. The file appears with the first reject.

    It can contain secrets, so only its owner may read it.
    """

    def __init__(self, path: Path, *, keep: int) -> None:
        """Cut the file of an earlier run to the bytes that belong to acknowledged rows.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        self._path: Final = path
        self.size = keep
        try:
            if keep:
                os.truncate(path, keep)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--rejects {path}: {error}") from error

    def write(self, rejects: list[Reject]) -> None:
        """Append rejects.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        if not rejects:
            return
        for each in rejects:
            each.row = each.row.rstrip("\r\n").encode("utf-8", "backslashreplace").decode()
        data = b"".join(msgspec.json.encode(each) + b"\n" for each in rejects)
        try:
            self._path.touch(0o600)
            with self._path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise ConfigurationError(f"--rejects {self._path}: {error}") from error
        self.size += len(data)
