import asyncio
import threading
import time

from sqreen_mw.collector.tail import Tail


def test_newer_number_returns_immediately() -> None:
    """If a newer number is known, it returns without waiting."""
    tail = Tail(7)

    assert asyncio.run(tail.newer_than(6, timeout=30)) == 7


def test_wait_ends_at_the_timeout() -> None:
    """Without news the known number returns after the timeout."""
    tail = Tail(7)

    assert asyncio.run(tail.newer_than(7, timeout=0.01)) == 7


def test_announcement_wakes_all_waiters() -> None:
    """An announcement from any thread wakes waiters on all loops."""
    tail = Tail()
    found: list[int] = []

    async def wait_for_three() -> list[int]:
        waiting = [asyncio.create_task(tail.newer_than(0, timeout=30)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=tail.announce, args=(5,)).start()
        return await asyncio.gather(*waiting)

    threads = [
        threading.Thread(target=lambda: found.extend(asyncio.run(wait_for_three())))
        for _ in range(2)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert found == [5] * 6
    assert time.monotonic() - begun < 20


def test_older_numbers_are_ignored() -> None:
    """Announcements out of order never decrease the number."""
    tail = Tail(3)
    tail.announce(2)

    assert asyncio.run(tail.newer_than(2, timeout=30)) == 3


def test_closed_loop_is_skipped() -> None:
    """A waiter with a closed loop does not block the others."""
    tail = Tail()
    loop = asyncio.new_event_loop()
    # Otherwise garbage collection logs an error during another test.
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(tail.newer_than(0, timeout=30))
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    loop.close()

    tail.announce(1)

    assert asyncio.run(tail.newer_than(0, timeout=30)) == 1
