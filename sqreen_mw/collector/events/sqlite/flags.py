"""The facts of an event that filters read without its JSON, as bits of one number."""

from collections.abc import Mapping
from typing import Any, Final

from sqreen_mw.collector.events.filters import Field
from sqreen_mw.collector.events.outcome import Outcome, outcome_of
from sqreen_mw.protocol.event import Event

IMPORTED: Final = 1
ESTABLISHED: Final = 2
CLAIMED: Final = 4
FORWARDED_IGNORED: Final = 8
_OUTCOMES: Final[Mapping[Outcome, int]] = {
    "succeeded": 16,
    "failed": 32,
    "refused": 64,
    "error": 128,
}
_IDENTITIES: Final = {"established": ESTABLISHED, "claimed": CLAIMED}

FLAGS: Final[Mapping[Field, Mapping[Any, int]]] = {
    ("outcome",): _OUTCOMES,
    ("identity",): _IDENTITIES,
    ("imported",): {True: IMPORTED, False: 0},
    ("forwarded_ignored",): {True: FORWARDED_IGNORED, False: 0},
}
"""The bits of each value of a field."""

FLAG_MASKS: Final[Mapping[Field, int]] = {field: sum(FLAGS[field].values()) for field in FLAGS}
"""All bits of a field."""


def flags_of(event: Event, *, imported: bool) -> int:
    """Return the bits of an event."""
    flags = IMPORTED if imported else 0
    if event.identity is not None:
        flags |= _IDENTITIES[event.identity]
    if event.request is not None and event.request.forwarded_ignored:
        flags |= FORWARDED_IGNORED
    outcome = outcome_of(event)
    return flags if outcome is None else flags | _OUTCOMES[outcome]


def outcome_of_flags(flags: int) -> Outcome | None:
    """Return the outcome that the bits contain."""
    return next((outcome for outcome, bit in _OUTCOMES.items() if flags & bit), None)
