"""The processes of the apps, for who wants to know how they are."""

from typing import Any

from sqlalchemy import Row, select

from sqreen_mw.collector.state.database import Database
from sqreen_mw.collector.state.drops import SLOT, Drop, find_drops
from sqreen_mw.collector.state.heartbeats import note_heartbeat
from sqreen_mw.collector.state.instance import Instance, Sample
from sqreen_mw.collector.state.tables import apps, instances, samples
from sqreen_mw.errors import RefusedError
from sqreen_mw.protocol.heartbeat import Heartbeat


class Instances:
    """The processes of a collector's apps, bounded in number and in time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, app_name: str, beat: Heartbeat, *, received_at: int) -> None:
        """Note a heartbeat; one that a later one overtook changes nothing.

        Raises:
            RefusedError: There is no such app, or it has too many processes that are alive.
        """
        with self._database.write() as connection:
            app_id = connection.scalar(select(apps.c.id).where(apps.c.name == app_name))
            if app_id is None:
                raise RefusedError(f"there is no app {app_name!r}")
            note_heartbeat(connection, app_id, beat, now=received_at)

    def all(self, *, since: int, app: str | None = None) -> tuple[Instance, ...]:
        """Return the processes that were heard of since a time, those of one app together."""
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

    def samples(self, *, since: int) -> dict[tuple[str, str], tuple[Sample, ...]]:
        """Return the samples since a time by app and id of the process, oldest first."""
        query = (
            select(apps.c.name.label("app"), instances.c.instance_id, samples)
            .select_from(samples.join(instances).join(apps))
            .where(samples.c.at > since - SLOT)
            .order_by(samples.c.at)
        )
        found: dict[tuple[str, str], list[Sample]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                sample = Sample(
                    at=row.at, delivered=row.delivered, lost=row.lost, waiting=row.waiting
                )
                found.setdefault((row.app, row.instance_id), []).append(sample)
        return {key: tuple(series) for key, series in found.items()}

    def drops(self, *, since: int, app: str | None = None) -> tuple[Drop, ...]:
        """Return what was dropped since a time, most first; of processes that are gone, too."""
        with self._database.read() as connection:
            return find_drops(connection, since=since, app=app)


def _instance(row: Row[Any]) -> Instance:
    values = row._asdict()
    return Instance(**{name: values[name] for name in Instance.__struct_fields__})
