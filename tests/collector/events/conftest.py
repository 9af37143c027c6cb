from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventStore


def _sqlite_url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


@pytest.fixture(params=[_sqlite_url], ids=["sqlite"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], EventStore]]:
    """Return a maker of empty stores, of each backend in turn; all are closed at the end."""
    opened: list[EventStore] = []

    def new() -> EventStore:
        store = open_event_store(request.param(tmp_path, f"events{len(opened)}"))
        opened.append(store)
        return store

    yield new
    for store in opened:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], EventStore]) -> EventStore:
    """Return one empty store of each backend in turn."""
    return new_store()
