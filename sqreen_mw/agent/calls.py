"""The calls at module level: of the current request, or outside of one."""

from collections.abc import Mapping
from typing import Any, Unpack

from sqreen_mw.agent.context import RequestContext, current_request, merged
from sqreen_mw.agent.deadline import CLOSE_SECONDS
from sqreen_mw.agent.runtime import current_agent
from sqreen_mw.agent.stats import Stats
from sqreen_mw.agent.tracker import TrackOptions


def track(
    name: str = "", options: TrackOptions | None = None, **keywords: Unpack[TrackOptions]
) -> str | None:
    """Track an event, of the current request if there is one.

    Options come as keywords or as one dict: ``properties`` (at most 16), ``user_identifiers``,
    ``timestamp``, ``collect_body`` and ``request``. It never raises and never waits; what is wrong
    with a call is logged on the logger ``sqreen_mw``, with the fix.

    Returns:
        The event's id (UUID version 7), or None if the event is not accepted.
    """
    context = current_request()
    if context is None:
        return current_agent().track(None, name, options=options, keywords={**keywords})
    return context.track(name, options, **keywords)


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
    context = current_request()
    if context is None:
        current_agent().identify(None, merged(user_identifiers, identifiers), traits)
    else:
        context.identify(user_identifiers, traits, **identifiers)


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
    context = current_request()
    if context is None:
        return current_agent().auth_track(None, success, merged(user_identifiers, identifiers))
    return context.auth_track(success, user_identifiers, **identifiers)


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
    context = current_request()
    if context is None:
        return current_agent().signup_track(None, merged(user_identifiers, identifiers))
    return context.signup_track(user_identifiers, **identifiers)


def user_is_banned() -> bool:
    """Tell whether the current request's user is blocked."""
    context: RequestContext | None = current_request()
    return current_agent().user_is_banned(context)


def flush(timeout: float = CLOSE_SECONDS) -> bool:
    """Wait until what was tracked is delivered or dropped, at most ``timeout`` seconds.

    Returns:
        False if the time did not do; delivery goes on.
    """
    return current_agent().flush(timeout)


async def aflush(timeout: float = CLOSE_SECONDS) -> bool:
    """Do as ``flush`` does, while the event loop, of asyncio or trio, runs on."""
    return await current_agent().aflush(timeout)


def close(timeout: float = CLOSE_SECONDS) -> int:
    """Deliver what waits within ``timeout`` seconds, and stop.

    What is tracked afterwards is dropped and counted, until a middleware is made anew.

    Returns:
        How many events were not delivered; they are dropped.
    """
    return current_agent().close(timeout)


async def aclose(timeout: float = CLOSE_SECONDS) -> int:
    """Do as ``close`` does, while the event loop, of asyncio or trio, runs on."""
    return await current_agent().aclose(timeout)


def stats() -> Stats:
    """Return what became of every event of this process, also after ``close``."""
    return current_agent().stats()
