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
    """A resolver that answers when the test allows it.

    Attributes:
        threads: The thread of each lookup.
        ended: The number of finished lookups.
        answers: Set by the test to let it answer.
        error: The error to fail with, if any.
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
    """Return the flusher's loop, which is not running."""
    made = OwnResolverLoop()
    yield made
    made.close()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowResolver]:
    """Replace the system's resolver by a slow one."""
    resolver = SlowResolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.answers.set()
    wait_until(lambda: resolver.ended == len(resolver.threads))


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that prevents new threads."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    return lambda: monkeypatch.setattr(_thread, "start_new_thread", refuse)


async def ask(host: str = "collector.test", *, seconds: float | None = None) -> Any:
    """Resolve a name on the running loop, with a timeout."""
    async with asyncio.timeout(seconds):
        return await asyncio.get_running_loop().getaddrinfo(host, 80, type=socket.SOCK_STREAM)


@pytest.mark.parametrize("naive", ["", "a thread of threading"])
def test_hanging_resolver_does_not_delay_the_exit(runner: Runner, naive: str) -> None:
    """The process does not wait for the resolver at exit, and its events are counted as lost."""
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


def test_last_known_answer_is_used_if_dns_fails(
    loop: OwnResolverLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the resolver fails, the last answer is used; a name without one is an error."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("gone")

    found = loop.run_until_complete(ask("localhost"))
    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert loop.run_until_complete(ask("localhost")) == found
    with pytest.raises(socket.gaierror):
        loop.run_until_complete(ask("localhost.localdomain"))


def test_concurrent_callers_share_one_lookup(loop: OwnResolverLoop, slow: SlowResolver) -> None:
    """Callers that ask meanwhile wait for the same answer, and the loop keeps running."""

    async def ask_twice() -> Any:
        asked = asyncio.gather(ask(), ask())
        await asyncio.sleep(0.05)
        slow.answers.set()
        return await asked

    assert loop.run_until_complete(ask_twice()) == [FOUND, FOUND]
    assert len(slow.threads) == 1
    assert threading.get_ident() not in slow.threads


def test_cancelled_caller_does_not_cancel_the_lookup(
    loop: OwnResolverLoop, slow: SlowResolver
) -> None:
    """A hanging resolver has one thread, not one for each try, and its answer is not lost."""

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


def test_last_known_answer_is_used_if_dns_is_silent(
    loop: OwnResolverLoop, slow: SlowResolver
) -> None:
    """If the resolver is silent, the last answer is used before a connection times out."""
    slow.answers.set()
    loop.run_until_complete(ask())
    slow.answers.clear()

    assert loop.run_until_complete(ask(seconds=9.0)) == FOUND
    assert slow.ended == 1


def test_other_errors_of_the_resolver_are_raised(loop: OwnResolverLoop, slow: SlowResolver) -> None:
    """An error of another kind, as for an invalid host name, is raised as well."""
    slow.error = UnicodeError("label too long")
    slow.answers.set()

    with pytest.raises(UnicodeError, match="label too long"):
        loop.run_until_complete(ask())


def test_answer_after_the_close_is_ignored(slow: SlowResolver) -> None:
    """If the loop is closed when the resolver answers, nothing is raised or logged."""
    loop = OwnResolverLoop()
    with pytest.raises(TimeoutError):
        loop.run_until_complete(ask(seconds=0.02))
    loop.close()

    slow.answers.set()
    wait_until(lambda: slow.ended)


def test_name_is_resolved_without_a_thread_if_none_can_start(
    slow: SlowResolver, no_thread: Callable[[], None]
) -> None:
    """The callback runs before the loop is blocked, and a known name is not resolved again."""
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
