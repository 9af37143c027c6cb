"""Checks and copies the arguments of calls. Misuse is logged, and the valid part is kept."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.context import Identity
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.process.exit import CLOSE_SECONDS
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import Copier, encode_json, plain_json, safe_text
from sqreen_mw.capture.text import SCAN_LIMIT, clean_text
from sqreen_mw.protocol.event import RESERVED_PREFIX, IdentitySource
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PROPERTIES,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

MAX_LISTED: Final = 16
"""How many ignored names a log line contains."""

NO_KEYWORDS: Final[Mapping[str, Any]] = MappingProxyType({})

_EXAMPLES: Final = {
    "identifiers": ("user_identifiers", "{'email': ...}"),
    "properties": ("properties", "{'code': ...}"),
    "traits": ("traits", "{'plan': ...}"),
}


class Arguments:
    """Checks and copies the arguments of calls."""

    def __init__(self, guard: Guard) -> None:
        self._guard: Final = guard

    def name(self, name: object, *, call: str) -> str | None:
        """Return the text of a valid name, or None.

        Args:
            name: The name.
            call: Names the call in log lines.
        """
        if not isinstance(name, str):
            message = "%s needs a str as the event's name, not %s"
            self._guard.report_misuse("name_type", message, call, type(name).__name__)
        elif not name:
            message = "%s needs a name for the event, it is empty"
            self._guard.report_misuse("name_empty", message, call)
        elif len(name) > MAX_NAME_LENGTH:
            message = "%s accepts names of at most %d characters; this one begins with %r"
            beginning = name[:SCAN_LIMIT]
            self._guard.report_misuse("name_length", message, call, MAX_NAME_LENGTH, beginning)
        elif name.startswith(RESERVED_PREFIX):
            message = "%s: names that begin with %r are reserved, choose another name than %r"
            self._guard.report_misuse("name_reserved", message, call, RESERVED_PREFIX, name)
        else:
            return clean_text(safe_text(name))
        return None

    def track_arguments(
        self, name: Any, options: Any, *, surplus: tuple[object, ...], keywords: Any
    ) -> tuple[Any, Any]:
        """Return the name and the options of a ``track()`` call with unexpected arguments.

        Of a repeated argument, the first is used.

        Args:
            name: The first positional argument, or an empty text.
            options: The second positional argument, or None.
            surplus: More positional arguments.
            keywords: A dict; ``name`` and ``options`` are removed from it.
        """
        repeated: list[str] = []
        used: list[Any] = []
        for key, given in (("name", name), ("options", options)):
            named = keywords.pop(key, None)
            is_given = given is not None and not (type(given) is str and not given)
            if is_given and named is not None:
                repeated.append(key)
            used.append(given if is_given else named)
        if surplus or repeated:
            self.report_ignored("track", positional=len(surplus), names=repeated)
        return "" if used[0] is None else used[0], used[1]

    def report_ignored(self, call: str, *, positional: int, names: Sequence[str]) -> None:
        """Log the arguments that a call does not have, or has twice."""
        keywords = _Names(islice(names, MAX_LISTED)) if names else "none"
        message = "%s() ignored unexpected arguments: %d positional, keywords: %s"
        self._guard.report_misuse("arguments", message, call, positional, keywords)

    def options(
        self, options: object, keywords: Mapping[str, Any], known: frozenset[str]
    ) -> Mapping[str, Any]:
        """Return the options of a dict and of keywords; keywords win."""
        if options is None and keywords.keys() <= known:
            return keywords
        if type(options) is dict and not keywords and options.keys() <= known:
            return options
        merged: dict[str, Any] = {}
        for given in (options, keywords):
            if given is not None:
                with self._guard.suppress_errors("options"):
                    self._merge_options(merged, given, known)
        return merged

    def _merge_options(self, merged: dict[str, Any], given: object, known: frozenset[str]) -> None:
        if not isinstance(given, Mapping):
            message = "track() accepts options as a dict or keywords, not as %s; they were ignored"
            self._guard.report_misuse("options_type", message, type(given).__name__)
            return
        found = {key: given[key] for key in known if key in given}
        merged.update(found)
        if len(given) > len(found):
            unknown = _Names(key for key in islice(given, MAX_LISTED) if key not in known)
            message = "track() has no option %s; it was ignored. The options are: %s"
            self._guard.report_misuse("option_unknown", message, unknown, ", ".join(sorted(known)))

    def properties(self, values: object, copier: Copier, *, what: str) -> dict[str, Any]:
        """Return copies of the first 16 properties, or traits."""
        if values is None:
            return {}
        return copier.copies(self._first(values, MAX_PROPERTIES, copier, what=what))

    def properties_json(self, values: object) -> tuple[bytes, bool]:
        """Return the JSON of the first 16 properties, and whether something must be removed.

        The JSON is empty without properties.
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
        source: IdentitySource | None = None,
    ) -> Identity | None:
        """Return the user with these identifiers, or None without any; keywords win."""
        if identifiers is None and not keywords:
            return None
        given = identifiers
        if identifiers is None:
            given = keywords
        elif keywords:
            given = {**dict(self._items(identifiers, MAX_IDENTIFIERS, "identifiers")), **keywords}
        copies = self.identifiers(given, copier)
        if not copies:
            return None
        copied_traits = self.properties(traits, copier, what="traits")
        return Identity(identifiers=copies, traits=copied_traits, source=source)

    def identifiers(self, values: object, copier: Copier) -> dict[str, str | int]:
        """Return copies of the first 16 identifiers."""
        if values is None:
            return {}
        return {
            copier.key(key): copier.text(value, MAX_IDENTIFIER_LENGTH)
            for key, value in self._first(values, MAX_IDENTIFIERS, copier, what="identifiers")
            if value is not None
        }

    def to_epoch_ms(self, timestamp: object, now: int) -> int:
        """Return a timestamp in milliseconds since the epoch, or ``now`` if it is invalid."""
        read = None
        with suppress_app_errors:  # the app's class or its time zone may raise
            read = read_timestamp(timestamp)
        if read is None:
            message = (
                "timestamp must be a datetime that can be read, not %s; using the current time"
            )
            self._guard.report_misuse("timestamp_type", message, type(timestamp).__name__)
            return now
        if not read.has_zone:
            message = (
                "timestamp has no time zone, so UTC is assumed; "
                "pass an aware datetime, such as datetime.now(UTC)"
            )
            self._guard.report_misuse("timestamp_naive", message)
        return read.milliseconds

    def parse_bool(self, value: object) -> bool | None:
        """Return the bool that equals a value, such as 1, 0 or numpy's bools, or else None.

        Texts and containers are not accepted, because they would hide a forgotten argument.
        """
        if value is True or value is False:
            return value
        with suppress_app_errors:
            return next((known for known in (True, False) if bool(value == known)), None)
        return None

    def parse_timeout(self, timeout: object) -> float:
        """Return a timeout in seconds, at most the longest that Python supports."""
        seconds = math.nan
        with suppress_app_errors:
            seconds = float(timeout)  # type: ignore[arg-type]  # tried
        if not math.isnan(seconds):
            return min(seconds, threading.TIMEOUT_MAX)
        message = "timeout must be a number of seconds, not %s; using %g s"
        self._guard.report_misuse("timeout", message, type(timeout).__name__, CLOSE_SECONDS)
        return CLOSE_SECONDS

    def _first(
        self, values: object, limit: int, copier: Copier, *, what: str
    ) -> list[tuple[Any, Any]]:
        """Return the first items of a mapping of the app."""
        if type(values) is dict and len(values) <= limit:
            return list(values.items())
        items = self._items(values, limit, what)
        if len(items) > limit:
            copier.truncated = True
            message = "an event has at most %d %s; ignored: %s"
            ignored = _Names(key for key, _ in items[limit:])
            self._guard.report_misuse(f"{what}_count", message, limit, what, ignored)
        return items[:limit]

    def _items(self, values: object, limit: int, what: str) -> list[tuple[Any, Any]]:
        """Return the first items, and some more for the log line."""
        with self._guard.suppress_errors(what):
            if isinstance(values, Mapping):
                return [(key, value) for key, value in islice(values.items(), limit + MAX_LISTED)]
            message = "%s must be a dict such as %s, not %s; it was ignored"
            parameter, example = _EXAMPLES[what]
            kind = type(values).__name__
            self._guard.report_misuse(f"{what}_type", message, parameter, example, kind)
        return []


class _Names:
    """Ignored names, read only if a line is logged. Long ones are replaced by their length."""

    def __init__(self, names: Iterable[object]) -> None:
        self._names: Final = names

    def __str__(self) -> str:
        texts: list[str] = []
        with suppress_app_errors:  # keys of the app may raise
            for name in map(safe_text, self._names):
                fits = len(name) <= MAX_PROPERTY_NAME_LENGTH
                texts.append(repr(name) if fits else f"<{len(name)} characters>")
        return ", ".join(texts)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Timestamp(Struct, frozen=True):
    """Milliseconds since the epoch, and whether the app's value had a time zone."""

    milliseconds: int
    has_zone: bool


def read_timestamp(value: object) -> Timestamp | None:
    """Return the time of a datetime, or None for other values and for one without a time.

    Subclasses may calculate, compare and convert differently, so only methods of ``datetime``
    itself read them. ``pandas.NaT`` is a datetime without a time.

    Raises:
        Exception: The value or its time zone is broken.
    """
    given = value if isinstance(value, datetime) else getattr(value, "datetime", None)  # Arrow
    if not isinstance(given, datetime):
        return None
    if not issubclass(type(given), datetime):  # a proxy, such as Werkzeug's LocalProxy
        given = datetime.fromisoformat(given.isoformat())
    if not _has_valid_year(given):
        return None
    zone = datetime.tzinfo.__get__(given)
    plain = datetime.combine(datetime.date(given), datetime.time(given), tzinfo=zone)
    has_zone = plain.utcoffset() is not None
    aware = plain if has_zone else plain.replace(tzinfo=UTC)
    milliseconds = (aware - _EPOCH) // _MILLISECOND
    return Timestamp(min(max(milliseconds, MIN_TIMESTAMP), MAX_TIMESTAMP), has_zone)


def _has_valid_year(value: datetime) -> bool:
    """Return False for a subclass with a time that ``datetime`` can't hold, or without a time."""
    with suppress_app_errors:  # an attribute of a subclass may raise: then datetime's own counts
        return MINYEAR <= value.year <= MAXYEAR
    return True
