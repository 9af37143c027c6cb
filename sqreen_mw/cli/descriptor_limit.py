"""The number of files and connections that the process may open."""

import resource
from contextlib import suppress
from typing import Final

from sqreen_mw.collector.connection_limits import MAX_CONNECTIONS

_OTHER_FILES: Final = 256
"""Descriptors for databases, their readers and log files."""


def raise_descriptor_limit() -> int:
    """Raise the limit to its maximum, and return the number of connections that it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports "unlimited" as the maximum, but refuses it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(soft - _OTHER_FILES, soft // 2))
