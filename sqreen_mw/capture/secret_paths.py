"""Paths that carry secrets, such as ``/reset/{token}``: masked before anything else is done."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from sqreen_mw.capture.values import safe_text
from sqreen_mw.protocol.limits import MAX_PARAMETERS
from sqreen_mw.scrubbing.mask import MASK

_PLACEHOLDER: Final = re.compile(r"<([^<>]*)>|\{([^{}]*)\}")
_LONG_VALUE: Final = 6


def masked_path(
    path: str,
    *,
    route: str | None,
    parameters: Mapping[str, object],
    is_sensitive: Callable[[str], bool],
) -> str:
    """Return a path without the values of its sensitive parameters.

    They are found by where the route's template has them, as a value's text may differ from what
    the path says (a UUID, a number); and as text, as a template may be of another form. Where
    neither finds one, the path is masked as a whole.

    Args:
        path: The path, decoded.
        route: The template, such as ``/reset/{token:uuid}`` or ``/reset/<uuid:token>``.
        parameters: The path parameters by name.
        is_sensitive: Tells whether a parameter of this name is to be masked.
    """
    names = (name for name in islice(parameters, MAX_PARAMETERS) if is_sensitive(safe_text(name)))
    secrets = {safe_text(name): parameters[name] for name in names}
    if not secrets:
        return path
    spans = dict(_spans(path, route or ""))
    for name in sorted(spans.keys() & secrets.keys(), key=lambda name: spans[name], reverse=True):
        start, end = spans[name]
        path = f"{path[:start]}{MASK}{path[end:]}"
    for name, value in secrets.items():
        if value is None or value == "" or isinstance(value, bool):
            continue
        without = _without(path, safe_text(value))
        if without == path and name not in spans:
            return MASK
        path = without
    return path


def _spans(path: str, route: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the names of a template's parameters, and where each one's text stands in a path.

    Nothing is yielded where the template does not fit. It may begin within the path, below a mount.
    """
    matches = list(_PLACEHOLDER.finditer(route))
    ends = [*(match.start() for match in matches[1:]), len(route)]
    start = path.find(route[: matches[0].start()]) if matches else -1
    if start < 0:
        return
    start += matches[0].start()
    for match, end in zip(matches, ends, strict=True):
        after = route[match.end() : end]
        stop = len(path) - len(after) if end == len(route) else path.find(after, start + 1)
        if stop < start or not path.startswith(after, stop):
            return
        yield _name(match), (start, stop)
        start = stop + len(after)


def _name(placeholder: re.Match[str]) -> str:
    """Return the name in ``<converter:name>`` or ``{name:converter}``."""
    angular, curly = placeholder.groups()
    return angular.rpartition(":")[2].strip() if curly is None else curly.partition(":")[0].strip()


def _without(path: str, value: str) -> str:
    """Return a path in which a value is masked; a short one where it is a whole segment only."""
    if len(value) >= _LONG_VALUE:
        return path.replace(value, MASK)
    marked = f"{path}/"
    return marked.replace(f"/{value}/", f"/{MASK}/").removesuffix("/")
