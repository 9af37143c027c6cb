"""Work that starts in ``detached()`` belongs to no request."""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event

Start = Callable[[Callable[[], object]], Awaitable[object]]


async def start_task(work: Callable[[], object]) -> None:
    """Run work in a task that starts here and runs later."""

    async def run() -> None:
        await released.wait()
        work()

    released = asyncio.Event()
    with sqreen.detached():
        task = asyncio.create_task(run())
    released.set()
    await task


async def start_timer(work: Callable[[], object]) -> None:
    """Run work by a timer of the event loop."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    with sqreen.detached():
        loop.call_later(0, work)
        loop.call_later(0, done.set)
    await done.wait()


async def start_in_thread(work: Callable[[], object]) -> None:
    """Run work in a thread that copies the context, as anyio's and asgiref's threads do."""
    with sqreen.detached():
        await asyncio.to_thread(work)


async def start_pool(work: Callable[[], object]) -> None:
    """Run work in a pool whose threads run in the context of their start."""
    with sqreen.detached():
        context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,))
    thread.start()
    thread.join()


async def start_group(work: Callable[[], object]) -> None:
    """Run work in a task that a detached task starts."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(work))

    with sqreen.detached():
        task = asyncio.create_task(run())
    await task


def scope_of(path: str) -> dict[str, Any]:
    """Return the scope of a request."""
    values: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "query_string": b""}
    return {**values, "path": path, "client": ("203.0.113.9", 1)}


def serve_asgi(handle: Callable[[], Awaitable[object]]) -> None:
    """Serve one request of an ASGI app."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await handle()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def send(_: object) -> None:
        pass

    asyncio.run(SqreenMiddleware(app)(scope_of("/"), None, send))


@pytest.mark.parametrize(
    "start", [start_task, start_timer, start_in_thread, start_pool, start_group]
)
def test_detached_work_belongs_to_no_request(memory: list[Event], start: Start) -> None:
    """Its events have neither the request nor its user; those of the request itself do."""

    async def handle() -> None:
        sqreen.identify({"id": 1})
        await start(lambda: sqreen.track("later"))
        sqreen.track("here")

    serve_asgi(handle)

    assert sqreen.flush()
    later, here = sorted(memory, key=lambda event: event.name == "here")
    assert (later.request, later.user_identifiers) == (None, {})
    assert here.request is not None
    assert here.user_identifiers == {"id": "1"}


def test_worker_task_of_the_first_request_serves_the_second(memory: list[Event]) -> None:
    """A worker that the first request starts carries nothing of it, nor of the second."""

    async def work(jobs: "asyncio.Queue[str]") -> None:
        while True:
            name = await jobs.get()
            sqreen.track(name)
            jobs.task_done()

    async def serve() -> None:
        jobs: asyncio.Queue[str] = asyncio.Queue()
        tasks: list[asyncio.Task[None]] = []

        async def app(scope: Any, _: Any, __: Any) -> None:
            sqreen.identify({"id": scope["path"]})
            if not tasks:
                with sqreen.detached():
                    tasks.append(asyncio.create_task(work(jobs)))
            await jobs.put(f"mail{scope['path']}")
            await jobs.join()

        for path in ("/ann", "/bob"):
            await SqreenMiddleware(app)(scope_of(path), None, None)
        tasks[0].cancel()

    asyncio.run(serve())

    assert sqreen.flush()
    assert [event.name for event in memory] == ["mail/ann", "mail/bob"]
    assert [(event.request, event.user_identifiers) for event in memory] == [(None, {})] * 2


def test_block_may_wait_in_async_code(memory: list[Event]) -> None:
    """Other tasks of the request keep it while one of them waits inside the block."""

    async def handle() -> None:
        async with asyncio.TaskGroup() as group:
            with sqreen.detached():
                sqreen.track("inside")
                group.create_task(track_later("detached"))
                await asyncio.sleep(0)
                sqreen.track("inside")
            group.create_task(track_later("task"))
            await asyncio.sleep(0)
        sqreen.track("after")

    async def track_later(name: str) -> None:
        await asyncio.sleep(0)
        sqreen.track(name)

    serve_asgi(handle)

    assert sqreen.flush()
    described = {event.name: event.request is not None for event in memory}
    assert described == {"inside": False, "detached": False, "task": True, "after": True}


def test_request_continues_after_the_block(memory: list[Event]) -> None:
    """Calls inside the block have no request, those after it have it again, after errors too."""

    def app(_: Any, start_response: Any) -> Iterator[bytes]:
        with sqreen.detached(), ThreadPoolExecutor(1) as pool:
            sqreen.track("inside")
            pool.submit(sqreen.track, "pool").result()
            with sqreen.detached():
                sqreen.track("nested")
            assert current_request() is None
        with pytest.raises(KeyError), sqreen.detached():
            raise KeyError
        sqreen.track("after")
        start_response("200 OK", [])
        yield b""

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_ADDR": "203.0.113.9"}
    response = SqreenWSGIMiddleware(app)(environ, lambda *_: lambda _: None)
    assert list(response) == [b""]
    getattr(response, "close", nullcontext)()

    assert sqreen.flush()
    described = {event.name: event.request is not None for event in memory}
    assert described == {"inside": False, "pool": False, "nested": False, "after": True}


def test_detached_outside_of_requests_changes_nothing(memory: list[Event]) -> None:
    """Code that runs in requests and outside of them needs no case distinction."""
    with sqreen.detached():
        sqreen.track("x")

    assert sqreen.flush()
    assert [event.request for event in memory] == [None]
