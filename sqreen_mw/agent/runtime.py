"""The agent of this process, which all middlewares and calls share, and the calls themselves."""

import atexit
import threading
from typing import Final, TypeAlias, Unpack

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config import Config, Settings, differing, load_config
from sqreen_mw.agent.context import current_request
from sqreen_mw.agent.delivery.buffer import Stats
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.tracker import TrackOptions
from sqreen_mw.errors import ConfigurationError

AnyAgent: TypeAlias = Agent | NullAgent

CLOSE_SECONDS: Final = 2.0
"""The one deadline of every kind of exit."""


class _Process:
    """Holds the agent of this process, once there is one."""

    def __init__(self) -> None:
        self.agent: AnyAgent | None = None
        self.lock: Final = threading.Lock()


_process: Final = _Process()


def configure(settings: Settings | None = None) -> AnyAgent:
    """Return the process's agent, made of these settings if there is none yet.

    Events of one process leave by one way: later settings that differ are logged and passed over,
    until ``close``.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    config = load_config(settings)
    with _process.lock:
        present = _process.agent
        if isinstance(present, Agent):
            if different := differing(present.config, config):
                message = "sqreen_mw is configured already; different settings are ignored: %s"
                logger.warning(message, ", ".join(different))
            return present
        if config.url is None or config.disable:
            _process.agent = NullAgent(config)
        else:
            _process.agent = Agent(config, url=config.url)
        return _process.agent


def current_agent() -> AnyAgent:
    """Return the process's agent, made of the environment if no middleware has made one.

    A wrong environment is logged, not raised: this is called from within the app.
    """
    agent = _process.agent
    if agent is not None:
        return agent
    try:
        return configure()
    except ConfigurationError as error:
        logger.error("sqreen_mw is off: %s", error)
        _process.agent = NullAgent(Config())
        return _process.agent


def track(
    name: str, options: TrackOptions | None = None, /, **keywords: Unpack[TrackOptions]
) -> str | None:
    """Track an event, of the current request if there is one.

    Options come as keywords or as one dict: ``properties`` (at most 16), ``user_identifiers``
    and ``timestamp``. It never raises and never waits; what is wrong with a call is logged on the
    logger ``sqreen_mw``, with the fix.

    Returns:
        The event's id (UUID version 7), or None if the event is not accepted.
    """
    context = current_request()
    if context is not None:
        return context.track(name, options, **keywords)
    return current_agent().tracker.track(name, options, keywords={**keywords})


def flush(timeout: float = CLOSE_SECONDS) -> bool:
    """Wait until what was tracked is delivered or dropped, at most ``timeout`` seconds.

    Returns:
        False if the time did not do; delivery goes on.
    """
    return current_agent().flush(timeout)


def close(timeout: float = CLOSE_SECONDS) -> int:
    """Deliver what waits within ``timeout`` seconds, and stop.

    Returns:
        How many events were not delivered; they are dropped.
    """
    with _process.lock:
        agent, _process.agent = _process.agent, None
    return 0 if agent is None else agent.close(timeout)


def stats() -> Stats:
    """Return what became of every event of this process."""
    return current_agent().stats()


atexit.register(close)
