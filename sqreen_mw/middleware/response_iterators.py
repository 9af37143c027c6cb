"""Answers that an app makes step by step: each step sees its request, and the last ends it."""

from collections.abc import AsyncIterator, Generator
from contextvars import Token
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.context import RequestContext, fast_reset, reset_current, set_current


class Steps(Struct, eq=False):
    """An iterable that the app answers with."""

    _body: Any
    _context: RequestContext

    def __iter__(self) -> "Steps":
        token = set_current(self._context)
        try:
            iterator = iter(self._body)
        finally:
            fast_reset(token)
        return self if iterator is self._body else Steps(iterator, self._context)

    def __next__(self) -> bytes:
        token = set_current(self._context)
        try:
            return next(self._body)  # type: ignore[no-any-return]  # the app's
        finally:
            fast_reset(token)

    def close(self) -> None:
        """Close what the app answered with; the request ends here."""
        close = getattr(self._body, "close", None)
        token = set_current(self._context)
        try:
            if close is not None:
                close()
        finally:
            fast_reset(token)
            self._context.finish()


def generator_steps(
    generator: Generator[bytes, None, None],
    context: RequestContext,
    token: Token[RequestContext | None],
) -> Generator[bytes, None, None]:
    """Return the steps of a generator that the app answers with: half the price of ``Steps``.

    They are a generator too. Hand them out at their first ``yield``: closed before, none would end
    the request. It ends with the last step, as nothing of the app's runs at the closing then.

    Args:
        generator: What the app answers with.
        context: The request.
        token: One that was left already.
    """
    try:
        yield b""
        token = set_current(context)
        for part in generator:
            fast_reset(token)
            yield part
            token = set_current(context)
        fast_reset(token)
        context.finish()
    except BaseException:  # closed by the server, or raised by the app
        reset_current(token)
        Steps(generator, context).close()
        raise


class AsyncSteps:
    """An asynchronous iterator that the app answers with."""

    __slots__ = ("_body", "_context")

    def __init__(self, body: AsyncIterator[bytes], context: RequestContext) -> None:
        self._body: Final = body
        self._context: Final = context

    def __aiter__(self) -> "AsyncSteps":
        return self

    async def __anext__(self) -> bytes:
        token = set_current(self._context)
        try:
            return await anext(self._body)
        finally:
            reset_current(token)

    def close(self) -> None:
        """End the request."""
        self._context.finish()
