"""The calls at module level: of the current request, or outside of one."""

import atexit
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Never, Unpack

from sqreen_mw.agent.arguments import TrackCall, TrackOptions
from sqreen_mw.agent.context import Calls, RequestContext, current_request
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.lenient import fitting, straightened
from sqreen_mw.agent.null import NullCalls
from sqreen_mw.agent.process.exit import CLOSE_SECONDS, end
from sqreen_mw.agent.process.import_lock import FORK_GATE
from sqreen_mw.agent.stats import Stats
from sqreen_mw.app_errors import raised_by_signal_handler

_UNLOADABLE: Final = NullCalls()

# Not with the first call: what the app registers after this import runs earlier, and may track.
atexit.register(end)


@cache
def _runtime() -> Callable[[], Calls]:
    """Return what gives the process's agent.

    It is loaded by a middleware, or else by the first call, as most of the SDK's code stands
    behind it.
    """
    with FORK_GATE:
        from sqreen_mw.agent.runtime import current_agent  # noqa: PLC0415 see above

    return current_agent


def _agent() -> Calls:
    """Return the process's agent, or what does nothing if it can't be loaded now."""
    try:
        current_agent = _runtime()
    except (ImportError, OSError) as error:
        if raised_by_signal_handler(error):
            raise
        logger.error("sqreen_mw can't be loaded, the app goes on: %r", error)
        return _UNLOADABLE
    return current_agent()


def _here() -> tuple[Calls, RequestContext | None]:
    """Return what takes a call made here, and the request that it is of."""
    context = current_request()
    return (_agent() if context is None else context.calls), context


def _tell(_: tuple[Any, ...], error: TypeError) -> None:
    _here()[0].misused(error)


def track(
    name: str = "",
    options: TrackOptions | None = None,
    /,
    *surplus: Never,
    **keywords: Unpack[TrackCall],
) -> str | None:
    """Track an event, of the current request if there is one.

    Options come as keywords or as one dict: ``properties`` (at most 16), ``user_identifiers``,
    ``timestamp``, ``collect_body`` and ``request``. It never raises and never waits; what is wrong
    with a call is logged on the logger ``sqreen_mw``, with the fix.

    Returns:
        The event's id (UUID version 7), or None if the event is not accepted.
    """
    context = current_request()
    calls = _agent() if context is None else context.calls
    if surplus or "name" in keywords or "options" in keywords:
        name, options = straightened(
            calls.misused, name, options, surplus=surplus, keywords=keywords
        )
    return calls.track(context, name, options=options, keywords=keywords)


@fitting(_tell)
def identify(
    user_identifiers: Mapping[str, str | int] | None = None,
    traits: Mapping[str, Any] | None = None,
    **identifiers: str | int,
) -> None:
    """Say who the current request is from.

    Events of the request that name no user are this user's: those tracked later, and those that
    were tracked before anybody was identified.

    Args:
        user_identifiers: Such as ``{"id": 42, "email": ...}``.
        traits: What else is known of the user, at most 16.
        identifiers: The identifiers as keywords, such as ``email=...``.
    """
    calls, context = _here()
    calls.identify(context, user_identifiers, traits, keywords=identifiers)


@fitting(_tell)
def auth_track(
    success: bool | None = None,  # noqa: FBT001 as the original has it
    user_identifiers: Mapping[str, str | int] | None = None,
    **identifiers: str | int,
) -> str | None:
    """Track a login, as event ``sq.sdk.users.login``; a successful one identifies the user.

    Args:
        success: Whether the user is who they say; it has to be given.
        user_identifiers: Who it is, as a dict or as keywords.
        identifiers: The same, as keywords.

    Returns:
        The event's id, or None if the event is not accepted.
    """
    calls, context = _here()
    return calls.auth_track(context, success, user_identifiers, keywords=identifiers)


@fitting(_tell)
def signup_track(
    user_identifiers: Mapping[str, str | int] | None = None, **identifiers: str | int
) -> str | None:
    """Track a new account, as event ``sq.sdk.users.signup``, and identify its user.

    Args:
        user_identifiers: Who it is, as a dict or as keywords.
        identifiers: The same, as keywords.

    Returns:
        The event's id, or None if the event is not accepted.
    """
    calls, context = _here()
    return calls.signup_track(context, user_identifiers, keywords=identifiers)


@fitting(_tell)
def user_is_banned() -> bool:
    """Tell whether the current request's user is blocked."""
    calls, context = _here()
    return calls.user_is_banned(context)


@fitting(_tell)
def flush(timeout: float = CLOSE_SECONDS) -> bool:
    """Wait until what was tracked is delivered, dropped or spooled, at most ``timeout`` seconds.

    Returns:
        False if the time did not do; delivery goes on.
    """
    return _agent().flush(timeout)


@fitting(_tell)
async def aflush(timeout: float = CLOSE_SECONDS) -> bool:
    """Do as ``flush`` does, while the event loop, of asyncio or trio, runs on."""
    return await _agent().aflush(timeout)


@fitting(_tell)
def close(timeout: float = CLOSE_SECONDS) -> int:
    """Deliver what waits within ``timeout`` seconds, and stop.

    What is tracked afterwards is dropped and counted, until a middleware is made anew.

    Returns:
        How many events were neither delivered nor spooled; they are dropped.
    """
    return _agent().close(timeout)


@fitting(_tell)
async def aclose(timeout: float = CLOSE_SECONDS) -> int:
    """Do as ``close`` does, while the event loop, of asyncio or trio, runs on."""
    return await _agent().aclose(timeout)


@fitting(_tell)
def stats() -> Stats:
    """Return what became of every event of this process, also after ``close``."""
    return _agent().stats()
