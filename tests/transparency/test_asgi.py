import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import pytest

from sqreen_mw.middleware.asgi import SqreenMiddleware
from tests.support.optional import need
from tests.transparency.asgi_apps import HTTP, WEBSOCKET, named
from tests.transparency.asgi_drive import Server, scope_of, variant
from tests.transparency.asgi_tap import App, Message, Receive, Scope, Send
from tests.transparency.record import Records

pytestmark = pytest.mark.slow

PARTS: list[Message] = [
    {"type": "http.request", "body": b"a=1&", "more_body": True},
    {"type": "http.request", "body": b"", "more_body": True},
    {"type": "http.request", "body": b"b=2"},
]
FORM = [(b"content-type", b"application/x-www-form-urlencoded"), (b"x-case", b"case")]
EXTENSIONS: dict[str, dict[str, Any]] = {
    "http.response.pathsend": {},
    "websocket.http.response": {},
}
WORDS: list[Message] = [
    {"type": "websocket.connect"},
    {"type": "websocket.receive", "text": "hé"},
    {"type": "websocket.receive", "bytes": b"\xff\x00"},
    {"type": "websocket.disconnect", "code": 1001},
]


@pytest.fixture(params=["tracking", "unconfigured"])
def tracking(request: pytest.FixtureRequest) -> None:
    """Run the test with a memory collector, and without any."""
    if request.param == "tracking":
        request.getfixturevalue("memory")


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Return a function that runs a coroutine function on asyncio or trio."""
    need(request.param)
    return partial(anyio.run, backend=request.param)


async def _seen(
    app: App, scope: Scope, server: Server, *, wrapped: bool
) -> tuple[list[str], list[Message]]:
    """Return the lines of both taps, and the messages of the server."""
    records = Records()
    entry = variant(app, wrapped=wrapped, records=records)
    with suppress(Exception):  # the taps record it
        await entry(scope, server.receive, server.send)
    return records.of("case").lines, server.sent


@pytest.mark.parametrize("breaks_after", [1000, 1], ids=["whole", "lost"])
@pytest.mark.parametrize("name", [*HTTP, *(f"ws-{name}" for name in WEBSOCKET)])
@pytest.mark.usefixtures("tracking")
def test_both_sides_see_the_same(name: str, breaks_after: int, run: Callable[[Any], Any]) -> None:
    """The middleware changes no message, value, error or contextvar, and no order.

    The same holds if the connection is lost in the middle.
    """
    is_websocket = name.startswith("ws-")
    app = named(WEBSOCKET if is_websocket else HTTP)
    path = name.removeprefix("ws-")
    incoming = WORDS if is_websocket else PARTS

    async def serve(*, wrapped: bool) -> tuple[list[str], list[Message]]:
        kind = "websocket" if is_websocket else "http"
        scope = scope_of(kind, path, headers=FORM, extensions=EXTENSIONS)
        server = Server(incoming, breaks_after=breaks_after)
        return await _seen(app, scope, server, wrapped=wrapped)

    bare = run(partial(serve, wrapped=False))

    assert run(partial(serve, wrapped=True)) == bare
    assert len(bare[0]) > 4


class _Step:
    """An awaitable that needs no event loop."""

    def __await__(self) -> Generator[None]:
        yield


async def _three_steps(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def _steps(app: App) -> int:
    async def receive() -> Message:
        await _Step()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        await _Step()

    running = app(scope_of("http", "x"), receive, send).__await__()
    return sum(1 for _ in running)


@pytest.mark.usefixtures("tracking")
def test_needs_no_event_loop() -> None:
    """The middleware runs without an event loop, and never suspends by itself."""
    assert _steps(SqreenMiddleware(_three_steps)) == _steps(_three_steps) == 3


@pytest.mark.usefixtures("tracking")
def test_cancelling_reaches_the_app(run: Callable[[Any], Any]) -> None:
    """A cancelled app behaves as without the middleware."""

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep_forever()

    async def serve(*, wrapped: bool) -> list[str]:
        records = Records()
        entry = variant(waits, wrapped=wrapped, records=records)
        server = Server([])
        with anyio.move_on_after(0.01) as cancelling:
            await entry(scope_of("http", "x"), server.receive, server.send)
        assert cancelling.cancelled_caught
        # The text of the cancellation depends on its exact moment.
        lines = [line.split("<")[0] for line in records.of("case").lines]
        return [line.split("CancelledError(")[0] for line in lines]

    assert run(partial(serve, wrapped=True)) == run(partial(serve, wrapped=False))


@pytest.mark.usefixtures("tracking")
def test_closing_the_coroutine_unwinds_the_app() -> None:
    """Closing the coroutine runs the ``finally`` blocks of the app, and nothing else."""
    unwound: list[str] = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
        except GeneratorExit:
            unwound.append("exit")
            raise

    async def receive() -> Message:
        await _Step()
        return {}

    async def send(message: Message) -> None:
        """Ignore the message."""

    running: Any = SqreenMiddleware(waits)(scope_of("http", "x"), receive, send)
    running.send(None)
    running.close()

    assert unwound == ["exit"]


LIFESPANS: dict[str, Sequence[str]] = {
    "completes": ["startup.complete", "shutdown.complete"],
    "fails to start": ["startup.failed"],
    "fails to end": ["startup.complete", "shutdown.failed"],
}


@pytest.mark.parametrize("answers", LIFESPANS.values(), ids=LIFESPANS)
@pytest.mark.usefixtures("tracking")
def test_lifespan_is_unchanged(answers: Sequence[str]) -> None:
    """Startup, shutdown and failures of the lifespan are those of the app."""

    async def app(scope: Scope, receive: Receive, send: Send) -> Any:
        scope["state"]["pool"] = "open"
        for answer in answers:
            await receive()
            await send({"type": f"lifespan.{answer}", "message": "said"})
        return "value"

    async def serve(entry: App) -> list[object]:
        scope: Scope = {"type": "lifespan", "state": {}}
        incoming = [{"type": f"lifespan.{kind}"} for kind in ("startup", "shutdown")]
        server = Server([dict(message) for message in incoming])
        value = await entry(scope, server.receive, server.send)
        return [value, scope, *server.sent]

    assert asyncio.run(serve(SqreenMiddleware(app))) == asyncio.run(serve(app))
