"""Remembers how far an import has come, so that the next run continues there."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from sqreen_mw.errors import ConfigurationError


class Summary(Struct, kw_only=True):
    """The numbers of an import: read = stored + duplicates + rejected.

    ``skipped`` are rows that an earlier run has sent; the other numbers contain them.
    """

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0


class Progress(Struct, kw_only=True):
    """The acknowledged rows of a file, and the size of the rejects file after them."""

    identity: str
    summary: Summary
    rejects_bytes: int = 0


class ProgressFile:
    """The file beside the rejects file. It is replaced in one step."""

    def __init__(self, path: Path, *, identity: str) -> None:
        self._path: Final = path
        self._identity: Final = identity

    def load(self) -> Progress:
        """Return the progress of an earlier run, or none for another file or a damaged one."""
        fresh = Progress(identity=self._identity, summary=Summary())
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError):
            return fresh
        return found if found.identity == self._identity else fresh

    def save(self, progress: Progress) -> None:
        """Replace the file.

        Raises:
            ConfigurationError: The directory cannot be written.
        """
        written = structs.replace(progress, summary=structs.replace(progress.summary, skipped=0))
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_bytes(msgspec.json.encode(written))
            Path(new).replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"--rejects: {error}") from error

    def remove(self) -> None:
        """Remove the file at the end of an import."""
        self._path.unlink(missing_ok=True)
