import threading

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
