import asyncio
import threading
import time

from sqreen_mw.collector.tail import Tail


def test_what_is_known_comes_at_once() -> None:
    """Who is behind gets the latest number without waiting."""
    tail = Tail(7)

    assert asyncio.run(tail.newer_than(6, timeout=30)) == 7


def test_nothing_new_ends_at_the_timeout() -> None:
    """Where nothing is announced, the known number comes back after the time that was given."""
    tail = Tail(7)

    assert asyncio.run(tail.newer_than(7, timeout=0.01)) == 7


def test_an_announcement_wakes_everyone() -> None:
    """Everyone who waits, on whatever loop, is woken by an announcement from any thread."""
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


def test_older_numbers_change_nothing() -> None:
    """Announcements that arrive out of order never take the number back."""
    tail = Tail(3)
    tail.announce(2)

    assert asyncio.run(tail.newer_than(2, timeout=30)) == 3


def test_a_loop_that_ended_is_passed_over() -> None:
    """A waiter whose loop was closed under it holds up nobody."""
    tail = Tail()
    loop = asyncio.new_event_loop()
    # Else it complains of the waiter in the log of whichever test runs when the garbage goes.
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(tail.newer_than(0, timeout=30))
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    loop.close()

    tail.announce(1)

    assert asyncio.run(tail.newer_than(0, timeout=30)) == 1
