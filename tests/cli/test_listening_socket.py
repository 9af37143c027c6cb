import socket
from pathlib import Path

import pytest

from sqreen_mw.cli.listening_socket import listen
from sqreen_mw.collector.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_every_accepted_connection_sends_each_write_at_once(host: str) -> None:
    """Nagle's algorithm is off for every connection, whatever the host's address family."""
    settings = Settings(data_dir=Path("unused"), host=host, port=0)
    with listen(settings) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
