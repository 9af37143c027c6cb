from collections.abc import Iterator

import pytest

from tests.delivery.killing import Target, killed_round, target_of
from tests.support.collector_process import run_collector


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Serve a collector, and give a folder for a spool."""
    folder = tmp_path_factory.mktemp("killed")
    with run_collector(folder / "data") as process:
        yield target_of(process, folder / "spool")


@pytest.mark.parametrize("number", range(5))
def test_a_site_that_is_killed_loses_its_last_second_at_most(target: Target, number: int) -> None:
    """What was tracked before arrives once, by the next process; the spool keeps its bound."""
    is_flooded = number == 4

    done = killed_round(target, number, is_flooded=is_flooded)

    assert done.faults(is_flooded=is_flooded) == []
    assert done.tracked
