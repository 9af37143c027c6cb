import msgspec
import pytest

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_batch
from sqreen_mw.protocol.heartbeat import decode_heartbeat
from tests.collector.api.wire import wire_event, wire_heartbeat


def encoded(message: dict[str, object], **members: object) -> bytes:
    """Return JSON with other members."""
    return msgspec.json.encode({**message, **members})


def test_whole_floats_are_integers() -> None:
    """A sender may write 5.0 for 5, in a heartbeat and in the members of a batch."""
    queue = {"tracked": 2.0, "delivered": 1.0, "waiting": 1}

    heartbeat = decode_heartbeat(encoded(wire_heartbeat(), started_at=5.0, queue=queue))
    batch = decode_batch(encoded({"events": [wire_event()]}, sent_at=7.0, version=1.0))

    assert (heartbeat.started_at, heartbeat.queue.tracked) == (5, 2)
    assert batch.envelope.sent_at == 7
    assert (len(batch.events), batch.rejected) == (1, [])


@pytest.mark.parametrize("value", [5.5, "5", True, 1e300])
def test_other_values_are_no_integers(value: object) -> None:
    """Parts of integers, text and truth values are refused, with the path of the error."""
    with pytest.raises(MalformedBatchError, match="started_at"):
        decode_heartbeat(encoded(wire_heartbeat(), started_at=value))
    with pytest.raises(MalformedBatchError, match="sent_at"):
        decode_batch(encoded({"events": []}, sent_at=value))
