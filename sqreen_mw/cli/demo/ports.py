"""Chooses the ports of the demo and checks that they are free before anything starts."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import Final

from sqreen_mw.errors import ConfigurationError

HOST: Final = "127.0.0.1"


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a port for each option. A wanted port of 0 means any free port.

    Raises:
        ConfigurationError: A port is taken or given twice; the message names the option.
    """
    for (option, port), (other, same) in combinations(wanted.items(), 2):
        if port == same != 0:
            raise ConfigurationError(
                f"port {port} is given by {option} and by {other}: choose two different ports"
            )
    with ExitStack() as held:
        return {
            option: held.enter_context(_held(port, option=option))
            for option, port in wanted.items()
        }


@contextmanager
def _held(port: int, *, option: str) -> Iterator[int]:
    with socket.socket() as listener:
        # Like the servers do, so that a recently closed connection does not block the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigurationError(
                f"port {port} can't be used ({reason}); choose another with {option}"
            ) from error
        yield listener.getsockname()[1]
