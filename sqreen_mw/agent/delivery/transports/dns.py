"""The flusher's event loop, which resolves host names on separate threads.

A silent name server blocks nothing.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.process.unpatched import monotonic


class OwnResolverLoop(asyncio.SelectorEventLoop):
    """An event loop that resolves host names without asyncio's executor.

    During atexit handlers, neither the executor nor gevent's resolver accepts work, so the first
    connection to a host name would fail.
    """

    # The flusher closes it. Any thread may collect it as garbage: asyncio's destructor would run
    # Python code there, and lose the exception of a signal handler that interrupts it. A C function
    # is not interrupted.
    __del__ = staticmethod(int)  # type: ignore[assignment]  # its arguments are optional

    # Our clock, because tests replace that of asyncio.
    time = staticmethod(monotonic)

    def __init__(self, *, before_blocking: Callable[[], None] = lambda: None) -> None:
        """Make a loop.

        Args:
            before_blocking: Called before a name is resolved on the loop's own thread, if no other
                thread can start.
        """
        self._resolver = Resolver(self, before_blocking=before_blocking)
        super().__init__()

    async def getaddrinfo(self, *args: Any, **keywords: Any) -> Any:
        """Resolve a name; see ``socket.getaddrinfo``."""
        return await self._resolver.look_up((args, tuple(keywords.items())))

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Resolve an address; see ``socket.getnameinfo``."""
        return unpatched.getnameinfo(sockaddr, flags)


FALLBACK_SECONDS: Final = 0.5
"""How long a lookup may take before the last known answer is used."""

Question: TypeAlias = tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]
"""The arguments of ``socket.getaddrinfo``, by position and by name."""


class UnansweredError(OSError):
    """A host name was not resolved in time: the name servers are silent or slow."""


class Resolver:
    """Resolves each name once at a time, however many callers ask, and keeps the last answers.

    Each lookup has a native thread, which does not delay the exit. Everything else runs on the
    loop's thread.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, before_blocking: Callable[[], None]
    ) -> None:
        """Make a resolver without threads.

        Args:
            loop: The loop of the callers.
            before_blocking: Called if no thread can start, before the loop is blocked.
        """
        self._loop: Final = loop
        self._before_blocking: Final = before_blocking
        self._known: Final[dict[Question, Any]] = {}
        self._lookups: Final[dict[Question, asyncio.Future[Any]]] = {}

    async def look_up(self, question: Question) -> Any:
        """Resolve a name.

        If DNS fails or takes longer than 0.5 s, the last known answer is returned. Cancelling the
        caller does not cancel the lookup: the next caller gets its answer.

        Raises:
            OSError: The name can't be resolved, and there is no earlier answer.
        """
        answer = self._lookups.get(question) or self._ask(question)
        known = self._known.get(question)
        try:
            await asyncio.wait((answer,), timeout=FALLBACK_SECONDS if known else None)
        except asyncio.CancelledError as error:
            # The cause explains why there was no connection in time.
            raise error from UnansweredError()
        found = answer.result() if answer.done() else known
        if isinstance(found, Exception) and known is None:
            raise found
        return known if isinstance(found, Exception) else found

    def _ask(self, question: Question) -> asyncio.Future[Any]:
        answer = self._loop.create_future()
        try:
            unpatched.start_thread(self._answer, question)
        except RuntimeError:  # at the exit of Python 3.12, or at a limit of threads
            answer.set_result(self._resolve_here(question))
        else:
            self._lookups[question] = answer
        return answer

    def _answer(self, question: Question) -> None:
        # Debuggers and coverage don't see a raw thread unless it takes over their hook.
        sys.settrace(threading.gettrace())
        found = _resolve(question)
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._finish, question, found)

    def _finish(self, question: Question, found: Any) -> None:
        self._lookups.pop(question).set_result(self._remember(question, found))

    def _resolve_here(self, question: Question) -> Any:
        """Return the last known answer, or resolve the name on this thread."""
        if known := self._known.get(question):
            return known
        self._before_blocking()
        return self._remember(question, _resolve(question))

    def _remember(self, question: Question, found: Any) -> Any:
        if not isinstance(found, Exception):
            self._known[question] = found
        return found


def _resolve(question: Question) -> Any:
    """Return the answer of the resolver, or its error."""
    arguments, keywords = question
    try:
        return unpatched.getaddrinfo(*arguments, **dict(keywords))
    except (OSError, OverflowError, ValueError) as error:  # ValueError: not a host name
        return error
