"""Whatever a collector does, every event is counted, and none arrives twice."""

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.interfaces import Outcome, Retry, Spool, no_spool
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.spool.sqlite_spool import spool_opener
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.guard import Guard
from tests.support.chaos_collector import BAD, PAUSE_SECONDS, Fault, chaos_collector
from tests.support.flusher_harness import FlusherHarness

pytestmark = pytest.mark.slow

QUICK = RetryPolicy(send=0.25, first_delay=0.01, max_delay=0.05, misconfigured=0.05)
PATIENCE = 90.0
"""A process looks once a minute for the spool of others, if its first look fails."""

CLOSE_PATIENCE = 10.0
INCOMPRESSIBLE = random.Random(7).randbytes(3000).hex()

End: TypeAlias = Literal["recovers", "does not"]


class RecordingTransport(HttpTransport):
    """Records the pauses after answers that asked for one."""

    def __init__(self, *, url: str, pauses: list[float]) -> None:
        super().__init__(url=url, token="t", user_agent="u")
        self._pauses = pauses
        self._asked_at = -math.inf

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Send a batch."""
        self._pauses.append(time.monotonic() - self._asked_at)
        outcome = await super().send(batch, seconds=seconds)
        asks = isinstance(outcome, Retry) and outcome.reason.startswith("HTTP 429")
        self._asked_at = time.monotonic() if asks else -math.inf
        return outcome


class Delivery(RuleBasedStateMachine):
    """An app tracks, flushes and closes, while its collector fails at random."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.collector = self.stack.enter_context(chaos_collector())
        self.pauses: list[float] = []
        self.harness = self.process()
        self.tracked = 0
        self.end: End = "recovers"

    def process(self, open_spool: Callable[[EventQueue], Spool] = no_spool) -> FlusherHarness:
        """Return the flusher of a new process."""
        url = f"http://localhost:{self.collector.port}"
        transport = partial(RecordingTransport, url=url, pauses=self.pauses)
        return FlusherHarness(
            transport, interval=0.01, seal=None, retry=QUICK, open_spool=open_spool
        )

    @initialize(end=st.sampled_from(["recovers", "recovers", "recovers", "does not"]))
    def choose_the_end(self, end: End) -> None:
        """Choose the end: the collector recovers, or the app is closed before."""
        self.end = end

    @rule(count=st.integers(1, 20), name=st.sampled_from(["good", "good", "large", BAD]))
    def track(self, count: int, name: str) -> None:
        """Track events of one kind."""
        properties = {"text": INCOMPRESSIBLE} if name == "large" else {}
        for _ in range(count):
            assert self.harness.track(name, properties=properties)
        self.tracked += count

    @rule(faults=st.lists(st.sampled_from(Fault), min_size=1, max_size=4))
    def misbehave(self, faults: list[Fault]) -> None:
        """Plan faults for the next posts."""
        self.collector.faults.extend(faults)

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1]))
    def flush(self, seconds: float) -> None:
        """Request a flush, and wait only briefly."""
        self.harness.flusher.flush(seconds)

    @precondition(lambda self: self.tracked)
    @rule(seconds=st.sampled_from([0.02, 0.1, 0.3]))
    def pass_time(self, seconds: float) -> None:
        """Wait until the planned faults have happened, with a limit."""
        end = time.monotonic() + seconds
        while self.collector.faults and time.monotonic() < end:
            time.sleep(0.005)

    @invariant()
    def accounts_for_each_event(self) -> None:
        """At any time, the counters add up to the tracked events."""
        assert sum(self.harness.counts.values()) == self.tracked
        assert self.collector.broken == []

    def teardown(self) -> None:
        """End, and compare the knowledge of both sides."""
        with self.stack:
            try:
                if self.end == "recovers":
                    self.recover()
                else:
                    self.give_up()
            finally:
                self.harness.flusher.close(0.5)

    def recover(self) -> None:
        """After the collector has recovered, the counters match its events."""
        self.meet_all_faults(3.0)
        self.collector.recover()
        assert self.harness.flusher.flush(PATIENCE)

        assert self.harness.counts == self.expected()
        self.accounts_for_each_event()
        self.check_the_pauses()

    def expected(self) -> dict[str, int]:
        """Return the counters that match the events of the collector."""
        counts = {"delivered": len(self.collector.stored), **self.collector.lost}
        return {name: count for name, count in counts.items() if count}

    def meet_all_faults(self, seconds: float) -> None:
        """Wait until the planned faults have happened, and track events for them."""
        end = time.monotonic() + seconds
        while self.collector.faults and time.monotonic() < end:
            self.pass_time(0.15)
            self.flush(0.05)
            if not self.harness.counts.get("waiting"):
                self.track(5, "good")

    def give_up(self) -> None:
        """A close ends in time, and counts unconfirmed events as lost."""
        begin = time.monotonic()
        left_over = self.harness.flusher.close(0.3)

        assert time.monotonic() - begin < CLOSE_PATIENCE
        assert self.harness.counts.get("exit", 0) == left_over
        assert self.harness.counts.get("delivered", 0) <= len(self.collector.stored)
        assert "waiting" not in self.harness.counts
        self.accounts_for_each_event()

    def check_the_pauses(self) -> None:
        """A collector that asked for a pause got it, even if the app flushed."""
        assert min(self.pauses, default=math.inf) >= PAUSE_SECONDS


class SpooledDelivery(Delivery):
    """The same app with a spool, which keeps the rest after a close."""

    def process(self, open_spool: Callable[[EventQueue], Spool] | None = None) -> FlusherHarness:
        """Return the flusher of a new process. All processes share a spool."""
        if not hasattr(self, "folder"):
            self.folder = Path(self.stack.enter_context(TemporaryDirectory()), "spool")
        opener = spool_opener(self.folder, app="shop", size=2**26, age=3600, guard=Guard())
        return super().process(open_spool or opener)

    def recover(self) -> None:
        """After the collector has recovered, it gets the spooled events as well."""
        self.meet_all_faults(3.0)
        self.collector.recover()
        self.wait_for(lambda: "waiting" not in self.harness.counts)

        assert self.harness.counts == self.expected()
        self.accounts_for_each_event()

    def give_up(self) -> None:
        """A later process delivers the rest of a close; together they count each event."""
        self.harness.flusher.close(0.5)
        self.collector.recover()
        # Until then the spool belongs to the first process, and others look only once a minute.
        self.wait_for(lambda: self.harness.flusher.finished or not self.tracked)
        first = self.harness.counts
        left, lost = first.pop("waiting", 0), first.pop("exit", 0)
        later = self.process()
        self.stack.callback(later.flusher.close, 0.5)
        assert later.track("good")
        self.tracked += 1
        self.wait_for(lambda: later.replayed >= left and "waiting" not in later.counts)
        later.flusher.close(0.5)

        # A close that ends before the flusher counts events as lost that are still spooled.
        assert left <= later.replayed <= left + lost
        together = Counter(first) + Counter(later.counts)
        assert together.total() + lost == self.tracked - left + later.replayed
        if not lost:
            assert together == Counter(self.expected())

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.harness.counts
            time.sleep(0.01)


CHAOS_SETTINGS = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes too long
)

TestDelivery = Delivery.TestCase
TestDelivery.settings = CHAOS_SETTINGS
TestSpooledDelivery = SpooledDelivery.TestCase
TestSpooledDelivery.settings = CHAOS_SETTINGS
