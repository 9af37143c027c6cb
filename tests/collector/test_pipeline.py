import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqreen_mw.collector.pipeline import MAX_WAITING
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state.apps import DEFAULT_ENVIRONMENT
from sqreen_mw.errors import StoreError
from sqreen_mw.protocol.batch import DecodedBatch, decode_batch


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Return the services of a collector."""
    opened = open_services(Settings(data_dir=tmp_path))
    yield opened
    opened.close()


def _empty() -> DecodedBatch:
    return decode_batch(b'{"events": []}')


def _read() -> tuple[str, DecodedBatch]:
    return "shop", _empty()


def test_number_of_waiting_batches_is_limited(services: Services) -> None:
    """While the writer is blocked, one batch too many is rejected; the others are answered."""
    go_on = threading.Event()

    def held() -> tuple[str, DecodedBatch]:
        assert go_on.wait(30)
        return _read()

    async def fill() -> int:
        submit = services.pipeline.submit
        waiting = [asyncio.create_task(submit(held)) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="waiting to be written"):
            await submit(_read)
        go_on.set()
        answers = await asyncio.gather(*waiting)
        await submit(_read)
        return len(answers)

    assert asyncio.run(fill()) == MAX_WAITING


def test_read_error_frees_its_slot(services: Services) -> None:
    """A batch that cannot be read raises its error and frees its slot."""

    def unreadable() -> tuple[str, DecodedBatch]:
        raise ValueError("no batch")

    async def send() -> None:
        for _ in range(MAX_WAITING + 1):
            with pytest.raises(ValueError, match="no batch"):
                await services.pipeline.submit(unreadable)

    asyncio.run(send())


def test_batch_without_environment_gets_the_default(services: Services) -> None:
    """The environments of batches are recorded."""
    services.pipeline.accept(_empty(), app="default")
    services.pipeline.accept(decode_batch(b'{"env": "prod", "events": []}'), app="default")

    assert services.state.apps.environments("default") == (DEFAULT_ENVIRONMENT, "prod")


def test_many_environments_are_accepted(services: Services) -> None:
    """Batches with ever new environments are accepted."""
    for number in range(1005):
        batch = decode_batch(b'{"env": "env%d", "events": []}' % number)
        services.pipeline.accept(batch, app="default")

    assert len(services.state.apps.environments("default")) == 100
