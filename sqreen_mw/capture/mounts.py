"""Where an app is mounted: the path's text turned back into a template, ``/shops/{shop}``."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from sqreen_mw.capture.scrubs import Scrubs
from sqreen_mw.capture.templates import fitted, template_names, template_parts
from sqreen_mw.capture.values import safe_text


class Mounted(NamedTuple):
    """Where a mounted app was found, and what the app is told of it.

    Attributes:
        mount: What the path has there, such as ``/shops/7``.
        templates: Those of the mounts that are known, in the order in which they are tried.
        route: The template of the route below.
        parameters: The path's parameters, where one of the route hides one of the mount.
    """

    mount: str
    templates: Sequence[str]
    route: str
    parameters: Mapping[str, object]


def mount_template(mounted: Mounted, scrubber: Scrubs) -> str:
    """Return the template of a mount's path; where it is not known, one that tells no secret."""
    mount, templates, route, given = mounted
    of_route = template_names(route)
    of_mount = {name: given[name] for name in given if name not in of_route}
    secrets = {name for name in of_mount if scrubber.is_sensitive(name)}
    for template in templates:
        names = template_names(template)
        if secrets <= names <= given.keys() and fitted(mount, template_parts(template)):
            return template
    for name in of_route:
        if scrubber.is_sensitive(name):
            # The mount may have one of the same name, whose value is lost.
            return f"/{{{name}:path}}"
    return _guessed(mount, of_mount.items(), scrubber)


def _guessed(mount: str, parameters: Iterable[tuple[str, object]], scrubber: Scrubs) -> str:
    """Return the template of a path of which only what it matched is known.

    Where a sensitive parameter is not found, the template tells of no other text. What is left of
    the path's text is scrubbed.
    """
    parts = mount.split("/")
    found: set[str] = set()
    for name, value in parameters:
        length = safe_text(value).count("/") + 1
        places = [
            place
            for place in range(1, len(parts) - length + 1)
            if _says("/".join(parts[place : place + length]), value)
        ]
        placeholder = f"{{{name}:path}}" if length > 1 else f"{{{name}}}"
        if not places and scrubber.is_sensitive(name):
            return f"/{{{name}:path}}"
        for place in reversed(places):
            parts[place : place + length] = [placeholder]
        found.add(placeholder)
    return "/".join(part if part in found else scrubber.text(part) for part in parts)


def _says(text: str, value: object) -> bool:
    """Tell whether a path's text may be converted to a value."""
    with suppress(ValueError, ArithmeticError):
        match value:
            case UUID():
                return UUID(text) == value
            case int() | float():
                return type(value)(text) == value
            case _:
                pass
    return text == safe_text(value)
