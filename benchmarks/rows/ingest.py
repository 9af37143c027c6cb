"""Events that the collector stores in SQLite per CPU second, in batches of 500 over HTTP.

The real command runs with its default settings and all indexes of the Explorer. It answers after
the commit. Ids are in the order of time, like those of agents.
"""

import statistics
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from benchmarks.cpu_time import cpu_seconds
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import OURS
from benchmarks.running_collector import RunningCollector, running_collector
from benchmarks.sample_events import compressed_batch

ROUNDS: Final = 3
BATCHES: Final = 40
BATCH: Final = 500
WARM: Final = 4


def measure(plan: Plan) -> list[Figure]:
    """Return the events per CPU second."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder)) as collector,
    ):
        connection = collector.connect()
        for _ in range(WARM):
            collector.post(connection, compressed_batch(BATCH))
        rates = [_rate(collector, connection) for _ in range(plan.rounds or ROUNDS)]
        connection.close()
    return [Figure(name="SQLite, events/s", values={OURS: statistics.median(rates)})]


def _rate(collector: RunningCollector, connection: HTTPConnection) -> float:
    bodies = [compressed_batch(BATCH) for _ in range(BATCHES)]
    begin = cpu_seconds(collector.pid)
    stored = sum(collector.post(connection, body) for body in bodies)
    return stored / (cpu_seconds(collector.pid) - begin)
