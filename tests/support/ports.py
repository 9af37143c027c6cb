"""Ports for servers that tests start."""

import os
import socket
from itertools import count
from typing import Final

FIRST: Final = 10_000
SHARE: Final = 2_000
WORKERS: Final = 10


def _given() -> "count[int]":
    """Return this process's share: workers of one run have their own, and runs begin apart."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return count(FIRST + worker % WORKERS * SHARE + os.getpid() * 7 % (SHARE // 2))


_ports: Final = _given()


def free_port() -> int:
    """Return a port of loopback that nobody listens at, and that nobody is given until it is used.

    It is below those that the system gives to whoever asks for any: else a connection, or another
    server, might have it a moment later.
    """
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError
