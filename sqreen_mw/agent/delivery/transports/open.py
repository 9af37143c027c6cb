"""Opens the transport of a URL."""

from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.transports.base import Transport
from sqreen_mw.agent.delivery.transports.local import (
    ConsoleTransport,
    FileTransport,
    MemoryTransport,
    file_path,
)


def open_transport(
    url: str,
    *,
    token: str,
    user_agent: str,
    proxy: Proxy | None = None,
    ca_file: str | None = None,
) -> Transport:
    """Return the transport for the scheme of a URL: http, https, file, console or memory."""
    match urlsplit(url).scheme:
        case "file":
            return FileTransport(file_path(url))
        case "console":
            return ConsoleTransport()
        case "memory":
            return MemoryTransport(url)
        case _:
            # Imported here: it takes 100 ms, and other transports do not need it.
            from sqreen_mw.agent.delivery.transports.http import HttpTransport

            return HttpTransport(
                url=url, token=token, user_agent=user_agent, proxy=proxy, ca_file=ca_file
            )
