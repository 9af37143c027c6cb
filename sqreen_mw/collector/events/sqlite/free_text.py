"""Free text: where in an event it is looked for, the same for SQLite's machine and for Python.

Capital ASCII letters equal small ones, as in SQLite's LIKE. LIKE on the JSON finds every event
that mentions a text and some that only seem to (in a key, say); ``mentions`` tells them apart.
Searched are name, path, user agent, identifiers and property values; not their names. A
column of the searchable text alone would make each event a third larger, for a search that has
to read every row of the range in any case.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec


def like_pattern(text: str) -> str:
    """Return the pattern of LIKE, with ``!`` as its escape, for a text inside of JSON text."""
    escaped = msgspec.json.encode(text)[1:-1].decode()
    for special in "!%_":
        escaped = escaped.replace(special, f"!{special}")
    return f"%{escaped}%"


class _Request(msgspec.Struct):
    path: str = ""
    user_agent: str | None = None


class _Searched(msgspec.Struct):
    """What is searched of an event, checked for nothing: it was when it was stored."""

    event: str
    request: _Request = msgspec.field(default_factory=_Request)
    user_identifiers: dict[str, Any] = msgspec.field(default_factory=dict)
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


_decoder: Final = msgspec.json.Decoder(_Searched)


def mentions(json: str, text: str) -> bool:
    """Tell whether an event's JSON holds the text in a value that is searched."""
    wanted = text.encode().lower()
    return any(wanted in value.lower() for value in _searched(_decoder.decode(json)))


def _searched(event: _Searched) -> Iterator[bytes]:
    yield event.event.encode()
    yield event.request.path.encode()
    yield (event.request.user_agent or "").encode()
    yield from _values(event.user_identifiers)
    yield from _values(event.properties)


def _values(value: Any) -> Iterator[bytes]:
    match value:
        case dict():
            for child in value.values():
                yield from _values(child)
        case list():
            for child in value:
                yield from _values(child)
        case str():
            yield value.encode()
        case _:
            yield msgspec.json.encode(value)
