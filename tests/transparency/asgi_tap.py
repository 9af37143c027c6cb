"""A tap on one side of an ASGI application. It records all calls and changes nothing."""

import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from tests.transparency.record import APP, CALLER, Record, Records, raised

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[Any]]

UNLIKE = {"client", "server", "headers", "state"}
"""Scope keys that differ between requests."""


def header(scope: Scope, name: bytes, default: str) -> str:
    """Return the text of a header."""
    return next((value.decode() for key, value in scope["headers"] if key == name), default)


class Tap:
    """Records the calls of the server and of the application."""

    def __init__(self, app: App, *, side: str, records: Records) -> None:
        self.app = app
        self.side = side
        self.records = records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Run the application with one scope."""
        if "headers" not in scope:
            return await self.app(scope, receive, send)
        record = self.records.of(header(scope, b"x-case", ""))
        tap = _Running(self.side, record)
        tap.enter(scope, receive, send)
        try:
            value = await self.app(scope, tap.receiving(receive), tap.sending(send))
        except BaseException as error:
            tap.leave(scope, "raised", raised(error))
            raise
        tap.leave(scope, "returned", repr(value))
        return value


class _Running:
    """One request at a tap."""

    def __init__(self, side: str, record: Record) -> None:
        self.side = side
        self.record = record

    def enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.side == "out":
            CALLER.set("server")
            APP.set("unset")
            self.record.sent += [scope, scope["headers"]]
        known = self.record.is_same(scope), self.record.is_same(scope["headers"])
        self.record.add(self.side, "scope", known, _described(scope))
        marked = inspect.iscoroutinefunction(receive), inspect.iscoroutinefunction(send)
        self.record.add(self.side, "has coroutine functions", marked)
        self.record.add_contextvars(self.side, "entered")

    def leave(self, scope: Scope, how: str, what: str) -> None:
        self.record.add(self.side, how, what, _described(scope))
        self.record.add_contextvars(self.side, "left")
        if self.side == "out":
            self.record.done.set()

    def receiving(self, receive: Receive) -> Receive:
        async def tapped() -> Message:
            self.record.add(self.side, "receives")
            try:
                message = await receive()
            except BaseException as error:
                self.record.add(self.side, "receive raised", raised(error))
                raise
            if self.side == "out":
                self.record.sent.append(message)
            known = self.record.is_same(message)
            self.record.add(self.side, "received", known, repr(message))
            return message

        return tapped

    def sending(self, send: Send) -> Send:
        async def tapped(message: Message) -> None:
            if self.side == "in":
                self.record.sent.append(message)
            known = self.record.is_same(message)
            self.record.add(self.side, "sends", known, repr(message), APP.get("unset"))
            try:
                value = await send(message)  # type: ignore[func-returns-value]  # it is recorded
            except BaseException as error:
                self.record.add(self.side, "send raised", raised(error))
                raise
            self.record.add(self.side, "sent", repr(value))

        return tapped


def _described(scope: Scope) -> str:
    """Return a scope as text, without our key and the keys that differ between requests."""
    items = {key: value for key, value in scope.items() if key not in UNLIKE}
    fields = [field for field in scope["headers"] if field[0] not in {b"x-variant", b"host"}]
    state = sorted(key for key in scope.get("state") or {} if key != "sqreen")
    values = [repr(items[key]) for key in _DESCRIBED if key in items]
    return f"{sorted(items)} {fields} {state} {values}"


_DESCRIBED = ("type", "method", "path", "raw_path", "query_string", "root_path", "http_version")
