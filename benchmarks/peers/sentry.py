"""sentry-sdk: structured logs, which are most like events, and captured messages."""

import sentry_sdk
from sentry_sdk import logger
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

from benchmarks.peers.peer import ASGIApp, Properties, WSGIApp


class SentryLogs:
    """Default settings with logs enabled. An event is a log with attributes."""

    def __init__(self, url: str) -> None:
        """Send to a stub server."""
        dsn = url.replace("://", "://benchmark@") + "/1"
        sentry_sdk.init(dsn=dsn, enable_logs=True)

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application inside the ASGI middleware."""
        wrapped: ASGIApp = SentryAsgiMiddleware(app)
        return wrapped

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application inside the WSGI middleware."""
        wrapped: WSGIApp = SentryWsgiMiddleware(app)
        return wrapped

    def track(self, name: str, properties: Properties) -> bool | None:
        """Log with attributes."""
        logger.info(name, attributes=properties)
        return None

    def flush(self) -> None:
        """Wait for the delivery."""
        sentry_sdk.flush(30.0)


class SentryCapture(SentryLogs):
    """Default settings. An event is a captured message with a context."""

    def track(self, name: str, properties: Properties) -> bool | None:
        """Capture a message with its own context."""
        identifier = sentry_sdk.capture_message(name, contexts={"properties": properties})
        return identifier is not None
