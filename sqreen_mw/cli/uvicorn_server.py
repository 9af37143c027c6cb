"""The collector's web server."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from sqreen_mw.cli.h11_timeouts import TimedH11Protocol
from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.services import Services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError

GRACE: Final = 1
"""Seconds that open requests get at the stop; a live tail never ends by itself."""


def check_tls(settings: Settings) -> None:
    """Check that the TLS files can be loaded, if there are any.

    Raises:
        ConfigurationError: The files don't contain a certificate and its key.
    """
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # includes ssl.SSLError
        raise ConfigurationError(_tls_advice(settings, error)) from error


def run(services: Services, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``on_ready`` is called as soon as requests are answered."""
    config = _config(services)
    _Server(config, on_ready).run(sockets=[listener])


def _config(services: Services) -> uvicorn.Config:
    settings = services.settings
    return uvicorn.Config(
        create_app(settings, services=services),
        loop="asyncio",  # ListeningSocket needs it
        http=TimedH11Protocol,
        root_path=settings.root_path,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        # With True, any client could choose its address and scheme by headers.
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
        f"{settings.tls_cert} and {settings.tls_key} are not a certificate and its key "
        f"({error.strerror or error}): use PEM files that belong together"
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        loop, config = asyncio.get_running_loop(), self.config
        protocol = partial(
            TimedH11Protocol, config, server_state=self.server_state, app_state=self.lifespan.state
        )
        for listener in sockets or ():
            # uvicorn leaves the TLS handshake 60 seconds.
            server = await loop.create_server(
                protocol,
                sock=listener,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=TimedH11Protocol.head_seconds if config.ssl else None,
            )
            self.servers.append(server)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn would log each live tail that it ends as an error, with a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
