"""Ports for servers that tests start."""

import os
import socket
from itertools import count
from typing import Final

FIRST: Final = 10_000
SHARE: Final = 2_000
WORKERS: Final = 10


def _range() -> "count[int]":
    """Return the ports of this process. Each worker has its own range."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return count(FIRST + worker % WORKERS * SHARE + os.getpid() * 7 % (SHARE // 2))


_ports: Final = _range()


def free_port() -> int:
    """Return a free port of loopback that stays free until the test uses it.

    It is below the range that the system uses for connections and for port 0.
    """
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError
