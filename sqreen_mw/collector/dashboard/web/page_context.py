"""The request for a page, with its session and the collector's services."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.client_address import client_address
from sqreen_mw.collector.dashboard.web.assets import asset_path
from sqreen_mw.collector.dashboard.web.csrf import csrf_token
from sqreen_mw.collector.dashboard.web.time_format import zone_of
from sqreen_mw.collector.permissions import ALL_APPS, Action, Visitor, may
from sqreen_mw.collector.services import Services, services_of
from sqreen_mw.collector.state.sessions import Session


@dataclass(frozen=True, slots=True)
class PageContext:
    """One request for a page. ``session`` is None if the visitor is not signed in."""

    request: Request
    session: Session | None

    @property
    def services(self) -> Services:
        """The collector's services."""
        return services_of(self.request)

    @property
    def base(self) -> str:
        """The root path without a trailing slash."""
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    @property
    def client(self) -> str:
        """The address of the visitor."""
        return client_address(self.request, self.services.settings.client_ip)

    @property
    def is_https(self) -> bool:
        """True if the browser uses HTTPS, either directly or through the configured public URL."""
        public_scheme = self.services.settings.public_url.partition(":")[0]
        return "https" in {self.request.url.scheme, public_scheme}

    @property
    def cookie(self) -> str:
        """The session secret that the browser sent, or an empty string."""
        return self.request.cookies.get(SESSION_COOKIE, "")

    @property
    def csrf(self) -> str:
        """The CSRF token of this session's forms, or an empty string without a session."""
        return csrf_token(self.cookie, self.session.id) if self.session else ""

    @property
    def time_zone_cookie(self) -> str:
        """The name of the cookie with the person's time zone. People may share a browser."""
        return f"sqreen_time_zone_{self.session.user.id if self.session else 0}"

    @property
    def time_zone(self) -> str:
        """The name of the time zone that the person has chosen, or UTC."""
        name = self.request.cookies.get(self.time_zone_cookie, "UTC")
        try:
            zone_of(name)
        except ValueError:
            return "UTC"
        return name

    @property
    def path(self) -> str:
        """The path and the query of this page, for a form that returns to it."""
        if self.request.method == "POST":
            return "/events"
        query = self.request.url.remove_query_params("tz").query
        path = self.request.url.path.removeprefix(self.base)
        return f"{path}?{query}" if query else path

    def may(self, action: Action) -> bool:
        """Return True if the user may do an action on the page's app, or on all apps."""
        user = Visitor() if self.session is None else self.session.user
        return may(user, action, self.request.path_params.get("app", ALL_APPS))

    def asset(self, name: str) -> str:
        """Return the address of a static file."""
        return self.base + asset_path(name)


Handler: TypeAlias = Callable[[PageContext], Awaitable[Response]]
"""Returns the response for a page."""
