"""The templates of what is mounted in a Starlette application, as its router has them."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_DEEPEST: Final = 8
"""Mounts within each other that are looked at: an application may be mounted in itself."""


def mount_templates(router: object) -> list[str]:
    """Return the templates of a router's mounts, such as ``/shops/{shop}``, in its own order.

    What is mounted may hide its routes, and so those that are mounted in it.
    """
    found: list[str] = []
    with suppress(Exception):  # a framework's own object may raise anything
        found.extend(_templates(router, "", _DEEPEST))
    return found


def _templates(router: object, prefix: str, depth: int) -> Iterator[str]:
    for route in getattr(router, "routes", ()) if depth else ():
        if hasattr(route, "routes"):
            # A host has no path.
            template = f"{prefix}{getattr(route, 'path', '')}"
            yield template
            yield from _templates(route, template, depth - 1)
