"""Values that stand where a secret would, and are none: parameters, variables, words of prose."""

import re
from collections.abc import Callable
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"[\s,.;:(){}\[\]]*|[?*.x_-]+|\$\{[^}]*\}?|%\(\w+\)s|\{\{?[\w.: -]*\}?\}?|<[\w -]{0,64}>?"
    r"|none|null|nil|true|false|undefined|yes|no|\W?(?:redacted|filtered|masked|hidden|removed)\W?",
    re.IGNORECASE,
)
_PARAMETER: Final = re.compile(r"\$\d{1,2}|\$[A-Z_][A-Z0-9_]*|\$\(.*|%[srdv]|[:@][A-Za-z_]+|\W+")
_CALL: Final = re.compile(
    r"[A-Za-z_][\w.]*(?:\(|\[(?:[\"'\w]|\Z)|->|::)|await\Z|new\Z|not\Z|yield\Z"
)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_OBJECTS: Final = (
    " self this cls request req form settings config kwargs args os process env params ctx options "
    "app data "
)
_LIKELY: Final = re.compile(r"(?=.{0,256}[A-Za-z])(?=.{0,256}[\d~!@#$%^&*_+=|/]).{5}|\d{4}|.{24}")
_MANY: Final = 1024


def is_placeholder(value: str) -> bool:
    """Tell whether a value stands for another, is empty, a truth value or masked already."""
    return len(value) < _MANY and _PLACEHOLDER.fullmatch(value) is not None


def is_code(value: str, name: str, is_sensitive: Callable[[str], bool]) -> bool:
    """Tell whether a value is an expression of a program or of SQL: ``token=self.token``."""
    value = value[:_MANY]
    if value == name or _CALL.match(value) or _PARAMETER.fullmatch(value):
        return True
    if not _DOTTED.fullmatch(value):
        return False
    first, *_, last = value.split(".")
    return f" {first} " in _OBJECTS or is_sensitive(last)


def is_likely_secret(value: str) -> bool:
    """Tell a secret from a word of prose: letters mixed with others, or long, or digits."""
    return _LIKELY.match(value) is not None
