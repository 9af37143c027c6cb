"""Streaming responses: the app's iterator runs with the context of its request."""

from collections.abc import AsyncIterator, Generator
from contextvars import Token
from typing import Any, Final

from msgspec import Struct

from sqreen_mw.agent.context import RequestContext, fast_reset, reset_current, set_current


class ContextIterator(Struct, eq=False):
    """Wraps an iterable response of a WSGI app."""

    _body: Any
    _context: RequestContext
    _started: bool = False

    def __iter__(self) -> "ContextIterator":
        token = set_current(self._context)
        try:
            iterator = iter(self._body)
        finally:
            fast_reset(token)
        return self if iterator is self._body else ContextIterator(iterator, self._context)

    def __next__(self) -> bytes:
        token = set_current(self._context)
        try:
            part: bytes = next(self._body)
        except Exception as error:
            self._context.record_crash(error, started=self._started)
            raise
        else:
            self._started = True
            return part
        finally:
            fast_reset(token)

    def close(self) -> None:
        """Close the app's response, and finish the request."""
        close = getattr(self._body, "close", None)
        token = set_current(self._context)
        try:
            if close is not None:
                close()
        finally:
            fast_reset(token)
            self._context.finish()


def context_generator(
    generator: Generator[bytes, None, None],
    context: RequestContext,
    token: Token[RequestContext | None],
) -> Generator[bytes, None, None]:
    """Wrap a response that is a generator; it costs half as much as ``ContextIterator``.

    Advance it to its first ``yield`` before returning it, because a generator that never started
    cannot finish the request when it is closed. The request finishes with the last item, as no
    code of the app runs after it.

    Args:
        generator: The app's response.
        context: The request.
        token: A token that was already reset.
    """
    part = None
    try:
        yield b""
        token = set_current(context)
        for part in generator:
            fast_reset(token)
            yield part
            token = set_current(context)
        fast_reset(token)
        context.finish()
    except BaseException as error:  # the server closed it, or the app raised
        reset_current(token)
        context.record_crash(error, started=part is not None)
        ContextIterator(generator, context).close()
        raise


class AsyncContextIterator:
    """Wraps an asynchronous response of Django."""

    __slots__ = ("_body", "_context")

    def __init__(self, body: AsyncIterator[bytes], context: RequestContext) -> None:
        self._body: Final = body
        self._context: Final = context

    def __aiter__(self) -> "AsyncContextIterator":
        return self

    async def __anext__(self) -> bytes:
        token = set_current(self._context)
        try:
            return await anext(self._body)
        except Exception as error:
            if not isinstance(error, StopAsyncIteration):
                self._context.record_crash(error, started=True)
            raise
        finally:
            reset_current(token)

    def close(self) -> None:
        """Finish the request."""
        self._context.finish()
