from collections.abc import Iterator

import pytest

from tests.delivery.killed_rounds import Target, killed_round, target_of
from tests.support.collector_process import run_collector


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Run a collector."""
    folder = tmp_path_factory.mktemp("killed")
    with run_collector(folder / "data") as process:
        yield target_of(process, folder / "spool")


@pytest.mark.parametrize("number", range(5))
def test_killed_site_loses_at_most_its_last_second(target: Target, number: int) -> None:
    """Older events arrive once, from the next process, and the spool respects its size."""
    is_flooded = number == 4

    done = killed_round(target, number, is_flooded=is_flooded)

    assert done.faults(is_flooded=is_flooded) == []
    assert done.tracked
