"""Masks named secrets in text: in queries, forms, configuration, headers, JSON and prose."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final

from sqreen_mw.scrubbing.mask import lowered, mask_spans
from sqreen_mw.scrubbing.prefilter import has_sign
from sqreen_mw.scrubbing.secret_values import (
    is_code,
    is_known_call,
    is_known_placeholder,
    is_likely_secret,
    is_placeholder,
    is_random,
    is_sentence,
    is_surely_secret,
    reads_as_prose,
)
from sqreen_mw.scrubbing.sensitive_keys import SensitiveKeys, Sensitivity

_SIGN: Final = (
    r"(?::[ ]?(?:str|bytes|string|String|SecretStr|Optional\[str\]|str \| None)[ ]=|=(?!=|~[\s/])>?"
    r"|:(?!//)[:=]?|%3[ADad]|\uff1a|\uff1d)"
)
_BLANKS: Final = r"[ \t\u00a0]{0,8}"
# A quote or a character that ordinary words don't have must follow: most sentences end here.
_BEFORE_SECRET: Final = rf"(?={_BLANKS}(?:\S{{0,64}}[\d!@#$%^&*+=|~]|\S{{0,14}}[\"']))"
_PROSE: Final = rf"(?:[ ](?:is|was|are)(?:[ ]?:)?(?=[ ])|->|\u2192){_BEFORE_SECRET}"
_SEPARATOR: Final = re.compile(_SIGN + _BLANKS)
_SEPARATOR_OR_PROSE: Final = re.compile(rf"(?:{_PROSE}|{_SIGN}){_BLANKS}")
# These match the reversed text: a sign, what stands between it and a name, and the name.
_CLOSING: Final = r"[ \t\u00a0\"'`\\\[\]\d_.%-]{0,24}+(?:;touq&|d5%)?+"
_SIGN_BACKWARDS: Final = r"[=:%\uff1a\uff1d](?:(?<!%)|(?<=[ad]3%))"
_VERB: Final = re.compile(rf" (?:is|was|are)(?:[ ]?:)?(?=[ ]){_BEFORE_SECRET}")
_ARROW: Final = re.compile(f"(?:->|\u2192){_BEFORE_SECRET}")
_NAME: Final = re.compile(
    r"[ \t\u00a0]{0,8}+([\"'`\\]{0,8}+|;touq&)"
    r"([\w.\-\[\]%\u200b-\u200d\u0300-\u036f\u0900-\u0eff\u1000-\u109f\u1780-\u17ff]{1,80}+)"
    r"(?:(\?|&|62%|[fF]3%|6200u|;pma)|((?:[ ][^\W\d_]{1,20}+){1,2}))?"
)
_UNEXPECTED: Final = re.compile("[ ]detcepxen[uU]")  # "unexpected token", from parsers
_CARD_CODE: Final = re.compile(r"(?:.*[\W_])?cv[cv]2?:\d{3}", re.IGNORECASE)
_LONG: Final = re.compile(r"[=:%>\uff1a\uff1d]\S?[ ]?[\"'\\]{0,4}[^\s&;,\"'<>]{16}")
_MOST: Final = 256
_CACHED_NAMES: Final = 1024
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
_IN_ANGLES: Final = re.compile(r"<[\w!@#$%^*+.-]{1,64}>")
_BRACKETED: Final = re.compile(r"\[[^\]]*+\]?|\{[^{}]*+\}?")
_BARE: Final = re.compile(
    r"(?:[^\s&;,\"'<>]|[,&;](?!\s|\Z|[\w.%\[\]-]{1,64}=)|[\"'](?=\w)|<(?![A-Za-z/!?\s]))++"
    r"(?:(?:[ ][^\s;=&\"']{1,64}){1,8}(?=[;&]))?"
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
_RANDOM_ROOM: Final = 128
_VALUE_ROOM: Final = 1024


class Assignments:
    """Masks the values of sensitive names. Immutable.

    After 256 sensitive names, the rest of the text is masked.
    """

    def __init__(self, keys: SensitiveKeys) -> None:
        self._keys: Final = keys
        self._sensitivity: Final = lru_cache(maxsize=_CACHED_NAMES)(self._decide)

    # Compiling takes some 20 ms, so it waits for the first text that needs it.
    @cached_property
    def _ending(self) -> re.Pattern[str]:
        return re.compile(self._ending_pattern)

    @cached_property
    def _signed_ending(self) -> re.Pattern[str]:
        return re.compile(_SIGN_BACKWARDS + self._ending_pattern)

    @property
    def _ending_pattern(self) -> str:
        return rf"(?={_CLOSING}{self._keys.endings_backwards()})"

    def mask(self, text: str, *, prose: bool = True) -> str:
        """Return a text with the values of sensitive names masked, also in prose if wanted."""
        ends = self._ends(text, lowered(text)[::-1], prose=prose)
        if not ends:
            return text
        separators = _SEPARATOR_OR_PROSE if prose else _SEPARATOR
        return mask_spans(text, self._secrets(text, ends, separators))

    def _ends(self, text: str, backwards: str, *, prose: bool) -> list[int]:
        """Return the ends of plausible names, counted from the end of the text.

        A name that is only sensitive with a generated value needs a long value.
        """
        length = len(text)
        signed = self._signed_ending.finditer(backwards) if has_sign(text) else ()
        ends = [
            match.end()
            for match in signed
            if match.lastindex is None or _LONG.match(text, length - match.end())
        ]
        if prose:
            arrows = _ARROW.finditer(text) if "->" in text or "\u2192" in text else ()
            verbs = (*_VERB.finditer(text), *arrows)
            starts = [length - verb.start() for verb in verbs]
            ends += [end for end in starts if self._ending.match(backwards, end)]
            ends.sort()
        return ends

    def _secrets(
        self, text: str, ends: list[int], separators: re.Pattern[str]
    ) -> Iterator[tuple[int, int]]:
        """Yield the positions of secrets. The ends of names are counted from the text's end."""
        done = found = 0
        backwards = text[::-1]
        for end in reversed(ends):
            start = len(text) - end
            named = _NAME.match(backwards, end) if start >= done else None
            sensitivity = named and self._sensitivity(*named.group(2, 4))
            if not named or not sensitivity or _UNEXPECTED.match(backwards, named.end(2)):
                continue
            found += 1
            if found > _MOST:
                yield start, len(text)
                return
            separator = separators.match(text, start)
            if separator is None or not self._begins_secret(
                text, separator, named=named, sensitivity=sensitivity
            ):
                continue
            span = self._value(text, separator.end(), named=named, separator=separator[0])
            if span is not None:
                yield span
                done = span[1]

    def _begins_secret(
        self,
        text: str,
        separator: re.Match[str],
        *,
        named: re.Match[str],
        sensitivity: Sensitivity,
    ) -> bool:
        """Return whether a value is secret, from its beginning.

        Otherwise a long value with many names would be read to its end for each of them.
        """
        by_value = sensitivity is Sensitivity.BY_VALUE
        start = separator.end()
        beginning = text[start : start + (_RANDOM_ROOM if by_value else _VALUE_ROOM)]
        span = self._value(beginning, 0, named=named, separator=separator[0])
        return span is not None and (not by_value or is_random(beginning[slice(*span)]))

    def _decide(self, name: str, before: str | None) -> Sensitivity:
        """Return whether a name is sensitive, alone or with the words before it: ``API key``.

        Both are reversed.
        """
        alone = self._keys.sensitivity(name[::-1])
        if alone is Sensitivity.YES or before is None:
            return alone
        return max(alone, self._keys.sensitivity(f"{name}{before}"[::-1]))

    def _value(
        self, text: str, start: int, *, named: re.Match[str], separator: str
    ) -> tuple[int, int] | None:
        """Return the position of the value, or None if it is not secret."""
        if separator == "=" and named.start(1) == named.start():
            return self._directly_assigned(text, start, named=named)
        name = named[2][::-1]
        if separator[0] == "%" or named[3]:
            return query_value(text, start, name, encoded=separator[0] == "%")
        if separator[0] in " -\u2192":
            return prose_value(text, start)
        return self._quoted_or_bare(text, start, named=named, separator=separator)

    def _quoted_or_bare(
        self, text: str, start: int, *, named: re.Match[str], separator: str
    ) -> tuple[int, int] | None:
        name = named[2][::-1]
        quoted = quoted_value(text, start)
        if quoted is not None:
            return None if is_harmless(text[slice(*quoted)], name) else quoted
        if named[1] and text[start : start + 1] in {"[", "{"}:
            return bracketed_value(text, start, name)
        return self._bare(text, start, named=named, separator=separator)

    def _directly_assigned(
        self, text: str, start: int, *, named: re.Match[str]
    ) -> tuple[int, int] | None:
        """Return the position of a value directly after ``=``, unless it is a known placeholder."""
        name = named[2][::-1]
        span = quoted_value(text, start)
        if span is None:
            if is_known_call(text, start, self._keys.match):
                return None
            span = _unquoted(text, start, named=named)
        known = is_known_placeholder(text[slice(*span)], name, self._keys.match)
        return None if known else span

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
        return is_code(value, name, self._keys.match, spaced=spaced)


def _unquoted(text: str, start: int, *, named: re.Match[str]) -> tuple[int, int]:
    """Return the position of a value directly after ``=``."""
    in_angles = _IN_ANGLES.match(text, start)
    if in_angles is not None:
        return in_angles.span()
    query = _IN_QUERY.match(text, start) if named[3] else None
    if query is not None:
        return query.span(1)
    if named[1] and (inside := _BRACKETED.match(text, start)):
        return inside.span()
    return bare_value(text, start, named[2][::-1], colon=False)


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
