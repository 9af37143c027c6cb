"""The collector's listening socket."""

import errno
import socket
from typing import Any

from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError


class ListeningSocket(socket.socket):
    """A listening TCP socket for asyncio's own event loop, which calls ``accept``.

    asyncio sets TCP_NODELAY only if a socket names its protocol, and ``socket.create_server``
    names none. Without it, each answer on a kept connection waits 40 ms for the client's
    acknowledgement of its head.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection that sends each write at once."""
        connection, address = super().accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


def listen(settings: Settings) -> ListeningSocket:
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
    return ListeningSocket(fileno=plain.detach())


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
