"""Turn rows into events with the limits of ``track()``."""

from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from msgspec import ValidationError, structs

from sqreen_mw.capture.json_copy import Copier
from sqreen_mw.capture.scrub_event import scrubbed_event
from sqreen_mw.capture.text import truncate, truncate_texts
from sqreen_mw.collector.importing.errors import RowError
from sqreen_mw.collector.importing.ids import RowIds, event_id
from sqreen_mw.collector.importing.mapping import Mapping, object_of, value_of
from sqreen_mw.collector.importing.times import TimeReader
from sqreen_mw.protocol.address import canonical_address, without_port
from sqreen_mw.protocol.event import RESERVED_PREFIX, Event, Params, RequestInfo, check_event
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PARAMETERS,
    MAX_PROPERTIES,
    MAX_STATUS,
    MAX_TEXT_LENGTH,
    MIN_STATUS,
)
from sqreen_mw.scrubbing.interface import ScrubberProtocol

_SDK_EVENTS: Final = frozenset({"sq.sdk.users.login", "sq.sdk.users.signup"})
"""The reserved names that an import may contain: sign-ins and sign-ups of the past."""

_HIDDEN: Final = "$"
"""PostHog's own properties begin with it. The app's properties go first."""


class EventBuilder:
    """Builds the events of one file.

    Args:
        mapping: The columns.
        times: Reads the timestamps.
        scrubber: Masks secrets.
    """

    def __init__(self, mapping: Mapping, *, times: TimeReader, scrubber: ScrubberProtocol) -> None:
        self._mapping: Final = mapping
        self._times: Final = times
        self._scrubber: Final = scrubber
        self._ids: Final = RowIds()

    def skip(self, values: dict[str, Any]) -> None:
        """Count a row that an earlier run has sent, so that identical rows keep their ids."""
        self._ids.bits(values, own_id=self._own_id(values))

    def build(self, values: dict[str, Any]) -> Event:
        """Return the event of a row.

        Raises:
            RowError: A value is missing or invalid.
        """
        # Before any error, because a rejected row counts like the others when a run is continued.
        bits = self._ids.bits(values, own_id=self._own_id(values))
        timestamp = self._times.read(value_of(values, self._mapping.timestamp))
        copier = Copier()
        identifiers = self._identifiers(values, copier)
        event = Event(
            id=event_id(timestamp, bits),
            name=self._name(values),
            timestamp=timestamp,
            properties=self._properties(values, copier),
            user_identifiers=identifiers,
            identity="claimed" if identifiers else None,
            request=self._request(values),
        )
        return self._scrubbed(event, copier)

    def _scrubbed(self, event: Event, copier: Copier) -> Event:
        if copier.truncated:
            cut = truncate_texts(event.properties, MAX_TEXT_LENGTH, self._scrubber.text)
            event = structs.replace(event, properties=cut, truncated=True)
        event = scrubbed_event(event, self._scrubber)
        try:
            check_event(event)
        except ValidationError as error:
            raise RowError(str(error)) from error
        return event

    def _own_id(self, values: dict[str, Any]) -> str | None:
        own = value_of(values, self._mapping.id)
        return None if own is None else str(own)

    def _name(self, values: dict[str, Any]) -> str:
        name = self._mapping.event_name or value_of(values, self._mapping.event)
        if not isinstance(name, str) or not name.strip():
            raise RowError("the event has no name")
        if len(name) > MAX_NAME_LENGTH:
            raise RowError(f"the event's name is longer than {MAX_NAME_LENGTH} characters")
        if name.startswith(RESERVED_PREFIX) and name not in _SDK_EVENTS:
            raise RowError(f"names that begin with {RESERVED_PREFIX!r} are reserved")
        return name

    def _identifiers(self, values: dict[str, Any], copier: Copier) -> dict[str, str | int]:
        mapping = self._mapping
        found = object_of(value_of(values, mapping.identifiers_object))
        for identifier, column in mapping.user_identifiers.items():
            found = {**found, identifier: value_of(values, column)}
        return {
            copier.key(key): value
            if type(value) is int
            else truncate(copier.text(value), MAX_IDENTIFIER_LENGTH, self._scrubber.text)
            for key, value in islice(found.items(), MAX_IDENTIFIERS)
            if value is not None
        }

    def _properties(self, values: dict[str, Any], copier: Copier) -> dict[str, Any]:
        mapping = self._mapping
        found: list[tuple[str, Any]] = [
            (name, value_of(values, column)) for name, column in mapping.properties.items()
        ]
        inner = object_of(value_of(values, mapping.properties_object)).items()
        found += sorted(inner, key=lambda item: item[0].startswith(_HIDDEN))
        given = [(name, value) for name, value in found if value is not None]
        properties = copier.copies(given[:MAX_PROPERTIES])
        copier.truncated = copier.truncated or len(given) > MAX_PROPERTIES
        return properties

    def _request(self, values: dict[str, Any]) -> RequestInfo | None:
        mapping = self._mapping
        ip, agent, url, verb, status = (
            value_of(values, column)
            for column in (
                mapping.ip,
                mapping.user_agent,
                mapping.path,
                mapping.verb,
                mapping.status,
            )
        )
        if all(value is None for value in (ip, agent, url, verb, status)):
            return None
        host, path, query = _url_parts("" if url is None else str(url))
        return RequestInfo(
            verb=self._text(verb) or "",
            path=self._text(path) or "",
            ip=_address(ip),
            user_agent=self._text(agent),
            host=self._text(host),
            status=_status(status),
            params=Params(query=_lists(query)),
        )

    def _text(self, value: Any) -> str | None:
        return None if value is None else truncate(str(value), MAX_TEXT_LENGTH, self._scrubber.text)


def _url_parts(url: str) -> tuple[str | None, str, str]:
    """Return the host, the path and the query of an address or a path."""
    if "://" not in url.partition("?")[0]:
        path, _, query = url.partition("?")
        return None, path, query
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise RowError(f"the address {url[:60]!r} is invalid") from error
    return parts.netloc.rpartition("@")[2] or None, parts.path, parts.query


def _address(value: Any) -> str | None:
    if value is None:
        return None
    address = canonical_address(without_port(str(value).strip()))
    if address is None:
        raise RowError(f"the IP address {str(value)[:60]!r} is invalid")
    return address


def _status(value: Any) -> int | None:
    if value is None:
        return None
    try:
        status = int(value)
    except (ValueError, TypeError, OverflowError):
        status = 0
    if not MIN_STATUS <= status <= MAX_STATUS:
        raise RowError(f"the status {str(value)[:20]!r} is not between {MIN_STATUS} and 999")
    return status


def _lists(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True)[:MAX_PARAMETERS]:
        found.setdefault(name, []).append(value)
    return found
