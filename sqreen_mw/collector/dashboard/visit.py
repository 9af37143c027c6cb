"""Who asks for a page, and of what collector."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.csrf import csrf_token
from sqreen_mw.collector.dashboard.explorer_url import ExplorerUrl
from sqreen_mw.collector.dashboard.links import Links
from sqreen_mw.collector.services import Services, services_of
from sqreen_mw.collector.state.sessions import Session

_MAKERS: Final = frozenset({"analyst", "admin"})


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page; ``session`` is None for somebody who is not signed in."""

    request: Request
    session: Session | None

    @property
    def services(self) -> Services:
        """The collector's parts."""
        return services_of(self.request)

    @property
    def base(self) -> str:
        """The root path, without a slash at its end."""
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    @property
    def is_https(self) -> bool:
        """Tell whether the browser is at https, here or at the proxy that the settings tell of."""
        return "https" in {
            self.request.url.scheme,
            self.services.settings.public_url.partition(":")[0],
        }

    @property
    def cookie(self) -> str:
        """The session's secret as the browser sent it, or nothing."""
        return self.request.cookies.get(SESSION_COOKIE, "")

    @property
    def csrf(self) -> str:
        """The token that this session's forms carry, or nothing without a session."""
        return csrf_token(self.cookie, self.session.id) if self.session else ""

    @property
    def may_make_tokens(self) -> bool:
        """Tell whether the user's role allows making, and so seeing, tokens."""
        return self.session is not None and self.session.user.role in _MAKERS

    def links(self, state: ExplorerUrl | None = None) -> Links:
        """Return links from a state of the Explorer, or from its first."""
        return Links(self.base, state or ExplorerUrl(), system_clock())


Handler: TypeAlias = Callable[[Visit], Awaitable[Response]]
"""Answers a visit."""
