"""Events that the collector stores in SQLite per CPU second, in batches of 500 over HTTP.

The real command runs with its default settings and all indexes of the Explorer. It answers after
the commit. Ids are in the order of time, like those of agents.
"""

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final

from msgspec import Raw

from benchmarks.cpu_time import cpu_seconds
from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import OURS
from sqreen_mw.protocol.batch import Envelope, encode_batch, encode_event
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id

ROUNDS: Final = 3
BATCHES: Final = 40
BATCH: Final = 500
WARM: Final = 4


def measure(plan: Plan) -> list[Figure]:
    """Return the events per CPU second."""
    with tempfile.TemporaryDirectory() as folder, _collector(folder) as collector:
        for _ in range(WARM):
            collector.post(_batch())
        rates = [_rate(collector) for _ in range(plan.rounds or ROUNDS)]
    return [Figure(name="SQLite, events/s", values={OURS: statistics.median(rates)})]


@dataclass(frozen=True)
class Collector:
    """A running collector."""

    pid: int
    host: str
    token: str

    def post(self, body: bytes) -> int:
        """Send a batch and return the number of accepted events."""
        connection = HTTPConnection(self.host, timeout=60)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        try:
            connection.request("POST", "/v1/events", body, headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return int(answer["accepted"])


@contextmanager
def _collector(folder: str) -> Iterator[Collector]:
    options = ["--json", "--port", "0", "--data-dir", folder]
    command = [sys.executable, "-m", "sqreen_mw", "serve", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            banner = json.loads(process.stdout.readline())
            yield Collector(process.pid, banner["url"].removeprefix("http://"), banner["token"])
        finally:
            process.kill()


def _rate(collector: Collector) -> float:
    bodies = [_batch() for _ in range(BATCHES)]
    begin = cpu_seconds(collector.pid)
    stored = sum(collector.post(body) for body in bodies)
    return stored / (cpu_seconds(collector.pid) - begin)


def _batch() -> bytes:
    events = [Raw(encode_event(_event(number))) for number in range(BATCH)]
    return gzip.compress(encode_batch(Envelope(events=events)), compresslevel=1)


def _event(number: int) -> Event:
    now = time.time_ns() // 1_000_000
    return Event(
        id=new_event_id(now),
        name=("coupon.applied", "order.paid", "basket.item_added")[number % 3],
        timestamp=now,
        properties={"code": f"SPRING{number % 50}", "discount": 12.5, "first": True},
        user_identifiers={"email": f"user{number % 200}@example.org"},
        request=RequestInfo(
            verb="POST",
            path=f"/coupons/SPRING{number % 50}",
            ip=f"203.0.113.{number % 250}",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0",
            host="shop.example.com",
            route="/coupons/{code}",
            status=200,
            params=Params(query={"ref": ["newsletter"]}, path={"code": "SPRING"}),
        ),
    )
