"""The ports of the demonstration: free ones, known before anything is started."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import Final

from sqreen_mw.errors import ConfigurationError

HOST: Final = "127.0.0.1"


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return the ports to use, by the option that names them; 0 stands for any free one.

    Raises:
        ConfigurationError: A port is taken, or named twice; the message says by which option to
            change it.
    """
    for (option, port), (other, same) in combinations(wanted.items(), 2):
        if port == same != 0:
            raise ConfigurationError(
                f"port {port} is given by {option} and by {other}: choose another for one"
            )
    with ExitStack() as held:
        return {
            option: held.enter_context(_held(port, option=option))
            for option, port in wanted.items()
        }


@contextmanager
def _held(port: int, *, option: str) -> Iterator[int]:
    with socket.socket() as listener:
        # As the servers do, so that a connection that has just ended does not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigurationError(
                f"port {port} can't be used ({reason}); choose another with {option}"
            ) from error
        yield listener.getsockname()[1]
