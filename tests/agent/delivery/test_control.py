import asyncio

import pytest

from sqreen_mw.agent.delivery.control import FlushControl, await_until
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.unpatched import monotonic
from tests.support.waiting import PATIENCE


def test_an_earlier_request_that_arrives_late_changes_nothing() -> None:
    """Of two flushes at once, the earlier one may come second; the later one still counts."""
    control = FlushControl()
    control.request_flush(11.0)
    control.read_requests()
    assert control.flush_requested_at == 11.0

    control.request_flush(10.0)

    control.read_requests()
    assert control.flush_requested_at == 11.0


def test_latest_of_several_requests_counts() -> None:
    """The flusher may see several requests at once, in any order."""
    control = FlushControl()
    for moment in (10.0, 12.0, 11.0):
        control.request_flush(moment)

    control.read_requests()
    assert control.flush_requested_at == 12.0


def test_loop_polls_if_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the exit of Python 3.12, or at a limit of threads, an async wait still ends."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(unpatched, "start_thread", refuse)
    answers = iter([False, False, True])

    assert asyncio.run(await_until(lambda: next(answers), PATIENCE, clock=monotonic))
    assert not asyncio.run(await_until(lambda: False, 0.01, clock=monotonic))
