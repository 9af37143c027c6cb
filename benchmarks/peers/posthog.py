"""posthog: its ASGI middleware and ``capture()``."""

from posthog import Posthog as Client
from posthog.integrations.asgi import PosthogASGIMiddleware

from benchmarks.peers.peer import ASGIApp, Properties, WSGIApp


class Posthog:
    """Default settings. There is no WSGI middleware."""

    def __init__(self, url: str) -> None:
        """Send to a stub server."""
        self._client = Client("phc_benchmark", host=url)

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application inside the ASGI middleware."""
        wrapped: ASGIApp = PosthogASGIMiddleware(app, client=self._client)
        return wrapped

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application."""
        return app

    def track(self, name: str, properties: Properties) -> bool | None:
        """Capture an event of a known user, which saves a random id."""
        uuid = self._client.capture(name, distinct_id="42", properties=properties)
        return uuid is not None

    def flush(self) -> None:
        """Wait for the delivery."""
        self._client.flush(30.0)
