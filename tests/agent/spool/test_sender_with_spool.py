"""The sender and the spool."""

from collections.abc import Callable

import pytest

from sqreen_mw.agent.delivery.flusher_config import FlusherConfig
from sqreen_mw.agent.delivery.interfaces import Misconfigured, Outcome, Retry
from sqreen_mw.agent.delivery.retry import RetryPolicy
from sqreen_mw.agent.delivery.sender import BatchSender
from sqreen_mw.protocol.batch import Envelope
from tests.agent.spool.instance import Instance
from tests.support.flusher_harness import InstantTransport

New = Callable[..., Instance]


def sender_of(instance: Instance) -> BatchSender:
    """Return an instance's sender, whose age limit has passed for every event."""
    header = Envelope(app="shop", events=[])
    config = FlusherConfig(
        open_transport=InstantTransport,
        seal=lambda _: None,
        header=header,
        interval=1.0,
        guard=instance.guard,
        put_in_child=lambda _: False,
        retry=RetryPolicy(max_age=-1.0),
    )
    return BatchSender(config, queue=instance.queue, spool=instance.spool, header=header)


@pytest.mark.parametrize("outcome", [Retry("it is down"), Misconfigured("token", "unknown token")])
def test_events_in_the_spool_are_not_given_up(instance: New, outcome: Outcome) -> None:
    """A stored batch that can't be sent stays, even if it is too old for memory."""
    one = instance()
    batch = one.store("a", "b")
    sender = sender_of(one)

    sender.next_from_spool()
    sent = sender.next_to_send()
    assert sent is not None
    sender.apply(outcome, sent, is_closing=False)

    assert not sender.batches
    assert (one.stats.spooled, one.stats.dropped) == (2, {})
    assert [each.id for each in one.deliver()] == [batch.id]
