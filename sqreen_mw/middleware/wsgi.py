"""Pure WSGI middleware (PEP 3333), for Flask and every other WSGI application."""

from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any, Final, TypeAlias, Unpack

from msgspec import Struct

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.context import RequestContext, fast_reset, set_current
from sqreen_mw.agent.null import IgnoredPathAgent
from sqreen_mw.agent.requests.lookup import ENVIRON_KEY
from sqreen_mw.agent.requests.wsgi import (
    Environ,
    WSGIRequestContext,
    decoded_path,
    environ_key,
    environ_values,
)
from sqreen_mw.agent.runtime import ConfiguredAgent, configure
from sqreen_mw.middleware.response_iterators import Steps, generator_steps
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
            settings: Override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
        """
        self.app: Final = app
        agent = configure(settings)
        self._ip_key: Final = environ_key(agent.config.client_ip.header)
        self._ignored: Final = agent.config.ignore_paths
        self._taking: Final[ConfiguredAgent] = agent
        self._ignoring: Final = IgnoredPathAgent(agent)
        self._agent: ConfiguredAgent | None = (
            None  # until the first request, or it depends on the path
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        app = self.app
        if ENVIRON_KEY in environ and isinstance(environ[ENVIRON_KEY], RequestContext):
            # A second middleware inside the first shares its context.
            return app(environ, start_response)
        # As wsgi_request() does, but for what its two calls cost each request.
        context = environ[ENVIRON_KEY] = WSGIRequestContext()
        context.agent = self._agent or self._agent_by_path(environ)
        context.environ = environ
        context.needs_cleanup = False
        ip_key = self._ip_key
        try:
            context.values = (
                environ["REQUEST_METHOD"],
                environ["SCRIPT_NAME"],
                environ["PATH_INFO"],
                environ["QUERY_STRING"],
                environ["REMOTE_ADDR"],
                environ["HTTP_HOST"],
                environ["HTTP_USER_AGENT"],
                environ.get(ip_key),
                ip_key,
            )
        except KeyError:
            context.values = environ_values(environ, ip_key)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            tee_input(environ, context)
        files = _noted_files(environ) if FILE_WRAPPER in environ else ()
        begin = _Beginning(start_response, context).begin
        token = set_current(context)
        try:
            body = app(environ, begin)
        except BaseException:
            fast_reset(token)
            context.finish()
            raise
        fast_reset(token)
        if type(body) is GeneratorType and not files:
            steps = generator_steps(body, context, token)
            steps.send(None)
            return steps
        if type(body) is list or _is_looked_into(body, environ, files):
            context.finish()
            return body
        return Steps(body, context)

    def _agent_by_path(self, environ: Environ) -> ConfiguredAgent | IgnoredPathAgent:
        self._taking.ensure_started()
        if not self._ignored:
            self._agent = self._taking
        path = decoded_path(environ.get("SCRIPT_NAME"), environ.get("PATH_INFO"))
        return self._ignoring if path in self._ignored else self._taking


class _Beginning(Struct, frozen=True, eq=False):
    """A ``start_response`` that hands on its arguments, and notes the status."""

    start_response: StartResponse
    context: RequestContext

    def begin(self, status: object, headers: object, *more: Any, **keywords: Any) -> Any:
        """Begin the response."""
        start_response = self.start_response
        if more or keywords:
            write = start_response(status, headers, *more, **keywords)
        else:
            write = start_response(status, headers)
        self.context.status = status
        return write


def _noted_files(environ: Environ) -> list[object]:
    """Return the list that answers of the server's file wrapper will be in.

    Where that is a function, as uWSGI's is, its answers have no type to know them by.
    """
    files: list[object] = []
    wrapper = environ[FILE_WRAPPER]
    if wrapper is None or isinstance(wrapper, type):
        return files

    def noting(*arguments: Any, **keywords: Any) -> Any:
        file = wrapper(*arguments, **keywords)
        files.append(file)
        return file

    environ[FILE_WRAPPER] = noting
    return files


def _is_looked_into(body: Iterable[bytes], environ: Environ, files: Iterable[object]) -> bool:
    """Tell whether servers test an answer's type or length, so that it must not be wrapped."""
    if hasattr(body, "__len__") or any(body is file for file in files):
        return True
    file_wrapper = environ.get(FILE_WRAPPER)
    return isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
