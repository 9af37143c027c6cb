"""The model of an event in the app, on the wire and in the collector."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct, ValidationError, field

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
"""Event names with this prefix are reserved for sqreen_mw."""

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
IdentitySource: TypeAlias = Literal["established", "claimed"]


_NESTED: Final = (dict, list)
"""The nested types of JSON."""


def _fits(value: Any, depth: int) -> bool:
    if not isinstance(value, _NESTED):
        return True
    if depth == 0:
        return False
    children = value.values() if isinstance(value, dict) else value
    return all(_fits(child, depth - 1) for child in children)


class Params(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The HTTP parameters of a request. Query and form have lists because names can repeat.

    ``form`` and ``json`` come from the body, if ``collect_body`` is set and the app has read it.
    """

    query: Annotated[dict[Text, list[Text]], Meta(max_length=MAX_PARAMETERS)] = field(
        default_factory=dict
    )
    path: Annotated[dict[Text, Text], Meta(max_length=MAX_PARAMETERS)] = field(default_factory=dict)
    form: Annotated[dict[Text, list[Text]], Meta(max_length=MAX_PARAMETERS)] = field(
        default_factory=dict
    )
    json: Any = None


class RequestInfo(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The request of an event.

    ``ip`` is canonical text, or None if the peer has no address (a Unix socket). ``ip_source`` is
    its source: the connection, a trusted proxy, or the configured header. ``forwarded_ignored`` is
    True if the request came with a forwarding header that was not trusted. ``id`` is the same on
    all events of a request. ``status`` is the response's, if it had started, and 500 if the app
    raised before that. ``crashed`` is True if the app raised later. ``truncated`` is True if a
    value was cut to its limit.
    """

    verb: Text
    path: Text
    id: Text | None = None
    ip: str | None = None
    ip_source: IpSource = "peer"
    forwarded_ignored: bool = False
    user_agent: Text | None = None
    host: Text | None = None
    route: Text | None = None
    status: Annotated[int, Meta(ge=MIN_STATUS, le=MAX_STATUS)] | None = None
    crashed: bool = False
    params: Params = Params()
    truncated: bool = False


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An event of an app. Its id is the same from ``track()`` to the store.

    ``timestamp`` is the time of the event and can be in the past. ``identity`` is None without a
    user. It is ``established`` if the app has verified the user in the event's request, and
    ``claimed`` if the visitor merely gave the identifiers. ``truncated`` is True if a value was
    left out or cut because of a limit.
    """

    id: EventId
    name: Name = field(name="event")
    timestamp: Milliseconds
    properties: Properties = field(default_factory=dict)
    user_identifiers: Identity = field(default_factory=dict)
    identity: IdentitySource | None = None
    user_traits: Properties = field(default_factory=dict)
    request: RequestInfo | None = None
    truncated: bool = False


def check_event(event: Event) -> None:
    """Check the rules of a decoded event that its types do not express.

    Not in the constructor, because a hook of the app may create an event with any values.

    Raises:
        ValidationError: A value is nested too deep, or the request's address is not canonical.
    """
    for values in (event.properties, event.user_traits):
        for key, value in values.items():
            # Checking the type here saves the call for most values.
            if type(value) in _NESTED and not _fits(value, MAX_PROPERTY_DEPTH):
                raise ValidationError(_too_deep(key))
    if event.request is not None:
        check_request(event.request)


def check_request(request: RequestInfo) -> None:
    """Check the rules of a decoded request that its types do not express.

    Raises:
        ValidationError: ``ip`` is not canonical, or ``json`` is nested too deep.
    """
    if request.ip is not None and canonical_address(request.ip) != request.ip:
        raise ValidationError("`ip` must be an IPv4 or IPv6 address in its canonical form")
    if request.params.json is not None and not _fits(request.params.json, MAX_PROPERTY_DEPTH):
        raise ValidationError(_too_deep("json"))


def _too_deep(key: str) -> str:
    return f"{key!r} is nested deeper than {MAX_PROPERTY_DEPTH} levels"
