"""Pure WSGI middleware (PEP 3333), for Flask and every other WSGI application."""

from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any, Final, TypeAlias, Unpack

from msgspec import Struct

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.context import (
    RequestContext,
    SameWhenCopied,
    current_request,
    fast_reset,
    set_current,
)
from sqreen_mw.agent.null import IgnoredPathAgent
from sqreen_mw.agent.requests.lookup import ENVIRON_KEY, both_sides, note_middleware, shared_context
from sqreen_mw.agent.requests.wsgi import (
    Environ,
    WSGIRequestContext,
    decoded_path,
    environ_key,
    environ_values,
    wsgi_request,
)
from sqreen_mw.agent.requests.wsgi_headers import drops_underscores
from sqreen_mw.agent.runtime import ConfiguredAgent, configure
from sqreen_mw.middleware.response_iterators import ContextIterator, context_generator
from sqreen_mw.middleware.wsgi_input import tee_input

StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
FILE_WRAPPER: Final = "wsgi.file_wrapper"

WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class SqreenWSGIMiddleware:
    """Gives each request a context: ``environ["sqreen.request"]``, used by ``sqreen_mw.track()``.

    Return values, exceptions, ``close()`` calls and timing of the app do not change.
    """

    def __init__(self, app: WSGIApp, **settings: Unpack[Settings]) -> None:
        """Wrap an application.

        Args:
            app: The application.
            settings: They override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        self.app: Final = app
        agent = configure(settings)
        note_middleware("wsgi")
        self._ip_key: Final = environ_key(agent.config.client_ip.header)
        self._ignored: Final = agent.config.ignore_paths
        self._app_agent: Final[ConfiguredAgent] = agent
        self._ignoring: Final = IgnoredPathAgent(agent)
        self._agent: ConfiguredAgent | None = (
            None  # until the first request, or it depends on the path
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        app = self.app  # a call of the attribute would cost more
        if ENVIRON_KEY in environ or (both_sides and current_request() is not None):
            outer = shared_context(environ)
            if outer is not None:
                return self._serve_shared(outer, environ, start_response)
        # Like wsgi_request(), without the cost of its two calls.
        context = environ[ENVIRON_KEY] = WSGIRequestContext()
        context.agent = self._agent or self._agent_by_path(environ)
        context.environ = environ
        context.needs_cleanup = False
        context.start_response = start_response
        try:
            context.values = (
                environ["REQUEST_METHOD"],
                environ["SCRIPT_NAME"],
                environ["PATH_INFO"],
                environ["QUERY_STRING"],
                environ["REMOTE_ADDR"],
                environ["HTTP_HOST"],
                environ["HTTP_USER_AGENT"],
                environ.get(self._ip_key),
                self._ip_key,
            )
        except KeyError:
            context.values = environ_values(environ, self._ip_key)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            tee_input(environ, context)
        files = _track_files(environ) if FILE_WRAPPER in environ else ()
        token = set_current(context)
        try:
            body = app(environ, _StartResponse(start_response, context).start)
        except BaseException as error:
            fast_reset(token)
            context.finish_crashed(error)
            raise
        fast_reset(token)
        if type(body) is GeneratorType and not files:
            generator = context_generator(body, context, token)
            generator.send(None)
            return generator
        if type(body) is list or _must_stay_unwrapped(body, environ, files):
            context.finish()
            return body
        return ContextIterator(body, context)

    def new_context(self, environ: Environ) -> WSGIRequestContext:
        """Create the context of a request that does not pass this middleware."""
        agent = self._agent or self._agent_by_path(environ)
        context = environ[ENVIRON_KEY] = wsgi_request(environ, agent, self._ip_key)
        tee_input(environ, context)
        return context

    def share(self, outer: RequestContext, environ: Environ) -> WSGIRequestContext:
        """Use the context of an outer middleware. Return one that finds the route for it."""
        here = wsgi_request(environ, outer.agent, self._ip_key)
        outer.follow_inner(here)
        environ[ENVIRON_KEY] = outer
        return here

    def _serve_shared(
        self, outer: RequestContext, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve a request with the context of an outer middleware, which also finishes it."""
        if environ.get(ENVIRON_KEY) is outer:
            return self.app(environ, start_response)
        here = self.share(outer, environ)

        def begin(*arguments: Any, **keywords: Any) -> Any:
            here.route()  # Flask removes its route from the environ before the response ends
            return start_response(*arguments, **keywords)

        return self.app(environ, begin)

    def _agent_by_path(self, environ: Environ) -> ConfiguredAgent | IgnoredPathAgent:
        self._app_agent.ensure_started()
        drops_underscores(environ)  # remembers the server
        if not self._ignored:
            self._agent = self._app_agent
        path = decoded_path(environ.get("SCRIPT_NAME"), environ.get("PATH_INFO"))
        return self._ignoring if path in self._ignored else self._app_agent


class _StartResponse(Struct, frozen=True, eq=False):
    """A ``start_response`` that passes its arguments on, and keeps the status."""

    start_response: StartResponse
    context: RequestContext

    def start(self, status: object, headers: object, *more: Any, **keywords: Any) -> Any:
        """Start the response."""
        start_response = self.start_response
        if more or keywords:
            write = start_response(status, headers, *more, **keywords)
        else:
            write = start_response(status, headers)
        self.context.status = status
        return write


def _track_files(environ: Environ) -> list[object]:
    """Return a list that will contain the results of the server's file wrapper.

    If the wrapper is a function, as in uWSGI, its results have no type to recognize them by.
    """
    wrapper = environ[FILE_WRAPPER]
    if wrapper is None or isinstance(wrapper, type):
        return []
    recorder = environ[FILE_WRAPPER] = _FileWrapper(wrapper)
    return recorder.files


class _FileWrapper(SameWhenCopied):
    """The server's file wrapper; it keeps a list of its results."""

    def __init__(self, wrapper: Callable[..., object]) -> None:
        self._wrapper: Final = wrapper
        self.files: Final[list[object]] = []

    def __call__(self, *arguments: Any, **keywords: Any) -> object:
        file = self._wrapper(*arguments, **keywords)
        self.files.append(file)
        return file

    def __reduce__(self) -> tuple[Any, ...]:
        return _FileWrapper, (self._wrapper,)


def _must_stay_unwrapped(body: Iterable[bytes], environ: Environ, files: Iterable[object]) -> bool:
    """Return whether servers check the type or the length of a response."""
    if hasattr(body, "__len__") or any(body is file for file in files):
        return True
    file_wrapper = environ.get(FILE_WRAPPER)
    return isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
