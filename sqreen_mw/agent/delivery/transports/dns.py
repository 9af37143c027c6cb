"""Looks up host names on threads of their own: a name server that is silent holds up nobody."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from sqreen_mw.agent.process import unpatched


class OwnResolverLoop(asyncio.SelectorEventLoop):
    """A loop that resolves host names without asyncio's executor.

    When atexit handlers run, the executor takes no more work on any Python, so a first connection
    to a host name would fail there, and so would gevent's resolver.
    """

    _whole = False

    def __init__(self, *, before_blocking: Callable[[], None] = lambda: None) -> None:
        """Make a loop.

        Args:
            before_blocking: Called before a name is looked up on the loop's own thread, as no other
                one is to be had.
        """
        super().__init__()
        self._resolver = Resolver(self, before_blocking=before_blocking)
        self._whole = True

    def is_closed(self) -> bool:
        """Tell whether it is closed, or never was whole, as no descriptor was free for it."""
        return not self._whole or super().is_closed()

    async def getaddrinfo(self, *args: Any, **keywords: Any) -> Any:
        """Resolve a name; see ``socket.getaddrinfo``."""
        return await self._resolver.look_up((args, tuple(keywords.items())))

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Resolve an address; see ``socket.getnameinfo``."""
        return unpatched.getnameinfo(sockaddr, flags)


KNOWN_SECONDS: Final = 0.5
"""How long a resolver may take before a name is what it was last."""

Question: TypeAlias = tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]
"""The arguments of ``socket.getaddrinfo``, by position and by name."""


class UnansweredError(OSError):
    """Who asked for a name had no answer in time: name servers are silent, or slow."""


class Resolver:
    """Asks a question once at a time, however many want to know, and keeps the last answers.

    Each look-up has a native thread, which is left behind at the exit. Everything else runs on the
    thread of the loop.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, before_blocking: Callable[[], None]
    ) -> None:
        """Make a resolver that has no thread yet.

        Args:
            loop: Where the answers are wanted.
            before_blocking: Called where no thread is to be had, so that the loop is held up.
        """
        self._loop: Final = loop
        self._before_blocking: Final = before_blocking
        self._known: Final[dict[Question, Any]] = {}
        self._asked: Final[dict[Question, asyncio.Future[Any]]] = {}

    async def look_up(self, question: Question) -> Any:
        """Return what a name is, or what it was last where the resolver fails or is silent.

        Who stops waiting does not stop the look-up: the next one who asks has its answer.

        Raises:
            OSError: The name is not known.
        """
        answer = self._asked.get(question) or self._ask(question)
        known = self._known.get(question)
        try:
            await asyncio.wait((answer,), timeout=KNOWN_SECONDS if known else None)
        except asyncio.CancelledError as error:
            # For who tells why there was no connection in time.
            raise error from UnansweredError()
        found = answer.result() if answer.done() else known
        if isinstance(found, Exception) and known is None:
            raise found
        return known if isinstance(found, Exception) else found

    def _ask(self, question: Question) -> asyncio.Future[Any]:
        answer = self._loop.create_future()
        try:
            unpatched.start_thread(self._answer, question)
        except RuntimeError:  # at the exit of Python 3.12, or at a limit
            answer.set_result(self._found_here(question))
        else:
            self._asked[question] = answer
        return answer

    def _answer(self, question: Question) -> None:
        # Debuggers and coverage don't see a raw thread unless it takes over their hook.
        sys.settrace(threading.gettrace())
        found = _looked_up(question)
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(self._note, question, found)

    def _note(self, question: Question, found: Any) -> None:
        self._asked.pop(question).set_result(self._kept(question, found))

    def _found_here(self, question: Question) -> Any:
        """Return what is known, or else look it up on this thread."""
        if known := self._known.get(question):
            return known
        self._before_blocking()
        return self._kept(question, _looked_up(question))

    def _kept(self, question: Question, found: Any) -> Any:
        if not isinstance(found, Exception):
            self._known[question] = found
        return found


def _looked_up(question: Question) -> Any:
    """Return what a name is, or the error that the look-up ended with."""
    arguments, keywords = question
    try:
        return unpatched.getaddrinfo(*arguments, **dict(keywords))
    except Exception as error:  # noqa: BLE001 who asked is told, on another thread
        return error
