"""Whatever happens to a segment's bytes, what is read of it was written, and nothing raises."""

from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.delivery.spool.framing import MARK, Contents, framed, unframed

payloads = st.lists(st.binary(max_size=40), max_size=6)


def segment_of(written: list[bytes]) -> bytes:
    """Return the bytes of a segment."""
    return MARK + b"".join(map(framed, written))


@given(payloads)
def test_what_is_written_is_read(written: list[bytes]) -> None:
    """A whole segment gives back its payloads, in order."""
    assert unframed(segment_of(written)) == Contents(written, damaged=False)


@given(payloads, st.data())
def test_a_cut_segment_gives_its_first_records(written: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere, the records before are read; what is left of the next one is told."""
    segment = segment_of(written)
    length = data.draw(st.integers(0, len(segment)))

    contents = unframed(segment[:length])

    whole = len(contents.payloads)
    assert contents.payloads == written[:whole]
    edges = {0, *(len(segment_of(written[:count])) for count in range(len(written) + 1))}
    assert contents.damaged is (length not in edges)


@given(payloads, st.data())
def test_a_flipped_bit_is_found(written: list[bytes], data: st.DataObject) -> None:
    """With one bit flipped, the records before it are read, and that something is wrong."""
    segment = bytearray(segment_of(written))
    bit = data.draw(st.integers(0, len(segment) * 8 - 1))
    segment[bit // 8] ^= 1 << bit % 8

    contents = unframed(bytes(segment))

    untouched = [
        part for part in range(len(written)) if len(segment_of(written[: part + 1])) * 8 <= bit
    ]
    assert contents == Contents(written[: len(untouched)], damaged=True)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_survived(data: bytes, marked: bool) -> None:  # noqa: FBT001 drawn
    """Of bytes of nobody's, only what has the form of records is read."""
    segment = MARK + data if marked else data

    contents = unframed(segment)

    whole = segment_of(contents.payloads) if segment.startswith(MARK) else b""
    assert segment.startswith(whole)
    assert contents.damaged is (len(whole) < len(segment))


def test_zeros_are_no_records() -> None:
    """A file's end that the disk never got, and that reads as zeros, holds no empty records."""
    assert unframed(segment_of([b"x"]) + bytes(64)) == Contents([b"x"], damaged=True)
