"""The one model of an event, in the app, on the wire and in the collector."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

from sqreen_mw.protocol.address import canonical_address
from sqreen_mw.protocol.event_id import EVENT_ID_LENGTH, EVENT_ID_PATTERN
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
    MAX_NAME_LENGTH,
    MAX_PARAMETERS,
    MAX_PROPERTIES,
    MAX_PROPERTY_DEPTH,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_STATUS,
    MAX_TEXT_LENGTH,
    MAX_TIMESTAMP,
    MIN_STATUS,
    MIN_TIMESTAMP,
)

RESERVED_PREFIX: Final = "sq."
"""Names that begin so are ours: an app's own events may not use them."""

Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
Key: TypeAlias = Annotated[str, Meta(max_length=MAX_PROPERTY_NAME_LENGTH)]
EventId: TypeAlias = Annotated[
    str, Meta(pattern=EVENT_ID_PATTERN, max_length=EVENT_ID_LENGTH, description="UUID version 7")
]
Milliseconds: TypeAlias = Annotated[
    int,
    Meta(ge=MIN_TIMESTAMP, le=MAX_TIMESTAMP, description="milliseconds since the epoch, UTC"),
]
Properties: TypeAlias = Annotated[dict[Key, Any], Meta(max_length=MAX_PROPERTIES)]
Identity: TypeAlias = Annotated[
    dict[Key, Annotated[str, Meta(max_length=MAX_IDENTIFIER_LENGTH)] | int],
    Meta(max_length=MAX_IDENTIFIERS),
]
IpSource: TypeAlias = Literal["peer", "proxy", "header"]


_NESTED: Final = (dict, list)
"""What JSON nests."""


def _within(value: Any, depth: int) -> bool:
    if not isinstance(value, _NESTED):
        return True
    if depth == 0:
        return False
    children = value.values() if isinstance(value, dict) else value
    return all(_within(child, depth - 1) for child in children)


class Params(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The HTTP parameters of a request; a name of query or form may come twice, so lists.

    ``form`` and ``json`` are of the body, as far as the app had read it, where it was asked for.
    """

    query: Annotated[dict[Text, list[Text]], Meta(max_length=MAX_PARAMETERS)] = field(
        default_factory=dict
    )
    path: Annotated[dict[Text, Text], Meta(max_length=MAX_PARAMETERS)] = field(default_factory=dict)
    form: Annotated[dict[Text, list[Text]], Meta(max_length=MAX_PARAMETERS)] = field(
        default_factory=dict
    )
    json: Any = None

    def __post_init__(self) -> None:
        if self.json is not None and not _within(self.json, MAX_PROPERTY_DEPTH):
            raise ValueError(f"`json` is nested deeper than {MAX_PROPERTY_DEPTH} levels")


class RequestInfo(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What an event tells of the request that it was tracked in.

    ``ip`` is canonical text, or None where the peer has no address (a Unix socket); ``ip_source``
    says who vouches for it: the connection itself, a trusted proxy, or a header that the
    configuration names. ``id`` is the same on all events of a request. ``status`` is the
    response's, where it had begun. ``truncated`` says that a value was cut to its limit.

    Raises:
        ValueError: ``ip`` is not an IP address.
    """

    verb: Text
    path: Text
    id: Text | None = None
    ip: str | None = None
    ip_source: IpSource = "peer"
    user_agent: Text | None = None
    host: Text | None = None
    route: Text | None = None
    status: Annotated[int, Meta(ge=MIN_STATUS, le=MAX_STATUS)] | None = None
    params: Params = Params()
    truncated: bool = False

    def __post_init__(self) -> None:
        if self.ip is not None and canonical_address(self.ip) != self.ip:
            raise ValueError("`ip` must be an IPv4 or IPv6 address in its canonical form")


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that happened in an app, under one id from ``track()`` to the store.

    ``timestamp`` is the event's own time and may lie in the past. ``truncated`` says that
    something did not fit a limit and was left out or cut.

    Raises:
        ValueError: A property is nested deeper than ``MAX_PROPERTY_DEPTH``.
    """

    id: EventId
    name: Name = field(name="event")
    timestamp: Milliseconds
    properties: Properties = field(default_factory=dict)
    user_identifiers: Identity = field(default_factory=dict)
    user_traits: Properties = field(default_factory=dict)
    request: RequestInfo | None = None
    truncated: bool = False

    def __post_init__(self) -> None:
        for values in (self.properties, self.user_traits):
            for key, value in values.items():
                # A look at the type spares most values the call.
                if type(value) in _NESTED and not _within(value, MAX_PROPERTY_DEPTH):
                    raise ValueError(f"{key!r} is nested deeper than {MAX_PROPERTY_DEPTH} levels")
