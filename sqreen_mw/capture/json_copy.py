"""Copies the app's values into JSON values within limits."""

import math
from collections import UserString
from collections.abc import Iterable, Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from itertools import islice
from numbers import Integral, Rational, Real
from typing import Any, Final

import msgspec

from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.text import SCAN_LIMIT, clean_text
from sqreen_mw.protocol.limits import (
    MAX_EVENT_BYTES,
    MAX_PROPERTIES,
    MAX_PROPERTY_DEPTH,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TEXT_LENGTH,
)

MAX_NODES: Final = 2000
"""Maximum number of values of an event, including nested ones."""

_NODE_BYTES: Final = 64
_MAX_INT: Final = 1 << 63
"""The limit of integers in JSON readers; they reject NaN and infinity too."""

_BYTES: Final = (bytes, bytearray, memoryview)

encode_json: Final = msgspec.json.Encoder().encode
"""Return the JSON of a copy, UTF-8."""

_TOO_DEEP: Final = "<nested too deep>"


class Copier:
    """Copies the values of one event and records whether they fit the limits.

    It is fast because the app waits for it. Of a text that is too long, enough is kept to scrub it
    before it is shortened.

    Attributes:
        truncated: True if a value is left out or must be shortened.
        size: The approximate memory of the copies in bytes.
    """

    # On the class, because each call creates a copier.
    truncated: bool = False
    size: int = 0
    _nodes: int = 0

    def copy(self, value: Any, depth: int = MAX_PROPERTY_DEPTH) -> Any:
        """Return a copy made of str, int, finite float, bool, None, list and dict."""
        self._nodes += 1
        self.size += _NODE_BYTES
        kind = type(value)
        if kind is str:
            return self.text(value)
        if (
            (kind is int and -_MAX_INT <= value < _MAX_INT)
            or (kind is float and math.isfinite(value))
            or value is None
            or kind is bool
        ):
            return value
        if kind is int or kind is float:
            return self.text(value)
        with suppress_app_errors:
            return self._copy_other(value, depth)
        return _without_text(value)

    def copies(
        self, items: Iterable[tuple[object, object]], depth: int = MAX_PROPERTY_DEPTH
    ) -> dict[str, Any]:
        """Return copies of a mapping's items, until they exceed the size of an event."""
        copied: dict[str, Any] = {}
        for key, value in items:
            if self.size >= MAX_EVENT_BYTES:
                self.truncated = True
                break
            copied[self.key(key)] = self.copy(value, depth)
        return copied

    def text(self, value: object, limit: int = MAX_TEXT_LENGTH) -> str:
        """Return an object's text, at most ``SCAN_LIMIT`` characters of it."""
        text = value if type(value) is str else safe_text(value)
        if len(text) > limit:
            self.truncated = True
            text = text[:SCAN_LIMIT]
        self.size += len(text)
        return text if text.isascii() else clean_text(text)

    def key(self, key: object) -> str:
        """Return a key's text, at most its last ``SCAN_LIMIT`` characters."""
        text = safe_text(key)
        if len(text) > MAX_PROPERTY_NAME_LENGTH:
            self.truncated = True
            text = text[-SCAN_LIMIT:]
        self.size += len(text)
        return clean_text(text)

    def _copy_other(self, value: object, depth: int) -> Any:
        match value:
            case Enum():
                copied = self.copy(value.value, depth)
            case Mapping():
                copied = self._nested(value, depth, self._mapping)
            case datetime() | date():
                copied = value.isoformat()
            case _ if _is_sequence(value):
                copied = self._nested(value, depth, self._sequence)
            case Real():
                copied = self.copy(_number(value), depth)
            case _:
                copied = self.text(value)
        return copied

    def _nested(self, value: Any, depth: int, copy: Any) -> Any:
        if depth == 0:
            self.truncated = True
            return _TOO_DEEP
        return copy(value, depth - 1)

    def _mapping(self, value: Mapping[object, object], depth: int) -> dict[str, Any]:
        return self.copies(islice(value.items(), self._room(len(value))), depth)

    def _sequence(self, value: Any, depth: int) -> list[Any]:
        copied: list[Any] = []
        for item in islice(value, self._room(len(value))):
            if self.size >= MAX_EVENT_BYTES:
                self.truncated = True
                break
            copied.append(self.copy(item, depth))
        return copied

    def _room(self, wanted: int) -> int:
        room = max(0, MAX_NODES - self._nodes) if self.size < MAX_EVENT_BYTES else 0
        if wanted > room:
            self.truncated = True
        return room


def plain_json(values: object) -> bytes | None:
    """Return the JSON of a small dict of plain keys and values, or None for other values.

    The JSON is also a copy. Most dicts are plain, and this is faster than a ``Copier``.
    """
    if type(values) is not dict or len(values) > MAX_PROPERTIES:
        return None
    for key, value in values.items():
        kind = type(value)
        if kind is str:
            plain = len(value) <= MAX_TEXT_LENGTH
        elif kind is int or kind is float:
            plain = -_MAX_INT <= value < _MAX_INT  # excludes infinity and NaN
        else:
            plain = kind is bool or value is None
        if not plain or type(key) is not str or len(key) > MAX_PROPERTY_NAME_LENGTH:
            return None
    try:
        data = encode_json(values)
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return data if len(data) <= MAX_TEXT_LENGTH else None


def safe_text(value: object) -> str:
    """Return an object's text. If it raises, the text contains the object's type.

    Only the first ``SCAN_LIMIT`` bytes of bytes are read.
    """
    if type(value) is str:
        return value
    with suppress_app_errors:
        if isinstance(value, str):
            return str.__str__(value)  # the plain text of a subclass
        if isinstance(value, _BYTES):
            return str(bytes(value[:SCAN_LIMIT]))
        is_container = isinstance(value, Mapping) or _is_sequence(value)
        return _container_text(value) if is_container else str(value)
    return _without_text(value)


def _is_sequence(value: object) -> bool:
    """Return whether a value is a collection in memory: not a generator or a database query."""
    has_parts = isinstance(value, Sequence | AbstractSet | MappingView)
    return has_parts and not isinstance(value, (str, UserString, *_BYTES))


def _container_text(value: object) -> str:
    copier = Copier()
    copied = copier.copy(value)
    return f"{copied}..." if copier.truncated else str(copied)


def _number(value: Any) -> int | float | str:
    """Return a plain number for subclasses and other libraries' numbers; a text for fractions."""
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Integral):
        return int(value)
    return str(value) if isinstance(value, Rational) else float(value)


def _without_text(value: object) -> str:
    return f"<{type(value).__name__} without text>"
