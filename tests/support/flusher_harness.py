"""A flusher with a queue, a guard and counts, as tests of the delivery use it."""

from collections.abc import Callable
from typing import Any

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.flusher import Flusher
from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.interfaces import Delivered, Spool, Transport, no_spool
from sqreen_mw.agent.delivery.queue import EventQueue
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.sealing import PendingEvent, Sealer
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import Describer
from sqreen_mw.protocol.batch import Envelope
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.support.clock import JumpingClock
from tests.support.samples import pending

DEFAULT_RETRY = RetryPolicy()


class InstantTransport:
    """A transport that accepts every batch at once."""

    async def send(self, batch: Batch, *, seconds: float) -> Delivered:
        """Accept it."""
        return Delivered()

    async def close(self) -> None:
        """Do nothing."""


Eventually = Callable[[Callable[[], object]], None]


class FlusherHarness:
    """A flusher that sends to a transport, its guard and its counts."""

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        *,
        interval: float,
        seal: Callable[[PendingEvent], bytes | None] | None,
        retry: RetryPolicy,
        open_spool: Callable[[EventQueue], Spool] = no_spool,
    ) -> None:
        self.guard = Guard()
        self.clock = JumpingClock()
        client_ip = ClientIp(trusted=Networks(LOOPBACK))
        describer = Describer(client_ip=client_ip, scrubber=Scrubber())
        sealer = Sealer(describer=describer, before_send=None, guard=self.guard)
        config = FlusherConfig(
            open_transport=open_transport,
            seal=seal or sealer.seal,
            header=Envelope(app="shop", events=[]),
            interval=interval,
            guard=self.guard,
            put_in_child=lambda _: False,
            retry=retry,
            open_spool=open_spool,
            clock=self.clock,
        )
        self.flusher = Flusher(config)
        self.clock.on_jump.append(self.flusher.wake)

    def track(self, name: str, **changes: Any) -> bool:
        """Queue an event that is tracked now."""
        now = {"id": new_event_id(0), "name": name, "tracked_at": self.clock()}
        return self.flusher.put(pending(**{**now, **changes}))

    @property
    def replayed(self) -> int:
        """The number of events that other processes left in the spool."""
        return self.flusher.queue.stats({}).replayed

    @property
    def counts(self) -> dict[str, Any]:
        """The counters that are not zero. They add up."""
        stats = self.flusher.queue.stats({})
        total = stats.delivered + stats.waiting + sum(stats.dropped.values())
        assert stats.tracked + stats.replayed == total
        values = {"delivered": stats.delivered, "waiting": stats.waiting, **stats.dropped}
        return {key: value for key, value in values.items() if value}


MakeFlusher = Callable[..., FlusherHarness]
