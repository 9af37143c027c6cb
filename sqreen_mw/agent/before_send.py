"""Calls the app's ``before_send``, and accepts its values like the arguments of ``track()``."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct, structs

from sqreen_mw.agent.arguments import Arguments
from sqreen_mw.agent.guard import Guard
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.capture.json_copy import Copier, encode_json
from sqreen_mw.capture.text import truncate_texts
from sqreen_mw.protocol.event import Event, IdentitySource, Params, RequestInfo, check_request
from sqreen_mw.protocol.identifier import are_part_of
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

BeforeSend: TypeAlias = Callable[[Event], Event | None]

_CALL: Final = "before_send"

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class BeforeSendHook:
    """The app's hook, which may change and drop events."""

    def __init__(
        self,
        function: BeforeSend,
        *,
        arguments: Arguments,
        guard: Guard,
        scrub: Callable[[str], str],
    ) -> None:
        """Wrap a hook.

        Args:
            function: The app's function.
            arguments: Checks and copies values.
            guard: Counts and logs errors.
            scrub: Masks secrets in a text before it is shortened.
        """
        self._function: Final = function
        self._arguments: Final = arguments
        self._guard: Final = guard
        self._scrub: Final = scrub

    def call(self, event: Event) -> Event | None:
        """Return the event that the hook returns. If the hook fails, the event is dropped."""
        # The hook may change the event's dicts.
        given = event.user_identifiers if event.identity == "established" else {}
        verified, request = dict(given), encode_json(event.request)
        with self._guard.suppress_exits(_CALL):
            changed: Any = self._function(event)
            if changed is None:
                return None
            if isinstance(changed, Event):
                return self._accepted(changed, event, verified=verified, request_json=request)
            message = "before_send must return the event or None, not %s: the event is dropped"
            self._guard.warn("before_send_type", message, type(changed).__name__)
        return None

    def _accepted(
        self, changed: Event, given: Event, *, verified: dict[str, str | int], request_json: bytes
    ) -> Event | None:
        """Return an event made of copies of a hook's values, or None if its name is not valid."""
        name = self._name(changed.name, given.name)
        if name is None:
            return None
        copier = Copier()
        properties, truncated = self._arguments.properties_json(changed.properties)
        identifiers = self._arguments.identifiers(changed.user_identifiers, copier)
        traits = self._arguments.properties(changed.user_traits, copier, what="traits")
        request = changed.request
        if not _is_unchanged(request, request_json):
            request = self._request(request, copier)
        return Event(
            id=given.id,
            name=name,
            timestamp=self._timestamp(changed.timestamp, given.timestamp),
            properties=self._cut(_decode(properties)) if properties else {},
            user_identifiers=self._cut(identifiers, MAX_IDENTIFIER_LENGTH),
            identity=_identity_source(changed, identifiers, verified),
            user_traits=self._cut(traits),
            request=request,
            truncated=changed.truncated is True or truncated or copier.truncated,
        )

    def _name(self, changed: object, given: str) -> str | None:
        """Return a valid name, or None. The SDK's own events keep their reserved names."""
        is_unchanged = type(changed) is str and changed == given
        return given if is_unchanged else self._arguments.name(changed, call=_CALL)

    def _timestamp(self, changed: object, given: int) -> int:
        """Return the milliseconds of a timestamp, which may also be a datetime."""
        if isinstance(changed, Integral):
            return min(max(int(changed), MIN_TIMESTAMP), MAX_TIMESTAMP)
        return self._arguments.to_epoch_ms(changed, given)

    def _request(self, request: object, copier: Copier) -> RequestInfo | None:
        """Return a changed request, or None if it is not valid."""
        if request is None:
            return None
        try:
            return _checked(self._cut(_parts(request, copier)))
        except msgspec.ValidationError as error:
            message = "before_send: the event is sent without its request, which is not valid: %s"
            self._guard.warn("before_send_request", message, error)
            return None

    def _cut(self, values: Any, limit: int = MAX_TEXT_LENGTH) -> Any:
        return truncate_texts(values, limit, self._scrub)


def _is_unchanged(request: object, request_json: bytes) -> bool:
    with suppress_app_errors:  # it may contain any values
        return encode_json(request) == request_json
    return False


def _checked(values: object) -> RequestInfo:
    request = msgspec.convert(values, RequestInfo)
    check_request(request)
    return request


def _parts(value: object, copier: Copier) -> Any:
    """Return a copy of a request. Each part can have the size of an event's properties."""
    if isinstance(value, Struct):
        parts = {key: _parts(part, copier) for key, part in structs.asdict(value).items()}
        return _with_texts(parts) if isinstance(value, Params) else parts
    own = Copier()
    copied = own.copy(value)
    copier.truncated = copier.truncated or own.truncated
    return copied


def _with_texts(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters whose values are texts, or lists of texts, like those of a visitor."""
    for part in ("query", "form", "path"):
        values = params[part] if isinstance(params[part], dict) else {}
        for key, value in values.items():
            several = value if isinstance(value, list) else [value]
            texts = [
                each if isinstance(each, str) else encode_json(each).decode() for each in several
            ]
            values[key] = ", ".join(texts) if part == "path" else texts
    return params


def _identity_source(
    event: Event, identifiers: Mapping[str, str | int], verified: Mapping[str, str | int]
) -> IdentitySource | None:
    """Return whether the request verified the user. A hook can't verify one."""
    if not identifiers:
        return None
    is_part = are_part_of(identifiers, verified)
    return "established" if is_part and event.identity != "claimed" else "claimed"
