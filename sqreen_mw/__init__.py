"""Self-hosted security monitoring of business logic for Python web applications.

::

    import sqreen_mw as sqreen

    sqreen.track("coupon.applied", properties={"code": "SPRING"})
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from sqreen_mw.agent.api import (
    aclose,
    aflush,
    auth_track,
    close,
    flush,
    identify,
    signup_track,
    stats,
    track,
    user_is_banned,
)
from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.context import detached
from sqreen_mw.errors import ConfigurationError, SqreenError, SqreenUsageError
from sqreen_mw.protocol.event import Event
from sqreen_mw.version import __version__

if TYPE_CHECKING:
    from sqreen_mw.middleware.asgi import SqreenMiddleware
    from sqreen_mw.middleware.flask import Sqreen as Sqreen
    from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware

# Sqreen is missing because ``import *`` must work without Flask.
__all__ = [
    "ConfigurationError",
    "Event",
    "SqreenError",
    "SqreenMiddleware",
    "SqreenUsageError",
    "SqreenWSGIMiddleware",
    "Stats",
    "__version__",
    "aclose",
    "aflush",
    "auth_track",
    "close",
    "detached",
    "flush",
    "identify",
    "signup_track",
    "stats",
    "track",
    "user_is_banned",
]

# Imported on first access (PEP 562), so that an app imports only its own framework.
_MIDDLEWARES: Final = {
    "Sqreen": "sqreen_mw.middleware.flask",
    "SqreenMiddleware": "sqreen_mw.middleware.asgi",
    "SqreenWSGIMiddleware": "sqreen_mw.middleware.wsgi",
}


def __getattr__(name: str) -> Any:
    if name not in _MIDDLEWARES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MIDDLEWARES[name]), name)


def __dir__() -> list[str]:
    """Return the available names: tools that read each of them must not get an error."""
    lazy = _MIDDLEWARES if find_spec("flask") else _MIDDLEWARES.keys() - {"Sqreen"}
    return sorted({*globals(), *lazy})
