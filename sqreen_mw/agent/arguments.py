"""What an app hands to our calls, checked and copied; misuse is said, and the rest is kept."""

import math
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.process.exit import CLOSE_SECONDS
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import Copier, encode_json, plain_json, safe_text
from sqreen_mw.capture.text import SCAN_LIMIT
from sqreen_mw.protocol.event import RESERVED_PREFIX
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PROPERTIES,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

MAX_NAMED: Final = 16
"""How many of those that are left out are looked at, to be named."""

NO_KEYWORDS: Final[Mapping[str, Any]] = MappingProxyType({})

_EXAMPLES: Final = {
    "identifiers": ("user_identifiers", "{'email': ...}"),
    "properties": ("properties", "{'code': ...}"),
    "traits": ("traits", "{'plan': ...}"),
}
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
            self._guard.report_misuse(
                "name_type", "track() needs a str as the event's name, not %s", kind
            )
        elif not name:
            self._guard.report_misuse(
                "name_empty", "track() needs a name for the event, it is empty"
            )
        elif len(name) > MAX_NAME_LENGTH:
            message = "track() takes names of at most %d characters; this one begins %r"
            self._guard.report_misuse("name_length", message, MAX_NAME_LENGTH, name[:SCAN_LIMIT])
        elif name.startswith(RESERVED_PREFIX):
            message = "track(%r): names that begin with %r are reserved, choose another"
            self._guard.report_misuse("name_reserved", message, name, RESERVED_PREFIX)
        else:
            return True
        return False

    def options(
        self, options: object, keywords: Mapping[str, Any], known: frozenset[str]
    ) -> Mapping[str, Any]:
        """Return options that came as a dict, as keywords, or as both; keywords win."""
        if options is None and keywords.keys() <= known:
            return keywords
        if type(options) is dict and not keywords and options.keys() <= known:
            return options
        taken: dict[str, Any] = {}
        for given in (options, keywords):
            if given is not None:
                with self._guard.suppress_errors("options_read"):
                    self._take_options(taken, given, known)
        return taken

    def _take_options(self, taken: dict[str, Any], given: object, known: frozenset[str]) -> None:
        if not isinstance(given, Mapping):
            message = "track() takes its options as a dict or as keywords, not as %s: ignored"
            self._guard.report_misuse("options_type", message, type(given).__name__)
            return
        found = {key: given[key] for key in known if key in given}
        taken.update(found)
        if len(given) > len(found):
            unknown = _Names(key for key in islice(given, MAX_NAMED) if key not in known)
            message = "track() does not know the option %s, ignored; there are: %s"
            self._guard.report_misuse("option_unknown", message, unknown, ", ".join(sorted(known)))

    def properties(self, values: object, copier: Copier, *, what: str) -> dict[str, Any]:
        """Return copies of the first 16 properties, or traits."""
        if values is None:
            return {}
        return copier.copies(self._first(values, MAX_PROPERTIES, copier, what=what))

    def properties_json(self, values: object) -> tuple[bytes, bool]:
        """Return the JSON of the first 16 properties, and whether it is to be cut.

        It is empty where there are none.
        """
        if values is None:
            return b"", False
        plain = plain_json(values)
        if plain is not None:
            return plain, False
        copier = Copier()
        return encode_json(self.properties(values, copier, what="properties")), copier.truncated

    def identity(
        self,
        identifiers: object,
        copier: Copier,
        *,
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        traits: object = None,
    ) -> Identity | None:
        """Return a user made of identifiers, or None where there are none; keywords win."""
        if identifiers is None and not keywords:
            return None
        given = identifiers
        if identifiers is None:
            given = keywords
        elif keywords:
            given = {**dict(self._items(identifiers, MAX_IDENTIFIERS, "identifiers")), **keywords}
        copies: dict[str, str | int] = {
            copier.key(key): copier.text(value, MAX_IDENTIFIER_LENGTH)
            for key, value in self._first(given, MAX_IDENTIFIERS, copier, what="identifiers")
            if value is not None
        }
        if not copies:
            return None
        return Identity(identifiers=copies, traits=self.properties(traits, copier, what="traits"))

    def milliseconds(self, timestamp: object, now: int) -> int:
        """Return an event's time in milliseconds since the epoch; ``now`` where it is none."""
        # The app's own class or its time zone may be at fault.
        with self._guard.suppress_errors("timestamp"):
            if isinstance(timestamp, datetime):
                milliseconds = (self._aware(timestamp) - _EPOCH) // _MILLISECOND
                return min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP)
            message = "timestamp must be a datetime, not %s: the present is taken"
            self._guard.report_misuse("timestamp_type", message, type(timestamp).__name__)
        return now

    def _aware(self, timestamp: datetime) -> datetime:
        if timestamp.tzinfo is not None:
            return timestamp
        message = "timestamp has no time zone: taken as UTC; give datetime.now(UTC) or the like"
        self._guard.report_misuse("timestamp_naive", message)
        return timestamp.replace(tzinfo=UTC)

    def truth(self, value: object) -> bool | None:
        """Return what equals True or False, as 1, 0 and numpy's do; None where nothing does.

        Texts and containers are neither, as they are taken for True where the app forgot which.
        """
        if value is True or value is False:
            return value
        with self._guard.suppress_errors("truth"):
            return next((known for known in (True, False) if bool(value == known)), None)
        return None

    def seconds(self, timeout: object) -> float:
        """Return how long a call may wait, at most so long as Python can."""
        seconds = math.nan
        with suppress_app_errors:
            seconds = float(timeout)  # type: ignore[arg-type]  # tried
        if not math.isnan(seconds):
            return min(seconds, threading.TIMEOUT_MAX)
        message = "timeout must be a number of seconds, not %s: %g s are taken"
        self._guard.report_misuse("timeout", message, type(timeout).__name__, CLOSE_SECONDS)
        return CLOSE_SECONDS

    def _first(
        self, values: object, limit: int, copier: Copier, *, what: str
    ) -> list[tuple[Any, Any]]:
        """Return the first items of the app's dict, whatever its class makes of itself."""
        if type(values) is dict and len(values) <= limit:
            return list(values.items())
        items = self._items(values, limit, what)
        if len(items) > limit:
            copier.truncated = True
            message = "an event has at most %d %s; left out: %s"
            left_out = _Names(key for key, _ in items[limit:])
            self._guard.report_misuse(f"{what}_count", message, limit, what, left_out)
        return items[:limit]

    def _items(self, values: object, limit: int, what: str) -> list[tuple[Any, Any]]:
        """Return the first items, and some more to be named."""
        with self._guard.suppress_errors(f"{what}_read"):
            if isinstance(values, Mapping):
                return [(key, value) for key, value in islice(values.items(), limit + MAX_NAMED)]
            message = "%s must be a dict such as %s, not %s: ignored"
            parameter, example = _EXAMPLES[what]
            kind = type(values).__name__
            self._guard.report_misuse(f"{what}_type", message, parameter, example, kind)
        return []


class _Names:
    """Names of what is left out, read only where a line is logged; one that is long is not told."""

    def __init__(self, names: Iterable[object]) -> None:
        self._names: Final = names

    def __str__(self) -> str:
        said: list[str] = []
        with suppress_app_errors:  # keys of the app may raise
            for name in map(safe_text, self._names):
                fits = len(name) <= MAX_PROPERTY_NAME_LENGTH
                said.append(repr(name) if fits else f"<{len(name)} characters>")
        return ", ".join(said)
