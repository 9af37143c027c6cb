import ctypes
import os
import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.protocol.event_id import (
    EVENT_ID_LENGTH,
    EVENT_ID_PATTERN,
    event_id_bytes,
    new_event_id,
)

milliseconds = st.integers(0, 2**48 - 1)


@given(milliseconds)
def test_id_is_a_uuid_of_version_7(now: int) -> None:
    """An id has the version, variant and time of RFC 9562."""
    event_id = new_event_id(now)

    assert re.match(EVENT_ID_PATTERN, event_id)
    assert uuid.UUID(event_id).version == 7
    assert uuid.UUID(event_id).variant == uuid.RFC_4122
    assert uuid.UUID(event_id).int >> 80 == now


@given(milliseconds, milliseconds)
def test_ids_sort_by_time(one: int, other: int) -> None:
    """Ids of different milliseconds sort like their times, as text and as bytes."""
    first, second = new_event_id(min(one, other)), new_event_id(max(one, other))

    if one != other:
        assert first < second
        assert event_id_bytes(first) < event_id_bytes(second)


@given(milliseconds)
def test_bytes_and_text_are_the_same_id(now: int) -> None:
    """The 16 bytes of an id are those of its UUID."""
    event_id = new_event_id(now)

    assert uuid.UUID(bytes=event_id_bytes(event_id)) == uuid.UUID(event_id)


def test_ids_do_not_repeat() -> None:
    """Ids of one millisecond differ."""
    assert len({new_event_id(1_700_000_000_000) for _ in range(10_000)}) == 10_000


def test_forked_child_has_other_ids() -> None:
    """A child never has its parent's ids, even if its fork runs no hooks, like that of uWSGI."""
    reading, writing = os.pipe()
    new_event_id()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        os.write(writing, "".join(new_event_id(0) for _ in range(100)).encode())
        os._exit(0)
    own = {new_event_id(0) for _ in range(100)}
    os.waitpid(child, 0)
    text = os.read(reading, 100 * EVENT_ID_LENGTH).decode()
    os.close(reading)
    os.close(writing)
    others = {text[at : at + EVENT_ID_LENGTH] for at in range(0, len(text), EVENT_ID_LENGTH)}

    assert len(others) == 100
    assert {event_id[14:23] for event_id in others}.isdisjoint({own.pop()[14:23]})
    assert own.isdisjoint(others)
