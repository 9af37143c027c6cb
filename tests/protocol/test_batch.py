import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import (
    Envelope,
    IngestAnswer,
    Rejection,
    decode_answer,
    decode_batch,
    decode_event,
    encode_answer,
    encode_batch,
    encode_event,
)
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from tests.support.strategies import events, names

EVENT = Event(id=new_event_id(1_700_000_000_000), name="coupon.applied", timestamp=0)


def batch_of(*raws: bytes) -> bytes:
    """Return a batch of encoded events."""
    return encode_batch(Envelope(events=[msgspec.Raw(raw) for raw in raws]))


@given(events)
def test_an_event_survives_the_wire(event: Event) -> None:
    """Decoding an encoded event gives the event."""
    assert decode_event(encode_event(event)) == event


@given(st.lists(events, max_size=4), names)
def test_a_batch_survives_the_wire(batch: list[Event], app: str) -> None:
    """Decoding an encoded batch gives its events and what it says of the app."""
    raws = [msgspec.Raw(encode_event(event)) for event in batch]

    decoded = decode_batch(encode_batch(Envelope(app=app, events=raws)))

    assert decoded.envelope.app == app
    assert decoded.events == batch
    assert not decoded.rejected


@given(st.binary())
def test_any_bytes_are_a_batch_or_malformed(data: bytes) -> None:
    """Nothing but MalformedBatchError comes out of bytes that are no batch."""
    try:
        decode_batch(data)
    except MalformedBatchError:
        return


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "(byte 0)"),
        (b'{"events":[', "(byte 11)"),
        (b'{"events":[1,]}', "(byte 13)"),
        (
            rb'{"events":[{"event":"\ud800"}]}',
            r"half of a surrogate pair in a text, such as \ud800",
        ),
        (rb'{"events":[{"event":"\uDBFF', "ends too early, or"),
        (rb'{"events":[{"event":"\u00e9', "(byte 27)"),
        (b'{"events":"x"}', "`$.events`"),
        (b'{"event":[]}', "`event`"),
        (b"{}", "`events`"),
        (b'{"sdk":"\xff","events":[]}', ""),  # the decoder does not name the byte
        (b'{"version":2,"events":[]}', "version 2 is not spoken here"),
        (b'{"events":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "nested too deeply"),
    ],
)
def test_a_malformed_batch_names_the_fault(data: bytes, fault: str) -> None:
    """What can't be read at all is refused with the path or the byte of the fault."""
    with pytest.raises(MalformedBatchError) as raised:
        decode_batch(data)

    assert fault.lower() in str(raised.value).lower()


@pytest.mark.parametrize(
    ("change", "code", "fault"),
    [
        ({"id": "not-a-uuid"}, "invalid_event", "`$.id`"),
        ({"event": ""}, "invalid_event", "`$.event`"),
        ({"event": "x" * 257}, "invalid_event", "`$.event`"),
        ({"timestamp": "2026-01-01"}, "invalid_event", "`$.timestamp`"),
        ({"timestamp": 10**18}, "invalid_event", "`$.timestamp`"),
        ({"propertys": {}}, "invalid_event", "`propertys`"),
        ({"properties": {str(i): i for i in range(17)}}, "invalid_event", "`$.properties`"),
        ({"properties": {"a": [[[[[[1]]]]]]}}, "invalid_event", "nested deeper than 5"),
        ({"properties": {"a": {"b": [{"c": [{"d": {}}]}]}}}, "invalid_event", "deeper than 5"),
        ({"user_identifiers": {"id": True}}, "invalid_event", "`$.user_identifiers"),
        ({"request": {"verb": "GET", "path": "/", "ip": "x"}}, "invalid_event", "`ip` must be"),
        ({"request": {"verb": "GET", "path": "/", "ip": "::FFFF:1.2.3.4"}}, "invalid_event", "ip"),
        ({"request": {"verb": "GET"}}, "invalid_event", "`path`"),
        (
            {"request": {"verb": "GET", "path": "/", "params": {"json": [[[[[[1]]]]]]}}},
            "invalid_event",
            "`json` is nested deeper than 5",
        ),
        (
            {"request": {"verb": "GET", "path": "/", "status": 99}},
            "invalid_event",
            "`$.request.status`",
        ),
        ({"properties": {"a": "x" * 65_536}}, "event_too_large", "at most 65536"),
    ],
)
def test_a_bad_event_is_rejected_by_index(change: dict[str, object], code: str, fault: str) -> None:
    """A bad event among good ones is rejected with its place, id and fault; the others stay."""
    good = encode_event(EVENT)
    bad = msgspec.json.encode({**msgspec.json.decode(good), **change})

    decoded = decode_batch(batch_of(good, bad, good))

    assert decoded.events == [EVENT, EVENT]
    [rejection] = decoded.rejected
    assert (rejection.index, rejection.code) == (1, code)
    assert rejection.id == change.get("id", EVENT.id)
    assert fault in rejection.detail


@pytest.mark.parametrize("raw", [b"1", b"null", b'{"id":7}', b'{"id":"\xff"}', b"[" + b"]"])
def test_what_is_no_event_is_rejected_without_an_id(raw: bytes) -> None:
    """An event whose id can't be read either is rejected by its place alone."""
    decoded = decode_batch(b'{"events":[' + raw + b"]}")

    assert [(each.index, each.id) for each in decoded.rejected] == [(0, None)]


def test_a_batch_has_at_most_1000_events() -> None:
    """One event more than the limit refuses the batch."""
    with pytest.raises(MalformedBatchError, match="1000"):
        decode_batch(b'{"events":[' + b",".join([b"{}"] * 1001) + b"]}")


def test_an_answer_survives_the_wire() -> None:
    """Decoding an encoded answer gives the answer."""
    rejection = Rejection(index=3, id=None, code="invalid_event", detail="why")
    answer = IngestAnswer(accepted=2, duplicates=1, rejected=[rejection], seq=9)

    assert decode_answer(encode_answer(answer)) == answer


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b'{"accepted":"\xff"}'])
def test_what_is_no_answer_is_malformed(data: bytes) -> None:
    """A proxy's page is not taken for a verdict."""
    with pytest.raises(MalformedBatchError):
        decode_answer(data)


def test_a_malformed_event_names_the_fault() -> None:
    """A single event that can't be read is refused with the path of the fault."""
    with pytest.raises(MalformedBatchError, match="`id`"):
        decode_event(b'{"event":"x"}')
    with pytest.raises(MalformedBatchError, match=r"\(byte 3\)"):
        decode_event(b'{"e')


def test_an_event_without_request_says_nothing_of_one() -> None:
    """Defaults are left out on the wire."""
    assert set(msgspec.json.decode(encode_event(EVENT))) == {"id", "event", "timestamp"}
    bare = RequestInfo(verb="GET", path="/")
    assert msgspec.json.encode(bare) == b'{"verb":"GET","path":"/"}'
