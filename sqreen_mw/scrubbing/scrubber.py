"""The scrubber: takes what would leave the process and gives it back without its secrets."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqreen_mw.scrubbing.assignments import Assignments
from sqreen_mw.scrubbing.cards import mask_cards
from sqreen_mw.scrubbing.credentials import mask_credentials
from sqreen_mw.scrubbing.keys import SensitiveKeys
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.private_keys import mask_private_keys
from sqreen_mw.scrubbing.vendors import mask_vendor_tokens
from sqreen_mw.scrubbing.walk import Walk

_COMPOSED: Final = re.compile(r"[ =:%+'<\t\n\r\f\v\u00a0\uff1a\uff1d]")
"""A secret that another word tells has one of these between it and the word."""

_SHORTEST_SECRET: Final = 5
_SHORTEST_CARD: Final = 12
_SHORTEST_TOKEN: Final = 20
_CACHED_KEYS: Final = 1024
_CLEAN_TEXTS: Final = 1024
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
        self._known: Final = lru_cache(maxsize=_CACHED_KEYS)(self._judgement)

    def is_sensitive(self, key: str) -> bool:
        """Tell whether the value of this key is secret."""
        return self._keys.match(key)

    def text(self, text: str) -> str:
        """Return a text with its secret parts masked, or the mask where that fails."""
        try:
            return self._text(text)
        except Exception:  # noqa: BLE001 fail closed: what can't be scrubbed must not leave
            return MASK

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON-like value with its secrets masked.

        A sensitive key masks text, numbers and everything nested, not booleans or None. What lies
        deeper than 64 levels or beyond 100,000 values is masked, and so is an object of a type
        that JSON can't say.
        """
        try:
            walk = Walk(text=self._text, judge=self._known, judge_once=self._judgement)
            return walk.copy(value)
        except Exception:  # noqa: BLE001 fail closed: what can't be scrubbed must not leave
            return MASK

    def parameters(self, parameters: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return the parameters of a query or a form, each value of a sensitive name masked."""
        scrubbed: dict[str, list[str]] = {}
        for name, values in parameters.items():
            sensitive = self.is_sensitive(name)
            scrubbed[self.text(name)] = [MASK if sensitive else self.text(text) for text in values]
        return scrubbed

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
        if length >= _SHORTEST_SECRET:
            if length >= _SHORTEST_TOKEN:
                text = mask_vendor_tokens(mask_private_keys(text))
            if _COMPOSED.search(text):
                text = self._assignments.mask(mask_credentials(text))
            if length >= _SHORTEST_CARD:
                text = mask_cards(text)
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def _judgement(self, key: str) -> tuple[bool, str]:
        """Return whether a key is sensitive, and its text to show."""
        return self._keys.match(key), self._text(key)


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

    def parameters(self, parameters: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return the same parameters."""
        return dict(parameters)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"SQREEN_STRIP_SENSITIVE_REGEX is no regular expression: {error}; correct or unset it"
        ) from error
