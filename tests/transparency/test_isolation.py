from pathlib import Path

import pytest

from tests.support.optional import need
from tests.transparency.isolation import SITES, Load, events_of, faults

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("site", SITES)
def test_events_never_mix_requests(site: str, tmp_path: Path) -> None:
    """With 50 of 500 requests at a time, each event arrives once, with data of one request only."""
    for module in (SITES[site][0], site.partition("_")[0]):
        need(module)
    load = Load(requests=500, concurrency=50)

    events = events_of(site, load, tmp_path)

    assert len(events) == sum(load.events) > 500
    assert faults(events, load) == []
