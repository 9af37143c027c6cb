"""Scrubs a nested value. Limits on depth and size also end cycles."""

from collections.abc import Callable, Container, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.payment_numbers import is_card
from sqreen_mw.scrubbing.secret_values import is_random
from sqreen_mw.scrubbing.sensitive_keys import Sensitivity

_MAX_DEPTH: Final = 64
_MAX_NODES: Final = 100_000
LEAST_CARD: Final = 10**13
"""The smallest number that can be a card number; it has 14 digits."""

_CARDS_END: Final = 10**19
_KNOWN_KEYS: Final = 1024
_HARMLESS: Final = (date, time, timedelta, UUID)
_NAMES: Final = ("name", "key")
LONG_KEY: Final = 64
"""Longer keys are not cached."""

KeyPolicy: TypeAlias = Callable[[str], tuple[Sensitivity, str]]
"""Returns whether a key is sensitive, and the key's text without secrets."""


class Traversal:
    """Scrubs one value, at most 64 levels and 100,000 values of it. The rest is masked."""

    __slots__ = ("_clean", "_known", "_left", "_policy", "_text")

    def __init__(
        self,
        *,
        text: Callable[[str], str],
        clean: Container[str],
        policy: KeyPolicy,
        known: dict[str, tuple[Sensitivity, str]],
    ) -> None:
        """Set the functions for texts and keys.

        Args:
            text: Scrubs a text.
            clean: Texts without secrets.
            policy: Decides whether a key is sensitive.
            known: The cached decisions.
        """
        self._text = text
        self._clean = clean
        self._policy = policy
        self._known = known
        self._left = _MAX_NODES

    def copy(self, value: Any, depth: int = _MAX_DEPTH) -> Any:
        """Return a scrubbed copy."""
        kind = type(value)
        if kind is str:
            return value if value in self._clean else self._text(value)
        is_number = kind is int or kind is float
        if value is None or kind is bool or (is_number and -LEAST_CARD < value < LEAST_CARD):
            return value
        if kind is dict:
            return self._mapping(value, depth - 1)
        return self._sequence(value, depth - 1) if kind is list else self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        with suppress_app_errors:  # methods of the app's objects may raise
            return self._object(value, depth)
        return MASK  # fail closed

    def _object(self, value: Any, depth: int) -> Any:
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
        """Return whether a value is too deep or too large."""
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
        known, copy, text, clean = self._known, self.copy, self._text, self._clean
        for key, item in value.items():
            decision = known.get(key) if type(key) is str else None
            sensitive, name = decision or self._decide(key, depth)
            if sensitive and _is_masked(sensitive, item):
                copied[name] = MASK
            elif type(item) is str:
                copied[name] = item if item in clean else text(item)
            else:
                copied[name] = copy(item, depth)
        if "value" in copied and self._names_a_secret(value):
            copied["value"] = MASK
        return copied

    def _decide(self, key: Any, depth: int) -> tuple[Sensitivity, Any]:
        """Return whether a key is sensitive, and the scrubbed key. Short keys are cached."""
        if isinstance(key, bytes):
            return self._policy(_decoded(key))[0], self._bytes(key)
        if not isinstance(key, str):
            return Sensitivity.NO, self.copy(key, depth)
        plain = str.__str__(key)
        decision = self._policy(plain)
        if len(plain) <= LONG_KEY:
            if len(self._known) >= _KNOWN_KEYS:
                self._known.clear()
            self._known[plain] = decision
        return decision

    def _names_a_secret(self, value: Mapping[Any, Any]) -> bool:
        """Return whether a mapping is a pair such as ``{"name": "password", "value": "x"}``."""
        names = (value.get(key) for key in _NAMES)
        return any(
            type(name) is str and _is_masked(self._policy(name)[0], value["value"])
            for name in names
        )

    def _bytes(self, data: bytes) -> bytes:
        return self._text(_decoded(data)).encode(errors="surrogateescape")


def _is_masked(sensitivity: Sensitivity, value: Any) -> bool:
    """Return whether a key of this sensitivity masks a value."""
    if sensitivity is Sensitivity.BY_VALUE:
        values = value if isinstance(value, list) else [value]
        return any(isinstance(each, str) and is_random(each) for each in values)
    return sensitivity is Sensitivity.YES and value is not None and type(value) is not bool


def _decoded(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _number(value: Any) -> Any:
    if value < LEAST_CARD or not value < _CARDS_END:
        return value
    return MASK if value == int(value) and is_card(str(int(value))) else value
