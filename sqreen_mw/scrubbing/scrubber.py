"""The default scrubber: masks secrets in texts and JSON-like values."""

import re
from collections.abc import Iterable
from typing import Any, Final

from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.assignments import Assignments
from sqreen_mw.scrubbing.credentials import mask_credentials
from sqreen_mw.scrubbing.markup import mask_markup
from sqreen_mw.scrubbing.payment_numbers import mask_payment_numbers
from sqreen_mw.scrubbing.prefilter import (
    UUID_LENGTH,
    is_uuid,
    may_hold_number,
    may_hold_token,
    quick_signals,
)
from sqreen_mw.scrubbing.secret_values import is_random
from sqreen_mw.scrubbing.sensitive_keys import SensitiveKeys, Sensitivity, default_keys
from sqreen_mw.scrubbing.traverse import LEAST_CARD, LONG_KEY, Traversal
from sqreen_mw.scrubbing.url_secrets import mask_url_secrets
from sqreen_mw.scrubbing.vendor_tokens import mask_vendor_tokens

_SHORTEST_SECRET: Final = 5
_SHORTEST_FORMAT: Final = 14
_CLEAN_TEXTS: Final = 1024
_HARMLESS_KEYS: Final = 1024
_LONGEST_CLEAN: Final = 256


class Scrubber:
    """Masks secrets by the names of their keys and by their format. Immutable, without I/O.

    Arguments are never changed. A value that can't be scrubbed is masked.
    """

    def __init__(self, *, keys: Iterable[str] | None = None, pattern: str | None = None) -> None:
        """Use the settings of the original Sqreen.

        Args:
            keys: Names that replace the default ones (``SQREEN_STRIP_SENSITIVE_KEYS``).
            pattern: A regular expression for secrets in text (``SQREEN_STRIP_SENSITIVE_REGEX``).

        Raises:
            ValueError: ``pattern`` is not a regular expression.
        """
        self._keys: Final = default_keys() if keys is None else SensitiveKeys(keys)
        self._assignments: Final = Assignments(self._keys)
        self._pattern: Final = _compiled(pattern) if pattern else None
        self._clean: Final = set[str]()
        self._known: Final = dict[str, tuple[Sensitivity, str]]()
        self._harmless: Final = dict[str, Sensitivity]()

    def is_sensitive(self, key: str, /) -> bool:
        """Return whether the values of a key are secret."""
        return self._keys.match(key)

    def text(self, text: str) -> str:
        """Return a text with its secrets masked, or the mask if scrubbing fails."""
        if text in self._clean:
            return text
        with suppress_app_errors:
            return self._text(text)
        return MASK  # fail closed

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON-like value with its secrets masked, or the value if it has none.

        A sensitive key masks texts, numbers and nested values, but not booleans or None. Values
        below 64 levels, values after the first 100,000, and objects of other types are masked.
        """
        if type(value) is dict and self._is_harmless(value):
            return value
        with suppress_app_errors:
            traversal = Traversal(
                text=self._text, clean=self._clean, policy=self._policy, known=self._known
            )
            return traversal.copy(value)
        return MASK  # fail closed

    def _text(self, text: str) -> str:
        """Return a text with its secrets masked. Clean texts are cached because most repeat."""
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
            text = self._mask_formats(text)
            words, markup, assignments, prose = quick_signals(text)
            if words:
                text = mask_credentials(text)
            if markup:
                text = mask_markup(text, self._keys.match)
            if assignments:
                text = self._assignments.mask(text, prose=prose)
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def _mask_formats(self, text: str) -> str:
        """Return a text with the secrets masked that need no name."""
        if len(text) >= _SHORTEST_FORMAT:
            data = text.encode("ascii", "replace")
            if may_hold_token(text, data):
                text = mask_vendor_tokens(text)
            if may_hold_number(text, data):
                text = mask_payment_numbers(text)
        return mask_url_secrets(text) if "/" in text else text

    def _policy(self, key: str) -> tuple[Sensitivity, str]:
        """Return whether a key is sensitive, and the scrubbed key. Harmless keys are cached."""
        sensitive, scrubbed = self._keys.sensitivity(key), self._text(key)
        # The neighbours of "value" decide whether it is a secret.
        if sensitive < Sensitivity.YES and scrubbed == key != "value" and len(key) <= LONG_KEY:
            if len(self._harmless) >= _HARMLESS_KEYS:
                self._harmless.clear()
            self._harmless[key] = sensitive
        return sensitive, scrubbed

    def _is_harmless(self, values: dict[Any, Any]) -> bool:
        """Return whether all keys and values of a dict are known to be harmless.

        Most dicts are, and a traversal is slow.
        """
        keys, texts = self._harmless, self._clean
        for key, value in values.items():
            if type(key) is not str or key not in keys:
                return False
            kind = type(value)
            if kind is str:
                harmless = value in texts and not (keys[key] and is_random(value))
            elif kind is int or kind is float:
                harmless = -LEAST_CARD < value < LEAST_CARD
            else:
                harmless = kind is bool or value is None
            if not harmless:
                return False
        return True


class NullScrubber:
    """Masks nothing (``SQREEN_STRIP_SENSITIVE_DATA=0``)."""

    def is_sensitive(self, _key: str, /) -> bool:
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
            f"SQREEN_STRIP_SENSITIVE_REGEX is not a regular expression: {error}; fix or unset it"
        ) from error
