"""A tap on one side of a WSGI application. It records all calls and changes nothing."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from tests.transparency.record import APP, CALLER, Record, Records, raised

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

METHODS = (
    *("read", "readline", "readlines", "readinto", "read1", "peek", "close", "closed", "seek"),
    *("tell", "fileno", "__iter__", "__len__", "__enter__", "readable", "mode"),
)
"""Methods of request and response bodies that servers or applications use."""


class Tap:
    """Records the calls of the server and of the application."""

    def __init__(
        self, app: App, *, side: str, records: Records, follows_bodies: bool = True
    ) -> None:
        """Record one side; to follow the steps of a body, the tap wraps it."""
        self.app = app
        self.follows_bodies = follows_bodies
        self.side = side
        self.records = records

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the application with one request."""
        tap = _Running(self.side, self.records.of(environ.get("HTTP_X_CASE", "")))
        tap.enter(environ)
        try:
            answer = self.app(environ, tap.starting(start_response))
        except BaseException as error:
            tap.leave(environ, "raised", raised(error))
            raise
        handed_on = _is_handed_on(answer, environ)
        tap.leave(environ, "returned", _has(answer) if handed_on else "an iterable")
        return TappedBody(answer, tap) if self.follows_bodies and not handed_on else answer


class _Running:
    """One request at a tap."""

    def __init__(self, side: str, record: Record) -> None:
        self.side = side
        self.record = record

    def add(self, what: str, *details: object) -> None:
        self.record.add(self.side, what, *details, APP.get("unset"))

    def enter(self, environ: Environ) -> None:
        if self.side == "out":
            CALLER.set("server")
            APP.set("unset")
            self.record.sent.append(environ)
        self.add("environ", self.record.is_same(environ), _described(environ))
        self.add("input", _has(environ.get("wsgi.input")))
        self.record.add_contextvars(self.side, "entered")

    def leave(self, environ: Environ, how: str, what: str) -> None:
        self.add(how, what, _described(environ))
        self.record.add_contextvars(self.side, "left")
        self.record.done.set()

    def starting(self, start_response: StartResponse) -> StartResponse:
        def tapped(status: str, headers: Any, *error: Any) -> Any:
            if self.side == "in":
                self.record.sent += [headers, *error]
            known = [self.record.is_same(each) for each in (headers, *error)]
            self.add("starts", known, status, headers, bool(error and error[0]))
            try:
                write = start_response(status, headers, *error)
            except BaseException as fault:
                self.add("start raised", raised(fault))
                raise
            self.add("started", callable(write))
            return write and self._writing(write)

        return tapped

    def _writing(self, write: Callable[[bytes], object]) -> Callable[[bytes], object]:
        def tapped(part: bytes) -> object:
            self.add("writes", part)
            return write(part)

        return tapped


class TappedBody:
    """A response body that records its steps."""

    def __init__(self, body: Any, tap: _Running) -> None:
        self._body = body
        self._tap = tap

    def __iter__(self) -> "TappedBody":
        self._tap.add("iter")
        return TappedBody(iter(self._body), self._tap)

    def __next__(self) -> bytes:
        try:
            part: bytes = next(self._body)
        except BaseException as error:
            self._tap.add("next raised", raised(error))
            raise
        self._tap.add("next", part)
        self._tap.record.add_contextvars(self._tap.side, "after a step")
        return part

    def close(self) -> None:
        """Close the body, if it has ``close``."""
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:
            self._tap.add("close raised", raised(error))
            raise
        finally:
            self._tap.add("closed")
            self._tap.record.add_contextvars(self._tap.side, "after all")


def _is_handed_on(answer: object, environ: Environ) -> bool:
    """Return True if servers use the type or the length of the response."""
    wrapper = environ.get("wsgi.file_wrapper")
    return hasattr(answer, "__len__") or (isinstance(wrapper, type) and isinstance(answer, wrapper))


def _has(value: Any) -> str:
    return str([name for name in METHODS if hasattr(value, name)])


def _described(environ: Environ) -> str:
    names = sorted(key for key in environ if key != "sqreen.request")
    keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH", "SCRIPT_NAME")
    return f"{names} {[environ.get(key) for key in keys]}"
