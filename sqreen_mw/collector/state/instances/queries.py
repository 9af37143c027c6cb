"""Queries over app instances: status, counters and samples from their heartbeats."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Row, func, select

from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.instances.losses import SLOT, Drop, find_drops
from sqreen_mw.collector.state.instances.model import Instance, Sample
from sqreen_mw.collector.state.instances.record import record_heartbeat
from sqreen_mw.collector.state.tables import apps, instances, samples
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.heartbeat import Heartbeat


class Instances:
    """The app instances of a collector, limited in number and age."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        app_name: str,
        heartbeat: Heartbeat,
        *,
        received_at: int,
        token_id: str | None = None,
    ) -> None:
        """Store a heartbeat. A heartbeat that arrives out of order is ignored.

        Args:
            app_name: The app of the instance.
            heartbeat: The heartbeat.
            received_at: Milliseconds since the epoch.
            token_id: The token that it came with. Each token has its own limit of instances.

        Raises:
            RefusedError: The app does not exist, or the token has too many live instances.
        """
        with self._database.write() as connection:
            app_id = connection.scalar(select(apps.c.id).where(apps.c.name == app_name))
            if app_id is None:
                raise RefusedError(f"there is no app {app_name!r}")
            record_heartbeat(connection, app_id, heartbeat, now=received_at, token_id=token_id)

    def all(self, *, since: int, app: str | None = None) -> tuple[Instance, ...]:
        """Return the instances seen since a time, grouped by app."""
        query = (
            select(apps.c.name.label("app"), instances)
            .join(apps)
            .where(instances.c.last_seen >= since)
            .order_by(apps.c.name, instances.c.ended, instances.c.started_at, instances.c.id)
        )
        if app is not None:
            query = query.where(apps.c.name == app)
        with self._database.read() as connection:
            return tuple(map(_instance, connection.execute(query)))

    def samples(
        self, *, since: int, bar: int, ids: Iterable[str]
    ) -> dict[tuple[str, str], tuple[Sample, ...]]:
        """Return the samples of some instances by app and id, oldest first.

        Args:
            since: Milliseconds since the epoch.
            bar: Milliseconds that one returned sample covers.
            ids: Instance ids.
        """
        beginning = samples.c.at - samples.c.at % bar
        query = (
            select(apps.c.name, instances.c.instance_id, beginning, *_SUMS, func.max(_WAITING))
            .select_from(samples.join(instances).join(apps))
            .where(samples.c.at > since - SLOT, instances.c.instance_id.in_(tuple(ids)))
            .group_by(samples.c.instance, beginning)
            .order_by(beginning)
        )
        found: dict[tuple[str, str], list[Sample]] = {}
        with self._database.read() as connection:
            for app, instance_id, *counts in connection.execute(query):
                found.setdefault((app, instance_id), []).append(_sample(*counts))
        return {key: tuple(series) for key, series in found.items()}

    def totals(self, *, since: int) -> dict[str, tuple[Sample, ...]]:
        """Return the sums over all instances by app, one sample per slot, oldest first."""
        query = (
            select(apps.c.name, samples.c.at, *_SUMS, func.sum(_WAITING))
            .select_from(samples.join(instances).join(apps))
            .where(samples.c.at > since - SLOT)
            .group_by(apps.c.name, samples.c.at)
            .order_by(samples.c.at)
        )
        found: dict[str, list[Sample]] = {}
        with self._database.read() as connection:
            for app, *counts in connection.execute(query):
                found.setdefault(app, []).append(_sample(*counts))
        return {app: tuple(series) for app, series in found.items()}

    def drops(self, *, since: int, app: str | None = None) -> tuple[Drop, ...]:
        """Return the events dropped since a time, including those of deleted instances."""
        with self._database.read() as connection:
            return find_drops(connection, since=since, app=app)


_SUMS: Final = (func.sum(samples.c.delivered), func.sum(samples.c.lost))
_WAITING: Final = samples.c.waiting


def _sample(*counts: int) -> Sample:
    at, delivered, lost, waiting = counts
    return Sample(at=at, delivered=delivered, lost=lost, waiting=waiting)


def _instance(row: Row[Any]) -> Instance:
    values = row._asdict()
    return Instance(**{name: values[name] for name in Instance.__struct_fields__})
