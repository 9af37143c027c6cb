"""The columns that become an event's name, time, user, request and properties."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from sqreen_mw.errors import ConfigurationError

_WORDS: Final = re.compile(r"[^a-z0-9]+")

_NAMES: Final = {
    "event": ("event", "event_name", "name", "action", "event_type", "type"),
    "timestamp": ("timestamp", "time", "datetime", "created_at", "occurred_at", "date", "ts"),
    "id": ("id", "uuid", "event_id", "message_id", "insert_id"),
    "ip": ("ip", "ip_address", "client_ip", "remote_addr", "remote_ip"),
    "user_agent": ("user_agent", "useragent", "http_user_agent"),
    "path": ("path", "url", "uri", "request_uri", "request_path"),
    "verb": ("verb", "method", "http_method", "request_method"),
    "status": ("status", "status_code", "http_status", "response_status"),
}
_USERS: Final = ("user_id", "userid", "uid", "email", "login", "username", "user", "distinct_id")
_OBJECTS: Final = ("properties", "user_identifiers")


class Mapping(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The columns of an event's parts. A dot reaches into objects: ``properties.$ip``.

    ``event_name`` is the name of all events if no column has it. ``user_identifiers`` has a column
    for each identifier, and ``properties`` one for each property. ``properties_object`` and
    ``identifiers_object`` are columns with a JSON object of them.
    """

    event: str | None = None
    event_name: str | None = None
    timestamp: str
    id: str | None = None
    user_identifiers: dict[str, str] = field(default_factory=dict)
    identifiers_object: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    path: str | None = None
    verb: str | None = None
    status: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    properties_object: str | None = None

    def columns(self) -> Iterator[str]:
        """Yield all used columns."""
        named = (self.event, self.timestamp, self.id, self.ip, self.user_agent, self.path)
        others = (self.verb, self.status, self.identifiers_object, self.properties_object)
        yield from (column for column in (*named, *others) if column is not None)
        yield from self.user_identifiers.values()
        yield from self.properties.values()


PRESETS: Final = {
    "posthog": Mapping(
        event="event",
        timestamp="timestamp",
        id="uuid",
        user_identifiers={"distinct_id": "distinct_id"},
        ip="properties.$ip",
        user_agent="properties.$raw_user_agent",
        path="properties.$current_url",
        properties_object="properties",
    ),
    "combined": Mapping(
        event_name="http.request",
        timestamp="time",
        user_identifiers={"login": "user"},
        ip="ip",
        user_agent="user_agent",
        path="path",
        verb="verb",
        status="status",
        properties={"referer": "referer", "bytes": "bytes"},
    ),
}
"""The mappings of known exports, by the values of ``--preset``."""


def guess_mapping(columns: Sequence[str]) -> Mapping:
    """Return a mapping by the names of the columns. Other columns become properties.

    Raises:
        ConfigurationError: No column looks like the event's name or time.
    """
    by_name = {_WORDS.sub("_", column.lower()).strip("_"): column for column in reversed(columns)}
    found = {
        part: next((by_name[name] for name in names if name in by_name), None)
        for part, names in _NAMES.items()
    }
    missing = [part for part in ("event", "timestamp") if found[part] is None]
    if missing:
        raise ConfigurationError(
            f"no column looks like the {' or the '.join(missing)} among {', '.join(columns)}: "
            "name it in a file for --mapping"
        )
    users = {by_name[name]: by_name[name] for name in _USERS if name in by_name}
    objects = [by_name.get(name) for name in _OBJECTS]
    used = {*found.values(), *users.values(), *objects}
    return msgspec.convert(
        {part: column for part, column in found.items() if column is not None}
        | {
            "user_identifiers": users,
            "properties": {column: column for column in columns if column not in used},
            "properties_object": objects[0],
            "identifiers_object": objects[1],
        },
        Mapping,
    )


def load_mapping(path: Path) -> Mapping:
    """Read a mapping from a JSON file.

    Raises:
        ConfigurationError: The file cannot be read, or is no mapping.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mapping)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--mapping {path}: {error}") from error


def save_mapping(mapping: Mapping, path: Path) -> None:
    """Write a mapping to a JSON file.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(mapping)) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"--save-mapping {path}: {error}") from error


def check_mapping(mapping: Mapping, columns: Sequence[str]) -> None:
    """Check that a file has the columns of a mapping.

    Raises:
        ConfigurationError: One is missing, or events have no name.
    """
    if (mapping.event is None) == (mapping.event_name is None):
        raise ConfigurationError("the mapping needs 'event' (a column) or 'event_name', not both")
    for column in mapping.columns() if columns else ():
        if column not in columns and column.partition(".")[0] not in columns:
            near = get_close_matches(column, columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"the mapping names the column {column!r}, but the file has {', '.join(columns)}"
                f"{hint}"
            )


def value_of(values: dict[str, Any], column: str | None) -> Any:
    """Return the value of a column, or None if the row has none."""
    if column is None:
        return None
    if column in values or "." not in column:
        value = values.get(column)
    else:
        outer, _, inner = column.partition(".")
        found = object_of(values.get(outer))
        value = value_of(found, inner)
    return None if isinstance(value, str) and not value else value


def object_of(value: Any) -> dict[str, Any]:
    """Return an object, or the object that a text contains, or an empty one."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return {}
    return value if isinstance(value, dict) else {}
