"""segment-analytics-python: ``track()``. There is no middleware."""

from segment.analytics.client import Client

from benchmarks.peers.peer import ASGIApp, Properties, WSGIApp


class Segment:
    """Default settings."""

    def __init__(self, url: str) -> None:
        """Send to a stub server."""
        self._client = Client("benchmark", host=url)

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application."""
        return app

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application."""
        return app

    def track(self, name: str, properties: Properties) -> bool | None:
        """Track an event of a known user."""
        taken, _ = self._client.track("42", name, properties)
        return bool(taken)

    def flush(self) -> None:
        """Wait for the delivery."""
        self._client.flush()
