"""Secrets that text gives a name: in a query, a form, a configuration, a header, JSON."""

import re
from collections.abc import Callable
from typing import Final

from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.placeholders import is_code, is_likely_secret, is_placeholder

_SEPARATOR: Final = re.compile(r"(?:=(?![=~])>?|:(?!//)=?|%3[Dd]|\uff1a|\uff1d)[ \t\u00a0]{0,8}")
_ANY_SEPARATOR: Final = re.compile(r"[=:\uff1a\uff1d]|%3[Dd]")
# Read backwards from the separator: blanks, quotes, the name, what stands before it.
_NAME: Final = re.compile(
    r"[ \t\u00a0]{0,8}+([\"'`\\]{0,8}+|;touq&)"
    r"([\w.\-\[\]%\u200b-\u200d\u0300-\u036f\u0900-\u0eff\u1000-\u109f\u1780-\u17ff]{1,80}+)"
    r"(?:(\?|&|62%|[fF]3%|6200u|;pma)|((?:[ ][^\W\d_]{1,20}+){1,2}))?"
)
_UNEXPECTED: Final = re.compile("[ ]detcepxen[uU]")  # what a parser says of a token
_IN_QUERY: Final = re.compile(r"[^&;#\s\"'<>\\]*+")
_IN_ENCODED_QUERY: Final = re.compile(r"(?:(?!%26|%23)[^&;#\s\"'<>\\])*+")
_IN_QUOTES: Final = {
    '"': re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]|\\.)*+", re.DOTALL),
}
_OPENING: Final = re.compile(r"[bfruBFRU]{0,2}([\"'])|\\{1,7}[\"']|&quot;")
_IN_ESCAPED_QUOTES: Final = re.compile(r"(?:(?!\\{1,7}[\"']|&quot;).)*+", re.DOTALL)
_BRACKETED: Final = re.compile(r"\[[^\]]*+\]?|\{[^{}]*+\}?")
_BARE: Final = re.compile(
    r"(?:[^\s&;,\"'<>]|,(?!\s|[\w.-]{1,64}=))++(?:(?:[ ][^\s;=&\"']{1,64}){1,8}(?=[;&]))?"
)
_SCHEME: Final = re.compile(
    r"(?:bearer|basic|token|api-?key|negotiate|ntlm|key)[ ]+", re.IGNORECASE
)
_AUTHORIZATION: Final = re.compile(r"authori[sz]ation\Z", re.IGNORECASE)
_LONG_SCHEME: Final = re.compile(
    r"(?:digest|hawk|oauth|hmac[\w-]*|signature|mac|aws4-hmac-sha256)[ ]+(?=\w+=)", re.IGNORECASE
)
_LINE: Final = re.compile(r"[^\r\n]*+")
_FLAG: Final = re.compile(r"(?<!\S)(--([\w-]{1,64}+)[ \t]{1,8}+[\"']?)(?![\"'<$-])[^\s\"']++")
_ELEMENT: Final = re.compile(r"(<(?:\w{1,40}:)?([\w.-]{1,80}+)(?:\s[^<>]{0,256})?>)([^<]+)(?=</)")
_TAIL: Final = ",)]}.:"
_NAME_ROOM: Final = 256


class Assignments:
    """Masks the values whose names are sensitive; immutable."""

    def __init__(self, is_sensitive: Callable[[str], bool]) -> None:
        self._is_sensitive: Final = is_sensitive

    def mask(self, text: str) -> str:
        """Return a text with the value after each sensitive name masked."""
        if "--" in text:
            text = _FLAG.sub(self._tagged, text)
        if "</" in text:
            text = _ELEMENT.sub(self._tagged, text)
        return self._mask_assigned(text) if _ANY_SEPARATOR.search(text) else text

    def _mask_assigned(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        backwards = text[::-1]
        for match in _SEPARATOR.finditer(text):
            start = match.start()
            named = _NAME.match(backwards, len(text) - start) if start >= done else None
            if named is None or not self._names_secret(named):
                continue
            if not _UNEXPECTED.match(backwards, named.end(2)):
                span = self._value(text, match.end(), named=named, separator=match[0])
                if span is not None:
                    parts += (text[done : span[0]], MASK)
                    done = span[1]
        return "".join((*parts, text[done:])) if parts else text

    def _tagged(self, match: re.Match[str]) -> str:
        return match[1] + MASK if self._is_sensitive(match[2]) else match[0]

    def _names_secret(self, named: re.Match[str]) -> bool:
        """Tell whether a name is sensitive, alone or with the words before it: ``API key``."""
        if self._is_sensitive(named[2][::-1]):
            return True
        return named[4] is not None and self._is_sensitive(f"{named[2]}{named[4]}"[::-1])

    def _value(
        self, text: str, start: int, *, named: re.Match[str], separator: str
    ) -> tuple[int, int] | None:
        """Return where the value lies, or None where there is none that is secret."""
        if separator[0] == "%":
            return _found(_IN_ENCODED_QUERY, text, start)
        if named[3]:
            return _found(_IN_QUERY, text, start)
        quoted = _quoted(text, start)
        if quoted is not None:
            begin, end = _without_scheme(text, *quoted)
            return None if is_placeholder(text[begin:end]) else (begin, end)
        if named[1] and text[start : start + 1] in {"[", "{"}:
            return _found(_BRACKETED, text, start)
        return self._bare(text, start, named=named, colon=separator[0] == ":")

    def _bare(
        self, text: str, start: int, *, named: re.Match[str], colon: bool
    ) -> tuple[int, int] | None:
        """Return where a value without quotes lies; after a colon it may well be prose."""
        name = named[2][::-1]
        begin, end = _bare(text, start, name)
        value = text[begin:end]
        if is_placeholder(value) or (begin == start and is_code(value, name, self._is_sensitive)):
            return None
        sure = not colon or named[1] or (begin > start and _AUTHORIZATION.search(name))
        return (begin, end) if sure or is_likely_secret(value) else None


def _found(pattern: re.Pattern[str], text: str, start: int) -> tuple[int, int] | None:
    match = pattern.match(text, start)
    if match is None or is_placeholder(match[0]):
        return None
    return match.span()


def _quoted(text: str, start: int) -> tuple[int, int] | None:
    """Return the inside of the quotes that begin there; of open quotes, up to the end."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    inside = _IN_QUOTES[opening[1]] if opening[1] else _IN_ESCAPED_QUOTES
    match = inside.match(text, opening.end())
    return None if match is None else match.span()


def _without_scheme(text: str, start: int, end: int) -> tuple[int, int]:
    scheme = _SCHEME.match(text, start, end) or _LONG_SCHEME.match(text, start, end)
    return (start, end) if scheme is None else (scheme.end(), end)


def _bare(text: str, start: int, name: str) -> tuple[int, int]:
    """Return where a value without quotes lies; some headers have the rest of the line."""
    scheme = _LONG_SCHEME.match(text, start)
    whole_line = scheme is not None or name.casefold().endswith("cookie")
    # Looked for nearby first: a line that says "Cookie:" a thousand times is not read as often.
    nearby = whole_line and text.find("=", start, start + _NAME_ROOM) >= 0
    match = _LINE.match(text, start) if nearby else None
    if match is not None and "=" in match[0]:
        return match.span()
    short = _SCHEME.match(text, start)
    begin = start if short is None else short.end()
    value = _BARE.match(text, begin)
    if value is None:
        return begin, begin
    kept = value[0].rstrip(_TAIL)
    return begin, begin + len(kept)
