"""The Flask extension: the WSGI middleware, and ``flask.request.sqreen``."""

from typing import Any, Final, Unpack

from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.requests.lookup import ENVIRON_KEY
from sqreen_mw.agent.requests.wsgi import environ_key, wsgi_request
from sqreen_mw.agent.runtime import current_agent
from sqreen_mw.middleware.flask_bypass import serve_bypassing_requests
from sqreen_mw.middleware.optional import require_extra
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware

with require_extra("flask"):
    from flask import Flask, Request

EXTENSION: Final = "sqreen"


class Sqreen:
    """Gives the requests of a Flask app a context: ``Sqreen(app)``, or ``init_app`` later."""

    def __init__(
        self, app: Flask | None = None, *, flask_login: bool = False, **settings: Unpack[Settings]
    ) -> None:
        """Install the extension, if the application exists already.

        Args:
            app: The application.
            flask_login: Whether to identify the users of Flask-Login and to track their logins.
            settings: They override the ``SQREEN_*`` variables.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
            ModuleNotFoundError: Flask-Login is not installed.
        """
        self._flask_login: Final = flask_login
        self._settings: Final = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Install the extension. A second call changes nothing.

        Raises:
            ConfigurationError: A setting is wrong; the message names it and the fix.
            ModuleNotFoundError: Flask-Login is not installed.
        """
        if EXTENSION in app.extensions:
            return
        app.extensions[EXTENSION] = self
        wrapped: Any = SqreenWSGIMiddleware(app.wsgi_app, **self._settings)
        app.wsgi_app = wrapped  # type: ignore[method-assign]  # as Flask documents it
        if self._flask_login:
            from sqreen_mw.middleware.flask_logins import follow_flask_login  # noqa: PLC0415 optional

            follow_flask_login(app)
        serve_bypassing_requests(app, wrapped)
        # On Flask's class, because the app may set its own subclass at any time.
        Request.sqreen = property(_context)  # type: ignore[attr-defined]  # ours


def _context(request: Request) -> RequestContext:
    """Return a request's context; a request without a server, as in a test, gets a new one."""
    environ = request.environ
    if ENVIRON_KEY not in environ:
        agent = current_agent()
        ip_key = environ_key(agent.config.client_ip.header)
        environ[ENVIRON_KEY] = wsgi_request(environ, agent, ip_key)
    context: RequestContext = environ[ENVIRON_KEY]
    return context
