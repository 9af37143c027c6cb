"""What the outbox leaves to the spool."""

import asyncio
from collections.abc import Callable

import pytest

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.agent.delivery.transports.base import Misconfigured, Outcome, Retry
from sqreen_mw.protocol.batch import Envelope
from tests.agent.spool.instance import Instance

New = Callable[..., Instance]


class Away:
    """A collector that takes nothing."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:  # noqa: ARG002 it never does
        """Return why not."""
        return self._outcome

    async def close(self) -> None:
        """Do nothing."""


def outbox_of(instance: Instance, outcome: Outcome) -> BatchSender:
    """Return a process's outbox, which gives up what waits in memory at once."""
    return BatchSender(
        buffer=instance.buffer,
        transport=Away(outcome),
        header=Envelope(app="shop", events=[]),
        guard=instance.guard,
        pace=RetryPolicy(max_age=-1.0),
        spool=instance.spool,
    )


@pytest.mark.parametrize("outcome", [Retry("it is away"), Misconfigured("token", "who is it?")])
def test_what_lies_in_the_spool_is_not_given_up(instance: New, outcome: Outcome) -> None:
    """A batch of the spool that can't be sent goes back there, however old it is for the queue."""
    one = instance()
    batch = one.store("a", "b")
    outbox = outbox_of(one, outcome)

    outbox.load()
    asyncio.run(outbox.send(deadline=None))

    assert outbox.empty
    assert (one.stats.spooled, one.stats.dropped) == (2, {})
    assert [each.id for each in one.deliver()] == [batch.id]
