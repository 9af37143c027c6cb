import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sqreen_mw.agent.process import unpatched
from tests.support.waiting import PATIENCE


def test_own_locks_are_released_for_the_block() -> None:
    """Another thread can take a lock that this one holds twice, until the block ends."""
    lock = unpatched.new_rlock()
    taken = []

    def take() -> None:
        taken.append(lock.acquire(blocking=False))
        if taken[-1]:
            lock.release()

    def take_in_thread() -> None:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(PATIENCE)

    with lock, lock:
        with unpatched.own_rlocks_released():
            take_in_thread()
        take_in_thread()
    take_in_thread()

    assert taken == [True, False, True]


def test_locks_of_other_threads_stay_locked() -> None:
    """A block in this thread releases no lock that another thread holds."""
    lock = unpatched.new_rlock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join(PATIENCE)

    with unpatched.own_rlocks_released():
        assert not lock.acquire(blocking=False)


@contextmanager
def repeating(action: Callable[[], object]) -> Iterator[None]:
    """Repeat an action on another thread during the block, with frequent switches of threads."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            action()

    thread = threading.Thread(target=repeat)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        sys.setswitchinterval(interval)
        thread.join()


def test_another_thread_may_create_locks_meanwhile() -> None:
    """A signal handler never fails because of a queue that another thread makes."""
    created = [unpatched.new_rlock()]

    def create() -> None:
        created.append(unpatched.new_rlock())
        del created[:-50]

    with repeating(create):
        for _ in range(500):
            with created[-1], unpatched.own_rlocks_released():
                pass


@pytest.mark.parametrize("is_outer_first", [True, False])
def test_locks_are_taken_again_without_a_deadlock(*, is_outer_first: bool) -> None:
    """Another thread may hold one of two locks and wait for the other one."""
    first, second = unpatched.new_rlock(), unpatched.new_rlock()
    outer, inner = (first, second) if is_outer_first else (second, first)
    rounds = 0

    def take_both() -> None:
        with outer, inner:
            pass

    def interrupt_often() -> None:
        nonlocal rounds
        for _ in range(300):
            with outer, inner, unpatched.own_rlocks_released():
                rounds += 1

    thread = threading.Thread(target=interrupt_often, daemon=True)
    with repeating(take_both):
        thread.start()
        thread.join(PATIENCE)
        assert rounds == 300
