"""How an event differs from what a test expects of it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.capture.json_copy import Copier
from sqreen_mw.protocol.event import Event

_MISSING: Final = object()


def differences(event: Event, wanted: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return a line for each expected value that an event's fields do not have."""
    lines: list[str] = []
    for field, values in wanted.items():
        lines += _within(field, getattr(event, field), values or {})
    return lines


def _within(place: str, actual: object, wanted: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in wanted.items():
        here, was = f"{place}[{key!r}]", _value(actual, key)
        if was is _MISSING:
            lines.append(f"{here} is not there, expected {value!r}")
        elif isinstance(was, Struct) and isinstance(value, Mapping):
            lines += _within(here, was, value)
        elif not _same(value, was):
            lines.append(f"{here} is {was!r}, expected {value!r}")
    return lines


def _value(actual: object, key: str) -> object:
    if isinstance(actual, Mapping):
        return actual.get(key, _MISSING)
    return getattr(actual, key, _MISSING)


def _same(wanted: object, was: object) -> bool:
    """Tell whether a value is as expected: by its own equality, or once it is sent."""
    return bool(wanted == was) or Copier().copy(wanted) == was
