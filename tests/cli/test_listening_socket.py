import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from sqreen_mw.cli.listening_socket import ListeningSocket, listen
from sqreen_mw.collector.connection_limits import ConnectionLimits, Peer
from sqreen_mw.collector.settings import Settings
from tests.support.waiting import PATIENCE


def listening(limits: ConnectionLimits, host: str = "127.0.0.1") -> ListeningSocket:
    """Return a listening socket on a free port."""
    return listen(Settings(data_dir=Path("unused"), host=host, port=0), limits)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_every_accepted_connection_sends_each_write_at_once(host: str) -> None:
    """Nagle's algorithm is off for every connection, whatever the host's address family."""
    listener = listening(ConnectionLimits(), host)
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_connections_beyond_the_limit_are_closed() -> None:
    """The third connection of an address ends at once, and another address is served."""
    with listening(ConnectionLimits(8)) as listener:
        address = listener.getsockname()
        clients = [socket.create_connection(address) for _ in range(3)]
        accepted = [listener.accept()[0] for _ in range(2)]
        with pytest.raises(ConnectionAbortedError):
            listener.accept()
        clients.append(socket.create_connection(address, source_address=("127.0.0.2", 0)))
        accepted.append(listener.accept()[0])
        accepted[0].close()
        clients.append(socket.create_connection(address))
        accepted.append(listener.accept()[0])
        for each in (*clients, *accepted):
            each.close()


def plain_context() -> None:
    """Return no TLS."""


def tls_context() -> ssl.SSLContext:
    """Return the TLS settings of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


class WatchedLimits(ConnectionLimits):
    """Limits that report each closed connection."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: asyncio.Queue[Peer] = asyncio.Queue()

    def close(self, peer: Peer) -> None:
        """Put the peer into the queue."""
        super().close(peer)
        self.closed.put_nowait(peer)


@pytest.mark.parametrize("context", [plain_context, tls_context])
@pytest.mark.parametrize("ends_itself", [True, False])
def test_every_end_of_a_connection_makes_room(
    context: Callable[[], ssl.SSLContext | None], *, ends_itself: bool
) -> None:
    """A closed connection frees its place, also during a TLS handshake or after a silent one."""

    async def scenario() -> None:
        limits, tls = WatchedLimits(), context()
        with listening(limits) as listener:
            server = await asyncio.get_running_loop().create_server(
                asyncio.Protocol,
                sock=listener,
                ssl=tls,
                ssl_handshake_timeout=0.2 if tls else None,
            )
            _, writer = await asyncio.open_connection(*listener.getsockname())
            peer = writer.get_extra_info("sockname")
            if ends_itself or tls is None:
                writer.close()
            async with asyncio.timeout(PATIENCE):
                assert await limits.closed.get() == peer
            writer.close()
            server.close()

    asyncio.run(scenario())


class Sender(asyncio.Protocol):
    """Send many bytes and report the end of the connection."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the bytes, and close the connection as soon as they are sent."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(bytes(self.size))
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        self.lost.set()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
@pytest.mark.parametrize("context", [plain_context, tls_context])
def test_client_that_never_reads_loses_its_connection(
    context: Callable[[], ssl.SSLContext | None],
) -> None:
    """A connection ends after a time in which its client reads nothing."""

    async def scenario() -> None:
        with ExitStack() as stack:
            listener = stack.enter_context(listening(ConnectionLimits()))
            client = stack.enter_context(socket.socket())
            listener.stall_seconds = 0.5
            sender = Sender(20_000_000)
            server = await asyncio.get_running_loop().create_server(
                lambda: sender, sock=listener, ssl=context()
            )
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(listener.getsockname())
            if context is tls_context:
                unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
                stack.enter_context(await asyncio.to_thread(unchecked.wrap_socket, client))
            async with asyncio.timeout(PATIENCE):
                await sender.lost.wait()
            server.close()

    asyncio.run(scenario())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_client_that_reads_slowly_keeps_its_connection() -> None:
    """Each byte that the client reads starts the time again."""
    with listening(ConnectionLimits()) as listener, socket.socket() as client:
        listener.stall_seconds = 1.0
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            accepted.setblocking(False)
            accepted.send(bytes(2_000_000))
            for _ in range(16):
                time.sleep(0.1)  # together longer than the limit
                assert client.recv(4096)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
