"""The timing rules of delivery, as tables over ``plan``. Nothing here sleeps."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqreen_mw.agent.delivery.batch import BATCH_BYTES, BATCH_EVENTS
from sqreen_mw.agent.delivery.scheduler import (
    BACKLOG,
    FLUSHING,
    IDLE,
    OVERDUE,
    SLICE_SECONDS,
    Plan,
    SliceBudget,
    Source,
    State,
    plan,
    stop_sending_at,
)

NOW = 1000.0
INF = math.inf
SPOOL = {"persist_after": 0.5}
PENDING = {"pending": 1, "pending_bytes": 100, "pending_since": NOW}
SEALED = {"sealed": 1, "sealed_bytes": 100, "sealed_since": NOW}
BATCH = {"has_batch": True, "in_flight": 1, "unspooled_since": NOW}
SENDING = {**BATCH, "sent_at": NOW}


def planned(at: float = 0.0, **changes: Any) -> Plan:
    """Return the plan of a state, some seconds after ``NOW``."""
    return plan(State(**changes), NOW + at)


def idle_until(result: Plan) -> float:
    """Return how many seconds after ``NOW`` an idle plan wakes."""
    assert result.is_idle
    assert not result.is_finished
    return round(result.wake_at - NOW, 6)


def test_without_work_the_flusher_sleeps() -> None:
    """An idle flusher does not poll: only an event or a request wakes it."""
    assert planned() == Plan(flushed_up_to=0.0, wake_at=INF)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 1.0),
        ({"flush_interval": 60.0}, 1.0),
        ({"flush_interval": 0.1}, 0.1),
        ({"flush_interval": 60.0, **SPOOL}, 0.5),
        ({"pending": BATCH_EVENTS - 1, "pending_bytes": BATCH_BYTES - 1}, 1.0),
        ({"next_slice_at": NOW + 1.5}, 1.5),
        ({"sent_at": NOW, "flush_interval": 60.0}, 1.0),
        ({"retry_at": NOW + 60.0, "paused_until": NOW + 60.0}, 1.0),
    ],
)
def test_events_are_sealed_within_a_second_of_track(
    changes: dict[str, Any], seconds: float
) -> None:
    """Also while the collector is slow or paused; sooner if the interval or the spool needs it."""
    state = {**PENDING, **changes}

    assert idle_until(planned(0.0, **state)) == seconds
    assert planned(seconds, **state).seal == IDLE


@pytest.mark.parametrize(
    "changes",
    [
        {"pending": BATCH_EVENTS},
        {"pending_bytes": BATCH_BYTES},
        {"flush_requested_at": NOW},
        {"is_closing": True, "stop_sending_at": NOW + 1},
    ],
)
def test_full_batches_flush_and_close_seal_at_once(changes: dict[str, Any]) -> None:
    """500 events or 1 MiB, a flush and a close do not wait for the interval."""
    assert planned(**{**PENDING, **changes}).seal is not None


def test_flush_does_not_seal_later_events_early() -> None:
    """An event tracked after the request waits for its interval, and for its request to end."""
    later = planned(**PENDING, flush_requested_at=NOW - 0.1)
    earlier = planned(**PENDING, flush_requested_at=NOW)

    assert idle_until(later) == 1.0
    assert (earlier.seal, earlier.seal_up_to) == (FLUSHING, NOW)


@pytest.mark.parametrize(
    ("changes", "budget"),
    [
        ({}, IDLE),
        ({"pending": BATCH_EVENTS}, IDLE),
        ({"pending": BATCH_EVENTS + 1}, BACKLOG),
        ({"pending_since": NOW - 0.59, **SPOOL}, IDLE),
        ({"pending_since": NOW - 0.61, **SPOOL}, OVERDUE),
        ({"pending_since": NOW - 60.0}, IDLE),
        ({"flush_requested_at": NOW}, FLUSHING),
        ({"flush_requested_at": NOW - 2.0, "sealed": 1, "sealed_since": NOW - 3.0}, IDLE),
        ({"is_closing": True, "stop_sending_at": NOW + 9}, FLUSHING),
    ],
)
def test_slices_grow_only_if_needed(changes: dict[str, Any], budget: SliceBudget) -> None:
    """A slice keeps the GIL for 3 ms, unless the spool is late or somebody waits."""
    state = {**PENDING, "pending_since": NOW - 1.0, "pending": 500, **changes}

    assert planned(**state).seal == budget


def test_ordinary_slices_keep_the_gil_for_3_ms() -> None:
    """CPython makes a thread release the GIL after 5 ms; ours does so before."""
    assert IDLE.seconds == BACKLOG.seconds == SLICE_SECONDS == 0.003
    assert BACKLOG.yields_gil
    assert not IDLE.yields_gil


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 1.0),
        ({"flush_interval": 60.0}, 60.0),
        ({"flush_interval": 60.0, **SPOOL}, 60.0),
        (SPOOL, 0.5),
        ({"has_more_to_seal": True, "pending": 1, "pending_since": NOW - 9}, 1.2),
        ({"retry_at": NOW + 5.0}, 5.0),
        ({"paused_until": NOW + 5.0}, 5.0),
    ],
)
def test_sealed_events_wait_one_interval(changes: dict[str, Any], seconds: float) -> None:
    """A batch leaves one interval after its oldest event, or 0.2 s later while slices follow."""
    state = {**SEALED, "next_slice_at": NOW + 100, **changes}

    assert idle_until(planned(0.0, **state)) == seconds
    assert planned(seconds, **state).send is Source.MEMORY


@pytest.mark.parametrize(
    "changes",
    [
        {"sealed": BATCH_EVENTS},
        {"sealed_bytes": BATCH_BYTES},
        {"flush_requested_at": NOW},
        {"is_closing": True, "stop_sending_at": NOW + 1},
    ],
)
def test_full_batches_flush_and_close_send_at_once(changes: dict[str, Any]) -> None:
    """500 events or 1 MiB, a flush and a close do not wait for the interval."""
    assert planned(**{**SEALED, **changes}).send is Source.MEMORY


def test_one_batch_is_sent_at_a_time() -> None:
    """While a batch is unanswered, nothing else leaves, however much is sealed."""
    state = {**SENDING, **SEALED, "sealed": BATCH_EVENTS, "next_spooled_at": 0.0}

    assert planned(5.0, **state) == Plan(flushed_up_to=0.0, wake_at=INF)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"retry_at": NOW + 3}, 3.0),
        ({"retry_at": NOW + 3, "paused_until": NOW + 3}, 3.0),
        ({"retry_at": NOW + 3, "paused_until": NOW + 3, "flush_requested_at": NOW}, 3.0),
        ({"retry_at": NOW + 3, "flush_requested_at": NOW, "flush_tried_at": NOW}, 3.0),
    ],
)
def test_failed_batches_wait_for_their_retry(changes: dict[str, Any], seconds: float) -> None:
    """No flush is sooner than a pause that the collector asked for, or a second try."""
    state = {**BATCH, **changes}

    assert idle_until(planned(0.0, **state)) == seconds
    assert planned(seconds, **state).send is Source.MEMORY


def test_flush_overrides_our_own_delay_once() -> None:
    """A flush sends at once if only our backoff is in the way."""
    state = {**BATCH, "retry_at": NOW + 30.0, "flush_requested_at": NOW}

    assert planned(**state).send is Source.MEMORY


@pytest.mark.parametrize("pause", [{}, {"paused_until": NOW + 60.0}])
def test_close_tries_once_even_if_paused(pause: dict[str, float]) -> None:
    """A close sends once, as the collector may be back, and does not wait for the next try."""
    state = {**BATCH, "retry_at": NOW + 60.0, **pause}
    state |= {"is_closing": True, "stop_sending_at": NOW + 2.0}

    assert planned(**state).send is Source.MEMORY
    assert planned(**state, tried_to_close=True).is_finished


@pytest.mark.parametrize(
    ("at", "changes", "seals"),
    [(1.4, SENDING, True), (1.6, SENDING, False), (1.6, BATCH, True), (1.6, {}, True)],
)
def test_end_of_a_close_belongs_to_the_batch_being_sent(
    at: float, changes: dict[str, Any], *, seals: bool
) -> None:
    """In the last half second, sealing waits for the answer: it would block the connection."""
    closing = {"is_closing": True, "stop_sending_at": NOW + 2.0}
    assert (planned(at, **PENDING, **closing, **changes).seal is not None) is seals


def test_close_retries_while_there_is_time() -> None:
    """A retry that fits in the time left is made."""
    state = {**BATCH, "retry_at": NOW + 0.4, "tried_to_close": True}
    state |= {"is_closing": True, "stop_sending_at": NOW + 2.0}

    assert idle_until(planned(**state)) == 0.4
    assert planned(0.4, **state).send is Source.MEMORY


@pytest.mark.parametrize(
    ("changes", "at", "is_finished"),
    [
        ({}, 0.0, True),
        (PENDING, 0.0, False),
        (SEALED, 0.0, False),
        (SENDING, 1.9, False),
        ({**SENDING, "tried_to_close": True, "retry_at": NOW + 9}, 1.9, False),
        (SENDING, 2.0, True),
        (PENDING, 2.0, True),
        ({"next_spooled_at": NOW}, 0.0, False),
        ({"next_spooled_at": NOW + 60}, 0.0, True),
        ({"next_spooled_at": NOW, "retry_at": NOW + 60}, 0.0, True),
    ],
)
def test_close_ends_without_work_or_time(
    changes: dict[str, Any], at: float, *, is_finished: bool
) -> None:
    """A close ends when nothing is left, and at the latest when its time is over."""
    closing = {"is_closing": True, "stop_sending_at": NOW + 2.0}

    assert planned(at, **closing, **changes).is_finished is is_finished


@pytest.mark.parametrize(
    ("seconds", "reserve", "sending"), [(2.0, 0.0, 2.0), (2.0, 0.3, 1.7), (0.8, 0.3, 0.6)]
)
def test_close_leaves_time_for_the_spool(seconds: float, reserve: float, sending: float) -> None:
    """The spool gets its reserve, but at most a quarter of the time."""
    stop = stop_sending_at(NOW + seconds, NOW, exit_reserve=reserve)

    assert round(stop - NOW, 6) == sending


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({**SENDING}, 0.5),
        ({**SENDING, "sent_at": NOW + 0.4}, 0.65),
        ({**SENDING, "flush_requested_at": NOW, "flush_tried_at": NOW}, 0.25),
        ({**SENDING, "spool_again_at": NOW + 2}, 2.0),
        ({**BATCH, "retry_at": NOW + 0.6}, 0.5),
        ({**SEALED, "retry_at": NOW + 60}, 0.5),
        ({**SENDING, "unspooled_since": None, **SEALED}, 0.5),
        (
            {
                **SEALED,
                "retry_at": NOW + 60,
                "has_more_to_seal": True,
                "pending": 1,
                "pending_since": NOW - 9,
            },
            0.7,
        ),
    ],
)
def test_unanswered_and_failed_batches_are_spooled(changes: dict[str, Any], seconds: float) -> None:
    """The spool has an event within a second, once a batch is unanswered for 0.25 s or failed."""
    state = {**SPOOL, "next_slice_at": NOW + 100, **changes}

    assert idle_until(planned(0.0, **state)) == seconds
    assert planned(seconds, **state).spool


@pytest.mark.parametrize(
    "changes", [SENDING, {**BATCH, "retry_at": NOW + 60}, {**SEALED, "retry_at": NOW + 60}]
)
def test_without_a_spool_nothing_is_spooled(changes: dict[str, Any]) -> None:
    """Events wait in memory for as long as the collector is away."""
    assert not planned(30.0, **changes).spool


def test_batches_are_sent_again_rather_than_spooled() -> None:
    """A batch whose retry comes before its time to be spooled is not written to disk."""
    assert idle_until(planned(**SPOOL, **BATCH, retry_at=NOW + 0.4)) == 0.4


@pytest.mark.parametrize("changes", [SENDING, SEALED])
def test_answered_batches_are_not_spooled(changes: dict[str, Any]) -> None:
    """While the collector answers within 0.25 s, the spool is not used."""
    assert not planned(0.24, **SPOOL, **changes).spool


@pytest.mark.parametrize("reason", ["flush", "close"])
def test_flush_and_close_spool_at_once_if_the_collector_is_away(reason: str) -> None:
    """What can't be sent now is spooled instead, and not sent in the same turn."""
    state = {**SPOOL, **BATCH, "retry_at": NOW + 60.0}
    if reason == "flush":
        state |= {"flush_requested_at": NOW}
    else:
        state |= {"is_closing": True, "stop_sending_at": NOW + 2}

    assert (planned(**state).spool, planned(**state).send) == (True, None)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"next_spooled_at": NOW + 3}, 3.0),
        ({"next_spooled_at": NOW, "retry_at": NOW + 3}, 3.0),
        ({"next_spooled_at": NOW, "paused_until": NOW + 3}, 3.0),
    ],
)
def test_spooled_batches_wait_for_the_collector(changes: dict[str, Any], seconds: float) -> None:
    """Batches of the spool are sent when the collector may be tried again."""
    assert idle_until(planned(**SPOOL, **changes)) == seconds
    assert planned(seconds, **SPOOL, **changes).send is Source.SPOOL


def test_fresh_events_go_before_spooled_ones() -> None:
    """A collector that is back gets new events first; spooled ones fill the time between."""
    spooled = {**SPOOL, "next_spooled_at": 0.0}

    assert planned(0.5, **spooled, **SEALED).send is Source.MEMORY
    assert planned(0.1, **spooled, **SEALED).send is Source.SPOOL


@pytest.mark.parametrize(
    ("changes", "is_flushed"),
    [
        ({}, True),
        (PENDING, False),
        (SEALED, False),
        (SENDING, False),
        (BATCH, False),
        ({**SENDING, "unspooled_since": None}, True),
        ({**PENDING, "pending_since": NOW + 0.001}, True),
        ({**SEALED, "sealed_since": NOW + 0.001}, True),
    ],
)
def test_flush_waits_for_every_earlier_event(changes: dict[str, Any], *, is_flushed: bool) -> None:
    """A flush is done if no earlier event waits in memory, whatever came later."""
    result = planned(flush_requested_at=NOW, flushed_up_to=5.0, **changes)

    assert result.flushed_up_to == (NOW if is_flushed else 5.0)


def test_error_of_ours_pauses_everything() -> None:
    """After an error the flusher waits, so that it does not use up the processor."""
    state = {**SEALED, "sealed": BATCH_EVENTS, "idle_until": NOW + 1.0}

    assert idle_until(planned(**state)) == 1.0
    assert planned(1.0, **state).send is Source.MEMORY


def test_heartbeats_are_sent_when_due() -> None:
    """A heartbeat does not wait for a batch, and holds up none."""
    state = {**SENDING, "next_heartbeat_at": NOW + 60.0}

    assert idle_until(planned(**state)) == 60.0
    assert planned(60.0, **state).send_heartbeat


moments = st.floats(NOW - 5, NOW + 5)
soon_or_never = moments | st.just(INF)


# Some rules concern few states. Without assume(), no run depends on the luck to find enough.
conditional = settings(deadline=None, max_examples=250)


@st.composite
def states(draw: st.DrawFn) -> State:
    """Return any state that the driver may build."""
    pending, sealed = draw(st.integers(0, 1000)), draw(st.integers(0, 1000))
    has_batch = draw(st.booleans())
    is_closing = draw(st.booleans())
    return State(
        flush_interval=draw(st.sampled_from([0.01, 0.5, 1.0, 60.0])),
        persist_after=draw(st.sampled_from([0.5, INF])),
        pending=pending,
        pending_bytes=draw(st.integers(pending, 2 * BATCH_BYTES)) if pending else 0,
        pending_since=draw(moments) if pending else None,
        sealed=sealed,
        sealed_bytes=draw(st.integers(sealed, 2 * BATCH_BYTES)) if sealed else 0,
        sealed_since=draw(moments) if sealed else None,
        in_flight=draw(st.integers(0, 500)) if has_batch else 0,
        next_slice_at=draw(moments),
        has_more_to_seal=draw(st.booleans()),
        has_batch=has_batch,
        unspooled_since=draw(st.none() | moments) if has_batch else None,
        sent_at=draw(st.none() | moments) if has_batch else None,
        retry_at=draw(moments),
        paused_until=draw(moments),
        next_spooled_at=draw(soon_or_never),
        spool_again_at=draw(moments),
        flush_requested_at=draw(moments),
        flush_tried_at=draw(moments),
        flushed_up_to=draw(moments),
        is_closing=is_closing,
        tried_to_close=is_closing and draw(st.booleans()),
        stop_sending_at=draw(moments) if is_closing else INF,
        idle_until=draw(st.just(0.0) | moments),
        next_heartbeat_at=draw(soon_or_never),
    )


@given(states(), moments)
def test_idle_plans_wake_in_the_future(state: State, now: float) -> None:
    """The flusher never spins: a turn without work sleeps."""
    result = plan(state, now)

    assert result.is_finished or not result.is_idle or result.wake_at > now


@conditional
@given(states(), moments, st.floats(0, 1))
def test_nothing_is_due_before_the_planned_wake(state: State, now: float, part: float) -> None:
    """No rule comes true while the flusher sleeps, so it misses none."""
    result = plan(state, now)
    between = now + (min(result.wake_at, NOW + 10) - now) * part
    sleeps = result.is_idle and not result.is_finished and now <= between < result.wake_at

    assert not sleeps or plan(state, between) == result


@conditional
@given(states(), moments, st.floats(0, 10))
def test_late_turns_still_seal_and_send(state: State, now: float, later: float) -> None:
    """If a turn comes late, it still has something to do, or the close has ended."""
    on_time = plan(state, now)
    result = plan(state, now + later)

    assert not (on_time.seal or on_time.send) or result.is_finished or not result.is_idle


@conditional
@given(states(), moments)
def test_pauses_are_respected_except_once_at_close(state: State, now: float) -> None:
    """Nothing is sent while the collector asked for a pause, but for one try of a close."""
    may_send = now >= state.paused_until or (state.is_closing and not state.tried_to_close)

    assert plan(state, now).send is None or may_send


@conditional
@given(states(), moments)
def test_waiting_events_always_have_a_next_turn(state: State, now: float) -> None:
    """No event is forgotten: while one waits, a moment is planned or a batch is being sent."""
    is_waiting = (state.pending or state.sealed or state.has_batch) and state.sent_at is None
    result = plan(state, now)

    assert not is_waiting or result.is_finished or result.wake_at < INF


@given(states(), moments)
def test_at_most_one_batch_is_in_flight(state: State, now: float) -> None:
    """A batch is sent only if none is, and never in the turn that spools it."""
    result = plan(state, now)

    assert result.send is None or (state.sent_at is None and not result.spool)


@conditional
@given(states(), moments)
def test_flushes_are_never_done_early(state: State, now: float) -> None:
    """While an event waits that is older than the request, the flush is not done."""
    oldest = [state.pending_since, state.sealed_since, state.unspooled_since]
    waits = any(since is not None and since <= state.flush_requested_at for since in oldest)

    assert not waits or plan(state, now).flushed_up_to == state.flushed_up_to


@given(states())
def test_closes_end_in_time(state: State) -> None:
    """When its time is over a close ends, whatever is left."""
    closing = replace(state, is_closing=True, stop_sending_at=NOW, idle_until=0.0)

    assert plan(closing, NOW).is_finished
