"""Paths that carry secrets, such as ``/reset/{token}``: masked before anything else is done."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.routes import (
    PathMatch,
    match_path,
    repeated_names,
    template_names,
    template_parts,
)
from sqreen_mw.protocol.limits import MAX_PARAMETERS
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.mask import MASK


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


def mount_template(mounted: Mounted, scrubber: ScrubberProtocol) -> str:
    """Return the template of a mount's path; where it is not known, one that tells no secret."""
    mount, templates, route, given = mounted
    of_route = template_names(route)
    of_mount = {name: given[name] for name in given if name not in of_route}
    secrets = {name for name in of_mount if scrubber.is_sensitive(name)}
    for template in templates:
        names = template_names(template)
        if secrets <= names <= given.keys() and match_path(mount, template_parts(template)):
            return template
    for name in of_route:
        if scrubber.is_sensitive(name):
            # The mount may have one of the same name, whose value is lost.
            return f"/{{{name}:path}}"
    return _guessed(mount, of_mount.items(), scrubber)


def _guessed(
    mount: str, parameters: Iterable[tuple[str, object]], scrubber: ScrubberProtocol
) -> str:
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


_LONG_VALUE: Final = 6


def masked_path(
    path: str,
    *,
    route: str | None,
    routed: str | None = None,
    parameters: Mapping[str, object],
    is_sensitive: Callable[[str], bool],
) -> str:
    """Return a path without the values of its sensitive parameters.

    They are found by where the route's template has them, as a value's text may differ from what
    the path says (a UUID, a number), and as an app may take values away. Where the template does
    not fit, or is a regular expression, they are found as text, and the path is masked as a whole
    where one is not found, or has the name of another. Copies of their text elsewhere are masked,
    too.

    Args:
        path: The path, decoded.
        route: The template, such as ``/reset/{token:uuid}`` or ``/reset/<uuid:token>``.
        routed: The end of the path that the template describes, where that is not all of it.
        parameters: The path parameters by name.
        is_sensitive: Tells whether a parameter of this name is to be masked.
    """
    given = {safe_text(name): parameters[name] for name in islice(parameters, MAX_PARAMETERS)}
    parts = template_parts(route) if route else ()
    names = template_names(route or "")
    if not parts:
        # What another template does not have stands elsewhere: in the host, or in defaults.
        names |= given.keys()
    secrets = {name for name in names if is_sensitive(name)}
    end = path if routed is None else routed
    fit = match_path(end, parts) if secrets and parts and path.endswith(end) else None
    if fit is not None:
        path = f"{path.removesuffix(end)}{_masked(fit, secrets)}"
    elif not secrets.isdisjoint(repeated_names(route or "")) or not all(
        _is_found(path, given.get(name, ...)) for name in secrets
    ):
        return MASK
    copies = [value for name, value in given.items() if is_sensitive(name)]
    return _without_copies(path, [safe_text(value) for value in copies if not _is_none(value)])


def _masked(fit: PathMatch, secrets: set[str]) -> str:
    """Return the path of a template: where secrets stand, only the text around them stays."""
    return "/".join(
        f"{part.before}{MASK}{part.after}"
        if not part.names.isdisjoint(secrets) and len(text) > len(part.before) + len(part.after)
        else text
        for text, part in fit
    )


def _is_found(path: str, value: object) -> bool:
    """Tell whether a value is in a path as ``_without_copies`` looks for it, or is none at all.

    Of what is no text, the path may have another form: a number with zeros, a UUID in upper case.
    """
    if _is_none(value):
        return True
    return isinstance(value, str) and _without_copies(path, [value]) != path


def _is_none(value: object) -> bool:
    return value is None or value == "" or isinstance(value, bool)


def _without_copies(path: str, values: Iterable[str]) -> str:
    """Return a path in which values are masked; a short one where it is a whole segment only."""
    for value in values:
        if len(value) >= _LONG_VALUE:
            path = path.replace(value, MASK)
        path = "/".join(MASK if segment == value else segment for segment in path.split("/"))
    return path
