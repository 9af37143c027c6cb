"""Whatever a collector does, no event is lost unaccounted, and none arrives twice."""

import random
import time
from contextlib import ExitStack
from typing import Literal, TypeAlias

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sqreen_mw.agent.delivery.http import HttpTransport
from sqreen_mw.agent.delivery.pace import Pace
from tests.agent.test_flusher import Bench
from tests.agent.unruly import BAD, PAUSE_SECONDS, Fault, unruly_collector

QUICK = Pace(send=0.25, first_delay=0.01, max_delay=0.05, misconfigured=0.05)
PATIENCE = 20.0
JUST_BEFORE = 0.1
"""Seconds that a post may take from the flusher to the collector."""

INCOMPRESSIBLE = random.Random(7).randbytes(3000).hex()  # noqa: S311 no secret

End: TypeAlias = Literal["recovers", "does not"]


class Delivery(RuleBasedStateMachine):
    """An app tracks, flushes and closes, while its collector does what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.collector = self.stack.enter_context(unruly_collector())
        url = f"http://localhost:{self.collector.port}"
        self.bench = Bench(
            lambda: HttpTransport(url=url, token="t", user_agent="u"),
            interval=0.01,
            seal=None,
            pace=QUICK,
        )
        self.tracked = 0
        self.flushes: list[float] = []
        self.end: End = "recovers"

    @initialize(end=st.sampled_from(["recovers", "recovers", "recovers", "does not"]))
    def choose_the_end(self, end: End) -> None:
        """Say how it ends: the collector recovers, or the app is closed before that."""
        self.end = end

    @rule(count=st.integers(1, 20), name=st.sampled_from(["good", "good", "large", BAD]))
    def track(self, count: int, name: str) -> None:
        """Track some events of a kind."""
        properties = {"text": INCOMPRESSIBLE} if name == "large" else {}
        for _ in range(count):
            assert self.bench.track(name, properties=properties)
        self.tracked += count

    @rule(faults=st.lists(st.sampled_from(Fault), min_size=1, max_size=4))
    def misbehave(self, faults: list[Fault]) -> None:
        """Let the collector do this with the posts to come."""
        self.collector.faults.extend(faults)

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1]))
    def flush(self, seconds: float) -> None:
        """Want everything out, without waiting for it for long."""
        self.flushes.append(time.monotonic())
        self.bench.flusher.flush(seconds)

    @precondition(lambda self: self.tracked)
    @rule(seconds=st.sampled_from([0.02, 0.1, 0.3]))
    def pass_time(self, seconds: float) -> None:
        """Wait until the collector has done all of it, at most so long."""
        end = time.monotonic() + seconds
        while self.collector.faults and time.monotonic() < end:
            time.sleep(0.005)

    @invariant()
    def accounts_for_each_event(self) -> None:
        """Whenever it is asked, the counts are those of what was tracked."""
        assert sum(self.bench.counts.values()) == self.tracked
        assert self.collector.broken == []

    def teardown(self) -> None:
        """End, and compare what both sides know."""
        with self.stack:
            try:
                if self.end == "recovers":
                    self.recover()
                else:
                    self.give_up()
            finally:
                self.bench.flusher.close(0.5)

    def recover(self) -> None:
        """After the collector recovers, each event is where the counts say."""
        self.live_through_it(3.0)
        self.collector.recover()
        self.flushes.append(time.monotonic())
        assert self.bench.flusher.flush(PATIENCE)

        delivered = {"delivered": len(self.collector.stored)} if self.collector.stored else {}
        assert self.bench.counts == {**delivered, **self.collector.lost}
        self.accounts_for_each_event()
        self.check_the_pauses()

    def live_through_it(self, seconds: float) -> None:
        """Let the collector do what is left, as long as there are events to do it with."""
        end = time.monotonic() + seconds
        while self.collector.faults and time.monotonic() < end:
            self.pass_time(0.15)
            self.flush(0.05)
            if not self.bench.counts.get("waiting"):
                self.track(5, "good")

    def give_up(self) -> None:
        """A close takes its time and no more, and what was not confirmed is counted as lost."""
        begin = time.monotonic()
        left_over = self.bench.flusher.close(0.3)

        assert time.monotonic() - begin < PATIENCE / 4
        assert self.bench.counts.get("exit", 0) == left_over
        assert self.bench.counts.get("delivered", 0) <= len(self.collector.stored)
        assert "waiting" not in self.bench.counts
        self.accounts_for_each_event()

    def check_the_pauses(self) -> None:
        """A collector that asked to be left alone was, unless the app wanted a flush."""
        posts = self.collector.posts
        for begin in self.collector.pauses:
            after = min((post for post in posts if post > begin), default=begin + PAUSE_SECONDS)
            asked = any(begin - JUST_BEFORE < flush < after for flush in self.flushes)
            assert asked or after - begin >= PAUSE_SECONDS


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what takes time is not worth shrinking
)
