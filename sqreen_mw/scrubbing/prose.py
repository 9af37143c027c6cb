"""Distinguishes secrets from ordinary words after a sensitive name."""

import re
from typing import Final

_LIKELY: Final = re.compile(r"(?=.{0,256}[A-Za-z])(?=.{0,256}[\d~!@#$%^&*_+=|/]).{5}|\d{4}|.{24}")
_SENTENCE: Final = re.compile(
    r"[\[\"'\s]*(?:[A-Za-z][\w'-]*[ ]|\d{1,3}[ ]){0,12}(?:required|optional|missing|invalid"
    r"|incorrect|wrong|expired|empty|blank|string|str|short|long|must|should|characters|match|needed"
    r"|present|obligatorisch|erforderlich|obligatoire|obligatoria|obligatorio)"
    r"(?:[ ,][\w ,'-]{0,80})?[.!\"'\s\]]*",
    re.IGNORECASE,
)
# Harmless values of ambiguous names: a method, a state, a currency, a date.
_METHOD: Final = re.compile(
    r"(?:basic|digest|bearer|oauth2?|openid|oidc|saml2?|sso|ldap|jwt|mtls|google|github|gitlab"
    r"|facebook|apple|microsoft|twitter|azure|okta|auth0|email|phone|sms|session|cookie|anonymous"
    r"|same-origin|include|omit|ok|failed|pending|disabled|enabled|optional|required|manual|auto"
    r"|accepted|declined|rejected)\Z"
    r"|(?-i:[A-Z]{2,5})\Z|(?:19|20)\d\d-\d\d-\d\d(?!\d)",
    re.IGNORECASE,
)
_AMBIGUOUS: Final = re.compile(
    r"(?:[\w-]{0,20}[_-])?(?:auth|token)|credentials|cookie|otp", re.IGNORECASE
)
_COUNTED: Final = re.compile(r"pass|auth|tokens?", re.IGNORECASE)
_COUNT: Final = re.compile(r"\d{1,3}")
_MIXED: Final = re.compile(r"(?=.{0,64}[A-Za-z])(?=.{0,64}[\d!@#$%^&*+=|~]).{6}|\d{6}")
_DESCRIBED: Final = re.compile(
    r"(?:aes|rsa|sha|md|utf|base|oauth|argon|http|saml|tls|rfc)-?\d+(?:-\w+)*\Z|v\d+(?:\.\d+)*\Z"
    r"|\w+://|/\w|\d+-?[a-z]+\Z|[\w.+-]+@[\w-]+\.[\w.-]+\Z|\d{4}-\d\d-",
    re.IGNORECASE,
)
_MANY: Final = 1024


def is_sentence(value: str) -> bool:
    """Return whether a value is a message about another value: ``is too short``."""
    return len(value) < _MANY and _SENTENCE.fullmatch(value) is not None


def reads_as_prose(value: str, name: str) -> bool:
    """Return whether an ambiguous name has an ordinary value: ``auth=google``, ``token=ETH``."""
    if _COUNTED.fullmatch(name) and _COUNT.fullmatch(value):
        return True
    return _AMBIGUOUS.fullmatch(name) is not None and _METHOD.match(value) is not None


def is_likely_secret(value: str) -> bool:
    """Return whether a value looks like a secret: mixed characters, many of them, or digits."""
    return _LIKELY.match(value) is not None


def is_surely_secret(value: str) -> bool:
    """Return whether a word of a sentence is a secret and not a format, address or number."""
    return _MIXED.match(value) is not None and _DESCRIBED.match(value) is None
