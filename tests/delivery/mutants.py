"""Mutants of the agent, each of which loses events or blocks the process.

A script under test starts with ``apply()``, and the variable ``MUTANT`` names the change. If it is
empty, nothing changes. A test that no mutant fails proves nothing.
"""

import asyncio
import atexit
import importlib
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
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


def _no_handler() -> None:
    for module in ("runtime", "delivery.flusher"):
        _replace(_of(module), "install_sigterm_handler", lambda: True)


def _child_keeps_handler() -> None:
    sigterm = _of("process.sigterm")
    _replace(sigterm, "_restore_in_child", sigterm._unblock_after_fork)  # noqa: SLF001 the change


def _handler_in_multiprocessing() -> None:
    _replace(_of("process.sigterm"), "is_multiprocessing_child", lambda: False)


def _handler_keeps_locks() -> None:
    _replace(_of("process.unpatched"), "own_rlocks_released", nullcontext)


def _log_on_the_flushers_thread() -> None:
    _replace(_of("guard").Guard, "log_off_thread_here", lambda _: None)


def _deadline_for_each_step() -> None:
    _replace(_of("process.exit").ShutdownBudget, "remaining", lambda *_, **__: 2.0)


def _handler_in_process_1() -> None:
    _replace(_of("process.sigterm"), "INIT", 0)


def _no_worker_hooks() -> None:
    _replace(_of("delivery.flusher"), "register_worker_exit_hooks", lambda: None)


def _no_exit_handler() -> None:
    atexit.unregister(_of("process.exit").run_exit_callbacks)


def _no_lifespan() -> None:
    async def nothing(_: object) -> None:
        pass

    middleware = importlib.import_module(f"{sqreen_mw.__name__}.middleware.asgi")
    _replace(middleware.SqreenMiddleware, "_deliver", nothing)


def _thread_required() -> None:
    _replace(_of("delivery.flusher").Flusher, "_has_to_deliver_here", lambda _: False)


def _no_import_lock() -> None:
    _replace(_of("process.import_lock"), "FORK_WAIT_SECONDS", 0.0)


def _parents_flusher() -> None:
    _replace(_of("agent").Agent, "reset_after_fork", lambda _: None)
    _one_flusher_for_all()


def _late_imports() -> None:
    _replace(
        _of("delivery.transports.http"), "importlib", SimpleNamespace(import_module=lambda _: None)
    )


def _looks_up_on_its_thread() -> None:
    async def look_up(_: object, *args: Any, **keywords: Any) -> Any:
        return _present("socket", "getaddrinfo")(*args, **keywords)

    _replace(_of("delivery.transports.dns").OwnResolverLoop, "getaddrinfo", look_up)


def _blocks_before_it_keeps() -> None:
    _replace(_of("delivery.driver").DeliveryDriver, "persist_in_flight", lambda _: None)


def _asyncios_resolver() -> None:
    asyncios = asyncio.SelectorEventLoop.getaddrinfo
    _replace(_of("delivery.transports.dns").OwnResolverLoop, "getaddrinfo", asyncios)


def _gevents_threads() -> None:
    _replace(_of("delivery.flusher"), "unpatched", _Patched)


def _thread_of_threading() -> None:
    _replace(_of("delivery.flusher"), "unpatched", _ThreadingThread)


def _tls_context_kept() -> None:
    transport = _of("delivery.transports.http").HttpTransport
    connected = transport._connected  # noqa: SLF001 that is the variant

    def connected_once(self: Any) -> Any:
        return self._connections or connected(self)

    _replace(transport, "_connected", connected_once)


def _gevents_resolver() -> None:
    _replace(_of("delivery.transports.dns"), "unpatched", _Patched)


def _sleep_in_the_hub() -> None:
    _replace(_of("delivery.control"), "unpatched", _Patched)


def _thread_in_the_master() -> None:
    _one_flusher_for_all()
    _replace(_of("delivery.flusher"), "is_uwsgi_master", lambda: False)


def _one_flusher_for_all() -> None:
    flusher = _of("delivery.flusher").Flusher
    put = flusher.put

    def put_in_any_process(self: Any, event: Any) -> Any:
        self.pid = os.getpid()
        return put(self, event)

    _replace(flusher, "put", put_in_any_process)
    _replace(_of("agent").Agent, "_of_this_process", lambda self: self._flusher)


MUTANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "no handler": _no_handler,
    "child keeps handler": _child_keeps_handler,
    "handler in multiprocessing": _handler_in_multiprocessing,
    "handler keeps locks": _handler_keeps_locks,
    "log on the flusher's thread": _log_on_the_flushers_thread,
    "a deadline for each step": _deadline_for_each_step,
    "handler in process 1": _handler_in_process_1,
    "no worker hooks": _no_worker_hooks,
    "no exit handler": _no_exit_handler,
    "no lifespan": _no_lifespan,
    "thread required": _thread_required,
    "no import lock": _no_import_lock,
    "parent's flusher": _parents_flusher,
    "late imports": _late_imports,
    "looks up on its thread": _looks_up_on_its_thread,
    "blocks before it keeps": _blocks_before_it_keeps,
    "asyncio's resolver": _asyncios_resolver,
    "TLS context kept": _tls_context_kept,
    "gevent's threads": _gevents_threads,
    "a thread of threading": _thread_of_threading,
    "gevent's resolver": _gevents_resolver,
    "sleep in the hub": _sleep_in_the_hub,
    "thread in the master": _thread_in_the_master,
}


def apply() -> None:
    """Apply the mutant that the environment names."""
    MUTANTS[os.environ["MUTANT"]]()
