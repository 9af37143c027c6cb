"""Test that an event that is not JSON never affects the others of its batch."""

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_batch, encode_event
from sqreen_mw.protocol.damaged_batch import split_batch
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_INFLATED_BYTES
from tests.support.strategies import json_values, texts

GOOD = Event(
    id=new_event_id(1_700_000_000_000),
    name='a "quoted" ], }, name',
    timestamp=0,
    properties={"events": ["[", {"x": "\\"}]},
)
BAD_VALUES = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "half of a surrogate pair": rb'"\ud83d"',
    "second half of a surrogate pair": rb'"\udc00 x"',
    "deep lists": b"[" * 5000 + b"]" * 5000,
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "deep and NaN": b"[" * 3000 + b"NaN" + b"]" * 3000,
    "unknown escape": rb'"\x41"',
    "half of an escape": rb'"\u00g0"',
    "control character": b'"a\nb"',
    "invalid UTF-8": b'"\xff"',
    "surrogate as UTF-8": b'"\xed\xa0\xbd"',
    "leading zero": b"007",
    "hexadecimal number": b"0x1F",
    "number out of range": b"-1e999",
    "integer of 5000 digits": b"9" * 5000,
    "Python's True": b"True",
    "undefined": b"undefined",
    "trailing comma in a list": b"[1, 2,]",
    "trailing comma in an object": b'{"a": 1,}',
    "object without a value": b'{"a"}',
    "wrong bracket": b"[1}",
    "two values": b"1 2",
}


def event_with(value: bytes) -> bytes:
    """Return an event's JSON with a property."""
    return encode_event(GOOD)[:-1] + b',"user_traits":{"value":' + value + b"}}"


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_undecodable_event_is_rejected_by_index(value: bytes, place: int) -> None:
    """The others are kept, whether the bad event is the first, a middle or the last one."""
    raws = [encode_event(GOOD), encode_event(GOOD)]
    raws.insert(place, event_with(value))

    decoded = decode_batch(b'{"app": "shop", "events": [%b], "env": "prod"}' % b", ".join(raws))

    assert decoded.events == [GOOD, GOOD]
    assert [(each.index, each.code) for each in decoded.rejected] == [(place, "invalid_event")]
    assert (decoded.envelope.app, decoded.envelope.env) == ("shop", "prod")


@pytest.mark.parametrize("raw", [b"NaN", b'"\\ud83d"', b"None", b"{'id': 1}", b"[" * 9 + b"]" * 9])
def test_event_that_is_no_object_is_rejected_by_index(raw: bytes) -> None:
    """Anything between two commas is one event."""
    decoded = decode_batch(b'{"events":[%b,%b,NaN]}' % (encode_event(GOOD), raw))

    assert decoded.events == [GOOD]
    assert [each.index for each in decoded.rejected] == [1, 2]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  ",
        b"\xef\xbb\xbf" + encode_event(GOOD),
        b"/*x*/" + encode_event(GOOD),
        encode_event(GOOD) + b"/*x*/",
        encode_event(GOOD) + b' "x" []',
        encode_event(GOOD) * 2,
        b"\f" + encode_event(GOOD),
        b'"a" "b"',
        b'"id": 1',
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_text_around_an_event_rejects_this_event(raw: bytes, place: int) -> None:
    """An empty event, a byte order mark or a comment does not affect the other events."""
    raws = [encode_event(GOOD), encode_event(GOOD)]
    raws.insert(place, raw)

    decoded = decode_batch(b'{"events":[%b]}' % b",".join(raws))

    assert decoded.events == [GOOD, GOOD]
    assert [(each.index, each.code) for each in decoded.rejected] == [(place, "invalid_event")]


@pytest.mark.parametrize(
    "data",
    [
        b'{"events":[NaN',
        b'{"events":[NaN]',
        b'{"events":[NaN]} x',
        b'{"events":[NaN,NaN}',
        b'{"events":[NaN}]}',
        b'{"events":[NaN],"env":NaN}',
        b'{"events":[NaN],"colour":"red"}',
        b'{"events":{"a":NaN}}',
        b'{"events":NaN}',
        b'{"env":NaN}',
        b'{"events":[{"a":NaN]}',
        b'{"events":["\\ud800]}',
        b"[NaN]",
        b"NaN",
    ],
)
def test_other_faults_reject_the_batch(data: bytes) -> None:
    """If more than events is wrong, the error is the decoder's."""
    with pytest.raises(MalformedBatchError):
        decode_batch(data)


@given(st.dictionaries(texts, json_values, max_size=4), st.lists(json_values, max_size=4))
def test_splitting_keeps_every_value(members: dict[str, object], events: list[object]) -> None:
    """The parts of a valid batch decode to the same values."""
    members.pop("events", None)
    data = json.dumps({**members, "events": events}, indent=2).encode()

    split = split_batch(data)

    assert msgspec.json.decode(split.envelope) == {**members, "events": []}
    assert list(map(msgspec.json.decode, split.events)) == events


@pytest.mark.parametrize(
    "unit", [b'"', b'\\"', b'"\\', b"[", b"[]", b"{[", b'"",', b"\\", b"a", b" ", b'[""]']
)
def test_hostile_batch_is_split_in_linear_time(unit: bytes) -> None:
    """The largest batch takes well under a second of CPU time."""
    data = (b'{"events":[NaN,' + unit * MAX_INFLATED_BYTES)[:MAX_INFLATED_BYTES]
    begin = time.process_time()

    with pytest.raises(MalformedBatchError):
        decode_batch(data)

    assert time.process_time() - begin < 2


COSTLY_BATCHES = {
    "many texts after too many events": (
        b'{"a":["",NaN]},' * 1000 + b"[" + b'"",' * 300_000 + b"NaN]",
        "more than 1000 events",
    ),
    "many objects": ((b"[" + b'{"a":"b"},' * 230 + b"NaN],") * 999 + b"1", "brackets"),
    "many lists": (b"[" + b"[]," * 1_000_000 + b"NaN]", "brackets"),
    "many numbers": (b"1," * 1_000_000 + b"NaN", "more than 1000 events"),
    "many members": (b'1],"":[NaN]' + b',"":1' * 900_000 + b',"x":[1', "unknown field"),
}


@pytest.mark.parametrize(("events", "reason"), COSTLY_BATCHES.values(), ids=COSTLY_BATCHES)
def test_batch_with_costly_parts_is_rejected_soon(events: bytes, reason: str) -> None:
    """A batch that takes long to split is rejected as a whole, with the reason."""
    data = b'{"events":[%b]}' % events
    begin = time.process_time()

    with pytest.raises(MalformedBatchError, match=reason):
        decode_batch(data)

    assert time.process_time() - begin < 0.3


def test_batch_with_many_texts_is_split() -> None:
    """Many texts in one event do not affect the other events."""
    raw = encode_event(GOOD)

    decoded = decode_batch(b'{"events":[%b,[%bNaN],%b]}' % (raw, b'"",' * 400_000, raw))

    assert (decoded.events, len(decoded.rejected)) == ([GOOD, GOOD], 1)
