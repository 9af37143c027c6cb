"""Errors of files and of single rows."""

from sqreen_mw.errors import ConfigurationError


class FileFormatError(ConfigurationError):
    """A whole file cannot be imported. The message contains the fix."""


class RowError(Exception):
    """A row cannot be imported. The message is the reason in the rejects file."""
