"""Scrubs events before they leave the process."""

from typing import Any

from msgspec import structs

from sqreen_mw.capture.text import truncate
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_NAME_LENGTH,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TEXT_LENGTH,
)
from sqreen_mw.scrubbing.interface import ScrubberProtocol, masked


def scrubbed_event(event: Event, scrubber: ScrubberProtocol) -> Event:
    """Return an event with the values scrubbed that the app's hook may have added."""
    return structs.replace(
        event,
        name=scrubbed_name(event.name, scrubber),
        properties=scrubbed_values(event.properties, scrubber),
        user_identifiers=scrubbed_identifiers(event.user_identifiers, scrubber),
        user_traits=scrubbed_values(event.user_traits, scrubber),
        request=event.request and scrubbed_request(event.request, scrubber),
    )


def scrubbed_name(name: str, scrubber: ScrubberProtocol) -> str:
    """Return an event's scrubbed name."""
    return scrubber.text(name)[:MAX_NAME_LENGTH]


def scrubbed_identifiers(
    identifiers: dict[str, str | int], scrubber: ScrubberProtocol
) -> dict[str, str | int]:
    """Return identifiers, scrubbed by the patterns of their values and not by their keys."""
    if not identifiers:
        return identifiers
    return {
        scrubber.text(key)[-MAX_PROPERTY_NAME_LENGTH:]: _identifier(value, scrubber)
        for key, value in identifiers.items()
    }


def scrubbed_request(request: RequestInfo, scrubber: ScrubberProtocol) -> RequestInfo:
    """Return a request with the values scrubbed that the app's hook may have added."""
    params = request.params
    return structs.replace(
        request,
        verb=_text(request.verb, scrubber),
        path=_text(request.path, scrubber),
        id=request.id and _text(request.id, scrubber),
        user_agent=request.user_agent and _text(request.user_agent, scrubber),
        host=request.host and _text(request.host, scrubber),
        route=request.route and request.route[:MAX_TEXT_LENGTH],
        params=Params(
            query=_lists(params.query, scrubber),
            path={
                _text(name, scrubber): masked(name, value, scrubber)[:MAX_TEXT_LENGTH]
                for name, value in params.path.items()
            },
            form=_lists(params.form, scrubber),
            json=scrubber.value(params.json),
        ),
    )


def _lists(values: dict[str, list[str]], scrubber: ScrubberProtocol) -> dict[str, list[str]]:
    return {
        _text(name, scrubber): [masked(name, text, scrubber)[:MAX_TEXT_LENGTH] for text in texts]
        for name, texts in values.items()
    }


def _text(text: str, scrubber: ScrubberProtocol) -> str:
    return scrubber.text(text)[:MAX_TEXT_LENGTH]


def _identifier(value: str | int, scrubber: ScrubberProtocol) -> str | int:
    if isinstance(value, str):
        return truncate(value, MAX_IDENTIFIER_LENGTH, scrubber.text)
    return value


def scrubbed_values(values: dict[str, Any], scrubber: ScrubberProtocol) -> dict[str, Any]:
    """Return scrubbed values with keys that fit the limit. The end of a longer key is kept.

    A mask in a key can make it longer.
    """
    if not values:
        return values
    scrubbed: dict[str, Any] = scrubber.value(values)
    if scrubbed is values or max(map(len, scrubbed)) <= MAX_PROPERTY_NAME_LENGTH:
        return scrubbed
    return {key[-MAX_PROPERTY_NAME_LENGTH:]: value for key, value in scrubbed.items()}
