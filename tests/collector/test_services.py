import threading
from pathlib import Path

import anyio
import pytest

from sqreen_mw.collector.services import READS_AT_ONCE, open_services, read_events
from sqreen_mw.collector.settings import Settings
from sqreen_mw.errors import ConfigurationError


def test_number_of_parallel_reads_is_limited() -> None:
    """Only a few reads run at the same time, no matter how many wait."""
    running = threading.Semaphore(READS_AT_ONCE)
    full, done = threading.Barrier(READS_AT_ONCE), []

    def read() -> None:
        assert running.acquire(blocking=False)
        full.wait(30)
        running.release()
        done.append(1)

    async def read_many() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3 * READS_AT_ONCE):
                group.start_soon(read_events, read)

    anyio.run(read_many)

    assert len(done) == 3 * READS_AT_ONCE


def test_first_token_is_created_once(tmp_path: Path) -> None:
    """The first token accepts any app and is not shown again."""
    first = open_services(Settings(data_dir=tmp_path))
    assert first.first_token is not None
    token = first.state.tokens.verify(first.first_token)
    first.close()
    second = open_services(Settings(data_dir=tmp_path))
    second.close()

    assert token is not None
    assert (token.app, sorted(token.scopes)) == (None, ["decisions:read", "ingest"])
    assert second.first_token is None


def test_state_is_closed_if_the_event_store_fails(tmp_path: Path) -> None:
    """If the events cannot be opened, the state is closed."""
    settings = Settings(data_dir=tmp_path, events_url="redis://x")

    with pytest.raises(ConfigurationError):
        open_services(settings)

    assert not (tmp_path / "state.db-wal").exists()
