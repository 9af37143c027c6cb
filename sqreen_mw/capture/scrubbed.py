"""An event as it may leave the process."""

from typing import Any

from msgspec import structs

from sqreen_mw.capture.scrubs import Scrubs, masked
from sqreen_mw.capture.text import cut_text
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_NAME_LENGTH,
    MAX_PROPERTY_NAME_LENGTH,
    MAX_TEXT_LENGTH,
)


def scrubbed_event(event: Event, scrubber: Scrubs) -> Event:
    """Return an event whose own values are scrubbed; its request's are where it was described.

    Identifiers are scrubbed by the patterns of their values, never by their keys.
    """
    return structs.replace(
        event,
        name=scrubber.text(event.name)[:MAX_NAME_LENGTH],
        properties=_values(event.properties, scrubber),
        user_identifiers={
            scrubber.text(key)[-MAX_PROPERTY_NAME_LENGTH:]: _identifier(value, scrubber)
            for key, value in event.user_identifiers.items()
        },
        user_traits=_values(event.user_traits, scrubber),
    )


def scrubbed_request(request: RequestInfo, scrubber: Scrubs) -> RequestInfo:
    """Return a description in which what the app's hook may have put is scrubbed, too."""
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


def _lists(values: dict[str, list[str]], scrubber: Scrubs) -> dict[str, list[str]]:
    return {
        _text(name, scrubber): [masked(name, text, scrubber)[:MAX_TEXT_LENGTH] for text in texts]
        for name, texts in values.items()
    }


def _text(text: str, scrubber: Scrubs) -> str:
    return scrubber.text(text)[:MAX_TEXT_LENGTH]


def _identifier(value: str | int, scrubber: Scrubs) -> str | int:
    if isinstance(value, str):
        return cut_text(value, MAX_IDENTIFIER_LENGTH, scrubber.text)
    return value


def _values(values: dict[str, Any], scrubber: Scrubs) -> dict[str, Any]:
    """Return scrubbed values whose keys fit; of a longer one the end stays, which says what it is.

    A mask may have made it longer.
    """
    if not values:
        return values
    scrubbed: dict[str, Any] = scrubber.value(values)
    if max(map(len, scrubbed)) <= MAX_PROPERTY_NAME_LENGTH:
        return scrubbed
    return {key[-MAX_PROPERTY_NAME_LENGTH:]: value for key, value in scrubbed.items()}
