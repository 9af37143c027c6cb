"""The socket that the collector listens on, opened before anything else can fail over it."""

import errno
import socket

from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigurationError: The port is taken or not allowed, or the host is not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise ConfigurationError(_advice(settings, error)) from error


def _advice(settings: Settings, error: OSError) -> str:
    reason = str(error.strerror).partition(" (while")[0]
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {settings.port} is taken: stop what listens there, or choose another port "
                "with --port or SQREEN_COLLECTOR_PORT"
            )
        case errno.EACCES:
            return (
                f"port {settings.port} is not allowed for this user: choose one above 1023 with "
                "--port or SQREEN_COLLECTOR_PORT"
            )
        case _:
            return (
                f"{settings.host} can't be listened on ({reason}): choose an address of "
                "this machine with --host or SQREEN_COLLECTOR_HOST"
            )
