import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

import pytest

from sqreen_mw.agent.guard import Guard
from tests.agent.test_tracker import TrackerHarness


class LimitError(Exception):
    """The exception of a time limit, as in Celery."""


def _raise(*_: object) -> None:
    raise LimitError


class _Limit:
    def __call__(self, *_: object) -> None:
        raise LimitError

    def reached(self, _: str, *__: object) -> None:
        raise LimitError


class _Slow:
    """An object of the app whose methods exceed the time limit."""

    def __str__(self) -> str:
        signal.raise_signal(signal.SIGALRM)
        return "slow"

    def __eq__(self, other: object) -> bool:
        return str(self) == other

    def __hash__(self) -> int:
        return 0


class _SlowZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        signal.raise_signal(signal.SIGALRM)
        return timedelta()

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, _: datetime | None) -> str:
        return "slow"


class _SlowMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> str:
        return str(_Slow())

    def __iter__(self) -> Iterator[str]:
        return iter([str(_Slow())])

    def __len__(self) -> int:
        return 1


@contextmanager
def limited(handler: Any = _raise) -> Iterator[None]:
    """Install a handler of SIGALRM."""
    before = signal.signal(signal.SIGALRM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "handler",
    [_raise, _Limit(), partial(_Limit().reached, "once"), lambda *_: _raise()],
    ids=["function", "object", "partial of a method", "lambda"],
)
def test_exception_of_a_signal_handler_reaches_the_app(handler: Any) -> None:
    """A time limit interrupts ``track()`` and is not counted as our error."""
    harness = TrackerHarness()

    with limited(handler), pytest.raises(LimitError):
        harness.track("x", properties={"a": _Slow()})

    assert harness.guard.counts == {}


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (_SlowMapping(), {}),
        (None, {"properties": _SlowMapping()}),
        (None, {"user_identifiers": _SlowMapping()}),
        (None, {"timestamp": datetime(2026, 1, 1, tzinfo=_SlowZone())}),
        (None, {"collect_body": _Slow()}),
        ({_Slow(): 1}, {}),
    ],
)
def test_time_limit_passes_every_argument(options: Any, keywords: dict[str, Any]) -> None:
    """A time limit passes each place that reads an object of the app."""
    with limited(), pytest.raises(LimitError):
        TrackerHarness().track("x", options, **keywords)


@pytest.mark.parametrize("act", [Guard.warn, Guard.report_misuse])
def test_time_limit_passes_a_log_handler(act: Callable[..., None]) -> None:
    """A time limit passes if it expires in a log handler of the app."""

    class Slow(logging.Handler):
        def handle(self, _: logging.LogRecord) -> bool:
            return bool(str(_Slow()))

    logger = logging.getLogger("sqreen_mw")
    slow = Slow()
    logger.addHandler(slow)
    try:
        with limited(), pytest.raises(LimitError):
            act(Guard(), "cause", "said")
    finally:
        logger.removeHandler(slow)


def test_other_exceptions_are_suppressed_while_signals_are_handled() -> None:
    """An object that raises by itself does not reach the app."""
    harness = TrackerHarness()

    class Bad:
        def __str__(self) -> str:
            raise LimitError

    with limited():
        assert harness.track("x", properties={"a": Bad()})
