"""Rounds in which a site is killed with its collector away, and what the next process delivers."""

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
"""From which on a process counts as not being given a turn; it asks for one five times as often."""

NEXT_PROCESS = """
import sqreen_mw as sqreen

sqreen.track("next.process")
sqreen.close(20.0)
assert sqreen.stats().waiting == 0, sqreen.stats()
print(sqreen.stats().replayed)
"""


@dataclass
class Round:
    """What became of the events of a site that was killed.

    Attributes:
        tracked: When each event was tracked, by its id, in monotonic seconds.
        killed_at: When the site was killed.
        ticks: When the site was given a turn.
        arrived: The ids that the collector has, each as often as it has it.
        replayed: The events that the next process says it took over.
        largest: The most bytes that the spool was seen to have.
    """

    tracked: dict[str, float] = field(default_factory=dict)
    killed_at: float = 0.0
    ticks: list[float] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    replayed: int = 0
    largest: int = 0

    @property
    def missing(self) -> list[float]:
        """How many seconds before the kill each event was tracked that did not arrive."""
        lost = self.tracked.keys() - set(self.arrived)
        return sorted(self.killed_at - self.tracked[each] for each in lost)

    @property
    def first_arrived(self) -> float:
        """How many seconds before the kill the oldest event was tracked that did arrive."""
        known = [self.tracked[each] for each in self.arrived if each in self.tracked]
        return self.killed_at - min(known, default=self.killed_at)

    @property
    def stalled(self) -> float:
        """For how many seconds before the kill the machine gave the site no turn."""
        late = [at for at in self.ticks if self.killed_at - 3 * LAST_SECOND < at < self.killed_at]
        gaps = [after - before for before, after in pairwise([*late, self.killed_at])]
        return sum(gap for gap in gaps if gap > STALL_SECONDS)

    def faults(self, *, is_flooded: bool) -> list[str]:
        """Return what is wrong; where more is tracked than has room, the oldest may be missing."""
        newest = self.first_arrived if is_flooded else float("inf")
        early = [age for age in self.missing if LAST_SECOND + self.stalled < age <= newest]
        found: list[str] = []
        if early:
            found.append(f"{len(early)} events are missing, the oldest of {early[-1]:.2f} s")
        if len(set(self.arrived)) < len(self.arrived):
            found.append("an event is there twice")
        if self.replayed != len(self.arrived):
            found.append(f"{self.replayed} were replayed, {len(self.arrived)} arrived")
        if self.largest > SPOOL_MIB * 2**20:
            found.append(f"the spool had {self.largest} bytes")
        return found


@dataclass(frozen=True)
class Target:
    """A collector that is back when a site was killed, and where its events wait meanwhile.

    Attributes:
        settings: What lets an app send there.
        query: What lets us ask there.
        folder: The spool.
    """

    settings: dict[str, str]
    query: dict[str, str]
    folder: Path


def target_of(collector: CollectorProcess, folder: Path) -> Target:
    """Return a collector as a target, with its tokens."""
    spool = {"SQREEN_SPOOL_DIR": str(folder), "SQREEN_SPOOL_SIZE": str(SPOOL_MIB)}
    query = {"Authorization": f"Bearer {collector.new_token('default', 'query')}"}
    return Target(settings=collector.settings("default", **spool), query=query, folder=folder)


def killed_round(target: Target, number: int, *, is_flooded: bool = False) -> Round:
    """Serve and visit a site, kill it at a random moment, and let the next process deliver.

    In each second round the collector that is away takes connections, and says nothing.
    """
    name = f"round.{number}.{random.getrandbits(32):08x}"
    done = Round()
    ticks = target.folder.with_name(f"{name}.ticks")
    with (
        _nobody(silent=number % 2 == 1) as away,
        _site(target.settings | {"SQREEN_URL": away, "TICKS": str(ticks)}) as (process, url),
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
            # Much, but no more than a busy machine can mask: what waits for that is in no spool.
            took = time.monotonic() - begin
            time.sleep(max(0.03, 4 * took) if is_flooded else 0.0)


def _deliver(settings: dict[str, str]) -> int:
    """Run the next process, with the collector back, and return how many events it took over."""
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
def _nobody(*, silent: bool) -> Iterator[str]:
    """Give an address where nobody listens, or where connections are taken and nothing is said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _site(settings: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve the site by uvicorn, and kill it at the end at the latest."""
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
