from pathlib import Path

import pytest

from benchmarks.event_database import write_event_database
from benchmarks.event_queries import FILTERS, RANGES, measure
from sqreen_mw.collector.events import open_event_store


@pytest.mark.slow
def test_each_filter_is_measured_in_each_range(tmp_path: Path) -> None:
    """Each cell has a wall time and a CPU time, and no read of a small database is cut."""
    store = open_event_store(f"sqlite:///{write_event_database(tmp_path, events=2000)}")

    rows = measure(store, rounds=1)

    store.close()
    assert [name for name, *_ in rows] == list(FILTERS)
    assert all(len(cells) == 2 * len(RANGES) for _, *cells in rows)
    assert not any("*" in cell for _, *cells in rows for cell in cells)
