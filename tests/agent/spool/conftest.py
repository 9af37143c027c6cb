from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.spool.process import Process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where a spool may be made."""
    return tmp_path / "spool"


@pytest.fixture
def process(folder: Path) -> Iterator[Callable[..., Process]]:
    """Return a function that makes a process's part of the spool."""
    made: list[Process] = []

    def make(**changes: Any) -> Process:
        made.append(Process(folder, **changes))
        return made[-1]

    yield make
    for each in made:
        each.spool.close()
