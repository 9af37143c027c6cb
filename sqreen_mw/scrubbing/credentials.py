"""Masks credentials in text: after authentication schemes, in URLs, commands and SQL."""

import re
from base64 import b64decode
from binascii import Error
from typing import Final

from sqreen_mw.scrubbing.command_lines import mask_commands
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.placeholders import is_placeholder

_BEARER: Final = re.compile(
    r"(\bbearer(?:\s|%20|\+){1,8})([\w.~+/=:|-]{3,}+)", re.IGNORECASE | re.ASCII
)
_BASIC: Final = re.compile(r"(\bbasic(?:\s|%20|\+){1,8})([\w+/=-]{4,}+)", re.IGNORECASE | re.ASCII)
_API_TOKEN: Final = re.compile(
    r"(\b(?:token|api-?key)\s{1,8})((?=[\w-]{0,64}\d)[\w-]{20,}+)", re.IGNORECASE | re.ASCII
)
_TOKENLIKE: Final = re.compile(r"(?=.{0,200}[0-9_~+/|]|[^A-Z]{0,200}[a-z][A-Z]).{7}|.{24}")
_PROSE: Final = (
    " token tokens auth authentication authorization realm bond bonds market markets share shares "
    "cheque cheques of and or is was not the error scope format scheme header plan party "
)
_URL: Final = re.compile(
    r"://([^\s/?#@:\[\]\"'<>]{0,128}):(?![${<]|%[{s])"
    r"(?:[^\s/?#\"'<>\\]{1,256}|(?!\d{1,5}[/?#])(?:[^\s?#\"'<>\\]{1,256}|[^\s/\"'<>\\]{1,256}))@"
)
_LONG_USER: Final = re.compile(r"(?=.{0,200}\d).{20,}")
_SIGNED: Final = re.compile(r"(?<=[?&;])((?:sig|signature)=)[\w%+/=-]{20,}", re.IGNORECASE)
_SQL: Final = re.compile(
    r"(\b(?:identified(?: with \S{1,64})? by|password)(?:\s{1,8}|\s?\())"
    r"(?:(')(?:[^'\\]|''|\\.)+'|(\")[^\"\\]+\")",
    re.IGNORECASE,
)
_GO_DSN: Final = re.compile(r"(?<=:)[^\s:@/]{1,256}(?=@(?:tcp|unix)\()")
_ORACLE: Final = re.compile(r"(jdbc:oracle:\w{1,16}:[^\s/@]{1,128}/)[^\s/@]{1,256}(?=@)")


def mask_credentials(text: str) -> str:
    """Return a text with bearer and basic credentials, and passwords in URLs, masked."""
    lower = text.lower()
    if "bearer" in lower:
        text = _BEARER.sub(_mask_bearer, text)
    if "basic" in lower:
        text = _BASIC.sub(_mask_basic, text)
    if "token " in lower or "key " in lower:
        text = _API_TOKEN.sub(rf"\1{MASK}", text)
    if "://" in text and "@" in text:
        text = _URL.sub(_mask_url, text)
    if "sig" in lower and "=" in text:
        text = _SIGNED.sub(rf"\1{MASK}", text)
    if " by " in lower or "password '" in lower or "password(" in lower:
        text = _SQL.sub(_mask_sql, text)
    return mask_commands(_mask_dsns(text) if ":" in text else text, lower)


def _mask_dsns(text: str) -> str:
    if "@tcp(" in text or "@unix(" in text:
        text = _GO_DSN.sub(MASK, text)
    return _ORACLE.sub(rf"\1{MASK}", text) if "jdbc:oracle" in text else text


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


def _mask_url(match: re.Match[str]) -> str:
    user = MASK if _LONG_USER.fullmatch(match[1]) else match[1]
    return f"://{user}:{MASK}@"
