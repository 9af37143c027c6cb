"""Masks secrets in paths such as ``/reset/{token}``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from sqreen_mw.capture.json_copy import safe_text
from sqreen_mw.capture.path_matching import (
    PathMatch,
    match_path,
    repeated_names,
    template_names,
    template_parts,
)
from sqreen_mw.protocol.limits import MAX_PARAMETERS, MAX_TEXT_LENGTH
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.interface import ScrubberProtocol


class Mounted(NamedTuple):
    """A mounted app and its route.

    Attributes:
        mount: The mount's part of the path, such as ``/shops/7``.
        templates: The templates of the known mounts, in the order of their routes.
        route: The template of the route in the mounted app.
        parameters: The path's parameters. A parameter of the route hides one of the mount.
    """

    mount: str
    templates: Sequence[str]
    route: str
    parameters: Mapping[str, object]


def mount_template(mounted: Mounted, scrubber: ScrubberProtocol) -> str:
    """Return the template of a mount's path. If it is unknown, guess one without secrets."""
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
            # The mount may have a parameter of the same name, whose value is hidden.
            return f"/{{{name}:path}}"
    return _guessed(mount, of_mount.items(), scrubber)


def _guessed(
    mount: str, parameters: Iterable[tuple[str, object]], scrubber: ScrubberProtocol
) -> str:
    """Return a template for a path, from the values of its parameters.

    If a sensitive parameter is not found, the template contains no text of the path. Otherwise the
    rest of the path is scrubbed.
    """
    parts = mount.split("/")
    found: set[str] = set()
    for name, value in parameters:
        length = safe_text(value).count("/") + 1
        places = [
            place
            for place in range(1, len(parts) - length + 1)
            if _is_value("/".join(parts[place : place + length]), value)
        ]
        placeholder = f"{{{name}:path}}" if length > 1 else f"{{{name}}}"
        if not places and scrubber.is_sensitive(name):
            return f"/{{{name}:path}}"
        for place in reversed(places):
            parts[place : place + length] = [placeholder]
        found.add(placeholder)
    return "/".join(part if part in found else scrubber.text(part) for part in parts)


def _is_value(text: str, value: object) -> bool:
    """Return whether a text of a path can be converted to a value."""
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
    """Return a path with the values of its sensitive parameters masked.

    The positions come from the route's template, because a value's text can differ from the path
    (UUIDs, numbers) and an app can remove values. If the template does not match or is a regular
    expression, the values are searched as text, and the whole path is masked if one is not found
    or its name is repeated. Other copies of the values are masked too.

    Args:
        path: The path, decoded.
        route: The template, such as ``/reset/{token:uuid}`` or ``/reset/<uuid:token>``.
        routed: The end of the path that the template describes, if not the whole path.
        parameters: The path parameters by name.
        is_sensitive: Returns whether a parameter of this name is masked.
    """
    given = {safe_text(name): parameters[name] for name in islice(parameters, MAX_PARAMETERS)}
    parts = template_parts(route) if route else ()
    names = template_names(route or "")
    if not parts:
        # With a template, other parameters come from the host or from defaults.
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


def without_masked(
    parameters: Mapping[str, str], path: str, shown: str, *, scrub: Callable[[str], str]
) -> dict[str, str]:
    """Return path parameters, with the values masked that are masked in the path.

    Args:
        parameters: The path parameters by name.
        path: The path, decoded.
        shown: The path without secrets.
        scrub: Masks secrets in a text.
    """
    if shown == MASK or len(path) > MAX_TEXT_LENGTH:
        # Parts without a secret are missing too.
        shown = scrub(path)
    masked = set(path.split("/")).difference(shown.split("/"))
    return {name: MASK if value in masked else value for name, value in parameters.items()}


def _masked(fit: PathMatch, secrets: set[str]) -> str:
    """Return a matched path with its secrets masked. The text around placeholders is kept."""
    return "/".join(
        f"{part.before}{MASK}{part.after}"
        if not part.names.isdisjoint(secrets) and len(text) > len(part.before) + len(part.after)
        else text
        for text, part in fit
    )


def _is_found(path: str, value: object) -> bool:
    """Return whether ``_without_copies`` finds a value in a path, or the value is empty.

    Values that are not texts can have another form in the path, such as a UUID in upper case.
    """
    if _is_none(value):
        return True
    return isinstance(value, str) and _without_copies(path, [value]) != path


def _is_none(value: object) -> bool:
    return value is None or value == "" or isinstance(value, bool)


def _without_copies(path: str, values: Iterable[str]) -> str:
    """Return a path with values masked. A short value is masked only as a whole segment."""
    for value in values:
        if len(value) >= _LONG_VALUE:
            path = path.replace(value, MASK)
        path = "/".join(MASK if segment == value else segment for segment in path.split("/"))
    return path
