"""Flushers as one would write them at first, each of which loses events that ours delivers.

A script under test begins with ``apply()``, and the variable ``NAIVE`` names the variant; without
it nothing is changed, nor loaded. A test that no variant fails proves nothing.
"""

import asyncio
import atexit
import importlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import sqreen_mw


def _of(module: str) -> Any:
    return importlib.import_module(f"{sqreen_mw.__name__}.agent.{module}")


def _replace(owner: object, name: str, value: object) -> None:
    assert hasattr(owner, name)
    setattr(owner, name, value)


def _present(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


class _Patched:
    """The functions of ``unpatched``, but as gevent has patched them."""

    @staticmethod
    def start_thread(run: Callable[..., object], *args: object) -> None:
        _present("_thread", "start_new_thread")(run, args)

    @staticmethod
    def get_ident() -> Any:
        return _present("_thread", "get_ident")()

    @staticmethod
    def new_lock() -> Any:
        return _present("_thread", "allocate_lock")()

    @staticmethod
    def sleep(seconds: float) -> None:
        _present("time", "sleep")(seconds)

    @staticmethod
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        return _present("socket", "getaddrinfo")(*args, **kwargs)


class _ThreadingThread(_Patched):
    @staticmethod
    def start_thread(run: Callable[..., object], *args: object) -> None:
        threading.Thread(target=run, args=args).start()


def _sigterm_kills() -> None:
    for module in ("runtime", "delivery.flusher"):
        _replace(_of(module), "follow_sigterm", lambda: True)


def _signals_come_once() -> None:
    _replace(_of("process.sigterm"), "prompt", lambda *_: None)


def _waits_with_a_lock() -> None:
    _replace(_of("process.sigterm"), "_holds_a_lock", lambda _: False)


def _logs_on_its_thread() -> None:
    _replace(_of("guard").Guard, "log_off_thread_here", lambda _: None)


def _deadline_each() -> None:
    @contextmanager
    def spend(*_: object, **__: object) -> Iterator[float]:
        yield 2.0

    _replace(_of("process.exit").Patience, "spend", spend)


def _closes_as_init() -> None:
    _replace(_of("process.sigterm"), "INIT", 0)


def _exit_handlers_will_do() -> None:
    _replace(_of("delivery.flusher"), "follow_child_end", lambda: None)


def _exits_without_a_word() -> None:
    atexit.unregister(_of("process.exit").end)


def _has_no_lifespan() -> None:
    async def nothing(_: object) -> None:
        pass

    middleware = importlib.import_module(f"{sqreen_mw.__name__}.middleware.asgi")
    _replace(middleware.SqreenMiddleware, "_deliver", nothing)


def _needs_a_thread() -> None:
    _replace(_of("delivery.flusher").Flusher, "_needs_this_thread", lambda _: False)


def _forks_in_the_middle() -> None:
    _replace(_of("process.import_lock"), "FORK_SECONDS", 0.0)


def _takes_the_parents() -> None:
    agent = _of("agent").Agent
    _replace(agent, "reset_after_fork", lambda _: None)
    _replace(agent, "_of_this_process", lambda self: self._flusher)


def _imports_when_needed() -> None:
    _replace(
        _of("delivery.transports.http"), "importlib", SimpleNamespace(import_module=lambda _: None)
    )


def _looks_up_on_its_thread() -> None:
    async def look_up(_: object, *args: Any, **keywords: Any) -> Any:
        return _present("socket", "getaddrinfo")(*args, **keywords)

    _replace(_of("delivery.transports.dns").OwnResolverLoop, "getaddrinfo", look_up)


def _blocks_before_it_keeps() -> None:
    _replace(_of("delivery.scheduler").Dispatcher, "keep_sending", lambda _: None)


def _resolver_of_asyncio() -> None:
    asyncios = asyncio.SelectorEventLoop.getaddrinfo
    _replace(_of("delivery.transports.dns").OwnResolverLoop, "getaddrinfo", asyncios)


def _threads_of_gevent() -> None:
    _replace(_of("delivery.flusher"), "unpatched", _Patched)


def _thread_of_threading() -> None:
    _replace(_of("delivery.flusher"), "unpatched", _ThreadingThread)


def _context_for_ever() -> None:
    transport = _of("delivery.transports.http").HttpTransport
    connected = transport._connected  # noqa: SLF001 that is the variant

    def connected_once(self: Any) -> Any:
        return self._connections or connected(self)

    _replace(transport, "_connected", connected_once)


def _resolver_of_gevent() -> None:
    _replace(_of("delivery.transports.dns"), "unpatched", _Patched)


def _sleeps_in_the_hub() -> None:
    _replace(_of("delivery.control"), "unpatched", _Patched)


def _born_in_a_master() -> None:
    agent = _of("agent").Agent
    _replace(agent, "_put", lambda self, event: self._flusher.put(event))
    _replace(agent, "_of_this_process", lambda self: self._flusher)
    _replace(_of("delivery.flusher"), "loads_for_workers", lambda: False)


VARIANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "SIGTERM kills": _sigterm_kills,
    "signals come once": _signals_come_once,
    "waits with a lock": _waits_with_a_lock,
    "logs on its thread": _logs_on_its_thread,
    "a deadline each": _deadline_each,
    "closes as init": _closes_as_init,
    "exit handlers will do": _exit_handlers_will_do,
    "exits without a word": _exits_without_a_word,
    "has no lifespan": _has_no_lifespan,
    "needs a thread": _needs_a_thread,
    "forks in the middle": _forks_in_the_middle,
    "takes its parent's flusher": _takes_the_parents,
    "imports when needed": _imports_when_needed,
    "looks up on its thread": _looks_up_on_its_thread,
    "blocks before it keeps": _blocks_before_it_keeps,
    "asyncio's resolver": _resolver_of_asyncio,
    "a context for ever": _context_for_ever,
    "gevent's threads": _threads_of_gevent,
    "a thread of threading": _thread_of_threading,
    "gevent's resolver": _resolver_of_gevent,
    "sleeps in the hub": _sleeps_in_the_hub,
    "born in a master": _born_in_a_master,
}


def apply() -> None:
    """Make the flusher of this process the variant that is named."""
    VARIANTS[os.environ["NAIVE"]]()
