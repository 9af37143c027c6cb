"""A chaotic collector and ending instances: each event is delivered or counted, once."""

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.spool.sqlite_spool import spool_opener
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.guard import Guard
from tests.support.chaos_collector import BAD, Fault, chaos_collector
from tests.support.flusher_harness import FlusherHarness
from tests.support.spool_files import stored_batches
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

QUICK = RetryPolicy(send=0.25, first_delay=0.01, max_delay=0.05, misconfigured=0.05)


class SpooledDelivery(RuleBasedStateMachine):
    """Instances with one spool start and end while their collector misbehaves."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.collector = self.stack.enter_context(chaos_collector())
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.instances = [self.begin()]
        self.tracked = 0

    def begin(self) -> FlusherHarness:
        """Start an instance."""
        url = f"http://localhost:{self.collector.port}"
        return FlusherHarness(
            partial(HttpTransport, url=url, token="t", user_agent="u"),
            interval=0.01,
            seal=None,
            retry=QUICK,
            open_spool=spool_opener(self.folder, app="shop", size=2**26, age=3600, guard=Guard()),
        )

    @rule(count=st.integers(1, 20), name=st.sampled_from(["good", "good", BAD]))
    def track(self, count: int, name: str) -> None:
        """Track events."""
        for _ in range(count):
            assert self.instances[-1].track(name)
        self.tracked += count

    @rule(faults=st.lists(st.sampled_from(Fault), min_size=1, max_size=4))
    def misbehave(self, faults: list[Fault]) -> None:
        """Let the collector fail the next posts."""
        self.collector.faults.extend(faults)

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1]))
    def flush(self, seconds: float) -> None:
        """Flush with a short timeout."""
        self.instances[-1].flusher.flush(seconds)

    @rule()
    def restart(self) -> None:
        """End the instance and start the next one; no event is lost."""
        assert self.instances[-1].flusher.close(PATIENCE) == 0
        self.instances.append(self.begin())

    @invariant()
    def accounts_for_each_event(self) -> None:
        """The counts of each instance add up at any time."""
        assert all(instance.counts is not None for instance in self.instances)
        assert self.collector.broken == []

    def teardown(self) -> None:
        """Once the collector recovers, all events are delivered or rejected."""
        with self.stack:
            try:
                self.collector.recover()
                self.track(1, "good")
                self.wait_until_all_is_settled()
                self.compare()
            finally:
                self.instances[-1].flusher.close(PATIENCE)

    def wait_until_all_is_settled(self) -> None:
        """Wait until no event is in memory or in the spool."""
        end = time.monotonic() + PATIENCE
        while self.instances[-1].counts.get("waiting") or stored_batches(self.folder):
            assert time.monotonic() < end, (self.instances[-1].counts, list(self.folder.iterdir()))
            time.sleep(0.01)

    def compare(self) -> None:
        """Compare the counts of all instances with those of the collector."""
        stats = [instance.flusher.queue.stats({}) for instance in self.instances]
        dropped: Counter[str] = sum((Counter(each.dropped) for each in stats), start=Counter())

        assert sum(each.tracked for each in stats) == self.tracked
        assert sum(each.delivered for each in stats) == len(self.collector.stored)
        assert sum(each.waiting for each in stats) == sum(each.replayed for each in stats)
        assert dropped == self.collector.lost


TestSpooledDelivery = SpooledDelivery.TestCase
TestSpooledDelivery.settings = settings(
    max_examples=15,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes too long
)
