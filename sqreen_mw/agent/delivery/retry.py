"""When to try again: exponential backoff with full jitter, and what ``Retry-After`` asks."""

import random
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
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


MAX_RETRY_AFTER: Final = 3600.0


def backoff(pace: RetryPolicy, attempt: int) -> float:
    """Return the seconds to wait after so many failures in a row, counted from 0.

    Full jitter: anything up to 0.5 s * 2^attempt, at most 30 s, so that many processes do not
    come back together.
    """
    ceiling = min(pace.max_delay, pace.first_delay * 2 ** min(attempt, 16))
    return random.uniform(0, ceiling)  # noqa: S311 jitter is no secret


def retry_after(value: str | None, *, date: str | None = None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, at most an hour, or None.

    Both forms of RFC 9110, section 10.2.3, are read: seconds and an HTTP date. A date is as far
    away as it is from the answer's own: this machine's clock may be wrong, or be set meanwhile.

    Args:
        value: The header field.
        date: The field ``Date`` of the same answer, if it has one.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        until = _moment(text)
        if until is None:
            return None
        answered = _moment(date)
        seconds = until - (time.time() if answered is None else answered)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _moment(date: str | None) -> float | None:
    """Return an HTTP date in seconds since the epoch, or None where it is none."""
    try:
        moment = parsedate_to_datetime(date or "")
        # One without a zone is in the form of C's asctime, which is read as UTC (section 5.6.7).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
