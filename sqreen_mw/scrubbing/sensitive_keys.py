"""Decides which keys are sensitive."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from sqreen_mw.scrubbing.sensitive_words import (
    AMBIGUOUS,
    ANSWERS,
    BEFORE_CODES,
    BEFORE_KEYS,
    CODES,
    COMPOUNDS,
    HARMLESS,
    KIN,
    NUMBERED,
    NUMBERS,
    ORIGINAL_KEYS,
    PERSON_IDS,
    QUALIFIERS,
    WHOLE_KEYS,
    WORLD,
)

_MAX_KEY_LENGTH: Final = 256
_COUNTS: Final = range(1, 6)
_CACHED_KEYS: Final = 2048
_ENDING: Final = 5
_LONG_ENDING: Final = 8
_COMMON_ENDINGS: Final = ("ation", "state")  # many harmless words have them
_SEPARATOR: Final = r"[\W_]?+"
# A qualifier alone is no name.
_MORE: Final = r"(?:[\w.\-\[%]|[ ]\w)"
_SEPARATORS: Final = re.compile(r"[\W\d_]+", re.ASCII)
_FOREIGN_SEPARATORS: Final = re.compile(r"[\x00-\x40\x5b-\x60\x7b-\x7f\s\u3000-\u303f]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSEEN: Final = frozenset(("Mn", "Cf"))


class Sensitivity(IntEnum):
    """Whether a key is sensitive."""

    NO = 0
    BY_VALUE = 1
    """Only if its value looks generated, such as the value of ``session``."""
    YES = 2


class SensitiveKeys:
    """Recognizes sensitive keys by their last words. Immutable."""

    def __init__(self, keys: Iterable[str] | None = None) -> None:
        """Use the given names, or the default ones."""
        if keys is None:
            names = f"{ORIGINAL_KEYS} {KIN} {CODES} {WORLD}".split()
            names += (*_combined(), *_person_ids())
            whole, compounds, harmless = WHOLE_KEYS.split(), COMPOUNDS.split(), HARMLESS.split()
        else:
            names = whole = [name.strip() for name in keys]
            compounds, harmless = [], []
        ambiguous = AMBIGUOUS.split() if keys is None else []
        self._names: Final = frozenset(filter(None, map(_squash, names)))
        self._whole: Final = frozenset(filter(None, map(_fold, whole)))
        self._compounds: Final = tuple(map(_fold, compounds))
        self._harmless: Final = frozenset(map(_fold, harmless))
        self._ambiguous: Final = frozenset(ambiguous)
        self._cached: Final = lru_cache(maxsize=_CACHED_KEYS)(self._decide)

    def match(self, key: str) -> bool:
        """Return whether a key is sensitive, whatever its value is."""
        return self.sensitivity(key) is Sensitivity.YES

    def sensitivity(self, key: str) -> Sensitivity:
        """Return whether a key is sensitive. Only its last 256 characters count."""
        return self._cached(key if len(key) <= _MAX_KEY_LENGTH else key[-_MAX_KEY_LENGTH:])

    def endings_backwards(self) -> str:
        """Return a pattern for the ends of sensitive names, from right to left.

        It matches more than the names, but few others. Separators may stand between letters. It
        has a group for each ambiguous name.
        """
        endings = {name[::-1][:_LONG_ENDING]: _MORE for name in _QUALIFIERS}
        endings |= {name[::-1]: "()" for name in self._ambiguous}
        for name in (*self._names, *self._whole, *self._compounds):
            length = _LONG_ENDING if name.endswith(_COMMON_ENDINGS) else _ENDING
            endings[name[::-1][:length]] = ""
        return _any_of(endings)

    def _decide(self, key: str) -> Sensitivity:
        every = _words(key)
        words = [word for word in every if word not in _QUALIFIERS]
        if "".join(words) in self._whole or _fold(key) in self._whole:
            return Sensitivity.YES
        if words and self._harmless.intersection((words[-1], "".join(words[-2:]))):
            return Sensitivity.NO
        # "verification_code" is a name, although "verification" is a qualifier.
        if any(
            "".join(each[-count:]) in self._names for each in (words, every) for count in _COUNTS
        ):
            return Sensitivity.YES
        if words and _bare(words[-1]).endswith(self._compounds):
            return Sensitivity.YES
        return Sensitivity(bool(words) and words[-1] in self._ambiguous)


@cache
def default_keys() -> SensitiveKeys:
    """Return the default keys. Building them takes some milliseconds, so it happens once."""
    return SensitiveKeys()


def _combined() -> Iterator[str]:
    """Yield the names that consist of a word and of the words before it that make it secret."""
    for words, endings in (
        (BEFORE_CODES, "code codes pin"),
        (BEFORE_KEYS, "key keys"),
        (ANSWERS, "answer answers questionanswer qanswer"),
    ):
        yield from (f"{word}{ending}" for word in words.split() for ending in endings.split())


def _person_ids() -> list[str]:
    alone, before_number, numbers = PERSON_IDS.split(), NUMBERED.split(), NUMBERS.split()
    return alone + [f"{word}{number}" for word in (*alone, *before_number) for number in numbers]


def _any_of(endings: Mapping[str, str], between: str = "") -> str:
    """Return a pattern for texts and the patterns after them, one letter after the other.

    Letters of other scripts match anything.
    """
    if endings.get("") == "":
        return ""
    rests: dict[str, dict[str, str]] = {}
    for ending, after in endings.items():
        if ending and ending[0].isascii():
            rests.setdefault(ending[0], {})[ending[1:]] = after
    last = "".join(first for first, rest in rests.items() if rest.get("") == "")
    choices = [r"[^\x00-\x7f]", *([f"[{re.escape(last)}]"] if last else [])]
    choices += [
        first + _any_of(rest, _SEPARATOR) for first, rest in rests.items() if rest.get("") != ""
    ]
    others = f"{between}(?:{'|'.join(choices)})"
    return f"(?:{others}|{endings['']})" if "" in endings else others


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
