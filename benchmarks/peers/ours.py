"""sqreen_mw: the middlewares and ``track()``."""

import sqreen_mw as sqreen
from benchmarks.peers.peer import ASGIApp, Properties, WSGIApp


class Ours:
    """Default settings, except for the collector's URL."""

    def __init__(self, url: str) -> None:
        """Send to a stub server."""
        self._url = url

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application inside the ASGI middleware."""
        return sqreen.SqreenMiddleware(app, url=self._url, token="sqm_benchmark")

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application inside the WSGI middleware."""
        return sqreen.SqreenWSGIMiddleware(app, url=self._url, token="sqm_benchmark")

    def track(self, name: str, properties: Properties) -> bool | None:
        """Track an event with the module's function."""
        return sqreen.track(name, properties=properties) is not None

    def flush(self) -> None:
        """Wait for the delivery."""
        sqreen.flush(30.0)
