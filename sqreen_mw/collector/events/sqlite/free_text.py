"""Free text: where in an event it is looked for, the same for SQLite's machine and for Python.

Capital ASCII letters equal small ones, as in SQLite's LIKE. LIKE on the JSON finds every event
that mentions a text and some that only seem to (in a key, say); ``mentions`` tells them apart. A
column of the searchable text alone would make each event a third larger, for a search that has
to read every row of the range in any case.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event import Event


def like_pattern(text: str) -> str:
    """Return the pattern of LIKE, with ``!`` as its escape, for a text inside of JSON text."""
    escaped = msgspec.json.encode(text)[1:-1].decode()
    for special in "!%_":
        escaped = escaped.replace(special, f"!{special}")
    return f"%{escaped}%"


def mentions(json: str, text: str) -> bool:
    """Tell whether an event's JSON holds the text in a value that is searched."""
    wanted = text.encode().lower()
    return any(wanted in value.lower() for value in searchable(decode_event(json.encode())))


def searchable(event: Event) -> Iterator[bytes]:
    """Yield the name, path, user agent, identifiers and property values; no property names."""
    yield event.name.encode()
    if event.request is not None:
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
