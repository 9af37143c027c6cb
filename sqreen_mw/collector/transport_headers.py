"""Security headers of every response, those of files and of the API included."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sqreen_mw.collector.settings import Settings

_YEAR: Final = 365 * 24 * 60 * 60


class TransportHeaders:
    """Wrap an ASGI application.

    Browsers then believe the media type of each response, and use HTTPS only if the collector has
    it (RFC 6797).
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._has_public_https = settings.public_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the start of the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-content-type-options"] = "nosniff"
                if self._wants_https(scope):
                    headers["strict-transport-security"] = f"max-age={_YEAR}"
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _wants_https(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "").partition(":")[0].lower()
        is_https = self._has_public_https or scope["scheme"] == "https"
        # Not for localhost: the browser would apply it to every other program there.
        return is_https and host != "localhost"
