from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.delivery.retry import RetryPolicy, backoff, retry_after


@given(st.integers(0, 10_000))
def test_backoff_stays_below_its_ceiling(attempt: int) -> None:
    """A delay is between nothing and 0.5 s doubled by each failure, at most 30 s."""
    assert 0 <= backoff(RetryPolicy(), attempt) <= min(30.0, 0.5 * 2 ** min(attempt, 16))


def test_backoff_is_jittered() -> None:
    """Delays of the same attempt spread over the whole range."""
    delays = [backoff(RetryPolicy(), 4) for _ in range(200)]

    assert min(delays) < 2
    assert max(delays) > 6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999", 3600.0),
        ("-1", None),
        ("soon", None),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_retry_after_accepts_seconds_and_dates(value: str | None, seconds: float | None) -> None:
    """Retry-After has two forms, and an invalid value counts as missing."""
    assert retry_after(value) == seconds


def test_retry_after_accepts_a_future_date() -> None:
    """A date is converted to the seconds until then."""
    begin = datetime.now(UTC)
    date = format_datetime(begin + timedelta(seconds=100), usegmt=True)

    seconds = retry_after(date)

    assert seconds is not None
    assert 99 - (datetime.now(UTC) - begin).total_seconds() <= seconds <= 100


def test_retry_after_date_is_relative_to_the_answer() -> None:
    """A date is compared with the answer's Date, not with this machine's clock."""
    asked = "Thu, 01 Jan 1970 00:00:42 GMT"

    assert retry_after(asked, date="Thu, 01 Jan 1970 00:00:02 GMT") == 40.0
    assert retry_after(asked, date="no date") == 0.0
    assert retry_after("Thu Jan  1 00:00:42 1970", date="Thu, 01 Jan 1970 00:00:02 GMT") == 40.0
    assert retry_after("7", date="Thu, 01 Jan 1970 00:00:02 GMT") == 7.0


@given(st.text(max_size=40))
def test_any_retry_after_gives_seconds_or_none(text: str) -> None:
    """No value of the header raises."""
    seconds = retry_after(text, date=text)

    assert seconds is None or 0 <= seconds <= 3600
