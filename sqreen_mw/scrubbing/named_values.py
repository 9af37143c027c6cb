"""Finds the value after a name: in a query, in quotes, in prose or without quotes."""

import re
from typing import Final

from sqreen_mw.scrubbing.placeholders import is_placeholder
from sqreen_mw.scrubbing.prose import is_sentence, is_surely_secret, reads_as_prose

_IN_QUERY: Final = re.compile(r"([^&;#\s\"'<>\\]*+)")
_IN_ENCODED_QUERY: Final = re.compile(r"(?:%2[27])?((?:(?!%2[2367Cc]|%7[Dd])[^&;#\s\"'<>\\])*+)")
_IN_QUOTES: Final = {
    '"': re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]|\\.)*+", re.DOTALL),
}
_OPENING: Final = re.compile(
    r"(?:Secret(?:Str|Bytes)\()?[bfruBFRU]{0,2}([\"'])|\\{1,7}[\"']|&quot;"
)
_IN_ESCAPED_QUOTES: Final = re.compile(r"(?:(?!\\{1,7}[\"']|&quot;).)*+", re.DOTALL)
_BRACKETED: Final = re.compile(r"\[[^\]]*+\]?|\{[^{}]*+\}?")
_BARE: Final = re.compile(
    r"(?:[^\s&;,\"'<>]|,(?!\s|[\w.-]{1,64}=))++(?:(?:[ ][^\s;=&\"']{1,64}){1,8}(?=[;&]))?"
)
_SCHEME: Final = re.compile(
    r"(?:bearer|basic|token|api-?key|negotiate|ntlm|key)[ ]+", re.IGNORECASE
)
_OTHER_SCHEME: Final = re.compile(r"[A-Za-z][\w-]{1,30}[ ]+(?=[^\s\"'<>]{12})(?=\S{0,64}\d)")
_AUTHORIZATION: Final = re.compile(r"authori[sz]ation\Z", re.IGNORECASE)
_LONG_SCHEME: Final = re.compile(
    r"(?:digest|hawk|oauth|hmac[\w-]*|signature|mac|aws4-hmac-sha256)[ ]+(?=\w+=)"
    r"|aws[ ]+(?=[^\r\n]{1,64}:)",
    re.IGNORECASE,
)
_LINE: Final = re.compile(r"[^\r\n]*+")
_TAIL: Final = ",)]}.:"
_PROSE_TAIL: Final = ",)]}.:!?"
_NAME_ROOM: Final = 256


def is_harmless(value: str, name: str) -> bool:
    """Return whether the value of a sensitive name is not a secret."""
    return is_placeholder(value) or is_sentence(value) or reads_as_prose(value, name)


def is_authorization(name: str) -> bool:
    """Return whether a name is that of an Authorization header."""
    return _AUTHORIZATION.search(name) is not None


def query_value(text: str, start: int, name: str, *, encoded: bool) -> tuple[int, int] | None:
    """Return the position of a parameter's value in a query or a form."""
    match = (_IN_ENCODED_QUERY if encoded else _IN_QUERY).match(text, start)
    return None if match is None or is_harmless(match[1], name) else match.span(1)


def bracketed_value(text: str, start: int, name: str) -> tuple[int, int] | None:
    """Return the position of a list or an object."""
    match = _BRACKETED.match(text, start)
    return None if match is None or is_harmless(match[0], name) else match.span()


def prose_value(text: str, start: int) -> tuple[int, int] | None:
    """Return the position of the secret in a sentence such as ``the password is hunter2``."""
    span = _inside_quotes(text, start)
    if span is None:
        match = _BARE.match(text, start)
        value = "" if match is None else match[0].partition(" ")[0].rstrip(_PROSE_TAIL)
        span = start, start + len(value)
    return span if is_surely_secret(text[slice(*span)]) else None


def _inside_quotes(text: str, start: int) -> tuple[int, int] | None:
    """Return the position of quoted text. Without a closing quote, it ends with the text."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    inside = _IN_QUOTES[opening[1]] if opening[1] else _IN_ESCAPED_QUOTES
    match = inside.match(text, opening.end())
    return None if match is None else match.span()


def quoted_value(text: str, start: int) -> tuple[int, int] | None:
    """Return the position of a quoted value without its authentication scheme."""
    span = _inside_quotes(text, start)
    return None if span is None else _without_scheme(text, *span)


def _without_scheme(text: str, start: int, end: int) -> tuple[int, int]:
    scheme = _SCHEME.match(text, start, end) or _LONG_SCHEME.match(text, start, end)
    return (start, end) if scheme is None else (scheme.end(), end)


def bare_value(text: str, start: int, name: str, *, colon: bool) -> tuple[int, int]:
    """Return the position of a value without quotes. Some headers take the rest of the line."""
    if _LONG_SCHEME.match(text, start) or _is_cookie(text, start, name):
        line = _LINE.match(text, start)
        return (start, start) if line is None else line.span()
    short = _SCHEME.match(text, start) if colon else None
    if short is None and _AUTHORIZATION.search(name):
        short = _OTHER_SCHEME.match(text, start)
    begin = start if short is None else short.end()
    value = _BARE.match(text, begin)
    if value is None:
        return begin, begin
    kept = value[0].rstrip(_TAIL)
    return begin, begin + len(kept)


def _is_cookie(text: str, start: int, name: str) -> bool:
    """Return whether the cookies of a header begin at a position."""
    # The search has a limit, so that a line with a thousand "Cookie:" is not read each time.
    return name.casefold().endswith("cookie") and text.find("=", start, start + _NAME_ROOM) >= 0
