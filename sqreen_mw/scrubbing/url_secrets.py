"""Masks secrets in URLs and paths: users, passwords, tokens after words such as ``reset``."""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.mask import lowered, mask_spans
from sqreen_mw.scrubbing.secret_values import is_random

_PASSWORD: Final = re.compile(
    r"://([^\s/?#@:\[\]\"'<>]{0,128}):(?![${<]|%[{s])"
    r"(?:[^\s/?#\"'<>\\]{1,256}|(?!\d{1,5}[/?#])(?:[^\s?#\"'<>\\]{1,256}|[^\s/\"'<>\\]{1,256}))@"
)
_USER: Final = re.compile(r"://([^\s/?#@:\[\]\"'<>]{16,256})(?=:?@)")
_LONG_USER: Final = re.compile(r"(?=.{0,200}\d).{20,}")
_ZAPIER: Final = re.compile(r"(/hooks/catch/\d{3,12}/)\w{5,}")
_WECOM: Final = re.compile(r"(/webhook/send\?key=)[\w-]{16,}")

# Words of a path before a token: a short code, a token, and the address of an incoming webhook.
_BEFORE_CODES: Final = "verify verification otp reset activate unlock login"
_BEFORE_TOKENS: Final = """\
forgot passwordreset resetpassword forgotpassword setpassword password passwordless verifyemail
emailverify emailverification validate validation confirm confirmation confirmations resets
verifications activations confirmemail emailconfirm activation invite invites invitation
invitations unsubscribe optout opt-out magic magiclink loginlink login-link sign-in-link recover
recovery token tokens onetime one-time email-change emailchange change-email changeemail
zuruecksetzen abmelden einladung bestaetigen restablecer reinitialiser reinitialisation
desinscription desabonnement invitacion
"""
_HOOKS: Final = "hook hooks webhook webhooks webhookb ifttt pagerduty hc-ping"
_REACHES: Final = {
    **dict.fromkeys(f"{_BEFORE_CODES} {_BEFORE_TOKENS}".split(), 2),
    **dict.fromkeys(_HOOKS.split(), 6),
}
"""The number of segments after a word in which a token is searched."""


def _words() -> str:
    """Return a pattern for the words, grouped by their first letter to be fast."""
    groups = groupby(sorted(_REACHES, key=lambda word: (word[0], -len(word))), itemgetter(0))
    return "|".join(f"{first}(?:{'|'.join(word[1:] for word in group)})" for first, group in groups)


_WORD: Final = re.compile(rf"[/_.-]({_words()})(?![a-z])(?=[^\s/?#\"'<>]{{0,48}}(/))")
# A search for one character is fast, so this searches a text in which all separators are slashes.
_MAY_BE_WORD: Final = re.compile(rf"/(?:{_words().replace('-', '/')})(?![a-z])".encode())
_SLASHES: Final = bytes.maketrans(b"_.-", b"///")
_SEGMENT: Final = re.compile(r"([\w.~%=+:@!$,-]+)(/?)")
_CODE: Final = re.compile(r"\d{6,8}")
# A token of Django, and a short one in which letters and digits take turns.
_SHORT_TOKEN: Final = re.compile(
    r"[0-9a-z]{3,13}-[0-9a-f]{20,64}"
    r"|(?=.{0,16}\d)(?=.{0,16}[A-Za-z]\d.{0,16}[A-Za-z]\d|(?:.{0,16}[a-z][A-Z]){2})[A-Za-z0-9]{8,}"
)


def mask_url_secrets(text: str) -> str:
    """Return a text with the users, passwords and tokens of URLs and paths masked."""
    if "@" in text and "://" in text:
        text = _USER.sub(_mask_user, _PASSWORD.sub(_mask_password, text))
    if "/hooks/catch/" in text:
        text = _ZAPIER.sub(rf"\1{MASK}", text)
    if "/webhook/send?" in text:
        text = _WECOM.sub(rf"\1{MASK}", text)
    framed = f"/{text}"  # a path can begin without a slash
    lower = lowered(framed)
    if _MAY_BE_WORD.search(lower.encode("ascii", "replace").translate(_SLASHES)) is None:
        return text
    return mask_spans(framed, _tokens(framed, lower))[1:]


def _mask_password(match: re.Match[str]) -> str:
    user = MASK if _LONG_USER.fullmatch(match[1]) else match[1]
    return f"://{user}:{MASK}@"


def _mask_user(match: re.Match[str]) -> str:
    return f"://{MASK}" if is_random(match[1]) else match[0]


def _tokens(text: str, lower: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of tokens after words of a path."""
    for word in _WORD.finditer(lower):
        end = word.end(2)
        for _ in range(_REACHES[word[1]]):
            segment = _SEGMENT.match(text, end)
            if segment is None:
                break
            end = segment.end()
            if _is_token(segment[1], word[1]):
                yield segment.span(1)
            if not segment[2]:
                break


def _is_token(segment: str, word: str) -> bool:
    if is_random(segment) or _SHORT_TOKEN.fullmatch(segment):
        return True
    return word in _BEFORE_CODES and _CODE.fullmatch(segment) is not None
