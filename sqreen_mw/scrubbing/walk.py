"""The walk through a nested value: bounded, so that cycles, depth and size end it."""

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqreen_mw.scrubbing.card_numbers import is_card
from sqreen_mw.scrubbing.mask import MASK

_MAX_DEPTH: Final = 64
_MAX_NODES: Final = 100_000
_CARDS: Final = (10**11, 10**19)
_HARMLESS: Final = (date, time, timedelta, UUID)
_NAMES: Final = ("name", "key")
_LONG_KEY: Final = 64

Judge: TypeAlias = Callable[[str], tuple[bool, str]]
"""Tells whether a key is sensitive, and its text without secrets."""


class Walk:
    """One walk through one value; it ends at 64 levels and 100,000 values, the rest is masked."""

    __slots__ = ("_judge", "_judge_once", "_left", "_text")

    def __init__(self, *, text: Callable[[str], str], judge: Judge, judge_once: Judge) -> None:
        """Take what scrubs a text, and what judges a key: often the same, and one that is long."""
        self._text = text
        self._judge = judge
        self._judge_once = judge_once
        self._left = _MAX_NODES

    def copy(self, value: Any, depth: int = _MAX_DEPTH) -> Any:
        """Return a scrubbed copy."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        try:
            if kind is dict:
                return self._mapping(value, depth - 1)
            return self._sequence(value, depth - 1) if kind is list else self._other(value, depth)
        except Exception:  # noqa: BLE001 fail closed: what can't be scrubbed must not leave
            return MASK

    def _other(self, value: Any, depth: int) -> Any:
        match value:
            case int() | float() | Decimal():
                return _number(value)
            case Mapping():
                return self._mapping(value, depth - 1)
            case list() | tuple() | set() | frozenset():
                return self._sequence(value, depth - 1)
            case _:
                return self._leaf(value)

    def _leaf(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(str.__str__(value))
            case bytes() | bytearray() | memoryview():
                return self._bytes(bytes(value))
            case _:
                return value if isinstance(value, _HARMLESS) else MASK

    def _full(self, value: Any, depth: int) -> bool:
        """Tell whether a value lies too deep, or holds more than may still be walked."""
        self._left -= len(value) + 1
        return depth < 0 or self._left < 0

    def _sequence(self, value: Any, depth: int) -> Any:
        if self._full(value, depth):
            return MASK
        copies = [self.copy(item, depth) for item in value]
        if isinstance(value, list):
            return copies
        return tuple(copies) if isinstance(value, tuple) else set(copies)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if self._full(value, depth):
            return MASK
        copied: dict[Any, Any] = {}
        judge, copy, text = self._judge, self.copy, self._text
        for key, item in value.items():
            plain = type(key) is str and len(key) <= _LONG_KEY
            sensitive, name = judge(key) if plain else self._other_key(key, depth)
            if sensitive and item is not None and type(item) is not bool:
                copied[name] = MASK
            else:
                copied[name] = text(item) if type(item) is str else copy(item, depth)
        if "value" in copied and self._names_a_secret(value):
            copied["value"] = MASK
        return copied

    def _other_key(self, key: Any, depth: int) -> tuple[bool, Any]:
        if isinstance(key, bytes):
            return self._judge_once(_decoded(key))[0], self._bytes(key)
        if isinstance(key, str):
            return self._judge_once(str.__str__(key))
        return False, self.copy(key, depth)

    def _names_a_secret(self, value: Mapping[Any, Any]) -> bool:
        """Tell whether a mapping is a pair such as ``{"name": "password", "value": "x"}``."""
        if value["value"] is None or type(value["value"]) is bool:
            return False
        names = (value.get(key) for key in _NAMES)
        return any(type(name) is str and self._judge_once(name)[0] for name in names)

    def _bytes(self, data: bytes) -> bytes:
        return self._text(_decoded(data)).encode(errors="surrogateescape")


def _decoded(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _number(value: Any) -> Any:
    least, most = _CARDS
    if least <= value < most and value == int(value) and is_card(str(int(value))):
        return MASK
    return value
