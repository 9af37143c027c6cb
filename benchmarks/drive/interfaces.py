"""A common interface for serving ASGI and WSGI applications."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, Protocol

from benchmarks.drive.apps import asgi_app, wsgi_app
from benchmarks.drive.requests import environ, scope
from benchmarks.peers.peer import ASGIApp, Message, Peer, WSGIApp


class Interface(Protocol):
    """Creates an application with a contestant's middleware, and serves requests to it."""

    def app(
        self, peer: Peer, work: Callable[[], object] | None = None, *, streams: bool = False
    ) -> Any:
        """Return an application inside the contestant's middleware."""
        ...

    def wraps(self, peer: Peer) -> bool:
        """Return whether the contestant has a middleware for this interface."""
        ...

    def requests(self, count: int) -> list[dict[str, Any]]:
        """Return new requests."""
        ...

    def serve(self, app: Any, requests: list[dict[str, Any]]) -> None:
        """Serve the requests one after another."""
        ...


class ASGI:
    """ASGI, with one event loop and no server."""

    def __init__(self) -> None:
        self._loop: Final = asyncio.new_event_loop()

    def app(
        self, peer: Peer, work: Callable[[], object] | None = None, *, streams: bool = False
    ) -> ASGIApp:
        """Return an application inside the contestant's middleware."""
        return peer.wrap_asgi(asgi_app(work, streams=streams))

    def wraps(self, peer: Peer) -> bool:
        """Return whether the contestant has an ASGI middleware."""
        app = asgi_app()
        return peer.wrap_asgi(app) is not app

    def requests(self, count: int) -> list[dict[str, Any]]:
        """Return scopes."""
        return [scope(number) for number in range(count)]

    def serve(self, app: ASGIApp, requests: list[dict[str, Any]]) -> None:
        """Serve them in one task."""
        self._loop.run_until_complete(_serve(app, requests))


class WSGI:
    """WSGI: calls the application, iterates over its answer and closes it."""

    def app(
        self, peer: Peer, work: Callable[[], object] | None = None, *, streams: bool = False
    ) -> WSGIApp:
        """Return an application inside the contestant's middleware."""
        return peer.wrap_wsgi(wsgi_app(work, streams=streams))

    def wraps(self, peer: Peer) -> bool:
        """Return whether the contestant has a WSGI middleware."""
        app = wsgi_app()
        return peer.wrap_wsgi(app) is not app

    def requests(self, count: int) -> list[dict[str, Any]]:
        """Return environs."""
        return [{**environ(number), "wsgi.input": BytesIO()} for number in range(count)]

    def serve(self, app: WSGIApp, requests: list[dict[str, Any]]) -> None:
        """Serve them like the thread of a server."""
        for request in requests:
            answer = app(request, _start_response)
            for _part in answer:
                pass
            close = getattr(answer, "close", None)
            if close is not None:
                close()


INTERFACES: Final[dict[str, Interface]] = {"asgi": ASGI(), "wsgi": WSGI()}


async def _serve(app: ASGIApp, requests: list[dict[str, Any]]) -> None:
    for request in requests:
        await app(request, _receive, _send)


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Message) -> None:
    """Ignore the message."""


def _start_response(*_arguments: object) -> Callable[[bytes], object]:
    return len
