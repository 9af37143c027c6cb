import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sqreen_mw.collector.pipeline import MAX_OF_ONE_TOKEN, MAX_WAITING
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
    """While the writer is blocked, one batch too many is rejected; the others are answered.

    A token without a waiting batch is not the one that fills the queue, so it finds a place.
    """
    go_on = threading.Event()

    def held() -> tuple[str, DecodedBatch]:
        assert go_on.wait(30)
        return _read()

    async def fill() -> int:
        submit = services.pipeline.submit
        waiting = [
            asyncio.create_task(submit(held, token_id=f"token {number % 8}"))
            for number in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="waiting to be written"):
            await submit(_read, token_id="token 0")
        waiting += [
            asyncio.create_task(submit(held, token_id=f"other {number}"))
            for number in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="waiting to be written"):
            await submit(_read, token_id="one more")
        go_on.set()
        answers = await asyncio.gather(*waiting)
        await submit(_read, token_id="other")
        return len(answers)

    assert asyncio.run(fill()) == 2 * MAX_WAITING


@pytest.mark.parametrize("others", [1, 3])
def test_slow_batches_of_one_token_do_not_stop_the_others(services: Services, others: int) -> None:
    """A token whose batches take long fills its own share only; the others are answered."""
    go_on = threading.Event()

    def slow() -> tuple[str, DecodedBatch]:
        assert go_on.wait(30)
        return _read()

    async def send() -> int:
        submit = services.pipeline.submit
        share = [
            asyncio.create_task(submit(slow, token_id="slow")) for _ in range(MAX_OF_ONE_TOKEN)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match=f"{MAX_OF_ONE_TOKEN} of them from this token"):
            await submit(slow, token_id="slow")
        answers = [
            await submit(_read, token_id=f"token {number}")
            for _ in range(5)
            for number in range(others)
        ]
        assert not any(task.done() for task in share)
        go_on.set()
        await asyncio.gather(*share)
        return len(answers)

    assert asyncio.run(send()) == 5 * others


def test_tokens_take_turns(services: Services) -> None:
    """With more tokens than threads, no token has to wait for the whole share of another one."""
    order: list[str] = []

    def read(token_id: str) -> tuple[str, DecodedBatch]:
        order.append(token_id)
        return _read()

    async def send() -> None:
        await asyncio.gather(
            *(
                services.pipeline.submit(partial(read, token_id), token_id=token_id)
                for token_id in ("a", "b", "c")
                for _ in range(MAX_OF_ONE_TOKEN)
            )
        )

    asyncio.run(send())

    assert min(order[:24].count(token_id) for token_id in ("a", "b", "c")) > 4


def test_read_error_frees_its_slot(services: Services) -> None:
    """A batch that cannot be read raises its error and frees its slot."""

    def unreadable() -> tuple[str, DecodedBatch]:
        raise ValueError("no batch")

    async def send() -> None:
        for _ in range(MAX_WAITING + 1):
            with pytest.raises(ValueError, match="no batch"):
                await services.pipeline.submit(unreadable, token_id="token")

    asyncio.run(send())


def test_batch_without_environment_gets_the_default(services: Services) -> None:
    """The environments of batches are recorded."""
    services.pipeline.accept(_empty(), app="default")
    services.pipeline.accept(decode_batch(b'{"env": "prod", "events": []}'), app="default")

    assert services.state.apps.environments("default") == (DEFAULT_ENVIRONMENT, "prod")


@pytest.mark.slow
def test_many_environments_are_accepted(services: Services) -> None:
    """Batches with ever new environments are accepted."""
    for number in range(1005):
        batch = decode_batch(b'{"env": "env%d", "events": []}' % number)
        services.pipeline.accept(batch, app="default")

    assert len(services.state.apps.environments("default")) == 100
