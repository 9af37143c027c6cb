"""How patient the delivery is: every number of seconds that it waits, in one value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds, all of them of the monotonic clock.

    Attributes:
        send: What one batch may take, from the connection to the last byte of the answer.
        first_delay: The longest delay after a first failure; it doubles with each further one.
        max_delay: What the delay grows to.
        shortest_pause: What a collector must ask for; one that asks for less would be hammered.
        misconfigured: How long the collector is left alone while a setting is wrong.
        max_age: After which an event is given up, counted from ``track()``.
    """

    send: float = 10.0
    first_delay: float = 0.5
    max_delay: float = 30.0
    shortest_pause: float = 1.0
    misconfigured: float = 60.0
    max_age: float = 3600.0
