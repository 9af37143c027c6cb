"""What the apps dropped of their events, by reason; it outlives the processes that told of it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT
from sqreen_mw.collector.state.tables import apps, drops
from sqreen_mw.protocol.heartbeat import WANTED

SLOT: Final = 5 * 60 * 1000
"""Milliseconds that one row sums up."""

MAX_DROPS: Final = 5000
"""Rows of one app; beyond them environments, hosts and reasons are not told apart any more."""

OTHER: Final = "other"
"""The reason of what is not told apart."""


class Drop(Struct, frozen=True, kw_only=True):
    """Events that were dropped for a reason; ``host`` is empty where it is not known."""

    app: str
    env: str
    host: str
    reason: str
    count: int


def add_drops(
    connection: Connection,
    app_id: int,
    *,
    env: str,
    host: str,
    more: Mapping[str, int],
    at: int,
) -> None:
    """Count what a host of an app dropped since it last told, by reason."""
    for reason, count in more.items():
        if count > 0:
            key = {"app_id": app_id, "env": env, "host": host, "reason": reason}
            _add(connection, key | {"at": at // SLOT * SLOT}, count)


def find_drops(connection: Connection, *, since: int, app: str | None) -> tuple[Drop, ...]:
    """Return what was dropped since a time, most first."""
    total = func.sum(drops.c.count)
    named = (apps.c.name, drops.c.env, drops.c.host, drops.c.reason)
    query = (
        select(*named, total)
        .select_from(drops.join(apps))
        .where(drops.c.at > since - SLOT)
        .group_by(*named)
        .order_by(total.desc(), *named)
    )
    if app is not None:
        query = query.where(apps.c.name == app)
    return tuple(
        Drop(app=name, env=env, host=host, reason=reason, count=count)
        for name, env, host, reason, count in connection.execute(query)
    )


def _add(connection: Connection, key: dict[str, Any], count: int) -> None:
    if _increased(connection, key, count):
        return
    of_app = select(func.count()).select_from(drops).where(drops.c.app_id == key["app_id"])
    if (connection.scalar(of_app) or 0) >= MAX_DROPS:
        reason = key["reason"] if key["reason"] in WANTED else OTHER
        key |= {"env": DEFAULT_ENVIRONMENT, "host": "", "reason": reason}
        if _increased(connection, key, count):
            return
    connection.execute(insert(drops).values(key | {"count": count}))


def _increased(connection: Connection, key: dict[str, Any], count: int) -> bool:
    statement = update(drops).filter_by(**key).values(count=drops.c.count + count)
    return connection.execute(statement).rowcount > 0
