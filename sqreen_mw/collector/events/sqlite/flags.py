"""The facts of an event that filters read without its JSON, as bits of one number."""

from collections.abc import Mapping
from typing import Any, Final

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.collector.events.filters import Field
from sqreen_mw.collector.events.outcome import Outcome

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


def flags_of(stored: StoredEvent) -> int:
    """Return the bits of an event."""
    event = stored.event
    flags = IMPORTED if stored.imported else 0
    if event.identity is not None:
        flags |= _IDENTITIES[event.identity]
    if event.request is not None and event.request.forwarded_ignored:
        flags |= FORWARDED_IGNORED
    return flags if stored.outcome is None else flags | _OUTCOMES[stored.outcome]


def outcome_of_flags(flags: int) -> Outcome | None:
    """Return the outcome that the bits contain."""
    return next((outcome for outcome, bit in _OUTCOMES.items() if flags & bit), None)
