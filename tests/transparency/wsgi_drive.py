"""A small WSGI server in this process. It follows PEP 3333 and records all calls."""

from collections.abc import Iterable
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from tests.transparency.record import Records, raised
from tests.transparency.wsgi_tap import App, Environ, Tap


def environ_of(path: str, *, body: Any = None, length: int = 0, **more: Any) -> Environ:
    """Return the environ of a request."""
    environ: Environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/{path}",
        "QUERY_STRING": "coupon=SPRING",
        "REMOTE_ADDR": "203.0.113.9",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(length),
        "HTTP_X_CASE": "case",
        "wsgi.file_wrapper": FileWrapper,
        **more,
    }
    if body is not None:
        environ["wsgi.input"] = body
    setup_testing_defaults(environ)
    return environ


def variant(app: App, *, wrapped: bool, records: Records) -> App:
    """Return an application between two taps, with or without the middleware."""
    inside: App = Tap(app, side="in", records=records)
    return Tap(SqreenWSGIMiddleware(inside) if wrapped else inside, side="out", records=records)


class Server:
    """A server without a socket.

    Attributes:
        sent: The head and the parts of the response.
        met: Properties of the response, and exceptions of the application.
    """

    def __init__(self, *, breaks_after: int = 100) -> None:
        """Lose the connection after a number of parts."""
        self._breaks_after = breaks_after
        self._head: list[object] = []
        self.sent: list[object] = []
        self.met: list[str] = []

    def serve(self, app: App, environ: Environ) -> None:
        """Serve one request.

        Raises:
            OSError: The connection is lost.
        """
        answer: Iterable[bytes] = []
        try:
            answer = app(environ, self._start)
            self.met.append(f"{hasattr(answer, '__len__')} {isinstance(answer, FileWrapper)}")
            for part in answer:
                self._send(part)
            self._send(b"")
        except BaseException as error:
            self.met.append(raised(error))
            raise
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()

    def _start(self, status: str, headers: Any, error: Any = None) -> Any:
        if error and self.sent:
            raise error[1].with_traceback(error[2])
        if self._head and not error:
            raise AssertionError("headers are set already")
        self._head = [status, headers]
        return self._send

    def _send(self, part: bytes) -> None:
        if not self.sent:
            assert self._head, "no head before the first part"
            self.sent.append(str(self._head))
        if len(self.sent) > self._breaks_after:
            raise OSError("connection lost")
        self.sent.append(part)
