"""Masks credentials in text: private keys, authentication schemes, commands and SQL."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.mask import lowered, mask_spans
from sqreen_mw.scrubbing.secret_values import is_placeholder, is_surely_secret

# The first letter of a pattern stands alone, because it rules out most positions quickly.
# RFC 7468, also with the escaped blanks and line ends of URLs and JSON.
_PEM: Final = re.compile(
    r"----[- ]BEGIN[A-Z0-9 +%_]{1,40}PRIVATE(?:[ +_]|%20)KEY(?:(?!----[- ]END).)*+"
    r"(?:----[- ]END[A-Z0-9 +%_]{1,60}----)?",
    re.DOTALL,
)
_PUTTY: Final = re.compile(r"(Private-Lines: )\d.*+", re.DOTALL)
_BEARER: Final = re.compile(
    r"([bB](?<=\b.)(?i:earer)(?:\s|%20|\+){1,8})([\w.~+/=:|-]{3,}+)", re.ASCII
)
_BASIC: Final = re.compile(r"([bB](?<=\b.)(?i:asic)(?:\s|%20|\+){1,8})([\w+/=-]{4,}+)", re.ASCII)
_API_TOKEN: Final = re.compile(
    r"([taTA](?<=\b.)(?i:(?<=t)oken|(?<=a)pi-?key)\s{1,8})((?=[\w-]{0,64}\d)[\w-]{20,}+)", re.ASCII
)
_TOKENLIKE: Final = re.compile(r"(?=.{0,200}[0-9_~+/|]|[^A-Z]{0,200}[a-z][A-Z]).{7}|.{24}")
_PROSE: Final = (
    " token tokens auth authentication authorization realm bond bonds market markets share shares "
    "cheque cheques of and or is was not the error scope format scheme header plan party "
)
_SQL: Final = re.compile(
    r"([ipIP](?<=\b.)(?i:(?<=i)dentified(?: with \S{1,64})? by|(?<=p)assword)(?:\s{1,8}|\s?\())"
    r"(?:(')(?:[^'\\]|''|\\.)+'|(\")[^\"\\]+\")"
)
_GO_DSN: Final = re.compile(r"(:)[^\s:@/]{1,256}(?=@(?:tcp|unix)\()")
_ORACLE: Final = re.compile(r"(jdbc:oracle:\w{1,16}:[^\s/@]{1,128}/)[^\s/@]{1,256}(?=@)")
_OWN: Final = r"(?![${<-])"
_CURL: Final = re.compile(
    rf"((?:^|\s)(?:-u|--user|--proxy-user|-U)[\s=]?[\"']?[^\s:\"'/]{{1,128}}:){_OWN}[^\s\"']{{1,256}}"
)
_MYSQL: Final = re.compile(rf"(\bmysql\w{{0,16}}\s[^|;\n]{{0,256}}?\s-p){_OWN}[^\s\"']{{1,128}}")
_SSHPASS: Final = re.compile(rf"(\bsshpass\s{{1,4}}-p\s{{0,4}}[\"']?){_OWN}[^\s\"']{{1,128}}")
_REDIS: Final = re.compile(
    rf"(\bredis-cli\s(?:[^|;\n]{{0,256}}?\s)?-a\s{{1,4}}[\"']?){_OWN}[^\s\"']{{1,128}}"
)
_HTPASSWD: Final = re.compile(
    rf"(\bhtpasswd\s-\w*b\w*\s\S{{1,256}}\s\S{{1,128}}\s){_OWN}\S{{1,128}}"
)
_NET_USER: Final = re.compile(r"(\bnet user \S{1,128} )(?![/*<])\S{1,128}")
_FTP: Final = re.compile(r"(\bUSER \S{1,128}\r?\nPASS |^PASS (?=\S{1,128}\r\n))(?!<)\S{1,128}")


def _any_word(*words: str) -> str:
    """Return a pattern for words. The search skips all characters but the first letters quickly."""
    return "(?:" + "|".join(rf"{word}(?<=\b{word})" for word in words) + ")"


# These search the text in lower case.
_LOGIN: Final = re.compile(
    rf"{_any_word('login', 'user')}\s{{1,8}}\S{{1,128}}\s{{1,8}}password\s{{1,8}}(\S{{1,128}})"
)
_MACHINE: Final = re.compile(r"machine\s{1,8}\S{1,128}\s{1,8}\Z")
_SERVICE: Final = re.compile(
    rf"{_any_word('bindpw', 'requirepass', 'masterauth')}\s{{1,8}}[\"']?([^\s\"']{{1,128}})"
)
_WITH: Final = re.compile(
    rf"{_any_word('with', 'using')}\s{{1,4}}(?:the\s{{1,4}})?password\s{{1,8}}[\"']?"
    r"([^\s\"']{1,128})"
)
_NAMES: Final = (
    *("password", "passphrase", "passcode", "secret", "token"),
    *("api key", "access key", "private key"),
)
_SENTENCE: Final = re.compile(
    rf"{_any_word(*_NAMES)}\s(?:(?:for|of)\s(?:[\w@.'-]{{1,64}}\s){{1,4}}?(?:is|was)"
    r"|(?:(?:is|was|has|been|now)\s){0,2}(?:(?:changed|set|reset|updated)\s)?to):?\s[\"']?"
    r"([^\s\"']{1,128})"
)


def _mask_bearer(match: re.Match[str]) -> str:
    credential = match[2].rstrip(".:,=")
    alone = match.span() == (0, len(match.string)) and match[0].startswith("Bearer")
    if is_placeholder(credential) or f" {credential.casefold()} " in _PROSE:
        return match[0]
    return match[1] + MASK if alone or _TOKENLIKE.match(credential) else match[0]


def _mask_basic(match: re.Match[str]) -> str:
    """Mask a user and a password in Base64 (RFC 7617)."""
    start = match[2].rstrip("=").translate({45: 43, 95: 47})[:1024]
    try:
        decoded = b64decode(start + "=" * (-len(start) % 4))
    except (Error, ValueError):
        return match[0]
    return match[1] + MASK if b":" in decoded else match[0]


def _mask_sql(match: re.Match[str]) -> str:
    quote = match[2] or match[3]
    return f"{match[1]}{quote}{MASK}{quote}"


# A text in lower case that a secret needs, its pattern, and the replacement.
_AFTER_PREFIX: Final = rf"\1{MASK}"
_Rule: TypeAlias = tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]
_RULES: Final[tuple[_Rule, ...]] = (
    ("begin", _PEM, MASK),
    ("private-lines: ", _PUTTY, _AFTER_PREFIX),
    ("beare", _BEARER, _mask_bearer),
    ("basic", _BASIC, _mask_basic),
    ("identified", _SQL, _mask_sql),
    ("net user ", _NET_USER, _AFTER_PREFIX),
)
# Further rules for texts with an at sign, an option, or "pass".
_FURTHER_RULES: Final[tuple[tuple[str, tuple[_Rule, ...]], ...]] = (
    (
        "@",
        (
            (":orac", _ORACLE, _AFTER_PREFIX),
            ("@tcp(", _GO_DSN, _AFTER_PREFIX),
            ("@unix", _GO_DSN, _AFTER_PREFIX),
        ),
    ),
    (
        " -",
        (
            ("curl", _CURL, _AFTER_PREFIX),
            ("mysql", _MYSQL, _AFTER_PREFIX),
            ("redis", _REDIS, _AFTER_PREFIX),
            ("sshpa", _SSHPASS, _AFTER_PREFIX),
            ("htpas", _HTPASSWD, _AFTER_PREFIX),
        ),
    ),
    ("pass", (("passw", _SQL, _mask_sql), ("pass ", _FTP, _AFTER_PREFIX))),
)
# Further rules for texts with a name before a blank.
_NAMED_RULES: Final[tuple[_Rule, ...]] = (("", _API_TOKEN, _AFTER_PREFIX),)
_BEFORE_SENTENCES: Final[tuple[str, ...]] = "cret ", "bindpw", "masterauth"
_BEFORE_SENTENCES_WITH_PASS: Final = "word ", "word\t", "rase ", "scode", "requirepass"


def mask_credentials(text: str) -> str:
    """Return a text with private keys, and credentials of schemes and commands, masked."""
    lower = lowered(text)
    named = "key " in lower or "oken " in lower
    for mark, pattern, replacement in _rules(lower, named=named):
        if mark in lower:
            text = pattern.sub(replacement, text)
    return _mask_sentences(text) if named or _may_hold_sentence(lower) else text


def _rules(lower: str, *, named: bool) -> tuple[_Rule, ...]:
    """Return the rules that can match a text."""
    rules = _RULES + _NAMED_RULES if named else _RULES
    for mark, further in _FURTHER_RULES:
        if mark in lower:
            rules += further
    return rules


def _may_hold_sentence(lower: str) -> bool:
    has = lower.__contains__
    return any(map(has, _BEFORE_SENTENCES)) or (
        has("pass") and any(map(has, _BEFORE_SENTENCES_WITH_PASS))
    )


def _mask_sentences(text: str) -> str:
    """Return a text with the secrets after words such as ``password`` masked."""
    spans = [*_after(_SENTENCE, text), *_after(_SERVICE, text, sure=True)]
    if "passw" in lowered(text):
        spans += (*_after(_WITH, text), *_logins(text))
    return mask_spans(text, sorted(spans))


def _after(pattern: re.Pattern[str], text: str, *, sure: bool = False) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(lowered(text)):
        yield from _secret(text, match, sure=sure)


def _logins(text: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of passwords in files such as .netrc."""
    lower = lowered(text)
    for match in _LOGIN.finditer(lower):
        before = lower[max(0, match.start() - 160) : match.start()]
        yield from _secret(text, match, sure=_MACHINE.search(before) is not None)


def _secret(text: str, match: re.Match[str], *, sure: bool = False) -> Iterator[tuple[int, int]]:
    start, end = match.span(1)
    value = text[start:end].rstrip(".,;:!?")
    if not is_placeholder(value) and (sure or is_surely_secret(value)):
        yield start, start + len(value)
