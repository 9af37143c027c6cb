"""Copies of the app's values that JSON can say: bounded, and never the app's own objects."""

import math
from collections import UserString
from collections.abc import Iterable, Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from itertools import islice
from numbers import Integral, Rational, Real
from typing import Any, Final

from sqreen_mw.capture.text import LOOKED_AT, clean_text
from sqreen_mw.protocol.limits import (
    MAX_EVENT_BYTES,
    MAX_PROPERTY_DEPTH,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TEXT_LENGTH,
)

MAX_NODES: Final = 2000
"""Values of one event, however they are nested."""

_NODE_BYTES: Final = 64
_MAX_INT: Final = 1 << 63
"""JSON readers know no larger whole numbers, and no NaN or infinity at all."""

_BYTES: Final = (bytes, bytearray, memoryview)

_TOO_DEEP: Final = "<nested too deep>"


class Copier:
    """Copies the values of one event, and knows what does not fit.

    It is cheap, as the app waits for it: of a text that is too long, enough is kept to be scrubbed
    before it is cut.

    Attributes:
        truncated: Whether something is left out, or is to be cut.
        size: About the bytes of memory that the copies hold.
    """

    __slots__ = ("_nodes", "size", "truncated")

    def __init__(self) -> None:
        self.truncated: bool = False
        self.size: int = 0
        self._nodes = 0

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
        try:
            return self._copy_other(value, depth)
        except Exception:  # noqa: BLE001 the app's own methods ran, and may raise anything
            return _without_text(value)

    def plain_copy(self, values: dict[Any, Any]) -> dict[str, Any] | None:
        """Return a copy of a dict whose keys and values are all plain, and None of any other.

        Most are, and the calls of ``copies`` are dear.
        """
        copied = values.copy()
        size = 0
        for key, value in copied.items():
            kind = type(value)
            if kind is str:
                plain = len(value) <= MAX_TEXT_LENGTH and value.isascii()
                size += len(value)
            elif kind is int:
                plain = -_MAX_INT <= value < _MAX_INT
            else:
                plain = kind is bool or value is None or (kind is float and value - value == 0)
            if (
                not plain
                or type(key) is not str
                or len(key) > MAX_PROPERTY_NAME_LENGTH
                or not key.isascii()
            ):
                return None
            size += _NODE_BYTES + len(key)
        if size > MAX_EVENT_BYTES:
            return None
        self.size += size
        self._nodes += len(copied)
        return copied

    def copies(
        self, items: Iterable[tuple[object, object]], depth: int = MAX_PROPERTY_DEPTH
    ) -> dict[str, Any]:
        """Return copies of a mapping's items, until so much is copied as fits no event."""
        copied: dict[str, Any] = {}
        for key, value in items:
            if self.size >= MAX_EVENT_BYTES:
                self.truncated = True
                break
            copied[self.key(key)] = self.copy(value, depth)
        return copied

    def text(self, value: object, limit: int = MAX_TEXT_LENGTH) -> str:
        """Return an object's text, at most ``LOOKED_AT`` characters of it."""
        text = value if type(value) is str else safe_text(value)
        if len(text) > limit:
            self.truncated = True
            text = text[:LOOKED_AT]
        self.size += len(text)
        return text if text.isascii() else clean_text(text)

    def key(self, key: object) -> str:
        """Return a key's text, at most its last ``LOOKED_AT`` characters."""
        text = safe_text(key)
        if len(text) > MAX_PROPERTY_NAME_LENGTH:
            self.truncated = True
            text = text[-LOOKED_AT:]
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


def safe_text(value: object) -> str:
    """Return an object's text, that of a container as of a list; one that has none says so.

    No more is read of long ones than is looked at.
    """
    try:
        if isinstance(value, str):
            return str.__str__(value)  # of a subclass, the plain text
        if isinstance(value, _BYTES):
            return str(bytes(value[:LOOKED_AT]))
        is_container = isinstance(value, Mapping) or _is_sequence(value)
        return _container_text(value) if is_container else str(value)
    except Exception:  # noqa: BLE001 the app's own method ran, and may raise anything
        return _without_text(value)


def _is_sequence(value: object) -> bool:
    """Tell whether a value has parts, all of which are there: no generator, no query."""
    has_parts = isinstance(value, Sequence | AbstractSet | MappingView)
    return has_parts and not isinstance(value, (str, UserString, *_BYTES))


def _container_text(value: object) -> str:
    copier = Copier()
    copied = copier.copy(value)
    return f"{copied}..." if copier.truncated else str(copied)


def _number(value: Any) -> int | float | str:
    """Return the plain number that a subclass or another library's is; a fraction is its text."""
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Integral):
        return int(value)
    return str(value) if isinstance(value, Rational) else float(value)


def _without_text(value: object) -> str:
    return f"<{type(value).__name__} without text>"
