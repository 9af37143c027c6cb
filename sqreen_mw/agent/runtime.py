"""The agent of this process, which all middlewares and calls share."""

import atexit
import os
import threading
from collections.abc import Iterable
from typing import Final, TypeAlias

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config import Config, Settings, differing, load_config
from sqreen_mw.agent.deadline import CLOSE_SECONDS
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.errors import ConfigurationError

AnyAgent: TypeAlias = Agent | NullAgent


class _Process:
    """Holds the agent of this process, once there is one."""

    def __init__(self) -> None:
        self.agent: AnyAgent | None = None
        self.exiting = False
        self.lock = threading.RLock()
        self._said: Final[set[str]] = set()

    def say(self, notes: Iterable[str]) -> None:
        """Log what was not said before."""
        for note in notes:
            if note not in self._said:
                self._said.add(note)
                logger.warning("%s", note)

    def renew_lock(self) -> None:
        """Forget who held the lock: in a forked child that thread is gone."""
        self.lock = threading.RLock()


_process: Final = _Process()
os.register_at_fork(after_in_child=_process.renew_lock)


def configure(settings: Settings | None = None) -> AnyAgent:
    """Return the process's agent, made of these settings if there is none yet.

    Events of one process leave by one way: later settings that differ are logged and passed over,
    until ``close``.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    config = load_config(settings)
    with _process.lock:
        _process.say(config.notes)
        present = _process.agent
        if isinstance(present, Agent) and not present.closed:
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
    if agent is not None and (_process.exiting or not agent.closed):
        return agent
    try:
        return configure()
    except ConfigurationError as error:
        logger.error("sqreen_mw is off: %s", error)
        _process.agent = NullAgent(Config())
        return _process.agent


def last_agent() -> AnyAgent:
    """Return the process's agent, even if it is closed: its counts can still be read."""
    return _process.agent or current_agent()


@atexit.register
def _close_at_exit() -> None:
    _process.exiting = True
    if _process.agent is not None:
        _process.agent.close(CLOSE_SECONDS)
