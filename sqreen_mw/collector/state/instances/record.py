"""Store heartbeats: update the instance, add samples and losses, delete old rows."""

from operator import gt
from typing import Any, Final

from msgspec import structs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT
from sqreen_mw.collector.state.instances.losses import SLOT, add_drops
from sqreen_mw.collector.state.instances.model import SILENT_AFTER, Sample, lost_events
from sqreen_mw.collector.state.tables import drops, instances, samples
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.heartbeat import Heartbeat

RETENTION: Final = 48 * 60 * 60 * 1000
"""Milliseconds after which samples, drops and silent instances are deleted."""

MAX_INSTANCES: Final = 1000
"""Instances stored for one token and app. Ended instances are evicted first."""

MAX_TOKEN_INSTANCES: Final = 5000
"""Instances stored for one token and all its apps."""

# Built once: building a statement takes longer than running it.
_FIND: Final = select(instances).where(
    instances.c.app_id == bindparam("app"), instances.c.instance_id == bindparam("named")
)
_INSERT: Final = insert(instances).returning(instances.c.id)
_UPDATE: Final = update(instances).where(instances.c.id == bindparam("row"))
_OF_SLOT: Final = (samples.c.instance == bindparam("row")) & (samples.c.at == bindparam("slot"))
_SLOT: Final = select(samples.c.waiting).where(_OF_SLOT)
_ADD: Final = (
    update(samples)
    .where(_OF_SLOT)
    .values(
        delivered=samples.c.delivered + bindparam("more_delivered"),
        lost=samples.c.lost + bindparam("more_lost"),
        waiting=bindparam("most"),
    )
)


def record_heartbeat(
    connection: Connection,
    app_id: int,
    heartbeat: Heartbeat,
    *,
    now: int,
    token_id: str | None,
) -> None:
    """Store a heartbeat that arrived now. A heartbeat that arrives out of order is ignored.

    Raises:
        RefusedError: The token has too many live instances, or another token reports this one.
    """
    key = {"app": app_id, "named": heartbeat.instance_id}
    known = connection.execute(_FIND, key).one_or_none()
    if known is not None and known.token_id not in {None, token_id}:
        raise RefusedError("the instance was reported with another token")
    if known is not None and _out_of_order(heartbeat, known):
        return
    values = _values(heartbeat, now) | {"token_id": token_id}
    if known is None:
        of_token = instances.c.token_id.is_not_distinct_from(token_id)
        _make_room(connection, of_token & (instances.c.app_id == app_id), MAX_INSTANCES, now=now)
        _make_room(connection, of_token, MAX_TOKEN_INSTANCES, now=now)
        named = {"app_id": app_id, "instance_id": heartbeat.instance_id}
        row_id = connection.scalar(_INSERT, values | named)
    else:
        row_id = known.id
        connection.execute(_UPDATE, values | {"row": row_id})
    before: dict[str, int] = known.dropped if known else {}
    more = {reason: n - before.get(reason, 0) for reason, n in heartbeat.queue.dropped.items()}
    env, host = values["env"], heartbeat.host or ""
    add_drops(connection, app_id, env=env, host=host, more=more, at=now)
    sample = Sample(
        at=now // SLOT * SLOT,
        delivered=heartbeat.queue.delivered - (known.delivered if known else 0),
        lost=lost_events(more),
        waiting=heartbeat.queue.waiting,
    )
    if _add_sample(connection, row_id, sample):
        _delete_old(connection, now)


def _values(heartbeat: Heartbeat, received_at: int) -> dict[str, Any]:
    return {
        "env": heartbeat.env or DEFAULT_ENVIRONMENT,
        "release": heartbeat.release,
        "sdk": heartbeat.sdk,
        "python": heartbeat.python,
        "host": heartbeat.host,
        "pid": heartbeat.pid,
        "started_at": heartbeat.started_at,
        "last_seen": received_at,
        "clock_skew": received_at - heartbeat.sent_at,
        "ended": heartbeat.ended,
        "tracked": heartbeat.queue.tracked,
        "delivered": heartbeat.queue.delivered,
        "waiting": heartbeat.queue.waiting,
        "spooled": heartbeat.queue.spooled,
        "replayed": heartbeat.queue.replayed,
        "dropped": heartbeat.queue.dropped,
        "misuse": heartbeat.misuse,
    }


def _out_of_order(heartbeat: Heartbeat, known: Row[Any]) -> bool:
    """Return True if a heartbeat is older than the stored one. Counts never decrease."""
    queue = heartbeat.queue
    now = queue.tracked, queue.delivered, sum(queue.dropped.values())
    then = known.tracked, known.delivered, sum(known.dropped.values())
    sent_before = heartbeat.sent_at <= known.last_seen - known.clock_skew
    return any(map(gt, then, now)) or (known.ended and not heartbeat.ended and sent_before)


def _add_sample(connection: Connection, row_id: Any, sample: Sample) -> bool:
    """Add a sample to its slot. Return True if it is the first sample of the slot."""
    slot = {"row": row_id, "slot": sample.at}
    present = connection.scalar(_SLOT, slot)
    if present is None:
        connection.execute(insert(samples), structs.asdict(sample) | {"instance": row_id})
        return True
    more = {"more_delivered": sample.delivered, "more_lost": sample.lost}
    connection.execute(_ADD, slot | more | {"most": max(present, sample.waiting)})
    return False


def _delete_old(connection: Connection, now: int) -> None:
    for table, time in (
        (samples, samples.c.at),
        (drops, drops.c.at),
        (instances, instances.c.last_seen),
    ):
        connection.execute(delete(table).where(time < now - RETENTION))


def _make_room(connection: Connection, which: ColumnElement[bool], most: int, *, now: int) -> None:
    total = select(func.count()).select_from(instances).where(which)
    count = connection.scalar(total) or 0
    if count < most:
        return
    gone = instances.c.ended | (instances.c.last_seen < now - SILENT_AFTER)
    oldest = (
        select(instances.c.id)
        .where(which, gone)
        .order_by(instances.c.ended.desc(), instances.c.last_seen)
        .limit(count - most + 1)
    )
    if connection.execute(delete(instances).where(instances.c.id.in_(oldest))).rowcount == 0:
        raise RefusedError(
            f"the token has {most} live instances already: use a token of its own for each app"
        )
