"""The baselines: no middleware, and a middleware that does nothing."""

from collections.abc import Iterable

from benchmarks.peers.peer import (
    ASGIApp,
    Environ,
    Properties,
    Receive,
    Scope,
    Send,
    StartResponse,
    WSGIApp,
)


class Bare:
    """No middleware, no events."""

    def __init__(self, url: str) -> None:
        """Open nothing."""

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application."""
        return app

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application."""
        return app

    def track(self, name: str, properties: Properties) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


class PassThrough(Bare):
    """The smallest possible middleware: one more call."""

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application behind one coroutine."""

        async def passing(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)

        return passing

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application behind one function."""

        def passing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            return app(environ, start_response)

        return passing
