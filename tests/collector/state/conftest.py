from collections.abc import Iterator
from pathlib import Path

import pytest

from sqreen_mw.collector.state import State, open_state


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        """Return the time of the clock."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the state."""
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def state(url: str, clock: Clock) -> Iterator[State]:
    """Return an empty state."""
    opened = open_state(url, clock=clock)
    yield opened
    opened.close()
