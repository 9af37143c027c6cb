"""Minimal applications that answer, whole or in parts, and track events."""

from collections.abc import Callable, Iterable

from benchmarks.peers.peer import ASGIApp, Environ, Receive, Scope, Send, StartResponse, WSGIApp

_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"12")]
_PARTS = (b"Hell", b"o, w", b"orld")


def asgi_app(work: Callable[[], object] | None = None, *, streams: bool = False) -> ASGIApp:
    """Return an ASGI application that does some work and answers."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if work is not None:
            work()
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if streams:
            for part in _PARTS:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": b"Hello, world"})

    return app


def wsgi_app(work: Callable[[], object] | None = None, *, streams: bool = False) -> WSGIApp:
    """Return a WSGI application that does some work and answers."""
    headers = [(name.decode(), value.decode()) for name, value in _HEADERS]

    def parts() -> Iterable[bytes]:
        yield from _PARTS

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if work is not None:
            work()
        start_response("200 OK", headers)
        return parts() if streams else [b"Hello, world"]

    return app
