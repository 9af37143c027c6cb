"""When to try again: exponential backoff with full jitter, and ``Retry-After``."""

import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from sqreen_mw.agent.process.unpatched import system_time


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Timeouts, delays and the age limit, in seconds.

    Attributes:
        send: Timeout of a batch, from connecting to the last byte of the answer.
        first_delay: The longest delay after the first failure. It doubles with each further one.
        max_delay: The longest delay.
        shortest_pause: A ``Retry-After`` below this is ignored, and the backoff applies.
        misconfigured: The pause after an answer such as 401, which a setting has to fix.
        max_age: Age at which an undelivered event is dropped, counted from ``track()``.
    """

    send: float = 10.0
    first_delay: float = 0.5
    max_delay: float = 30.0
    shortest_pause: float = 1.0
    misconfigured: float = 60.0
    max_age: float = 3600.0


MAX_RETRY_AFTER: Final = 3600.0


def backoff(policy: RetryPolicy, attempt: int) -> float:
    """Return how many seconds to wait after a failure.

    The delay is random between 0 and 0.5 s * 2^attempt, at most 30 s (full jitter), so that many
    processes do not retry at the same moment.

    Args:
        policy: The delays.
        attempt: The number of failures in a row before this one.
    """
    ceiling = min(policy.max_delay, policy.first_delay * 2 ** min(attempt, 16))
    return random.uniform(0, ceiling)  # noqa: S311 jitter needs no secure randomness


def retry_after(value: str | None, *, date: str | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` field, at most an hour, or None if it is invalid.

    Both forms of RFC 9110, section 10.2.3, are accepted: seconds and an HTTP date. A date is
    compared with the ``Date`` of the same answer, because this machine's clock may be wrong.

    Args:
        value: The field ``Retry-After``.
        date: The field ``Date``, if there is one.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        until = _timestamp(text)
        if until is None:
            return None
        answered = _timestamp(date)
        seconds = until - (system_time() if answered is None else answered)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _timestamp(date: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date, or None if it is invalid."""
    try:
        parsed = parsedate_to_datetime(date or "")
        # A date without a zone has the form of C's asctime, which means UTC (section 5.6.7).
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
