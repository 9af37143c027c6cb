"""Recognizes values that replace a secret: placeholders, variables and expressions."""

import re
from collections.abc import Callable
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"[\s,.;:(){}\[\]]*|[?*.x_\u2022-]+|\$\{[^}]*\}?|%\(\w+\)s|\{\{?[\w.: -]*\}?\}?|<[\w -]{0,64}>?"
    r"|none|null|nil|true|false|undefined|yes|no|\d|your[_ -][\w -]+|[A-Z_]*YOUR_[A-Z_]+"
    r"|\W*(?:redacted|filtered|masked|hidden|removed)\W*|!(?:vault|env|ref|sub|secret|getatt)",
    re.IGNORECASE,
)
_VARIABLE: Final = re.compile(r"\$[A-Z_][A-Z0-9_]*|\$\(.*")
_PARAMETER: Final = re.compile(r"\$\d{1,2}|%[srdv]|[:@][A-Za-z_]+|\W+")
_CALL: Final = re.compile(
    r"[A-Za-z_][\w.]*(?:\(|\[(?:[\"'\w]|\Z)|->|::)|await\Z|new\Z|not\Z|yield\Z"
)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_OBJECTS: Final = (
    " self this cls request req form settings config kwargs args os process env params ctx options "
    "app data "
)
_MANY: Final = 1024


def is_placeholder(value: str) -> bool:
    """Return whether a value is a placeholder, a variable, empty, a truth value or masked."""
    if len(value) >= _MANY:
        return False
    return bool(_PLACEHOLDER.fullmatch(value) or _VARIABLE.fullmatch(value))


def is_code(value: str, name: str, is_sensitive: Callable[[str], bool]) -> bool:
    """Return whether a value is an expression of a program or of SQL: ``token=self.token``."""
    value = value[:_MANY]
    if value == name or _CALL.match(value) or _PARAMETER.fullmatch(value):
        return True
    if not _DOTTED.fullmatch(value):
        return False
    first, *_, last = value.split(".")
    return f" {first} " in _OBJECTS or is_sensitive(last)
