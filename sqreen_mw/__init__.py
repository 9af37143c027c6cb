"""Self-hosted security monitoring of business logic for Python web applications.

::

    import sqreen_mw as sqreen

    sqreen.track("coupon.applied", properties={"code": "SPRING"})
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sqreen_mw.agent.delivery.buffer import Stats
from sqreen_mw.agent.runtime import close, flush, stats, track
from sqreen_mw.errors import ConfigurationError, SqreenError
from sqreen_mw.version import __version__

if TYPE_CHECKING:
    from sqreen_mw.middleware.asgi import SqreenMiddleware
    from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware

__all__ = [
    "ConfigurationError",
    "SqreenError",
    "SqreenMiddleware",
    "SqreenWSGIMiddleware",
    "Stats",
    "__version__",
    "close",
    "flush",
    "stats",
    "track",
]

# Loaded when first asked for (PEP 562), so that an app has only its own side.
_MIDDLEWARES: Final = {
    "SqreenMiddleware": "sqreen_mw.middleware.asgi",
    "SqreenWSGIMiddleware": "sqreen_mw.middleware.wsgi",
}


def __getattr__(name: str) -> Any:
    if name not in _MIDDLEWARES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MIDDLEWARES[name]), name)
