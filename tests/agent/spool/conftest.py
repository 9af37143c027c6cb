from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.spool.instance import FakeTime, Instance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the directory of a spool, which does not exist yet."""
    return tmp_path / "spool"


@pytest.fixture
def clock() -> FakeTime:
    """Return the clock that all instances share."""
    return FakeTime()


@pytest.fixture
def instance(folder: Path, clock: FakeTime) -> Iterator[Callable[..., Instance]]:
    """Return a function that starts an instance of the app."""
    started: list[Instance] = []

    def start(**changes: Any) -> Instance:
        started.append(Instance(folder, clock=clock, **changes))
        return started[-1]

    yield start
    for each in started:
        each.spool.close()
