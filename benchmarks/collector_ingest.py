"""How many events a second does the collector store, and how much CPU time does each take?

::

    python -m benchmarks.collector_ingest
    python -m benchmarks.collector_ingest --database DIRECTORY   # from benchmarks.event_database

With a database, the events are added to it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.cpu_time import cpu_seconds
from benchmarks.figures import table
from benchmarks.running_collector import APP, RunningCollector, running_collector
from benchmarks.sample_events import compressed_batch, sample_batch, sample_events
from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import AcceptedBatch, EventStore
from sqreen_mw.protocol.batch import decode_batch
from sqreen_mw.protocol.event import Event

BATCH: Final = 500
SMALL_BATCH: Final = 20
SIZES: Final = (1, 100, 500, 1000)


@dataclass(frozen=True, slots=True)
class Rate:
    """Stored events with their wall time and the CPU time of the collector, in seconds."""

    name: str
    events: int
    wall: float
    cpu: float

    def cells(self) -> tuple[str, str, str]:
        """Return the cells of a table."""
        rate = f"{self.events / self.wall:,.0f}"
        return self.name, rate, f"{self.cpu / self.events * 1e6:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--database", type=Path, help="the data folder; by default an empty one")
    parser.add_argument("--events", type=int, default=20_000, help="events of each measurement")
    given = parser.parse_args()
    rates = measure(given.database, events=given.events)
    head = ("", "events/s", "CPU us/event")
    sys.stdout.write(f"{table(head, [rate.cells() for rate in rates])}\n")


def measure(folder: Path | None, *, events: int) -> list[Rate]:
    """Measure the store alone, then the collector over HTTP.

    Args:
        folder: A data folder, or None for an empty one for each measurement.
        events: Events of each measurement.
    """
    sizes = SIZES if folder is None else (BATCH,)
    rates = [_store_rate(folder, size, events // 10 if size == 1 else events) for size in sizes]
    rates.append(_decoding_rate(folder, events))
    with _data_folder(folder) as chosen, running_collector(chosen) as collector:
        rates += [_http_rate(collector, BATCH, clients, events=events) for clients in (1, 2)]
        rates.append(_http_rate(collector, SMALL_BATCH, 1, events=events // 4))
    return rates


@contextmanager
def _data_folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as empty:
        yield Path(empty)


@contextmanager
def _store(folder: Path | None) -> Iterator[EventStore]:
    with _data_folder(folder) as chosen:
        store = open_event_store(f"sqlite:///{chosen / 'events.db'}")
        try:
            yield store
        finally:
            store.close()


def _store_rate(folder: Path | None, size: int, events: int) -> Rate:
    batches = [sample_events(size) for _ in range(events // size)]
    with _store(folder) as store:
        _append(store, sample_events(size))
        return _timed(
            f"store only, batches of {size}",
            events,
            lambda: [_append(store, batch) for batch in batches],
        )


def _decoding_rate(folder: Path | None, events: int) -> Rate:
    bodies = [sample_batch(BATCH) for _ in range(events // BATCH)]
    with _store(folder) as store:
        return _timed(
            f"store only, batches of {BATCH}, decoding included",
            events,
            lambda: [_append(store, decode_batch(body).events) for body in bodies],
        )


def _append(store: EventStore, events: Sequence[Event]) -> int:
    batch = AcceptedBatch(
        app=APP,
        env="production",
        release=None,
        received_at=time.time_ns() // 1_000_000,
        events=events,
    )
    return store.append(batch).accepted


def _timed(name: str, events: int, work: Callable[[], object]) -> Rate:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Rate(name, events, time.perf_counter() - wall, time.process_time() - cpu)


def _http_rate(collector: RunningCollector, size: int, clients: int, *, events: int) -> Rate:
    _send(collector, [compressed_batch(size) for _ in range(4)])
    each = max(1, events // clients // size)
    bodies = [[compressed_batch(size) for _ in range(each)] for _ in range(clients)]
    cpu, wall = cpu_seconds(collector.pid), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        stored = sum(pool.map(lambda some: _send(collector, some), bodies))
    wall, cpu = time.perf_counter() - wall, cpu_seconds(collector.pid) - cpu
    plural = "s" if clients > 1 else ""
    return Rate(f"HTTP, gzip, batches of {size}, {clients} client{plural}", stored, wall, cpu)


def _send(collector: RunningCollector, bodies: Sequence[bytes]) -> int:
    connection = collector.connect()
    stored = sum(collector.post(connection, body) for body in bodies)
    connection.close()
    return stored


if __name__ == "__main__":
    main()
