"""Compares an event with the expected values of a test."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.capture.json_copy import Copier
from sqreen_mw.protocol.event import Event

_MISSING: Final = object()


def differences(event: Event, wanted: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return a line for each expected value that the event does not have."""
    lines: list[str] = []
    for field, values in wanted.items():
        lines += _compare(field, getattr(event, field), values or {})
    return lines


def _compare(path: str, actual: object, wanted: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in wanted.items():
        item, found = f"{path}[{key!r}]", _value(actual, key)
        if found is _MISSING:
            lines.append(f"{item} is missing, expected {value!r}")
        elif isinstance(found, Struct) and isinstance(value, Mapping):
            lines += _compare(item, found, value)
        elif not _equal(value, found):
            lines.append(f"{item} is {found!r}, expected {value!r}")
    return lines


def _value(actual: object, key: str) -> object:
    if isinstance(actual, Mapping):
        return actual.get(key, _MISSING)
    return getattr(actual, key, _MISSING)


def _equal(wanted: object, found: object) -> bool:
    """Compare the values as they are, then in the form in which they are sent."""
    return bool(wanted == found) or Copier().copy(wanted) == found
