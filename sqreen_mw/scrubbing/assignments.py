"""Masks named secrets in text: in queries, forms, configuration, headers, JSON and prose."""

import re
from collections.abc import Callable
from typing import Final

from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.named_values import (
    bare_value,
    bracketed_value,
    is_authorization,
    is_harmless,
    prose_value,
    query_value,
    quoted_value,
)
from sqreen_mw.scrubbing.placeholders import is_code
from sqreen_mw.scrubbing.prose import is_likely_secret

_SIGN: Final = (
    r"(?::[ ]?(?:str|bytes|string|String|SecretStr|Optional\[str\]|str \| None)[ ]=|=(?![=~])>?"
    r"|:(?!//)[:=]?|%3[ADad]|\uff1a|\uff1d)"
)
_BLANKS: Final = r"[ \t\u00a0]{0,8}"
# A quote or a character that ordinary words don't have must follow: most sentences end here.
_PROSE: Final = (
    r"(?:[ ](?:is|was|are)(?:[ ]?:)?(?=[ ])|->|\u2192)"
    rf"(?={_BLANKS}(?:\S{{0,64}}[\d!@#$%^&*+=|~]|\S{{0,14}}[\"']))"
)
_SEPARATOR: Final = re.compile(_SIGN + _BLANKS)
_SEPARATOR_OR_PROSE: Final = re.compile(rf"(?:{_PROSE}|{_SIGN}){_BLANKS}")
# Matches backwards from the separator: blanks, quotes, the name and the text before it.
_NAME: Final = re.compile(
    r"[ \t\u00a0]{0,8}+([\"'`\\]{0,8}+|;touq&)"
    r"([\w.\-\[\]%\u200b-\u200d\u0300-\u036f\u0900-\u0eff\u1000-\u109f\u1780-\u17ff]{1,80}+)"
    r"(?:(\?|&|62%|[fF]3%|6200u|;pma)|((?:[ ][^\W\d_]{1,20}+){1,2}))?"
)
_UNEXPECTED: Final = re.compile("[ ]detcepxen[uU]")  # "unexpected token", from parsers
_CARD_CODE: Final = re.compile(r"(?:.*[\W_])?cv[cv]2?:\d{3}", re.IGNORECASE)
_MOST: Final = 256


class Assignments:
    """Masks the values of sensitive names. Immutable.

    After 256 secrets, the rest of the text is masked.
    """

    def __init__(self, is_sensitive: Callable[[str], bool]) -> None:
        self._is_sensitive: Final = is_sensitive

    def mask(self, text: str, *, prose: bool = True) -> str:
        """Return a text with the values of sensitive names masked, also in prose if wanted."""
        return self._mask(text, _SEPARATOR_OR_PROSE if prose else _SEPARATOR)

    def _mask(self, text: str, separator: re.Pattern[str]) -> str:
        parts: list[str] = []
        done = found = 0
        backwards = text[::-1]
        for match in separator.finditer(text):
            start = match.start()
            named = _NAME.match(backwards, len(text) - start) if start >= done else None
            if named is None or not self._names_secret(named):
                continue
            found += 1
            if found > _MOST:
                return "".join((*parts, text[done:start], MASK))
            if not _UNEXPECTED.match(backwards, named.end(2)):
                span = self._value(text, match.end(), named=named, separator=match[0])
                if span is not None:
                    parts += (text[done : span[0]], MASK)
                    done = span[1]
        return "".join((*parts, text[done:])) if parts else text

    def _names_secret(self, named: re.Match[str]) -> bool:
        """Return whether a name is sensitive, alone or with the words before it: ``API key``."""
        if self._is_sensitive(named[2][::-1]):
            return True
        return named[4] is not None and self._is_sensitive(f"{named[2]}{named[4]}"[::-1])

    def _value(
        self, text: str, start: int, *, named: re.Match[str], separator: str
    ) -> tuple[int, int] | None:
        """Return the position of the value, or None if it is not secret."""
        name = named[2][::-1]
        if separator[0] == "%" or named[3]:
            return query_value(text, start, name, encoded=separator[0] == "%")
        if separator[0] in " -\u2192":
            return prose_value(text, start)
        quoted = quoted_value(text, start)
        if quoted is not None:
            return None if is_harmless(text[slice(*quoted)], name) else quoted
        if named[1] and text[start : start + 1] in {"[", "{"}:
            return bracketed_value(text, start, name)
        return self._bare(text, start, named=named, separator=separator)

    def _bare(
        self, text: str, start: int, *, named: re.Match[str], separator: str
    ) -> tuple[int, int] | None:
        """Return the position of a value without quotes. After a colon, it can be prose."""
        name = named[2][::-1]
        colon = "=" not in separator
        begin, end = bare_value(text, start, name, colon=colon)
        value = text[begin:end]
        if is_harmless(value, name):
            return None
        if begin == start and self._is_code(value, name, spaced=separator[-1] == " "):
            return None
        sure = not colon or named[1] or (begin > start and is_authorization(name))
        likely = is_likely_secret(value) or _CARD_CODE.fullmatch(f"{name}:{value}")
        return (begin, end) if sure or likely else None

    def _is_code(self, value: str, name: str, *, spaced: bool) -> bool:
        if (spaced or value[:1] == "$") and value.lstrip("$") == name.rpartition(".")[2]:
            return True
        return is_code(value, name, self._is_sensitive)
