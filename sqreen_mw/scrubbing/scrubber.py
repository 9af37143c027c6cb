"""The scrubber: takes what would leave the process and gives it back without its secrets."""

import re
from collections.abc import Iterable
from typing import Any, Final

from sqreen_mw.scrubbing.assignments import Assignments
from sqreen_mw.scrubbing.cards import mask_cards
from sqreen_mw.scrubbing.credentials import mask_credentials
from sqreen_mw.scrubbing.keys import SensitiveKeys
from sqreen_mw.scrubbing.markup import mask_markup
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.prefilter import (
    UUID_LENGTH,
    is_uuid,
    may_hold_card,
    may_hold_token,
    quick_signals,
)
from sqreen_mw.scrubbing.private_keys import mask_private_keys
from sqreen_mw.scrubbing.traverse import LEAST_CARD, LONG_KEY, Walk
from sqreen_mw.scrubbing.vendors import mask_vendor_tokens

_SHORTEST_SECRET: Final = 5
_SHORTEST_CARD: Final = 12
_CLEAN_TEXTS: Final = 1024
_HARMLESS_KEYS: Final = 1024
_LONGEST_CLEAN: Final = 256


class Scrubber:
    """Masks secrets by the names of their keys and by their form; immutable, does no I/O.

    New values are built, arguments never changed. Whatever can't be scrubbed is masked.
    """

    def __init__(self, *, keys: Iterable[str] | None = None, pattern: str | None = None) -> None:
        """Take the settings of the original.

        Args:
            keys: Names in place of the default ones (``SQREEN_STRIP_SENSITIVE_KEYS``).
            pattern: One more expression for secrets in text (``SQREEN_STRIP_SENSITIVE_REGEX``).

        Raises:
            ValueError: ``pattern`` is no regular expression.
        """
        self._keys: Final = SensitiveKeys(keys)
        self._assignments: Final = Assignments(self._keys.match)
        self._pattern: Final = _compiled(pattern) if pattern else None
        self._clean: Final = set[str]()
        self._known: Final = dict[str, tuple[bool, str]]()
        self._harmless: Final = set[str]()

    def is_sensitive(self, key: str) -> bool:
        """Tell whether the value of this key is secret."""
        return self._keys.match(key)

    def text(self, text: str) -> str:
        """Return a text with its secret parts masked, or the mask where that fails."""
        if text in self._clean:
            return text
        try:
            return self._text(text)
        except Exception:  # noqa: BLE001 fail closed: what can't be scrubbed must not leave
            return MASK

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON-like value with its secrets masked, or itself if it has none.

        A sensitive key masks text, numbers and everything nested, not booleans or None. What lies
        deeper than 64 levels or beyond 100,000 values is masked, and so is an object of a type
        that JSON can't say.
        """
        if type(value) is dict and self._is_harmless(value):
            return value
        try:
            walk = Walk(
                text=self._text, clean=self._clean, judge=self._judgement, known=self._known
            )
            return walk.copy(value)
        except Exception:  # noqa: BLE001 fail closed: what can't be scrubbed must not leave
            return MASK

    def _text(self, text: str) -> str:
        """Return a text without its secrets; clean ones are remembered, as most come again."""
        if text in self._clean:
            return text
        scrubbed = self._scrubbed(text)
        if scrubbed == text and len(text) <= _LONGEST_CLEAN:
            if len(self._clean) >= _CLEAN_TEXTS:
                self._clean.clear()
            self._clean.add(text)
        return scrubbed

    def _scrubbed(self, text: str) -> str:
        length = len(text)
        if length >= _SHORTEST_SECRET and not (length == UUID_LENGTH and is_uuid(text)):
            words, signs, prose = quick_signals(text)
            if words:
                text = mask_private_keys(text)
            if length >= _SHORTEST_CARD:
                text = self._without_forms(text, text.encode(errors="replace"))
            if words:
                text = mask_markup(mask_credentials(text), self._keys.match)
            if signs or prose:
                text = self._assignments.mask(text, prose=prose)
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def _without_forms(self, text: str, data: bytes) -> str:
        """Return a text without what its form alone tells, given its bytes, too."""
        if may_hold_token(text, data):
            text = mask_vendor_tokens(text)
        return mask_cards(text) if may_hold_card(text, data) else text

    def _judgement(self, key: str) -> tuple[bool, str]:
        """Return whether a key is sensitive, and its text to show; harmless ones are remembered."""
        sensitive, shown = self._keys.match(key), self._text(key)
        # What "value" holds is told by its neighbours.
        if not sensitive and shown == key != "value" and len(key) <= LONG_KEY:
            if len(self._harmless) >= _HARMLESS_KEYS:
                self._harmless.clear()
            self._harmless.add(key)
        return sensitive, shown

    def _is_harmless(self, values: dict[Any, Any]) -> bool:
        """Tell whether all keys and texts of a dict are known, and it holds nothing but them.

        Most are so, and a walk is dear.
        """
        keys, texts = self._harmless, self._clean
        for key, value in values.items():
            if type(key) is not str or key not in keys:
                return False
            kind = type(value)
            if kind is str:
                harmless = value in texts
            elif kind is int or kind is float:
                harmless = -LEAST_CARD < value < LEAST_CARD
            else:
                harmless = kind is bool or value is None
            if not harmless:
                return False
        return True


class NullScrubber:
    """Leaves everything as it is (``SQREEN_STRIP_SENSITIVE_DATA=0``)."""

    def is_sensitive(self, key: str) -> bool:  # noqa: ARG002 the scrubber's own signature
        """Return False."""
        return False

    def text(self, text: str) -> str:
        """Return the same text."""
        return text

    def value(self, value: Any) -> Any:
        """Return the same value."""
        return value


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"SQREEN_STRIP_SENSITIVE_REGEX is no regular expression: {error}; correct or unset it"
        ) from error
