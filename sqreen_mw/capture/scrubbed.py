"""An event as it may leave the process."""

from msgspec import structs

from sqreen_mw.capture.scrubs import Scrubs, masked
from sqreen_mw.protocol.event import Event, Params, RequestInfo


def scrubbed_event(event: Event, scrubber: Scrubs) -> Event:
    """Return an event whose own values are scrubbed; its request's are where it was described.

    Identifiers are scrubbed by the patterns of their values, never by their keys.
    """
    return structs.replace(
        event,
        name=scrubber.text(event.name),
        properties=scrubber.value(event.properties),
        user_identifiers={
            key: scrubber.text(value) if isinstance(value, str) else value
            for key, value in event.user_identifiers.items()
        },
        user_traits=scrubber.value(event.user_traits),
    )


def scrubbed_request(request: RequestInfo, scrubber: Scrubs) -> RequestInfo:
    """Return a description in which what the app's hook may have put is scrubbed, too."""
    params = request.params
    return structs.replace(
        request,
        path=scrubber.text(request.path),
        user_agent=request.user_agent and scrubber.text(request.user_agent),
        host=request.host and scrubber.text(request.host),
        params=Params(
            query=_lists(params.query, scrubber),
            path={name: masked(name, value, scrubber) for name, value in params.path.items()},
            form=_lists(params.form, scrubber),
            json=scrubber.value(params.json),
        ),
    )


def _lists(values: dict[str, list[str]], scrubber: Scrubs) -> dict[str, list[str]]:
    return {
        name: [masked(name, text, scrubber) for text in texts] for name, texts in values.items()
    }
