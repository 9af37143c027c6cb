"""Dropped events by app, host and reason. They are kept after their instances are deleted."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT
from sqreen_mw.collector.state.tables import apps, drops
from sqreen_mw.protocol.heartbeat import INTENTIONAL_DROP_REASONS

SLOT: Final = 5 * 60 * 1000
"""Milliseconds that one row covers."""

MAX_DROPS: Final = 5000
"""Rows of one app. Above this limit, environments, hosts and reasons are merged."""

OTHER: Final = "other"
"""The reason of merged rows."""


class Drop(Struct, frozen=True, kw_only=True):
    """Events dropped for one reason. ``host`` is empty if unknown."""

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
    """Add the events that a host dropped since its last heartbeat, by reason."""
    for reason, count in more.items():
        if count > 0:
            key = {"app_id": app_id, "env": env, "host": host, "reason": reason}
            _add(connection, key | {"at": at // SLOT * SLOT}, count)


def find_drops(connection: Connection, *, since: int, app: str | None) -> tuple[Drop, ...]:
    """Return the events dropped since a time, largest count first."""
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
        reason = key["reason"] if key["reason"] in INTENTIONAL_DROP_REASONS else OTHER
        key |= {"env": DEFAULT_ENVIRONMENT, "host": "", "reason": reason}
        if _increased(connection, key, count):
            return
    connection.execute(insert(drops).values(key | {"count": count}))


def _increased(connection: Connection, key: dict[str, Any], count: int) -> bool:
    statement = update(drops).filter_by(**key).values(count=drops.c.count + count)
    return connection.execute(statement).rowcount > 0
