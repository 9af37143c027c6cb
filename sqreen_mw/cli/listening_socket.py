"""The collector's listening socket."""

import errno
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sqreen_mw.collector.connection_limits import ConnectionLimits, Peer
from sqreen_mw.collector.operation_log import log_refused_connection
from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError

STALL_SECONDS: Final = 30.0
"""Seconds until a connection is closed whose client reads nothing of what it was sent."""


class ListeningSocket(socket.socket):
    """A listening TCP socket that counts its connections and closes those beyond the limits.

    It counts at ``accept``, before TLS, and needs asyncio's own event loop, which calls that.
    """

    limits: ConnectionLimits
    stall_seconds: float = STALL_SECONDS

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection that sends each write at once.

        asyncio sets TCP_NODELAY only if a socket names its protocol, and ``create_server`` names
        none. Without it, each answer on a kept connection waits 40 ms for the client's
        acknowledgement of its head.

        Raises:
            ConnectionAbortedError: The client has too many connections.
        """
        plain, address = super().accept()
        peer: Peer = address[:2]
        if not self.limits.open(peer):
            plain.close()
            log_refused_connection(peer[0])
            raise ConnectionAbortedError
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":  # Other systems have no such limit.
            limit = round(self.stall_seconds * 1000)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)
        connection = _CountedSocket(fileno=plain.detach())
        connection.on_close = partial(self.limits.close, peer)
        return connection, address


class _CountedSocket(socket.socket):
    on_close: Callable[[], None]

    def close(self) -> None:
        is_open = self.fileno() >= 0
        super().close()
        if is_open:
            self.on_close()


def listen(settings: Settings, limits: ConnectionLimits) -> ListeningSocket:
    """Return a listening socket.

    Raises:
        ConfigurationError: The port is taken or not allowed, or the host is not an address of
            this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        plain = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise ConfigurationError(_listen_advice(settings, error)) from error
    listener = ListeningSocket(fileno=plain.detach())
    listener.limits = limits
    return listener


def _listen_advice(settings: Settings, error: OSError) -> str:
    reason = str(error.strerror).partition(" (while")[0]
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {settings.port} is taken: stop the program that listens there, or choose "
                "another port with --port or SQREEN_COLLECTOR_PORT"
            )
        case errno.EACCES:
            return (
                f"port {settings.port} is not allowed for this user: choose one above 1023 with "
                "--port or SQREEN_COLLECTOR_PORT"
            )
        case _:
            return (
                f"can't listen on {settings.host} ({reason}): choose an address of "
                "this machine with --host or SQREEN_COLLECTOR_HOST"
            )
