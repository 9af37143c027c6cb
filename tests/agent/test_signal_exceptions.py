import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

import pytest

from sqreen_mw.agent.guard import Guard
from tests.agent.test_tracker import Bench


class LimitError(Exception):
    """What an app's time limit raises, as Celery's does."""


def _raise(*_: object) -> None:
    raise LimitError


class _Limit:
    def __call__(self, *_: object) -> None:
        raise LimitError

    def reached(self, _: str, *__: object) -> None:
        raise LimitError


class _Slow:
    """An app's object in whose code the time is over."""

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
    """Have SIGALRM handled."""
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
def test_what_a_signal_handler_raises_goes_through(handler: Any) -> None:
    """A time limit of the app's reaches the app out of ``track``, and is no fault of ours."""
    bench = Bench()

    with limited(handler), pytest.raises(LimitError):
        bench.track("x", properties={"a": _Slow()})

    assert bench.guard.counts == {}


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
def test_it_goes_through_wherever_it_strikes(options: Any, keywords: dict[str, Any]) -> None:
    """A time limit passes each place where what the app hands over is read."""
    with limited(), pytest.raises(LimitError):
        Bench().track("x", options, **keywords)


@pytest.mark.parametrize("act", [Guard.warn, Guard.report_misuse])
def test_it_goes_through_while_a_fault_is_logged(act: Callable[..., None]) -> None:
    """A time limit that is over while a handler of the app's logging runs passes."""

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


def test_other_exceptions_are_swallowed_though_signals_are_handled() -> None:
    """An app's object that raises by itself is a fault as before."""
    bench = Bench()

    class Bad:
        def __str__(self) -> str:
            raise LimitError

    with limited():
        assert bench.track("x", properties={"a": Bad()})
