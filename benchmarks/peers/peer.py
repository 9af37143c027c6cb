"""The interface of contestants, and their names."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
Properties: TypeAlias = dict[str, str | float | bool]


class Peer(Protocol):
    """A product with its default settings that sends to a stub server."""

    def wrap_asgi(self, app: ASGIApp) -> ASGIApp:
        """Return the application inside the product's middleware; itself if there is none."""
        ...

    def wrap_wsgi(self, app: WSGIApp) -> WSGIApp:
        """Return the application inside the product's middleware; itself if there is none."""
        ...

    def track(self, name: str, properties: Properties) -> bool | None:
        """Track an event in the way that the product recommends.

        Returns:
            Whether the product accepted the event; None if its call returns nothing.
        """
        ...

    def flush(self) -> None:
        """Wait until all tracked events are delivered."""
        ...


OURS: Final = "ours"
BARE: Final = "bare"
PASSING: Final = "pass-through"

_PRODUCTS: Final = {
    BARE: ("benchmarks.peers.nothing:Bare", "sqreen_mw"),
    PASSING: ("benchmarks.peers.nothing:PassThrough", "sqreen_mw"),
    OURS: ("benchmarks.peers.ours:Ours", "sqreen_mw"),
    "sentry logs": ("benchmarks.peers.sentry:SentryLogs", "sentry_sdk"),
    "sentry capture": ("benchmarks.peers.sentry:SentryCapture", "sentry_sdk"),
    "posthog": ("benchmarks.peers.posthog:Posthog", "posthog"),
    "opentelemetry": ("benchmarks.peers.otel:OpenTelemetry", "opentelemetry"),
    "segment": ("benchmarks.peers.segment:Segment", "segment"),
}
"""The adapter and the package of each product."""

CONTESTANTS: Final = tuple(_PRODUCTS)[2:]
"""The products that accept events."""


def package_of(name: str) -> str:
    """Return the package that a contestant needs."""
    return _PRODUCTS[name][1]


def installed(name: str) -> bool:
    """Return whether a contestant can run here."""
    return find_spec(package_of(name)) is not None


def open_peer(name: str, url: str) -> Peer:
    """Return a contestant that sends to the stub server at ``url``. Use one per process."""
    module, _, kind = _PRODUCTS[name][0].partition(":")
    peer: Peer = getattr(import_module(module), kind)(url)
    return peer
