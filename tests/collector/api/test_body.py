import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.api.body import inflate
from sqreen_mw.collector.api.problems import ProblemError


@given(st.binary(max_size=2000), st.integers(1, 2000), st.integers(1, 9))
def test_inflate_round_trip(data: bytes, times: int, level: int) -> None:
    """Compressed data is inflated up to the limit."""
    whole = (data * times)[:1_000_000]

    assert inflate(gzip.compress(whole, level), limit=len(whole)) == whole


@given(st.binary(max_size=50), st.data())
def test_truncated_gzip_is_rejected(data: bytes, cut: st.DataObject) -> None:
    """A gzip member without its end is rejected."""
    whole = gzip.compress(data * 10_000)
    length = cut.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(ProblemError):
        inflate(whole[:length], limit=1_000_000)


@given(st.integers(0, 2_000_000))
def test_inflate_limit_is_enforced(limit: int) -> None:
    """One byte more than the limit is too much."""
    with pytest.raises(ProblemError, match="inflates to more"):
        inflate(gzip.compress(bytes(limit + 1)), limit=limit)
