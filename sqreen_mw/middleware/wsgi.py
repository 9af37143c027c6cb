"""Pure WSGI middleware (PEP 3333), for Flask and every other WSGI application."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, Unpack

from sqreen_mw.agent.config import Settings
from sqreen_mw.agent.context import RequestContext, Tracks, enter, leave
from sqreen_mw.agent.runtime import configure
from sqreen_mw.capture.client_ip import Headers
from sqreen_mw.capture.request import RawRequest

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

ENVIRON_KEY: Final = "sqreen"


class WSGIRequestContext(RequestContext):
    """A request in a WSGI server; it holds the environ only while the request runs.

    The values are taken before the app runs, as other middlewares rewrite them.
    """

    __slots__ = (
        "_environ",
        "_headers",
        "_path",
        "_path_params",
        "_peer",
        "_query",
        "_route",
        "_verb",
    )

    def __init__(self, tracker: Tracks, environ: Environ, headers: tuple[str, ...]) -> None:
        super().__init__(tracker)
        get = environ.get
        self._environ: Environ | None = environ
        self._headers: Final = [(key, value) for key in headers if (value := get(key)) is not None]
        self._path: Final[tuple[str, str]] = get("SCRIPT_NAME", ""), get("PATH_INFO", "")
        self._peer: Final[str | None] = get("REMOTE_ADDR")
        self._query: Final[str] = get("QUERY_STRING", "")
        self._verb: Final[str] = get("REQUEST_METHOD", "GET")
        self._route: str | None = None
        self._path_params: Mapping[str, object] = {}

    def track(self, name: str, options: object = None, /, **keywords: Any) -> str | None:
        """Track an event of this request; see ``sqreen_mw.track``."""
        # Flask lets go of its request before the server closes the answer.
        self._look_up_route()
        return super().track(name, options, **keywords)

    def raw_request(self) -> RawRequest:
        """Return the request's values; route and path parameters as far as they are known."""
        self._look_up_route()
        return RawRequest(
            verb=self._verb,
            path="".join(self._path).encode("latin-1", "replace").decode("utf-8", "replace"),
            query=self._query.encode("latin-1", "replace"),
            headers=_header_fields(self._headers),
            peer=self._peer,
            route=self._route,
            path_params=self._path_params,
        )

    def finish(self) -> None:
        """Keep the route and the path parameters, and let go of the environ."""
        self._look_up_route()
        self._environ = None
        super().finish()

    def _look_up_route(self) -> None:
        environ = self._environ
        if environ is None or self._route is not None:
            return
        # Werkzeug's request, which Flask's is, puts itself here and is given its rule later.
        request = environ.get("werkzeug.request")
        rule = getattr(request, "url_rule", None)
        if rule is not None:
            self._route = str(rule.rule)
            self._path_params = getattr(request, "view_args", None) or {}


class SqreenWSGIMiddleware:
    """Gives each request a context: ``environ["sqreen"]`` and ``sqreen_mw.track()`` below it.

    Return values, exceptions, ``close()`` calls and timing of the app are untouched.
    """

    def __init__(self, app: WSGIApp, **settings: Unpack[Settings]) -> None:
        """Wrap an application.

        Args:
            app: The application.
            settings: Override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        self.app: Final = app
        self._agent: Final = configure(settings)
        self._headers: Final = (
            "HTTP_HOST",
            "HTTP_USER_AGENT",
            _environ_key(self._agent.client_ip.header),
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        if ENVIRON_KEY in environ:
            # A second middleware inside the first shares its context.
            return self.app(environ, start_response)
        context = WSGIRequestContext(self._agent.tracker, environ, self._headers)
        environ[ENVIRON_KEY] = context
        token = enter(context)
        try:
            body = self.app(environ, start_response)
        except BaseException:
            context.finish()
            raise
        finally:
            leave(token)
        if _is_looked_into(body, environ):
            context.finish()
            return body
        return _Body(body, context)


class _Body:
    """An iterable that the app answers with, seeing its request at each step."""

    __slots__ = ("_body", "_context")

    def __init__(self, body: Any, context: RequestContext) -> None:
        self._body: Final = body
        self._context: Final = context

    def __iter__(self) -> "_Body":
        token = enter(self._context)
        try:
            iterator = iter(self._body)
        finally:
            leave(token)
        return self if iterator is self._body else _Body(iterator, self._context)

    def __next__(self) -> bytes:
        token = enter(self._context)
        try:
            part: bytes = next(self._body)
        finally:
            leave(token)
        return part

    def close(self) -> None:
        """Close what the app answered with; the request ends here."""
        close = getattr(self._body, "close", None)
        token = enter(self._context)
        try:
            if close is not None:
                close()
        finally:
            leave(token)
            self._context.finish()


def _is_looked_into(body: Iterable[bytes], environ: Environ) -> bool:
    """Tell whether servers test an answer's type or length, so that it must not be wrapped."""
    if hasattr(body, "__len__"):
        return True
    file_wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(file_wrapper, type) and isinstance(body, file_wrapper)


def _environ_key(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _header_fields(values: list[tuple[str, str]]) -> Headers:
    return [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for key, value in values
    ]
