"""When to try again: exponential backoff with full jitter, and what ``Retry-After`` asks."""

import random
import time
from email.utils import parsedate_to_datetime
from typing import Final

FIRST_DELAY: Final = 0.5
MAX_DELAY: Final = 30.0
MAX_RETRY_AFTER: Final = 3600.0


def backoff(attempt: int) -> float:
    """Return the seconds to wait after so many failures in a row, counted from 0.

    Full jitter: anything up to 0.5 s * 2^attempt, at most 30 s, so that many processes do not
    come back together.
    """
    ceiling = min(MAX_DELAY, FIRST_DELAY * 2 ** min(attempt, 16))
    return random.uniform(0, ceiling)  # noqa: S311 jitter is no secret


def retry_after(value: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, at most an hour, or None.

    Both forms of RFC 9110, section 10.2.3, are read: seconds and an HTTP date.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
