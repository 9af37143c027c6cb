from pathlib import Path

import pytest

from tests.support.optional import need
from tests.transparency.isolation import SITES, Load, events_of, faults

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("site", SITES)
def test_no_event_carries_another_requests_data(site: str, tmp_path: Path) -> None:
    """Of 500 requests, 50 at a time, each event arrives once, and says one number throughout."""
    for module in (SITES[site][0], site.partition("_")[0]):
        need(module)
    load = Load(requests=500, concurrency=50)

    events = events_of(site, load, tmp_path)

    assert len(events) == sum(load.events) > 500
    assert faults(events, load) == []
