"""Which transport a URL asks for."""

from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.transports.base import Transport
from sqreen_mw.agent.delivery.transports.local import (
    ConsoleTransport,
    FileTransport,
    MemoryTransport,
    path_of,
)


def open_transport(
    url: str,
    *,
    token: str,
    user_agent: str,
    proxy: Proxy | None = None,
    ca_file: str | None = None,
) -> Transport:
    """Return the transport of a URL's scheme: http, https, file, console or memory."""
    match urlsplit(url).scheme:
        case "file":
            return FileTransport(path_of(url))
        case "console":
            return ConsoleTransport()
        case "memory":
            return MemoryTransport(url)
        case _:
            # Imported here, as it takes 100 ms that the other transports need not pay.
            from sqreen_mw.agent.delivery.transports.http import HttpTransport  # noqa: PLC0415

            return HttpTransport(
                url=url, token=token, user_agent=user_agent, proxy=proxy, ca_file=ca_file
            )
