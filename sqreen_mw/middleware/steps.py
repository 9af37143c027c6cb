"""Answers that an app makes step by step: each step sees its request, and the last ends it."""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqreen_mw.agent.context import RequestContext, enter, leave


class Steps:
    """An iterable that the app answers with."""

    __slots__ = ("_body", "_context")

    def __init__(self, body: Any, context: RequestContext) -> None:
        self._body: Final = body
        self._context: Final = context

    def __iter__(self) -> "Steps":
        token = enter(self._context)
        try:
            iterator = iter(self._body)
        finally:
            leave(token)
        return self if iterator is self._body else Steps(iterator, self._context)

    def __next__(self) -> bytes:
        token = enter(self._context)
        try:
            return next(self._body)  # type: ignore[no-any-return]  # the app's
        finally:
            leave(token)

    def close(self) -> None:
        """Close what the app answered with; the request ends here."""
        close = getattr(self._body, "close", None)
        token = enter(self._context)
        try:
            if close is not None:
                close()
        finally:
            leave(token)
            self._context.finish()


class AsyncSteps:
    """An asynchronous iterator that the app answers with."""

    __slots__ = ("_body", "_context")

    def __init__(self, body: AsyncIterator[bytes], context: RequestContext) -> None:
        self._body: Final = body
        self._context: Final = context

    def __aiter__(self) -> "AsyncSteps":
        return self

    async def __anext__(self) -> bytes:
        token = enter(self._context)
        try:
            return await anext(self._body)
        finally:
            leave(token)

    def close(self) -> None:
        """End the request."""
        self._context.finish()
