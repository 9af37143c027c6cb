"""Filters on events, as a syntax tree of comparisons.

The API and the Explorer parse their parameters into this tree, and each event store compiles it.

A comparison holds if any value of its field matches. An absent field has no value: every
comparison on it is false, and the ``Not`` of the comparison is true.

============================ =======================================================
field                        values
============================ =======================================================
``event``, ``app``, ``env``  the name of the event, app or environment
``release``                  the app's release
``ip``                       the client address
``user``                     the canonical value of each user identifier
``user, KEY``                the canonical value of one user identifier
``outcome``                  succeeded, failed, refused or error
``identity``                 established or claimed
``imported``                 true if the event was imported, else false
``forwarded_ignored``        true if a forwarding header was not trusted, else false
``text``                     event name, path, user agent, identifiers and properties
``request, NAME, ...``       a member of the request
``properties, NAME, ...``    a property, or a value inside it
``traits, NAME, ...``        a user trait, or a value inside it
============================ =======================================================
"""

import ipaddress
import math
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from sqreen_mw.protocol.address import canonical_address
from sqreen_mw.protocol.identifier import canonical_identifiers

Field: TypeAlias = tuple[str, ...]
"""A name from the table above, followed by the path of a value inside it."""

Operator: TypeAlias = Literal["=", "glob", "like", "contains", "in", "<", "<=", ">", ">="]
"""How a value compares.

* ``=`` with a text: the value's text is equal. Numbers, booleans and null have their JSON text. A
  user is equal if its canonical form is.
* ``=`` with a number: the value is a number and equal, whatever its JSON text is.
* ``glob``: the value's text matches a pattern in which ``*`` stands for any text.
* ``like``: as ``glob``, but ASCII letters match in either case.
* ``contains``: the value's text contains the text. ASCII letters match in either case.
* ``in``: the value is an address in a network.
* ``<``, ``<=``, ``>``, ``>=``: the value is a number and compares so.
"""

ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})

MAX_NODES: Final = 200
"""Maximum number of comparisons, And, Or and Not in one filter."""

MAX_DEPTH: Final = 20
"""Maximum number of levels of a filter."""

MAX_VALUE_LENGTH: Final = 1024
"""Maximum number of characters in the value of a comparison."""

_NAMES: Final = frozenset(
    {
        *("event", "app", "env", "release", "ip", "user", "text"),
        *("outcome", "identity", "imported", "forwarded_ignored"),
    }
)
_CONTAINERS: Final = frozenset({"user", "request", "properties", "traits"})
_ADDRESSES: Final[frozenset[Field]] = frozenset({("ip",), ("request", "ip")})
_NUMBERS: Final = frozenset({int, float})  # without bool, a subclass of int
_KINDS: Final[Mapping[str, AbstractSet[type]]] = {
    **dict.fromkeys(ORDERINGS, _NUMBERS),
    "=": _NUMBERS | {str},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of one field with a value.

    An address or an identifier after ``=`` becomes canonical, and so does the key of an identifier.

    Raises:
        ValueError: The field or the operator is unknown, or the value does not fit the operator.
    """

    field: Field
    operator: Operator
    value: str | int | float

    def __post_init__(self) -> None:
        name, *path = self.field or ("",)
        if name not in (_CONTAINERS if path else _NAMES):
            raise ValueError(f"there is no field {'.'.join(self.field)!r}")
        if self.operator not in get_args(Operator):
            raise ValueError(f"there is no operator {self.operator!r}")
        if type(self.value) not in _KINDS.get(self.operator, {str}):
            kind = "a number" if self.operator in ORDERINGS else "text"
            raise ValueError(f"the operator {self.operator} needs {kind}, not {self.value!r}")
        if isinstance(self.value, str):
            self._check_text(self.value)
        elif not _is_finite(self.value):
            raise ValueError(f"{self.value} is no number of JSON, or too large")
        if name == "user":
            self._make_user_canonical()

    def _make_user_canonical(self) -> None:
        name, *keys = self.field
        object.__setattr__(self, "field", (name, *(key.strip().casefold() for key in keys)))
        if self.operator != "=":
            return
        value = self.value
        if isinstance(value, float):
            value = int(value) if value.is_integer() else str(value)
        if len(keys) == 1:
            value = dict(canonical_identifiers({keys[0]: value})).get(self.field[1], value)
        object.__setattr__(self, "value", str(value))

    def _check_text(self, text: str) -> None:
        if len(text) > MAX_VALUE_LENGTH:
            raise ValueError(f"the value has more than {MAX_VALUE_LENGTH} characters")
        if not all(map(_is_unicode, (*self.field, text))):
            raise ValueError("the field or the value has half of a surrogate pair")
        if self.operator == "in":
            ipaddress.ip_network(text, strict=False)
        if self.operator == "=" and self.field in _ADDRESSES:
            object.__setattr__(self, "value", canonical_address(text) or text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer that no float can hold
        return False


@dataclass(frozen=True, slots=True)
class And:
    """All terms match. Without terms it matches every event."""

    terms: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term matches. Without terms it matches no event."""

    terms: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not match."""

    term: "Filter"


Filter: TypeAlias = And | Or | Not | Comparison

EVERYTHING: Final = And(())
"""Matches every event."""


def conjuncts(tree: Filter) -> Iterator[Filter]:
    """Yield the filters that must all match, without nested And."""
    if isinstance(tree, And):
        for term in tree.terms:
            yield from conjuncts(term)
    else:
        yield tree


def check_size(tree: Filter) -> None:
    """Check the size of a filter.

    Raises:
        ValueError: The filter has too many parts or too many levels.
    """
    nodes, depth = 0, 0
    level: list[Filter] = [tree]
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES:
            raise ValueError(f"the filter has more than {MAX_NODES} parts: remove some")
        if depth > MAX_DEPTH:
            raise ValueError(f"the filter has more than {MAX_DEPTH} levels: simplify it")
        level = [child for node in level for child in _children(node)]


def _children(node: Filter) -> tuple[Filter, ...]:
    match node:
        case And() | Or():
            return node.terms
        case Not():
            return (node.term,)
        case Comparison():
            return ()
