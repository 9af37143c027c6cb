"""What an app hands to our calls, checked and copied; misuse is said, and the rest is kept."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.capture.values import Copier, safe_text
from sqreen_mw.protocol.event import RESERVED_PREFIX
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PROPERTIES,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

MAX_NAMED: Final = 16
"""How many of those that are left out are looked at, to be named."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Arguments:
    """Reads the arguments of calls."""

    def __init__(self, guard: Guard) -> None:
        self._guard: Final = guard

    def admits(self, name: object) -> bool:
        """Tell whether an event may have this name."""
        if type(name) is str and 0 < len(name) <= MAX_NAME_LENGTH and name[:3] != RESERVED_PREFIX:
            return True
        if not isinstance(name, str):
            kind = type(name).__name__
            self._guard.misuse("name_type", "track() needs a str as the event's name, not %s", kind)
        elif not name:
            self._guard.misuse("name_empty", "track() needs a name for the event, it is empty")
        elif len(name) > MAX_NAME_LENGTH:
            message = "track() takes names of at most %d characters; this one begins %r"
            self._guard.misuse("name_length", message, MAX_NAME_LENGTH, name)
        elif name.startswith(RESERVED_PREFIX):
            message = "track(%r): names that begin with %r are reserved, choose another"
            self._guard.misuse("name_reserved", message, name, RESERVED_PREFIX)
        else:
            return True
        return False

    def options(
        self, options: object, keywords: dict[str, Any], known: frozenset[str]
    ) -> Mapping[str, Any]:
        """Return options that came as a dict, as keywords, or as both."""
        if options is None:
            merged: Mapping[str, Any] = keywords
        elif isinstance(options, Mapping):
            merged = {**options, **keywords} if keywords else options
        else:
            message = "track() takes its options as a dict or as keywords, not as %s: ignored"
            self._guard.misuse("options_type", message, type(options).__name__)
            merged = keywords
        if not merged.keys() <= known:
            unknown = ", ".join(repr(key) for key in merged if key not in known)
            message = "track() does not know the option %s, ignored; there are: %s"
            self._guard.misuse("option_unknown", message, unknown, ", ".join(sorted(known)))
        return merged

    def properties(self, values: object, copier: Copier, *, what: str) -> dict[str, Any]:
        """Return copies of the first 16 properties, or traits."""
        if values is None:
            return {}
        if type(values) is not dict and not isinstance(values, Mapping):
            message = "%s must be a dict, not %s: ignored"
            self._guard.misuse(f"{what}_type", message, what, type(values).__name__)
            return {}
        return copier.copies(self._first(values, MAX_PROPERTIES, copier, what=what))

    def identity(
        self, identifiers: object, copier: Copier, *, traits: object = None
    ) -> Identity | None:
        """Return a user made of identifiers, or None where there are none."""
        if identifiers is None:
            return None
        if not isinstance(identifiers, Mapping):
            message = "user_identifiers must be a dict such as {'email': ...}, not %s: ignored"
            self._guard.misuse("identifiers_type", message, type(identifiers).__name__)
            return None
        items = self._first(identifiers, MAX_IDENTIFIERS, copier, what="identifiers")
        copies: dict[str, str | int] = {
            copier.key(key): copier.text(value, MAX_IDENTIFIER_LENGTH)
            for key, value in items
            if value is not None
        }
        if not copies:
            return None
        return Identity(identifiers=copies, traits=self.properties(traits, copier, what="traits"))

    def milliseconds(self, timestamp: object, now: int) -> int:
        """Return an event's time in milliseconds since the epoch; ``now`` where it is none."""
        if not isinstance(timestamp, datetime):
            message = "timestamp must be a datetime, not %s: the present is taken"
            self._guard.misuse("timestamp_type", message, type(timestamp).__name__)
            return now
        if timestamp.tzinfo is None:
            message = "timestamp has no time zone: taken as UTC; give datetime.now(UTC) or the like"
            self._guard.misuse("timestamp_naive", message)
            timestamp = timestamp.replace(tzinfo=UTC)
        milliseconds = now
        # A time zone of the app may be at fault.
        with self._guard.swallow("timestamp"):
            milliseconds = (timestamp - _EPOCH) // _MILLISECOND
        return min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP)

    def _first(
        self, values: Mapping[Any, Any], limit: int, copier: Copier, *, what: str
    ) -> list[tuple[Any, Any]]:
        """Return the first items of the app's dict, whatever its class makes of itself."""
        if type(values) is dict and len(values) <= limit:
            return list(values.items())
        items: list[tuple[Any, Any]] = []
        with self._guard.swallow(f"{what}_read"):
            items = list(islice(values.items(), limit + MAX_NAMED))
        if len(items) > limit:
            copier.truncated = True
            left_out = ", ".join(repr(safe_text(key)) for key, _ in items[limit:])
            message = "an event has at most %d %s; left out: %s"
            self._guard.misuse(f"{what}_count", message, limit, what, left_out)
        return items[:limit]
