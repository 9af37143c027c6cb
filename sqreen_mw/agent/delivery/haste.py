"""How many events are sealed in one go, and how long: the app's threads wait for their turn."""

from typing import Final, NamedTuple

from sqreen_mw.agent.delivery.batch import BATCH_EVENTS


class Haste(NamedTuple):
    """What one go may take.

    Attributes:
        most: The number of events.
        seconds: How long it takes, but for its last event.
        pause: Seconds until the next one, in which the app's threads are left alone.
    """

    most: int
    seconds: float
    pause: float


_SLICE_EVENTS: Final = 100
_GIVE_WAY_SECONDS: Final = 0.001

SLICE_SECONDS: Final = 0.003
"""Less than the five milliseconds after which CPython lets others run."""

CALM: Final = Haste(_SLICE_EVENTS, SLICE_SECONDS, _GIVE_WAY_SECONDS)

BUSY: Final = Haste(_SLICE_EVENTS, SLICE_SECONDS, 0.0)
"""Where the queue is long: the app's threads have their turn between two goes, and no more."""

LATE: Final = Haste(_SLICE_EVENTS, 0.05, 0.0)
"""Where an event would not be in the spool in time: CPython sees to the turns of the others."""

WANTED: Final = Haste(BATCH_EVENTS, 0.25, _GIVE_WAY_SECONDS)
"""Where somebody waits for it."""
