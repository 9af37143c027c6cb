"""Evaluate comparisons on fields that only exist in the event's JSON."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from sqreen_mw.collector.events.filters import Comparison, Field
from sqreen_mw.collector.events.matching import Test, value_test
from sqreen_mw.protocol.identifier import canonical_identifiers

_ROOTS: Final = {"ip": ("request", "ip"), "traits": ("user_traits",)}
_DEFAULTS: Final = {"ip_source": "peer"}
"""Defaults of a request that its JSON omits."""


def has_default(field: Field) -> bool:
    """Return whether the JSON of an event may omit the value of a field."""
    return field[:1] == ("request",) and field[-1] in _DEFAULTS


class _Request(msgspec.Struct):
    path: str = ""
    user_agent: str | None = None


class _Searchable(msgspec.Struct):
    """The searchable members of an event. Skipping the others makes decoding faster."""

    event: str
    request: _Request = msgspec.field(default_factory=_Request)
    user_identifiers: dict[str, Any] = msgspec.field(default_factory=dict)
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


_searchable_decoder: Final = msgspec.json.Decoder(_Searchable)


def json_matches(json: str, comparison: str) -> bool:
    """Return True if an event matches a comparison. Both are JSON; SQLite calls this."""
    field, test = _parsed(comparison)
    values = _texts(json) if field == ("text",) else _values(json, field)
    return any(map(test, values))


def text_matches(text: str, comparison: str) -> bool:
    """Return True if a word matches a comparison. SQLite calls this."""
    return _parsed(comparison)[1](text)


def like_pattern(text: str) -> str:
    """Return a LIKE pattern with escape ``!`` that finds a text inside JSON."""
    escaped = msgspec.json.encode(text)[1:-1].decode()
    for special in "!%_":
        escaped = escaped.replace(special, f"!{special}")
    return f"%{escaped}%"


@lru_cache
def _parsed(json: str) -> tuple[Field, Test]:
    comparison = msgspec.json.decode(json, type=Comparison)
    return comparison.field, value_test(comparison)


def _texts(json: str) -> Iterator[Any]:
    event = _searchable_decoder.decode(json)
    yield event.event
    yield event.request.path
    yield event.request.user_agent or ""
    yield from _leaves(event.user_identifiers)
    yield from _leaves(event.properties)


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for child in value.values():
                yield from _leaves(child)
        case list():
            for child in value:
                yield from _leaves(child)
        case _:
            yield value


def _values(json: str, field: Field) -> Iterator[Any]:
    event = msgspec.json.decode(json)
    if "request" in event:
        event["request"] = _DEFAULTS | event["request"]
    if field[0] == "user":
        identifiers = event.get("user_identifiers", {})
        found = canonical_identifiers(identifiers)
        return (value for key, value in found if field[1:] in {(), (key,)})
    return _walk(event, (*_ROOTS.get(field[0], field[:1]), *field[1:]))


def _walk(value: Any, path: Field) -> Iterator[Any]:
    match value:
        case list():
            for child in value:
                yield from _walk(child, path)
        case dict() if path and path[0] in value:
            yield from _walk(value[path[0]], path[1:])
        case _ if not path and not isinstance(value, dict):
            yield value
        case _:
            pass
