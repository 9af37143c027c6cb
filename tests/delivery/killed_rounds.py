"""Kills a site while its collector is down, and compares the events with those that arrive."""

import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx2

from tests.support.collector_process import CollectorProcess
from tests.support.ports import free_port
from tests.support.processes import ROOT, clean_environment, run_script
from tests.support.server_process import wait_until_listening
from tests.support.spool_files import size_of
from tests.support.waiting import PATIENCE

SPOOL_MIB = 4
LAST_SECOND = 1.0
STALL_SECONDS = 0.1
"""A longer gap between two ticks of the site means that the machine did not run it."""

NEXT_PROCESS = """
import sqreen_mw as sqreen

sqreen.track("next.process")
sqreen.close(20.0)
assert sqreen.stats().waiting == 0, sqreen.stats()
print(sqreen.stats().replayed)
"""


@dataclass
class Round:
    """The events of a site that was killed. All times are in monotonic seconds.

    Attributes:
        tracked: The time of each event, by its id.
        killed_at: The time of the kill.
        ticks: The times at which the site ran.
        arrived: The ids that the collector stored.
        replayed: The number of events that the next process replayed.
        largest: The largest size of the spool, in bytes.
    """

    tracked: dict[str, float] = field(default_factory=dict)
    killed_at: float = 0.0
    ticks: list[float] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    replayed: int = 0
    largest: int = 0

    @property
    def missing(self) -> list[float]:
        """The ages of the events that did not arrive, in seconds at the kill."""
        lost = self.tracked.keys() - set(self.arrived)
        return sorted(self.killed_at - self.tracked[each] for each in lost)

    @property
    def first_arrived(self) -> float:
        """The age of the oldest event that arrived, in seconds at the kill."""
        known = [self.tracked[each] for each in self.arrived if each in self.tracked]
        return self.killed_at - min(known, default=self.killed_at)

    @property
    def stalled(self) -> float:
        """The seconds before the kill in which the machine did not run the site."""
        late = [at for at in self.ticks if self.killed_at - 3 * LAST_SECOND < at < self.killed_at]
        gaps = [after - before for before, after in pairwise([*late, self.killed_at])]
        return sum(gap for gap in gaps if gap > STALL_SECONDS)

    def faults(self, *, is_flooded: bool) -> list[str]:
        """Return the faults; if the spool was flooded, the oldest events may be missing."""
        newest = self.first_arrived if is_flooded else float("inf")
        early = [age for age in self.missing if LAST_SECOND + self.stalled < age <= newest]
        found: list[str] = []
        if early:
            found.append(f"{len(early)} events are missing, the oldest of {early[-1]:.2f} s")
        if len(set(self.arrived)) < len(self.arrived):
            found.append("an event arrived twice")
        if self.replayed != len(self.arrived):
            found.append(f"{self.replayed} events were replayed, {len(self.arrived)} arrived")
        if self.largest > SPOOL_MIB * 2**20:
            found.append(f"the spool had {self.largest} bytes")
        return found


@dataclass(frozen=True)
class Target:
    """A collector that is up again after the kill, and the spool.

    Attributes:
        settings: The settings of an app that sends to the collector.
        query: The headers of a query.
        folder: The directory of the spool.
    """

    settings: dict[str, str]
    query: dict[str, str]
    folder: Path


def target_of(collector: CollectorProcess, folder: Path) -> Target:
    """Return a target with tokens of a collector."""
    spool = {"SQREEN_SPOOL_DIR": str(folder), "SQREEN_SPOOL_SIZE": str(SPOOL_MIB)}
    query = {"Authorization": f"Bearer {collector.new_token('default', 'query')}"}
    return Target(settings=collector.settings("default", **spool), query=query, folder=folder)


def killed_round(target: Target, number: int, *, is_flooded: bool = False) -> Round:
    """Run a site with visits, kill it at a random moment, and run the next process.

    In every second round, the collector that is down accepts connections but never answers.
    """
    name = f"round.{number}.{random.getrandbits(32):08x}"
    done = Round()
    ticks = target.folder.with_name(f"{name}.ticks")
    with (
        _collector_that_is_down(silent=number % 2 == 1) as down,
        _site(target.settings | {"SQREEN_URL": down, "TICKS": str(ticks)}) as (process, url),
    ):
        _visit_for_a_while(done, url, target.folder, name=name, is_flooded=is_flooded)
        process.kill()
        done.killed_at = time.monotonic()
        process.wait(PATIENCE)
    done.ticks = [at for (at,) in struct.iter_unpack("d", ticks.read_bytes())]
    done.replayed = _deliver(target.settings)
    done.arrived = _arrived(target, name)
    return done


def _visit_for_a_while(done: Round, url: str, folder: Path, *, name: str, is_flooded: bool) -> None:
    events, parts = (5, 4) if is_flooded else (2, 0)
    params: dict[str, str | int] = {"name": name, "events": events, "parts": parts}
    end = time.monotonic() + random.uniform(0.1, 4.0)
    with httpx2.Client(base_url=url, timeout=PATIENCE) as client:
        while (begin := time.monotonic()) < end:
            done.tracked.update(client.get("/order", params=params).raise_for_status().json())
            done.largest = max(done.largest, size_of(folder))
            # A busy machine must keep up with masking, as unmasked events are in no spool.
            took = time.monotonic() - begin
            time.sleep(max(0.03, 4 * took) if is_flooded else 0.0)


def _deliver(settings: dict[str, str]) -> int:
    """Run the next process with the collector, and return the number of replayed events."""
    printed, _ = run_script(NEXT_PROCESS, settings)
    return int(printed)


def _arrived(target: Target, name: str) -> list[str]:
    found: list[str] = []
    params: dict[str, str | int] = {"limit": 1000, "event": name}
    with httpx2.Client(
        base_url=target.settings["SQREEN_URL"], headers=target.query, timeout=PATIENCE
    ) as client:
        while True:
            answer = client.get("/v1/events/query", params=params).raise_for_status().json()
            found += [row["event"]["id"] for row in answer["events"]]
            if not answer["next_page_token"]:
                return found
            params["page_token"] = answer["next_page_token"]


@contextmanager
def _collector_that_is_down(*, silent: bool) -> Iterator[str]:
    """Yield an address that refuses connections, or accepts them and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _site(settings: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the site with uvicorn until the block ends."""
    port = free_port()
    command = ["uvicorn", "--port", str(port), "--log-level", "critical"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "tests.delivery.killed_site:app"],
        cwd=ROOT,
        env=clean_environment(settings),
    )
    try:
        wait_until_listening(port)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(PATIENCE)
