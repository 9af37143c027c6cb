"""Pure WSGI middleware (PEP 3333), for Flask and every other WSGI application."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, Unpack

from sqreen_mw.agent.config import Settings
from sqreen_mw.agent.context import RequestContext, enter, leave
from sqreen_mw.agent.ignored import IgnoringAgent
from sqreen_mw.agent.requests.explicit import CONTEXT_KEY
from sqreen_mw.agent.requests.wsgi import (
    TOLD_KEYS,
    Environ,
    WSGIRequestContext,
    decoded_path,
    environ_key,
)
from sqreen_mw.agent.runtime import AnyAgent, configure
from sqreen_mw.middleware.steps import Steps
from sqreen_mw.middleware.wsgi_input import tee_input

StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
FILE_WRAPPER: Final = "wsgi.file_wrapper"

WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


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
        self._agent: Final[AnyAgent] = configure(settings)
        config = self._agent.config
        self._headers: Final = (*TOLD_KEYS, environ_key(config.client_ip.header))
        self._ignored: Final = config.ignore_paths
        self._ignores: Final = bool(config.ignore_paths)
        self._ignoring: Final = IgnoringAgent(self._agent)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        if CONTEXT_KEY in environ and isinstance(environ[CONTEXT_KEY], RequestContext):
            # A second middleware inside the first shares its context.
            return self.app(environ, start_response)
        agent = self._agent
        if self._ignores and _path(environ) in self._ignored:
            agent = self._ignoring
        context = WSGIRequestContext(agent, environ, self._headers)
        environ[CONTEXT_KEY] = context
        if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
            tee_input(environ, context)
        wrapper = environ.get(FILE_WRAPPER)
        # Where the wrapper is a function, as uWSGI's is, its answers have no type to know them by.
        files = () if wrapper is None or isinstance(wrapper, type) else _noted_files(environ)
        token = enter(context)
        try:
            body = self.app(environ, _noting_status(start_response, context))
        except BaseException:
            context.finish()
            raise
        finally:
            leave(token)
        if type(body) is list or _is_looked_into(body, environ, files):
            context.finish()
            return body
        return Steps(body, context)


def _noting_status(start_response: StartResponse, context: RequestContext) -> StartResponse:
    """Return a ``start_response`` that hands on its arguments, and notes the status."""

    def noting(status: object, *arguments: Any, **keywords: Any) -> Callable[[bytes], object]:
        write = start_response(status, *arguments, **keywords)
        context.status = status
        return write

    return noting


def _path(environ: Environ) -> str:
    return decoded_path(environ.get("SCRIPT_NAME"), environ.get("PATH_INFO"))


def _noted_files(environ: Environ) -> list[object]:
    """Return the list that answers of the server's file wrapper will be in."""
    files: list[object] = []
    wrapper = environ[FILE_WRAPPER]

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
