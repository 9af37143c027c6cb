"""Paths that carry secrets, such as ``/reset/{token}``: masked before anything else is done."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final

from sqreen_mw.capture.templates import (
    Fitted,
    fitted,
    repeated_names,
    template_names,
    template_parts,
)
from sqreen_mw.capture.values import safe_text
from sqreen_mw.protocol.limits import MAX_PARAMETERS
from sqreen_mw.scrubbing.mask import MASK

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
    fit = fitted(end, parts) if secrets and parts and path.endswith(end) else None
    if fit is not None:
        path = f"{path.removesuffix(end)}{_masked(fit, secrets)}"
    elif not secrets.isdisjoint(repeated_names(route or "")) or not all(
        _is_found(path, given.get(name, ...)) for name in secrets
    ):
        return MASK
    copies = [value for name, value in given.items() if is_sensitive(name)]
    return _without_copies(path, [safe_text(value) for value in copies if not _is_none(value)])


def _masked(fit: Fitted, secrets: set[str]) -> str:
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
