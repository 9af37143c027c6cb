from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.instances import losses, record
from sqreen_mw.collector.state.instances.losses import SLOT, Drop
from sqreen_mw.collector.state.instances.model import SILENT_AFTER, Instance, Sample
from sqreen_mw.collector.state.instances.record import RETENTION
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.heartbeat import Heartbeat, Queue

NOW = 1_700_000_100_000  # the start of a slot
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
    """Return a function that records a changed heartbeat of the shop."""
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
    """Return the only known instance."""
    [instance] = state.instances.all(since=0)
    return instance


def test_instance_has_the_values_of_its_last_heartbeat(state: State, send: Send) -> None:
    """An instance has the values and the arrival time of its last heartbeat."""
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


def test_instance_ids_are_unique_per_app(state: State, send: Send) -> None:
    """Two apps may use the same id; each app can be listed alone."""
    state.apps.ensure("bank")
    send(delivered=1)
    send(app="bank", delivered=2)

    assert [each.app for each in state.instances.all(since=0)] == ["bank", "shop"]
    assert [each.delivered for each in state.instances.all(since=0, app="bank")] == [2]


def test_heartbeat_of_an_unknown_app_is_rejected(send: Send) -> None:
    """The error names the app."""
    with pytest.raises(RefusedError, match="there is no app 'nix'"):
        send(app="nix")


def test_samples_sum_up_to_the_counts(state: State, send: Send) -> None:
    """A slot has its delivered and lost events and the most that waited."""
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


def test_totals_sum_all_instances_of_an_app(state: State, send: Send) -> None:
    """Each slot has the sums of all instances, ended ones included."""
    send(NOW, delivered=10, waiting=5)
    send(NOW, delivered=1, waiting=2, instance_id="two", dropped={"exit": 1}, ended=True)
    send(NOW + SLOT, delivered=11, waiting=5)

    assert state.instances.totals(since=NOW) == {
        "shop": (
            Sample(at=NOW, delivered=11, lost=1, waiting=7),
            Sample(at=NOW + SLOT, delivered=1, lost=0, waiting=5),
        )
    }


def test_out_of_order_heartbeat_is_ignored(state: State, send: Send) -> None:
    """A heartbeat that arrives after a later one is ignored."""
    send(NOW + 1, delivered=30, dropped={"overflow": 4}, ended=True)
    known = only(state)

    send(NOW + 2, delivered=10, ended=True)
    send(NOW + 3, delivered=30, dropped={"overflow": 3}, waiting=1, ended=True)
    send(NOW, delivered=30, dropped={"overflow": 4})

    assert only(state) == known
    assert [each.count for each in state.instances.drops(since=NOW)] == [4]


def test_instance_that_goes_on_after_its_lifespan_is_live_again(state: State, send: Send) -> None:
    """A later heartbeat of the same process revives it; one that was overtaken does not."""
    send(NOW, delivered=3, ended=True)
    send(NOW - 1, delivered=3)
    before = only(state).ended

    send(NOW + MINUTE, delivered=4)

    assert before
    assert not only(state).ended
    assert only(state).delivered == 4


def test_drops_are_kept_after_the_instance_ended(state: State, send: Send) -> None:
    """Drops are counted by reason and host, also for ended instances."""
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


def test_old_rows_are_deleted(state: State, send: Send) -> None:
    """Silent instances, samples and drops are deleted after two days."""
    send(NOW, dropped={"overflow": 3})
    send(NOW + RETENTION + SLOT, instance_id="two")

    assert [each.instance_id for each in state.instances.all(since=0)] == ["two"]
    assert [sample.at for sample in state.instances.totals(since=0)["shop"]] == [
        NOW + RETENTION + SLOT
    ]
    assert state.instances.drops(since=0) == ()


def test_long_running_instance_keeps_recent_samples(state: State, send: Send) -> None:
    """Old samples of a running instance are deleted, and nothing is counted twice."""
    send(NOW, delivered=3, dropped={"overflow": 3})
    send(NOW + RETENTION + SLOT, delivered=5, dropped={"overflow": 4})

    assert only(state).delivered == 5
    [(sample,)] = state.instances.totals(since=0).values()
    assert (sample.delivered, sample.lost) == (2, 1)


def test_ended_instances_are_evicted_first(
    state: State, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit ended instances are evicted first, then silent ones, never live ones."""
    monkeypatch.setattr(record, "MAX_INSTANCES", 3)
    send(NOW, instance_id="quiet")
    send(NOW + SILENT_AFTER, instance_id="ended", ended=True, dropped={"exit": 2})
    send(NOW + SILENT_AFTER, instance_id="live")
    later = NOW + SILENT_AFTER + 1

    remaining = []
    for name in ("four", "five"):
        send(later, instance_id=name)
        remaining.append({each.instance_id for each in state.instances.all(since=0)})

    assert remaining == [{"quiet", "live", "four"}, {"live", "four", "five"}]
    assert [each.reason for each in state.instances.drops(since=0)] == ["exit"]
    with pytest.raises(RefusedError, match="3 live instances"):
        send(later, instance_id="six")
    send(later + 1, instance_id="four")


def test_drops_of_too_many_hosts_are_merged(
    state: State, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit drops lose their host; intentional drops stay separate."""
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


def test_silent_and_ended_instances_differ(state: State, send: Send) -> None:
    """An instance is silent after 2.5 minutes, unless it reported its end."""
    send(NOW)
    assert not only(state).is_silent(NOW + SILENT_AFTER)
    assert only(state).is_silent(NOW + SILENT_AFTER + 1)

    send(NOW, ended=True)

    assert not only(state).is_silent(NOW + RETENTION)
