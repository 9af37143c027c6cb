import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.api.body import inflate
from sqreen_mw.collector.api.problems import Problem


@given(st.binary(max_size=2000), st.integers(1, 2000), st.integers(1, 9))
def test_inflates_what_gzip_made(data: bytes, times: int, level: int) -> None:
    """Whatever was compressed comes back, within the bound and up to it."""
    whole = (data * times)[:1_000_000]

    assert inflate(gzip.compress(whole, level), limit=len(whole)) == whole


@given(st.binary(max_size=50), st.data())
def test_what_was_cut_is_refused(data: bytes, cut: st.DataObject) -> None:
    """A member without its end is no member, wherever it was cut."""
    whole = gzip.compress(data * 10_000)
    length = cut.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(Problem):
        inflate(whole[:length], limit=1_000_000)


@given(st.integers(0, 2_000_000))
def test_more_than_the_bound_is_refused(limit: int) -> None:
    """One byte more than the bound is too much."""
    with pytest.raises(Problem, match="inflates to more"):
        inflate(gzip.compress(bytes(limit + 1)), limit=limit)
