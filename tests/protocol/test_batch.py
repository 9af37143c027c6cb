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
def test_event_round_trip(event: Event) -> None:
    """Decoding an encoded event returns the event."""
    assert decode_event(encode_event(event)) == event


@given(st.lists(events, max_size=4), names)
def test_batch_round_trip(batch: list[Event], app: str) -> None:
    """Decoding an encoded batch returns its events and its app."""
    raws = [msgspec.Raw(encode_event(event)) for event in batch]

    decoded = decode_batch(encode_batch(Envelope(app=app, events=raws)))

    assert decoded.envelope.app == app
    assert decoded.events == batch
    assert not decoded.rejected


@given(st.binary())
def test_invalid_bytes_raise_only_malformed_batch_error(data: bytes) -> None:
    """Any bytes are a batch or raise MalformedBatchError."""
    try:
        decode_batch(data)
    except MalformedBatchError:
        return


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "(byte 0)"),
        (b'{"events":[', "(byte 11)"),
        (b'{"events":[1,}', "(byte 13)"),
        (rb'{"events":[],"env":"\ud800', "ends too early, or"),
        (rb'{"events":[{"event":"\uDBFF', "ends too early, or"),
        (rb'{"events":[{"event":"\u00e9', "(byte 27)"),
        (b'{"events":"x"}', "`$.events`"),
        (b'{"event":[]}', "`event`"),
        (b"{}", "`events`"),
        (b'{"sdk":"\xff","events":[]}', ""),  # the decoder does not name the byte
        (b'{"version":2,"events":[]}', "version 2 is not supported"),
        (b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"x}", "nested too deeply"),
    ],
)
def test_malformed_batch_names_the_error(data: bytes, error: str) -> None:
    """An unreadable batch is refused with the path or the byte of the error."""
    with pytest.raises(MalformedBatchError) as raised:
        decode_batch(data)

    assert error.lower() in str(raised.value).lower()


@pytest.mark.parametrize(
    ("change", "code", "error"),
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
            "'json' is nested deeper than 5",
        ),
        (
            {"request": {"verb": "GET", "path": "/", "status": 99}},
            "invalid_event",
            "`$.request.status`",
        ),
        ({"properties": {"a": "x" * 65_536}}, "event_too_large", "at most 65536"),
    ],
)
def test_bad_event_is_rejected_by_index(change: dict[str, object], code: str, error: str) -> None:
    """A bad event is rejected with its index, id and error; the others are kept."""
    good = encode_event(EVENT)
    bad = msgspec.json.encode({**msgspec.json.decode(good), **change})

    decoded = decode_batch(batch_of(good, bad, good))

    assert decoded.events == [EVENT, EVENT]
    [rejection] = decoded.rejected
    assert (rejection.index, rejection.code) == (1, code)
    assert rejection.id == change.get("id", EVENT.id)
    assert error in rejection.detail


@pytest.mark.parametrize("raw", [b"1", b"null", b'{"id":7}', b'{"id":"\xff"}', b"[" + b"]"])
def test_unreadable_event_is_rejected_without_an_id(raw: bytes) -> None:
    """An event with an unreadable id is rejected by its index only."""
    decoded = decode_batch(b'{"events":[' + raw + b"]}")

    assert [(each.index, each.id) for each in decoded.rejected] == [(0, None)]


def test_batch_has_at_most_1000_events() -> None:
    """One event more than the limit refuses the batch."""
    with pytest.raises(MalformedBatchError, match="1000"):
        decode_batch(b'{"events":[' + b",".join([b"{}"] * 1001) + b"]}")


def test_answer_round_trip() -> None:
    """Decoding an encoded answer returns the answer."""
    rejection = Rejection(index=3, id=None, code="invalid_event", detail="why")
    answer = IngestAnswer(accepted=2, duplicates=1, rejected=[rejection], seq=9)

    assert decode_answer(encode_answer(answer)) == answer


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b'{"accepted":"\xff"}'])
def test_other_json_is_not_an_answer(data: bytes) -> None:
    """The error page of a proxy is not an answer."""
    with pytest.raises(MalformedBatchError):
        decode_answer(data)


def test_a_malformed_event_names_the_fault() -> None:
    """A single event that can't be read is refused with the path of the fault."""
    with pytest.raises(MalformedBatchError, match="`id`"):
        decode_event(b'{"event":"x"}')
    with pytest.raises(MalformedBatchError, match=r"\(byte 3\)"):
        decode_event(b'{"e')


def test_defaults_are_not_sent() -> None:
    """An event without a request has no field for it on the wire."""
    assert set(msgspec.json.decode(encode_event(EVENT))) == {"id", "event", "timestamp"}
    bare = RequestInfo(verb="GET", path="/")
    assert msgspec.json.encode(bare) == b'{"verb":"GET","path":"/"}'
