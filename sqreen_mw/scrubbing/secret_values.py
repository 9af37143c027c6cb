"""Distinguishes secrets from placeholders, code, messages and ordinary words."""

import re
from collections.abc import Callable
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"[\s,.;:(){}\[\]]*|[?*.x_\u2022-]+|\$\{[^}]*\}?|%\(\w+\)s|\{\{?[\w.: -]*\}?\}?"
    r"|<[A-Z_ -]{0,64}>?|none|null|nil|true|false|undefined|yes|no|\d"
    r"|your[_ -][\w -]+|[A-Z_]*YOUR_[A-Z_]+"
    r"|\W*(?:redacted|filtered|masked|hidden|removed)\W*|!(?:vault|env|ref|sub|secret|getatt)",
    re.IGNORECASE,
)
_VARIABLE: Final = re.compile(r"\$[A-Z_][A-Z0-9_]*|\$\(.*")
_PARAMETER: Final = re.compile(
    r"\$\d{1,2}|%[srdv]|:[A-Za-z_]+|@\w{0,20}(?:pass|pwd|pw|secret|token|key)\w{0,20}|\W{1,3}",
    re.IGNORECASE,
)
_CALL: Final = re.compile(
    r"\w{1,64}[._][\w.]{1,64}\(|\w{1,64}\((?:[\"'$)]|\Z)|[A-Za-z_][\w.]*(?:\[(?:[\"'a-z_]|\d{1,2}\]|\Z)|->|::)"
    r"|(?:get|env|hash|input|read|load|str|md5|sha|b?crypt|encrypt|decrypt|random|generate|prompt"
    r"|require|new|f|fn|func)\w{0,20}\(|(?:await|new|not|yield)\Z"
)
_SPACED_CALL: Final = re.compile(r"[a-z_][\w.]*\((?!\d)")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_OBJECTS: Final = (
    " self this cls request req form settings config kwargs args os process env params ctx options "
    "app data user "
)
_LIKELY: Final = re.compile(
    r"(?=.{0,256}[A-Za-z])(?=.{0,256}[\d~!@#$%^&*_+=|/]).{5}|\d{4}|\d[\d .-]{5}|.{24}"
)
# The only values directly after "=" that are no secrets: `password=None`, `password={password}`.
_KNOWN: Final = re.compile(
    r"[\s,.;:(){}\[\]]*|(?-i:([?*.xX_\u2022\u2026-])\1*)|none|null|nil|true|false|undefined|yes|no"
    r"|\$\{[a-z_][\w.:-]*\}?|\$\d{1,2}|%[srdv]|<[a-z_ -]{0,64}>?"
    r"|your[_ -][\w-]+|[a-z_]*YOUR_[a-z_]+"
    r"|\W*(?:redacted|filtered|masked|hidden|removed)\W*|!(?:vault|env|ref|sub|secret|getatt)",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(r"(?:\{\{?|%\(|\$)([A-Za-z_][\w.]*)(?:\}{1,2}|\)s)?")
_OF_OBJECT: Final = re.compile(r"([a-z_]\w*)((?:\.\w+)+)")
_COMPLETE_CALL: Final = re.compile(
    r"([A-Za-z_][\w.]{0,64})(?:\([^()\r\n]{0,64}\)|\[([\"'])[\w.-]{1,64}\2\])"
)
_FUNCTION: Final = re.compile(
    r"(?:.*[._])?(?:get|getenv|hash|input|read|load|md5|sha\d*|b?crypt|encrypt|decrypt|random"
    r"|generate|prompt|require|fn|func)",
    re.IGNORECASE,
)
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
_MIXED: Final = re.compile(
    r"(?=.{0,64}[A-Za-z])(?=.{0,64}[\d!@#$%^&*+=|~]).{6}|\d{6}|\d{3}-\d\d-\d{4}"
)
_DESCRIBED: Final = re.compile(
    r"(?:aes|rsa|sha|md|utf|base|oauth|argon|http|saml|tls|rfc)-?\d+(?:-\w+)*\Z|v\d+(?:\.\d+)*\Z"
    r"|\w+://|/\w|\d+-?[a-z]+\Z|[\w.+-]+@[\w-]+\.[\w.-]+\Z|\d{4}-\d\d-",
    re.IGNORECASE,
)
_MANY: Final = 1024
SHORTEST_RANDOM: Final = 16
"""The length of the shortest value that looks generated."""

# Generated values: a UUID, hexadecimal digits, and mixed characters that are not words and numbers.
_RANDOM: Final = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[a-f]{0,64}\d)(?=\d{0,64}[a-f])[0-9a-f]{16,}"
    r"|(?!\d{4}-\d\d-\d\d|\w{2,10}://|[\w.+-]{1,64}@\w|(?:[A-Za-z]+|\d+)(?:[\W_](?:[A-Za-z]+|\d+))*\Z)"
    r"(?:(?=.{0,99}[a-z])(?=.{0,99}[A-Z])(?=.{0,99}\d).{16}|(?=.{0,99}[A-Za-z]\d.{0,99}[A-Za-z]\d).{20})"
    r"[\w.~+/=%:@,|-]*",
    re.ASCII,
)


def is_placeholder(value: str) -> bool:
    """Return whether a value is a placeholder, a variable, empty, a truth value or masked."""
    if len(value) >= _MANY:
        return False
    return bool(_PLACEHOLDER.fullmatch(value) or _VARIABLE.fullmatch(value))


def is_code(value: str, name: str, is_sensitive: Callable[[str], bool], *, spaced: bool) -> bool:
    """Return whether a value is an expression of a program or of SQL: ``token=self.token``.

    Programs often have spaces around a sign, and forms have none.
    """
    value = value[:_MANY]
    if value == name or _CALL.match(value) or _PARAMETER.fullmatch(value):
        return True
    if spaced and _SPACED_CALL.match(value):
        return True
    if not _DOTTED.fullmatch(value):
        return False
    first, *_, last = value.split(".")
    return _is_object(first) or is_sensitive(last)


def is_known_placeholder(value: str, name: str, is_sensitive: Callable[[str], bool]) -> bool:
    """Return whether a value directly after ``=`` is one of the few that are not secret."""
    value = value[:_MANY]
    if _KNOWN.fullmatch(value) or reads_as_prose(value, name):
        return True
    if value.lstrip(":@").casefold() == name.rpartition(".")[2].casefold():
        return True
    reference = _REFERENCE.fullmatch(value)
    if reference is not None:
        return is_sensitive(reference[1])
    dotted = _OF_OBJECT.fullmatch(value)
    return dotted is not None and _is_object(dotted[1]) and _names_secret(dotted[2], is_sensitive)


def is_known_call(text: str, start: int, is_sensitive: Callable[[str], bool]) -> bool:
    """Return whether a complete call or a subscript begins at a position: ``os.getenv("PW")``."""
    call = _COMPLETE_CALL.match(text, start)
    if call is None:
        return False
    function = call[1]
    return bool(
        _is_object(function.partition(".")[0])
        or is_sensitive(function)
        or _FUNCTION.fullmatch(function)
    )


def _is_object(name: str) -> bool:
    return f" {name} " in _OBJECTS


def _names_secret(names: str, is_sensitive: Callable[[str], bool]) -> bool:
    return any(map(is_sensitive, names.split(".")))


def is_sentence(value: str) -> bool:
    """Return whether a value is a message about another value: ``is too short``."""
    return len(value) < _MANY and _SENTENCE.fullmatch(value) is not None


def reads_as_prose(value: str, name: str) -> bool:
    """Return whether an ambiguous name has an ordinary value: ``token=expired``."""
    if _COUNTED.fullmatch(name) and _COUNT.fullmatch(value):
        return True
    if _AMBIGUOUS.fullmatch(name) is None:
        return False
    return _METHOD.match(value) is not None or is_sentence(value)


def is_likely_secret(value: str) -> bool:
    """Return whether a value looks like a secret: mixed characters, many of them, or digits."""
    return _LIKELY.match(value) is not None


def is_surely_secret(value: str) -> bool:
    """Return whether a word of a sentence is a secret and not a format, address or number."""
    return _MIXED.match(value) is not None and _DESCRIBED.match(value) is None


def is_random(value: str) -> bool:
    """Return whether a value looks like a generated key, token or id."""
    return _RANDOM.fullmatch(value) is not None
