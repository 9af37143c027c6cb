"""Decides which keys are sensitive."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from sqreen_mw.scrubbing.sensitive_words import (
    COMPOUNDS,
    HARMLESS,
    KIN,
    ORIGINAL_KEYS,
    QUALIFIERS,
    WHOLE_KEYS,
    WORLD,
)

_MAX_KEY_LENGTH: Final = 256
_MAX_WORDS: Final = 4
_CACHED_KEYS: Final = 2048
_SEPARATORS: Final = re.compile(r"[\W\d_]+", re.ASCII)
_FOREIGN_SEPARATORS: Final = re.compile(r"[\x00-\x40\x5b-\x60\x7b-\x7f\s\u3000-\u303f]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSEEN: Final = frozenset(("Mn", "Cf"))


class SensitiveKeys:
    """Recognizes sensitive keys by their last words. Immutable."""

    def __init__(self, keys: Iterable[str] | None = None) -> None:
        """Use the given names, or the default ones."""
        if keys is None:
            names = f"{ORIGINAL_KEYS} {KIN} {WORLD}".split()
            whole, compounds, harmless = WHOLE_KEYS.split(), COMPOUNDS.split(), HARMLESS.split()
        else:
            names = whole = [name.strip() for name in keys]
            compounds, harmless = [], []
        self._names: Final = frozenset(filter(None, map(_squash, names)))
        self._whole: Final = frozenset(filter(None, map(_fold, whole)))
        self._compounds: Final = tuple(map(_fold, compounds))
        self._harmless: Final = frozenset(map(_fold, harmless))
        self._cached: Final = lru_cache(maxsize=_CACHED_KEYS)(self._decide)

    def match(self, key: str) -> bool:
        """Return whether a key is sensitive. Only its last 256 characters count."""
        return self._cached(key if len(key) <= _MAX_KEY_LENGTH else key[-_MAX_KEY_LENGTH:])

    def _decide(self, key: str) -> bool:
        words = [word for word in _words(key) if word not in _QUALIFIERS]
        if "".join(words) in self._whole or _fold(key) in self._whole:
            return True
        if words and self._harmless.intersection((words[-1], "".join(words[-2:]))):
            return False
        if any("".join(words[-count:]) in self._names for count in range(1, _MAX_WORDS + 1)):
            return True
        return bool(words) and _bare(words[-1]).endswith(self._compounds)


def _words(key: str) -> list[str]:
    """Return the folded words of a key in snake, kebab, camel or any other case."""
    if "%" in key:
        key = unquote(key)
    key = unicodedata.normalize("NFKC", key)
    if key.isascii():
        words = _SEPARATORS.split(_CAMEL.sub(" ", key))
    else:
        humps = (
            f" {char}" if char.isupper() and last.islower() else char
            for last, char in pairwise(f" {key}")
        )
        words = _FOREIGN_SEPARATORS.split("".join(humps))
    return [folded for word in words if (folded := _fold(word))]


def _bare(word: str) -> str:
    """Return a word without an attached qualifier, such as ``passwordconfirm``."""
    for qualifier in _TAILS:
        rest = word.removesuffix(qualifier)
        if rest != word:
            return rest
    return word


def _squash(name: str) -> str:
    return "".join(_words(name))


def _fold(text: str) -> str:
    """Return a text without letter case, accents and invisible characters."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if unicodedata.category(char) not in _UNSEEN)


_QUALIFIERS: Final = frozenset(map(_fold, QUALIFIERS.split()))
_TAILS: Final = tuple(
    sorted(_QUALIFIERS - {"actual", "neu", "raw", "new", "old"}, key=len, reverse=True)
)
