import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.heartbeat import (
    HEARTBEAT_INTERVAL,
    Heartbeat,
    HeartbeatAnswer,
    Queue,
    decode_heartbeat,
    decode_heartbeat_answer,
    encode_heartbeat,
)
from sqreen_mw.protocol.limits import MAX_COUNT, MAX_COUNTERS
from tests.support.strategies import names

BEAT = Heartbeat(
    instance_id="a",
    sdk="sqreen-mw/1",
    started_at=0,
    sent_at=1,
    queue=Queue(tracked=3, delivered=1, waiting=1, dropped={"overflow": 1}),
)
counts = st.integers(0, MAX_COUNT)
counters = st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z"), counts, max_size=3)


@given(host=names, count=counts, dropped=counters, ended=st.booleans())
def test_heartbeat_round_trip(
    *, host: str, count: int, dropped: dict[str, int], ended: bool
) -> None:
    """Decoding an encoded heartbeat returns the heartbeat."""
    queue = Queue(tracked=count, delivered=count, waiting=0, dropped=dropped)
    beat = msgspec.structs.replace(BEAT, host=host, queue=queue, misuse=dropped, ended=ended)

    assert decode_heartbeat(encode_heartbeat(beat)) == beat


@given(st.binary())
def test_invalid_bytes_raise_only_malformed_batch_error(data: bytes) -> None:
    """Any bytes are a heartbeat or raise MalformedBatchError."""
    try:
        decode_heartbeat(data)
    except MalformedBatchError:
        return


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": 2}, "version 2 of heartbeats is not supported"),
        ({"instance_id": ""}, "`$.instance_id`"),
        ({"pid": -1}, "`$.pid`"),
        ({"host": "x" * 257}, "`$.host`"),
        ({"started_at": "now"}, "`$.started_at`"),
        ({"beats": 1}, "`beats`"),
        ({"queue": {"tracked": 1}}, "`$.queue`"),
        ({"queue": {"tracked": -1, "delivered": 0, "waiting": 0}}, "`$.queue.tracked`"),
        ({"queue": {"tracked": 2**53, "delivered": 0, "waiting": 0}}, "`$.queue.tracked`"),
        ({"misuse": {"Not a word": 1}}, "`key` in `$.misuse`"),
        ({"misuse": {f"m{n}": 1 for n in range(MAX_COUNTERS + 1)}}, "`$.misuse`"),
    ],
)
def test_malformed_heartbeat_names_the_error(change: dict[str, object], error: str) -> None:
    """An invalid heartbeat is refused with the path of the error."""
    data = msgspec.json.encode({**msgspec.json.decode(encode_heartbeat(BEAT)), **change})

    with pytest.raises(MalformedBatchError) as raised:
        decode_heartbeat(data)

    assert error in str(raised.value)


def test_answer_round_trip() -> None:
    """Decoding an encoded answer returns the answer; the interval is a minute."""
    answer = HeartbeatAnswer(server_time=1_700_000_000_000)

    assert decode_heartbeat_answer(encode_heartbeat(answer)) == answer
    assert answer.heartbeat_interval == HEARTBEAT_INTERVAL == 60


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"{}", b'{"server_time":1,"heartbeat_interval":0}']
)
def test_other_json_is_not_an_answer(data: bytes) -> None:
    """The error page of a proxy is not an answer."""
    with pytest.raises(MalformedBatchError):
        decode_heartbeat_answer(data)
