"""Where an app is mounted: the path's text turned back into a template, ``/shops/{shop}``."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from sqreen_mw.capture.scrubs import Scrubs
from sqreen_mw.capture.values import safe_text


def mount_template(mount: str, parameters: Iterable[tuple[str, object]], scrubber: Scrubs) -> str:
    """Return the template of a mount's path, of which only what it matched is known.

    Args:
        mount: What the path has there, such as ``/shops/7``.
        parameters: The mount's parameters. Where a sensitive one is not found, the template tells
            of no other text.
        scrubber: Masks what is left of the path's text.
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
