"""The web server around the collector."""

import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

import uvicorn

from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.services import Services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError

GRACE: Final = 1
"""Seconds that open requests have once the server stops; a live tail never ends by itself."""


def check_tls(settings: Settings) -> None:
    """Load the TLS files, if any, to see whether the server will be able to.

    Raises:
        ConfigurationError: The files don't hold a certificate and its key.
    """
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(_tls_advice(settings, error)) from error


def run(services: Services, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``on_ready`` is called once requests are answered."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    config = _config(services)
    _Server(config, on_ready).run(sockets=[listener])


def _config(services: Services) -> uvicorn.Config:
    settings = services.settings
    return uvicorn.Config(
        create_app(settings, services=services),
        root_path=settings.root_path,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        # Else any client could choose its address and scheme by headers.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE,
    )


def _tls_advice(settings: Settings, error: OSError) -> str:
    return (
        f"{settings.tls_cert} and {settings.tls_key} are no certificate and its key "
        f"({error.strerror or error}): give PEM files that belong together"
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # It would report each live tail that it ends as an error, with a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
