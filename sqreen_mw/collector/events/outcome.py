"""Derive the outcome of an event from its properties, its name and its response."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from sqreen_mw.protocol.event import Event, RequestInfo

Outcome: TypeAlias = Literal["succeeded", "failed", "refused", "error"]

_ACTION_PREFIX: Final = "sq.action."
_WORDS: Final[Mapping[str, Outcome]] = {
    **dict.fromkeys(("succeeded", "success", "successful"), "succeeded"),
    **dict.fromkeys(("failed", "failure", "fail"), "failed"),
    **dict.fromkeys(("refused", "denied", "blocked", "rejected", "forbidden"), "refused"),
    **dict.fromkeys(("error", "errored", "crashed", "crash"), "error"),
}
_LAST_WORD: Final = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)$")
_REFUSALS: Final = frozenset({401, 403, 407, 429, 451})
_REDIRECTS_END: Final = 400
_SERVER_ERRORS: Final = 500
_SUCCESSES: Final = 200


def outcome_of(event: Event) -> Outcome | None:
    """Return the outcome of an event, or None if nothing states one.

    The property ``success`` decides, then a crash or a status from 500 on, then the last word of
    the name, such as ``login_failed``, then the status of the response.
    """
    success = event.properties.get("success")
    if isinstance(success, bool):
        return "succeeded" if success else "failed"
    request = event.request
    if request is not None and _is_error(request):
        return "error"
    if event.name.startswith(_ACTION_PREFIX):
        return "refused"
    return _by_name(event.name) or _by_status(request)


def _is_error(request: RequestInfo) -> bool:
    return request.crashed or (request.status or 0) >= _SERVER_ERRORS


@lru_cache(maxsize=4096)
def _by_name(name: str) -> Outcome | None:
    word = _LAST_WORD.search(name)
    return _WORDS.get(word.group().lower()) if word else None


def _by_status(request: RequestInfo | None) -> Outcome | None:
    status = None if request is None else request.status
    if status is None or status < _SUCCESSES:
        return None
    if status < _REDIRECTS_END:
        return "succeeded"
    return "refused" if status in _REFUSALS else "failed"
