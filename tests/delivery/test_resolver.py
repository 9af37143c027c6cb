import _thread
import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sqreen_mw.agent.delivery.transports.dns import OwnResolverLoop, UnansweredError
from tests.delivery.conftest import Runner
from tests.support.waiting import wait_until

HANGS = """
import socket
import threading
import time
import sqreen_mw as sqreen

socket.getaddrinfo = lambda *_, **__: time.sleep(30)
sqreen.track("x")
print("ready", flush=True)
"""

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


class SlowResolver:
    """A resolver that answers when it is let.

    Attributes:
        threads: On which it was asked, each time.
        ended: How many look-ups have come to their end.
        answers: Lets it answer.
        error: What it fails with, if it is to fail.
    """

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.ended = 0
        self.answers = threading.Event()
        self.error: Exception | None = None

    def __call__(self, *_: object, **__: object) -> Any:
        """Answer as ``socket.getaddrinfo`` does."""
        self.threads.append(threading.get_ident())
        self.answers.wait(10.0)
        self.ended += 1
        if self.error is not None:
            raise self.error
        return FOUND


@pytest.fixture
def loop() -> Iterator[OwnResolverLoop]:
    """Return the flusher's loop, which is not run."""
    made = OwnResolverLoop()
    yield made
    made.close()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowResolver]:
    """Put a slow resolver in the place of the system's."""
    resolver = SlowResolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.answers.set()
    wait_until(lambda: resolver.ended == len(resolver.threads))


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what sees to it that no thread starts any more."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    return lambda: monkeypatch.setattr(_thread, "start_new_thread", refuse)


async def ask(host: str = "collector.test", *, seconds: float | None = None) -> Any:
    """Ask the running loop for a name, as a connection does that has so many seconds."""
    async with asyncio.timeout(seconds):
        return await asyncio.get_running_loop().getaddrinfo(host, 80, type=socket.SOCK_STREAM)


@pytest.mark.parametrize("naive", ["", "a thread of threading"])
def test_a_resolver_that_hangs_keeps_no_process(runner: Runner, naive: str) -> None:
    """Who waits for the resolver is left behind at exit, and what it had is counted."""
    ended, errors = True, ""
    with runner.running(HANGS, naive) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            _, errors = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            ended = False

    assert ended is not bool(naive)
    assert ended is ("1 events were not delivered before the exit, they are lost" in errors)


def test_a_name_is_remembered(loop: OwnResolverLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the resolver fails, a name is what it was last; one that was never known is not."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("gone")

    found = loop.run_until_complete(ask("localhost"))
    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert loop.run_until_complete(ask("localhost")) == found
    with pytest.raises(socket.gaierror):
        loop.run_until_complete(ask("localhost.localdomain"))


def test_a_name_is_looked_up_once_however_many_ask(
    loop: OwnResolverLoop, slow: SlowResolver
) -> None:
    """Who asks meanwhile waits for the same answer, on a loop that runs on."""

    async def ask_twice() -> Any:
        asked = asyncio.gather(ask(), ask())
        await asyncio.sleep(0.05)
        slow.answers.set()
        return await asked

    assert loop.run_until_complete(ask_twice()) == [FOUND, FOUND]
    assert len(slow.threads) == 1
    assert threading.get_ident() not in slow.threads


def test_who_stops_waiting_leaves_the_look_up_to_the_next(
    loop: OwnResolverLoop, slow: SlowResolver
) -> None:
    """A resolver that hangs has one thread, not one for each try, and its answer is not lost."""

    async def give_up_thrice() -> Any:
        for _ in range(3):
            with pytest.raises(TimeoutError) as told:
                await ask(seconds=0.02)
            assert isinstance(told.value.__cause__, asyncio.CancelledError)
            assert isinstance(told.value.__cause__.__cause__, UnansweredError)
        slow.answers.set()
        return await ask()

    assert loop.run_until_complete(give_up_thrice()) == FOUND
    assert len(slow.threads) == 1


def test_a_name_that_is_known_is_not_waited_for(loop: OwnResolverLoop, slow: SlowResolver) -> None:
    """Where the resolver falls silent, a name is what it was last before a connection gives up."""
    slow.answers.set()
    loop.run_until_complete(ask())
    slow.answers.clear()

    assert loop.run_until_complete(ask(seconds=9.0)) == FOUND
    assert slow.ended == 1


def test_a_fault_of_the_resolver_is_told_to_who_asks(
    loop: OwnResolverLoop, slow: SlowResolver
) -> None:
    """An error of another kind, as for a name that no name can be, is the caller's as well."""
    slow.error = UnicodeError("label too long")
    slow.answers.set()

    with pytest.raises(UnicodeError, match="label too long"):
        loop.run_until_complete(ask())


def test_an_answer_that_comes_too_late_is_nobodys(slow: SlowResolver) -> None:
    """The loop may be closed when the resolver answers: nothing is raised, or said."""
    loop = OwnResolverLoop()
    with pytest.raises(TimeoutError):
        loop.run_until_complete(ask(seconds=0.02))
    loop.close()

    slow.answers.set()
    wait_until(lambda: slow.ended)


def test_a_name_is_looked_up_without_a_thread_where_none_is_to_be_had(
    slow: SlowResolver, no_thread: Callable[[], None]
) -> None:
    """It is said beforehand that the loop is held up, and what was known is not asked again."""
    said: list[int] = []
    loop = OwnResolverLoop(before_blocking=lambda: said.append(len(slow.threads)))
    no_thread()
    slow.answers.set()
    try:
        for _ in range(2):
            assert loop.run_until_complete(ask()) == FOUND
    finally:
        loop.close()

    assert slow.threads == [threading.get_ident()]
    assert said == [0]
