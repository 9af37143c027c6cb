"""ASGI applications, each with one behaviour that a middleware could break."""

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
    """Add an application to the table, under its name."""
    HTTP[getattr(app, "__name__", "")] = app
    return app


def websocket(app: App) -> App:
    """Add a websocket application to the table, under its name."""
    WEBSOCKET[getattr(app, "__name__", "")] = app
    return app


def named(kind: dict[str, App]) -> App:
    """Return an application that calls the one named by the first part of the path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> object:
        sqreen.track("behaves", properties={"path": scope["path"]})
        return await kind[scope["path"].split("/")[1]](scope, receive, send)

    return app


async def start(send: Send, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """Start a response."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})


async def body(send: Send, part: bytes = b"hello", *, more: bool = False) -> None:
    """Send a part of the body."""
    await send({"type": "http.response.body", "body": part, "more_body": more})


@http
async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond without reading the request body."""
    await start(send, 200, LENGTH)
    await body(send)


@http
async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond in parts; one is empty."""
    await start(send)
    for part in (b"a", b"", b"b" * 70_000):
        await body(send, part, more=True)
        await anyio.lowlevel.checkpoint()
    await body(send, b"c")


@http
async def minimal_messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave out all optional keys."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


@http
async def server_sent_events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send server-sent events with pauses."""
    await start(send, 200, (b"content-type", b"text/event-stream"))
    for number in range(3):
        sqreen.track("sse", properties={"number": number})
        await body(send, b"data: %d\n\n" % number, more=True)
        await anyio.sleep(0.01)
    await body(send, b"")


@http
async def until_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part, then wait until the client disconnects."""
    await start(send)
    await body(send, b"first", more=True)
    while (await receive())["type"] != "http.disconnect":
        pass


@http
async def sends_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with a file; servers with the pathsend extension get its path only."""
    await FileResponse(FILE)(scope, receive, send)


@http
async def in_background(scope: Scope, receive: Receive, send: Send) -> None:
    """Run a background task after the response."""

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        sqreen.track("worked")
        APP.set("worked")

    answer = PlainTextResponse("later", background=BackgroundTask(work))
    await answer(scope, receive, send)


@http
async def no_content(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond without a body."""
    await start(send, 204)
    await body(send, b"")


@http
async def not_modified(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond 304."""
    await start(send, 304, (b"etag", b'"x"'))
    await body(send, b"")


@http
async def fails_before(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise an exception with a cause before the response starts."""
    try:
        _ = dict[str, str]()["cause"]
    except KeyError as error:
        raise ValueError("before") from error


@http
async def fails_begun(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise after the status was sent."""
    await start(send, 200, LENGTH)
    raise ValueError("begun")


@http
async def fails_midway(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise after the first part of the body."""
    await start(send)
    await body(send, b"part", more=True)
    raise ValueError("midway")


@http
async def fails_after(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise after the response."""
    await plain(scope, receive, send)
    raise ValueError("after")


@http
async def fails_in_group(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise an exception group."""
    raise ExceptionGroup("group", [ValueError("one"), KeyError("two")])


@http
async def no_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without a response."""


@http
async def half_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return in the middle of a response."""
    await start(send, 200, LENGTH)
    await body(send, b"he", more=True)


@http
async def two_responses(scope: Scope, receive: Receive, send: Send) -> None:
    """Send two responses."""
    await plain(scope, receive, send)
    await plain(scope, receive, send)


@http
async def misspells(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message of an unknown type."""
    await send({"type": "http.response.strat", "status": 200, "headers": []})


@http
async def typeless(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message without a type."""
    await send({"status": 200, "headers": []})


@http
async def odd_status(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the status as a string."""
    await send({"type": "http.response.start", "status": "200", "headers": []})
    await body(send)


@http
async def bare_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a message without a status."""
    await send({"type": "http.response.start"})


@http
async def returns_value(scope: Scope, receive: Receive, send: Send) -> object:
    """Return a value, although ASGI applications return None."""
    await plain(scope, receive, send)
    return "a value"


@http
async def sets_contextvars(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the caller's contextvar, and set another one."""
    APP.set("early")
    await start(send)
    await body(send, CALLER.get("unset").encode(), more=True)
    APP.set("late")
    await body(send, b"")


@http
async def changes_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Change a message after sending it."""
    message: Message = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}
    await send(message)
    message["headers"].append((b"x-late", b"1"))
    message.clear()
    await body(send)


@http
async def one_shot_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send headers that can be iterated only once."""
    await send({"type": "http.response.start", "status": 200, "headers": OneShot([LENGTH])})
    await body(send)


class OneShot:
    """Headers that can be iterated only once; repr() does not iterate them."""

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
    """Respond with the length of the request body."""
    size = len(b"".join(await _read(receive)))
    await start(send)
    await body(send, str(size).encode())


@http
async def reads_some(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive one message of the request body, and respond."""
    await receive()
    await plain(scope, receive, send)


@http
async def reads_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Start the response, read the request body, and finish."""
    await start(send)
    await body(send, b"first", more=True)
    await body(send, str(len(b"".join(await _read(receive)))).encode())


@http
async def parses_form(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the names of the form fields, parsed by Starlette."""
    request = Request(scope, receive)
    async with request.form() as form:
        fields = sorted(form)
    sqreen.track("form", properties={"fields": len(fields)})
    await PlainTextResponse(",".join(fields))(scope, receive, send)


@websocket
async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and echo text and bytes until the client closes."""
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-accepted", b"yes")]})
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
    """Accept, send a text, and close with code 4321."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    await send({"type": "websocket.close", "code": 4321, "reason": "enough"})


@websocket
async def denies(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond over HTTP, if the server has the denial extension."""
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
