from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.instances import losses, record
from sqreen_mw.collector.state.instances.losses import SLOT, Drop
from sqreen_mw.collector.state.instances.model import QUIET_AFTER, Instance, Sample
from sqreen_mw.collector.state.instances.record import RETENTION
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.heartbeat import Heartbeat, Queue

NOW = 1_700_000_100_000  # the beginning of a slot
MINUTE = 60_000
BEAT = Heartbeat(
    instance_id="one",
    sdk="sqreen-mw/1",
    env="prod",
    release="1.2",
    host="web-1",
    pid=7,
    python="3.13.1",
    started_at=NOW - MINUTE,
    sent_at=NOW,
    queue=Queue(tracked=0, delivered=0, waiting=0),
)

Send = Callable[..., None]


@pytest.fixture
def send(state: State) -> Send:
    """Return a function that records a heartbeat of the shop, with changes."""
    state.apps.ensure("shop")

    def record(at: int = NOW, *, app: str = "shop", waiting: int = 0, **changes: Any) -> None:
        dropped = changes.pop("dropped", {})
        delivered = changes.pop("delivered", 0)
        tracked = delivered + waiting + sum(dropped.values())
        queue = Queue(tracked=tracked, delivered=delivered, waiting=waiting, dropped=dropped)
        beat = msgspec.structs.replace(BEAT, queue=queue, sent_at=at, **changes)
        state.instances.record(app, beat, received_at=at)

    return record


def only(state: State) -> Instance:
    """Return the one process that is known."""
    [instance] = state.instances.all(since=0)
    return instance


def test_the_last_heartbeat_is_what_is_known(state: State, send: Send) -> None:
    """A process is known by its last heartbeat, with the time at which that came."""
    send(delivered=1)
    state.instances.record(
        "shop",
        msgspec.structs.replace(
            BEAT,
            sent_at=NOW + MINUTE - 250,
            queue=Queue(
                tracked=9,
                delivered=4,
                waiting=2,
                spooled=1,
                dropped={"overflow": 2, "expired": 1},
            ),
            misuse={"name": 3},
        ),
        received_at=NOW + MINUTE,
    )

    assert only(state) == Instance(
        app="shop",
        env="prod",
        instance_id="one",
        release="1.2",
        sdk="sqreen-mw/1",
        python="3.13.1",
        host="web-1",
        pid=7,
        started_at=NOW - MINUTE,
        last_seen=NOW + MINUTE,
        clock_skew=250,
        ended=False,
        tracked=9,
        delivered=4,
        waiting=2,
        spooled=1,
        replayed=0,
        dropped={"overflow": 2, "expired": 1},
        misuse={"name": 3},
    )


def test_the_same_id_in_two_apps_is_two_processes(state: State, send: Send) -> None:
    """Ids are the apps' own; each app's processes can be asked for alone."""
    state.apps.ensure("bank")
    send(delivered=1)
    send(app="bank", delivered=2)

    assert [each.app for each in state.instances.all(since=0)] == ["bank", "shop"]
    assert [each.delivered for each in state.instances.all(since=0, app="bank")] == [2]


def test_a_heartbeat_of_no_app_is_refused(send: Send) -> None:
    """A name that is no app's is said."""
    with pytest.raises(RefusedError, match="there is no app 'nix'"):
        send(app="nix")


def test_samples_add_up_to_the_counts(state: State, send: Send) -> None:
    """A slot has what was delivered and lost within it, and the most that waited."""
    send(NOW, delivered=10, waiting=5)
    send(NOW + MINUTE, delivered=30, waiting=90, dropped={"overflow": 4, "before_send": 100})
    send(NOW + 2 * MINUTE, delivered=30, waiting=2, dropped={"overflow": 5, "before_send": 200})
    send(NOW + SLOT, delivered=33, waiting=0, dropped={"overflow": 5, "before_send": 200})

    slots = {
        ("shop", "one"): (
            Sample(at=NOW, delivered=30, lost=5, waiting=90),
            Sample(at=NOW + SLOT, delivered=3, lost=0, waiting=0),
        )
    }
    find = state.instances.samples
    assert find(since=NOW, bar=SLOT, ids=["one"]) == slots
    assert find(since=NOW, bar=SLOT, ids=["two"]) == {}
    assert find(since=NOW, bar=3 * SLOT, ids=["one"]) == {
        ("shop", "one"): (Sample(at=NOW, delivered=33, lost=5, waiting=90),)
    }
    assert only(state).lost == 5


def test_processes_of_an_app_add_up(state: State, send: Send) -> None:
    """An app has the sums of its processes in each slot, those that ended too."""
    send(NOW, delivered=10, waiting=5)
    send(NOW, delivered=1, waiting=2, instance_id="two", dropped={"exit": 1}, ended=True)
    send(NOW + SLOT, delivered=11, waiting=5)

    assert state.instances.totals(since=NOW) == {
        "shop": (
            Sample(at=NOW, delivered=11, lost=1, waiting=7),
            Sample(at=NOW + SLOT, delivered=1, lost=0, waiting=5),
        )
    }


def test_a_heartbeat_that_was_overtaken_changes_nothing(state: State, send: Send) -> None:
    """What arrives after a later one, or after the last one, is passed over."""
    send(NOW + 1, delivered=30, dropped={"overflow": 4}, ended=True)
    known = only(state)

    send(NOW + 2, delivered=10, ended=True)
    send(NOW + 3, delivered=30, dropped={"overflow": 3}, waiting=1, ended=True)
    send(NOW + 4, delivered=30, dropped={"overflow": 4})

    assert only(state) == known
    assert [each.count for each in state.instances.drops(since=NOW)] == [4]


def test_drops_outlive_the_process(state: State, send: Send) -> None:
    """What was dropped is counted by reason and host, also of processes that ended."""
    send(NOW, dropped={"overflow": 3})
    send(NOW + MINUTE, dropped={"overflow": 5, "too_large": 1}, ended=True)
    send(NOW + SLOT, dropped={"overflow": 10}, instance_id="two")
    send(NOW + SLOT, dropped={"overflow": 1}, instance_id="three", host=None, env=None)

    assert state.instances.drops(since=NOW) == (
        Drop(app="shop", env="prod", host="web-1", reason="overflow", count=15),
        Drop(app="shop", env="default", host="", reason="overflow", count=1),
        Drop(app="shop", env="prod", host="web-1", reason="too_large", count=1),
    )
    assert [each.count for each in state.instances.drops(since=NOW + SLOT, app="shop")] == [10, 1]
    assert state.instances.drops(since=NOW, app="bank") == ()


def test_what_is_old_is_forgotten(state: State, send: Send) -> None:
    """Silent processes, samples and drops go after two days, whoever tells something then."""
    send(NOW, dropped={"overflow": 3})
    send(NOW + RETENTION + SLOT, instance_id="two")

    assert [each.instance_id for each in state.instances.all(since=0)] == ["two"]
    assert [sample.at for sample in state.instances.totals(since=0)["shop"]] == [
        NOW + RETENTION + SLOT
    ]
    assert state.instances.drops(since=0) == ()


def test_a_process_that_lives_long_keeps_its_last_days(state: State, send: Send) -> None:
    """Old samples go while the process goes on, and nothing is counted twice."""
    send(NOW, delivered=3, dropped={"overflow": 3})
    send(NOW + RETENTION + SLOT, delivered=5, dropped={"overflow": 4})

    assert only(state).delivered == 5
    [(sample,)] = state.instances.totals(since=0).values()
    assert (sample.delivered, sample.lost) == (2, 1)


def test_those_that_ended_make_room_first(
    state: State, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too many processes the one that ended first goes, then who is silent, never one alive.

    What they lost is still counted.
    """
    monkeypatch.setattr(record, "MAX_INSTANCES", 3)
    send(NOW, instance_id="quiet")
    send(NOW + QUIET_AFTER, instance_id="ended", ended=True, dropped={"exit": 2})
    send(NOW + QUIET_AFTER, instance_id="live")
    later = NOW + QUIET_AFTER + 1

    remaining = []
    for name in ("four", "five"):
        send(later, instance_id=name)
        remaining.append({each.instance_id for each in state.instances.all(since=0)})

    assert remaining == [{"quiet", "live", "four"}, {"live", "four", "five"}]
    assert [each.reason for each in state.instances.drops(since=0)] == ["exit"]
    with pytest.raises(RefusedError, match="3 live instances"):
        send(later, instance_id="six")
    send(later + 1, instance_id="four")


def test_too_many_hosts_are_not_told_apart(
    state: State, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound drops are counted, but for their host; what the app wants is no loss."""
    monkeypatch.setattr(losses, "MAX_DROPS", 2)
    for number in range(5):
        gone = {"overflow": 1, "before_send": 1}
        send(NOW, instance_id=str(number), host=f"web-{number}", dropped=gone)

    found = {(each.host, each.reason): each.count for each in state.instances.drops(since=0)}
    assert found == {
        ("web-0", "overflow"): 1,
        ("web-0", "before_send"): 1,
        ("", "other"): 4,
        ("", "before_send"): 4,
    }


def test_silence_is_told_from_an_end(state: State, send: Send) -> None:
    """Who has not been heard of for two and a half minutes is quiet, unless it said good-bye."""
    send(NOW)
    assert not only(state).is_quiet(NOW + QUIET_AFTER)
    assert only(state).is_quiet(NOW + QUIET_AFTER + 1)

    send(NOW, ended=True)

    assert not only(state).is_quiet(NOW + RETENTION)
