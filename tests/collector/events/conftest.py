from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventStore


def _sqlite_url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


@pytest.fixture(params=[_sqlite_url], ids=["sqlite"])
def url_of(request: pytest.FixtureRequest) -> Callable[[Path, str], str]:
    """Return the function that makes a URL from a folder and a name, of each backend in turn."""
    made: Callable[[Path, str], str] = request.param
    return made


@pytest.fixture
def opened() -> Iterator[dict[str, EventStore]]:
    """Return the open stores by URL; all are closed at the end."""
    stores: dict[str, EventStore] = {}
    yield stores
    for store in stores.values():
        store.close()


@pytest.fixture
def new_store(
    opened: dict[str, EventStore], url_of: Callable[[Path, str], str], tmp_path: Path
) -> Callable[[], EventStore]:
    """Return a maker of empty stores."""

    def new() -> EventStore:
        url = url_of(tmp_path, f"events{len(opened)}")
        return opened.setdefault(url, open_event_store(url))

    return new


@pytest.fixture
def reopen(opened: dict[str, EventStore]) -> Callable[[EventStore], EventStore]:
    """Return a function that closes a store and opens it again."""

    def again(store: EventStore) -> EventStore:
        url = next(url for url, one in opened.items() if one is store)
        store.close()
        opened[url] = open_event_store(url)
        return opened[url]

    return again


@pytest.fixture
def store(new_store: Callable[[], EventStore]) -> EventStore:
    """Return one empty store of each backend in turn."""
    return new_store()
