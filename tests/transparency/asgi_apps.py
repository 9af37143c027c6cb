"""How ASGI applications may behave: each does one thing that a middleware could spoil."""

# ruff: noqa: ARG001 what ASGI calls with three arguments needs few of them

from collections.abc import Iterator
from pathlib import Path

import anyio.lowlevel
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse

import sqreen_mw as sqreen
from tests.transparency.asgi_tap import App, Message, Receive, Scope, Send
from tests.transparency.record import APP, CALLER

HTTP: dict[str, App] = {}
WEBSOCKET: dict[str, App] = {}
FILE = Path(__file__)
LENGTH = (b"content-length", b"5")


def http(app: App) -> App:
    """Put an application into the table, under its name."""
    HTTP[getattr(app, "__name__", "")] = app
    return app


def websocket(app: App) -> App:
    """Put a websocket application into the table, under its name."""
    WEBSOCKET[getattr(app, "__name__", "")] = app
    return app


def named(kind: dict[str, App]) -> App:
    """Return an application that behaves as the path's first part says."""

    async def app(scope: Scope, receive: Receive, send: Send) -> object:
        sqreen.track("behaves", properties={"path": scope["path"]})
        return await kind[scope["path"].split("/")[1]](scope, receive, send)

    return app


async def start(send: Send, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """Begin an answer."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})


async def body(send: Send, part: bytes = b"hello", *, more: bool = False) -> None:
    """Go on with an answer, or end it."""
    await send({"type": "http.response.body", "body": part, "more_body": more})


@http
async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the request's body."""
    await start(send, 200, LENGTH)
    await body(send)


@http
async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in parts, an empty one among them."""
    await start(send)
    for part in (b"a", b"", b"b" * 70_000):
        await body(send, part, more=True)
        await anyio.lowlevel.checkpoint()
    await body(send, b"c")


@http
async def leaves_out(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave out what may be left out."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


@http
async def server_sent_events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send events with pauses."""
    await start(send, 200, (b"content-type", b"text/event-stream"))
    for number in range(3):
        sqreen.track("sse", properties={"number": number})
        await body(send, b"data: %d\n\n" % number, more=True)
        await anyio.sleep(0.01)
    await body(send, b"")


@http
async def until_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream a part, and wait until the client is gone."""
    await start(send)
    await body(send, b"first", more=True)
    while (await receive())["type"] != "http.disconnect":
        pass


@http
async def sends_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a file; servers that can are given its path only."""
    await FileResponse(FILE)(scope, receive, send)


@http
async def in_background(scope: Scope, receive: Receive, send: Send) -> None:
    """Work on after the answer is complete."""

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        sqreen.track("worked")
        APP.set("worked")

    answer = PlainTextResponse("later", background=BackgroundTask(work))
    await answer(scope, receive, send)


@http
async def no_content(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a body."""
    await start(send, 204)
    await body(send, b"")


@http
async def not_modified(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the client has it."""
    await start(send, 304, (b"etag", b'"x"'))
    await body(send, b"")


@http
async def fails_before(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise before the answer has begun, with a cause."""
    try:
        _ = dict[str, str]()["cause"]
    except KeyError as error:
        raise ValueError("before") from error


@http
async def fails_begun(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise when the status is said."""
    await start(send, 200, LENGTH)
    raise ValueError("begun")


@http
async def fails_midway(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise between two parts."""
    await start(send)
    await body(send, b"part", more=True)
    raise ValueError("midway")


@http
async def fails_after(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise when all is said."""
    await plain(scope, receive, send)
    raise ValueError("after")


@http
async def fails_in_group(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise an exception group."""
    raise ExceptionGroup("group", [ValueError("one"), KeyError("two")])


@http
async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without an answer."""


@http
async def says_half(scope: Scope, receive: Receive, send: Send) -> None:
    """Return in the middle of an answer."""
    await start(send, 200, LENGTH)
    await body(send, b"he", more=True)


@http
async def says_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin a second answer."""
    await plain(scope, receive, send)
    await plain(scope, receive, send)


@http
async def misspells(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message that no server knows."""
    await send({"type": "http.response.strat", "status": 200, "headers": []})


@http
async def typeless(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message without its type."""
    await send({"status": 200, "headers": []})


@http
async def odd_status(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a status that is a text."""
    await send({"type": "http.response.start", "status": "200", "headers": []})
    await body(send)


@http
async def bare_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message without its status."""
    await send({"type": "http.response.start"})


@http
async def returns_value(scope: Scope, receive: Receive, send: Send) -> object:
    """Return something, which no application should."""
    await plain(scope, receive, send)
    return "a value"


@http
async def sets_contextvars(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the caller's contextvar, and leave one of its own."""
    APP.set("early")
    await start(send)
    await body(send, CALLER.get("unset").encode(), more=True)
    APP.set("late")
    await body(send, b"")


@http
async def changes_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Change a message after it was sent."""
    message: Message = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}
    await send(message)
    message["headers"].append((b"x-late", b"1"))
    message.clear()
    await body(send)


@http
async def one_shot_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Give the answer's headers as an iterator, which whoever looks uses up."""
    await send({"type": "http.response.start", "status": 200, "headers": OneShot([LENGTH])})
    await body(send)


class OneShot:
    """Header fields that can be gone through once, and are not when they are written down."""

    def __init__(self, fields: list[tuple[bytes, bytes]]) -> None:
        self._fields = fields

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        while self._fields:
            yield self._fields.pop()

    def __repr__(self) -> str:
        return f"OneShot({self._fields})"


async def _read(receive: Receive) -> list[bytes]:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts


@http
async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the request's body."""
    size = len(b"".join(await _read(receive)))
    await start(send)
    await body(send, str(size).encode())


@http
async def reads_some(scope: Scope, receive: Receive, send: Send) -> None:
    """Take one message of the request's body, and answer."""
    await receive()
    await plain(scope, receive, send)


@http
async def reads_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin the answer, read the request's body, and go on."""
    await start(send)
    await body(send, b"first", more=True)
    await body(send, str(len(b"".join(await _read(receive)))).encode())


@http
async def parses_form(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the form's fields, by Starlette."""
    request = Request(scope, receive)
    async with request.form() as form:
        fields = sorted(form)
    sqreen.track("form", properties={"fields": len(fields)})
    await PlainTextResponse(",".join(fields))(scope, receive, send)


@websocket
async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and send text and bytes back until the client closes."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-said", b"yes")]})
    while (message := await receive())["type"] == "websocket.receive":
        data = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **data})


@websocket
async def rejects(scope: Scope, receive: Receive, send: Send) -> None:
    """Close without accepting."""
    await receive()
    await send({"type": "websocket.close", "code": 4003})


@websocket
async def closes(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, greet, and close with a code of its own."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    await send({"type": "websocket.close", "code": 4321, "reason": "enough"})


@websocket
async def denies(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a plain request, where the server knows how."""
    await receive()
    prefix = "websocket.http.response"
    await send({"type": f"{prefix}.start", "status": 418, "headers": [LENGTH]})
    await send({"type": f"{prefix}.body", "body": b"hello"})


@websocket
async def fails_open(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise on an open websocket."""
    await receive()
    await send({"type": "websocket.accept"})
    raise ValueError("open")


@websocket
async def fails_closed(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise before the websocket is accepted."""
    await receive()
    raise ValueError("closed")
