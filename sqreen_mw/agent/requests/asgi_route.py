"""The route of an ASGI request, from the values that frameworks write into its scope."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqreen_mw.agent.context import Route
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.request import PathParams

_ANYTHING: Final = "/{path:path}"

_DEEPEST: Final = 8
"""Limit of nested mounts: an application may be mounted in itself."""


def mount_templates(router: object) -> list[str]:
    """Return the templates of a router's mounts, such as ``/shops/{shop}``, in the router's order.

    A mounted application may hide its own mounts; then they are missing.
    """
    found: list[str] = []
    with suppress_app_errors:
        found.extend(_templates(router, "", _DEEPEST))
    return found


def _templates(router: object, prefix: str, depth: int) -> Iterator[str]:
    for route in getattr(router, "routes", ()) if depth else ():
        if hasattr(route, "routes"):
            # Host routes have no path.
            template = f"{prefix}{getattr(route, 'path', '')}"
            yield template
            yield from _templates(route, template, depth - 1)


class ASGIRouting(NamedTuple):
    """Values that frameworks write into the scope for the route, unchanged.

    Starlette and FastAPI write the route, Litestar its template. ``found`` is the result of
    ``route_resolver``, which has priority.
    """

    route: object = None
    path: object = None
    path_template: object = None
    parameters: object = None
    root_path: object = None
    app_root_path: object = None
    fastapi: object = None
    router: object = None
    found: Route | None = None

    def template(self) -> str | None:
        """Return the route's template, such as ``/items/{id}``."""
        if self.found is not None:
            return self.found[0]
        if self.route is None and self.path_template is None:
            return None
        with suppress_app_errors:
            return self._template()
        return None

    def path_params(self) -> PathParams:
        """Return the path's parameters."""
        if self.found is not None:
            return self.found[1]
        parameters = self.parameters
        return dict(parameters) if parameters and isinstance(parameters, Mapping) else {}

    def _template(self) -> str | None:
        route = self.route
        template = self.path_template if route is None else getattr(route, "path", None)
        if not isinstance(template, str):
            return None
        if getattr(route, "routes", None) is not None:
            return _ANYTHING  # a mounted app, which does not report its own routes
        if self.fastapi is None:
            return template
        # Included routers of FastAPI share one route object; another value contains the path.
        fastapi = self.fastapi if isinstance(self.fastapi, Mapping) else {}
        included = fastapi.get("effective_route_context")
        if getattr(included, "original_route", None) is route:
            template = str(getattr(included, "path", template))
        return template

    def routed(self) -> str:
        """Return the path without the server's root path."""
        path, root = as_text(self.path), self._root()
        if not root:
            return path
        rest = path[len(root) :]
        return rest if path.startswith(root) and rest[:1] in {"", "/"} else path

    def mount(self) -> str:
        """Return the path of the mount, which the mounted app appended to ``root_path``.

        The template is that of the mounted app. Starlette's outermost router is still in the
        scope; it contains the templates of its mounts.
        """
        if self.found is not None or self.app_root_path is None:
            return ""
        return as_text(self.root_path)[len(self._root()) :]

    def _root(self) -> str:
        mounted = self.app_root_path is not None
        return as_text(self.app_root_path if mounted else self.root_path)


def as_text(value: object) -> str:
    """Return a value as text; a call of ``safe_text`` is avoided if possible."""
    return value if type(value) is str else safe_text(value or "")


def routing_parts(scope: Mapping[str, Any], found: Route | None) -> tuple[Any, ...]:
    """Return the values of an ``ASGIRouting``, which costs more and which few requests need."""
    get = scope.get
    return (
        get("route"),
        get("path"),
        get("path_template"),
        get("path_params"),
        get("root_path"),
        get("app_root_path"),
        get("fastapi"),
        get("router"),
        found,
    )
