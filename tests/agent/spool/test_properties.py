"""Instances store, send, fail and end in any order, and each event is delivered or counted."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.spool.accounting import EXPIRED, FULL
from tests.agent.spool.instance import FakeTime, Instance, events
from tests.support.spool_files import size_of, stored_batches

pytestmark = pytest.mark.slow

SIZE = 2**18
AGE = 600.0
picks = st.integers(0, 2**16)


class SharedSpool(RuleBasedStateMachine):
    """Several instances with one spool, and a plain model of each event."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "spool"
        self.clock = FakeTime()
        self.instances: list[Instance] = []
        self.alive: list[Instance] = []
        self.sending: list[tuple[Instance, Batch]] = []
        self.tracked: set[bytes] = set()
        self.delivered: list[bytes] = []
        self.start()

    @rule()
    def start(self) -> None:
        """Start an instance."""
        one = Instance(self.folder, size=SIZE, age=AGE, clock=self.clock)
        self.instances.append(one)
        self.alive.append(one)

    @rule(pick=picks, count=st.integers(1, 4), padding=st.sampled_from([0, 1000, 20_000]))
    def persist(self, pick: int, count: int, padding: int) -> None:
        """Store a new batch that is being sent."""
        one = self.alive[pick % len(self.alive)]
        names = [f"{len(self.tracked) + place}" for place in range(count)]
        batch = one.batch(*names, padding=padding)
        self.tracked.update(events(batch))
        assert one.spool.persist(batch)
        self.sending.append((one, batch))

    @rule(pick=picks)
    def next_batch(self, pick: int) -> None:
        """Send a stored batch: none of its events is delivered or being sent."""
        one = self.alive[pick % len(self.alive)]
        batch = one.spool.next_batch()
        if batch is not None:
            taken = set(events(batch))
            assert taken <= self.tracked
            assert taken.isdisjoint(self.delivered)
            assert taken.isdisjoint(events(*(other for _, other in self.sending)))
            self.sending.append((one, batch))

    @precondition(lambda self: self.sending)
    @rule(pick=picks)
    def ack(self, pick: int) -> None:
        """Let the collector take a batch."""
        one, batch = self.sending.pop(pick % len(self.sending))
        one.ack(batch)
        self.delivered += events(batch)

    @precondition(lambda self: self.sending)
    @rule(pick=picks)
    def requeue(self, pick: int) -> None:
        """Let a batch fail."""
        one, batch = self.sending.pop(pick % len(self.sending))
        assert one.spool.contains(batch)
        assert one.spool.requeue(batch)

    @precondition(lambda self: self.sending)
    @rule(pick=picks)
    def halve(self, pick: int) -> None:
        """Let a batch be too large for the collector."""
        one, batch = self.sending[pick % len(self.sending)]
        if len(batch) > 1:
            halves = batch.halves()
            one.spool.replace(batch, halves)
            self.sending.remove((one, batch))
            self.sending += [(one, half) for half in halves]

    @precondition(lambda self: len(self.alive) > 1)
    @rule(pick=picks)
    def end(self, pick: int) -> None:
        """End an instance, whatever it is sending."""
        one = self.alive.pop(pick % len(self.alive))
        self.sending = [each for each in self.sending if each[0] is not one]
        one.spool.close()

    @rule(seconds=st.sampled_from([1.0, 60.0, AGE + 1]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @invariant()
    def respects_its_size(self) -> None:
        """The files never exceed the size, and the counts of each instance add up."""
        assert size_of(self.folder) <= SIZE
        assert all(one.stats for one in self.instances)

    def teardown(self) -> None:
        """In the end each event was delivered once, or was counted as dropped by one instance."""
        with self.stack:
            while self.sending:
                self.requeue(0)
            for one in self.alive:
                one.spool.close()
            last = Instance(self.folder, size=SIZE, age=AGE, clock=self.clock)
            self.delivered += events(*last.deliver())
            last.spool.close()
            self.compare([*(each.stats for each in self.instances), last.stats])

    def compare(self, stats: list[Stats]) -> None:
        """Compare the counts of all instances with the model."""
        dropped = sum(sum(each.dropped.values()) for each in stats)

        assert stored_batches(self.folder) == 0
        assert len(self.delivered) == len(set(self.delivered))
        assert dropped == len(self.tracked) - len(self.delivered)
        assert sum(each.delivered for each in stats) == len(self.delivered)
        assert sum(each.waiting for each in stats) == sum(each.replayed for each in stats)
        assert {reason for each in stats for reason in each.dropped} <= {FULL, EXPIRED}


TestSharedSpool = SharedSpool.TestCase
TestSharedSpool.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
