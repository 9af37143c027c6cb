"""The agent of this process, which all middlewares and calls share."""

import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakSet

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config.config import Config, Settings, changed_settings, load_config
from sqreen_mw.agent.guard import logger
from sqreen_mw.agent.null import NOT_LOADED, UNLOADED, NullAgent
from sqreen_mw.agent.process.exit import SHUTDOWN_BUDGET, on_exit
from sqreen_mw.agent.process.import_lock import IMPORT_LOCK
from sqreen_mw.agent.process.kind import has_pytest_plugin
from sqreen_mw.agent.process.sigterm import install_sigterm_handler
from sqreen_mw.errors import ConfigurationError

ConfiguredAgent: TypeAlias = Agent | NullAgent


class StandIns:
    """Stand-ins that handle the calls of this process's agents during a test.

    Middlewares and requests keep their agents; ``agent.acting`` changes. Hold the process's lock.
    """

    def __init__(self) -> None:
        self._agents: Final[WeakSet[ConfiguredAgent]] = WeakSet()
        self._make_stand_in: Callable[[Config], Agent] | None = None

    def register(self, agent: ConfiguredAgent) -> None:
        """Include a new agent."""
        self._agents.add(agent)
        if self._make_stand_in is not None:
            agent.acting = self._make_stand_in(agent.config)

    def install(self, make_stand_in: Callable[[Config], Agent]) -> None:
        """Give every agent a stand-in with its configuration."""
        self._make_stand_in = make_stand_in
        for agent in self._agents:
            agent.acting = make_stand_in(agent.config)

    def remove(self) -> None:
        """Let the agents handle their calls again."""
        self._make_stand_in = None
        for agent in self._agents:
            agent.acting = agent


class _Process:
    """The agent of this process, and its lock."""

    def __init__(self) -> None:
        self.agent: ConfiguredAgent | None = None
        self.lock = threading.RLock()
        self.needs_main_thread_for_sigterm = False
        self.stand_ins: Final = StandIns()
        self._logged: Final[set[str]] = set()

    def set_agent(self, agent: ConfiguredAgent) -> ConfiguredAgent:
        """Set the agent of the process, and return it."""
        self.stand_ins.register(agent)
        lost = UNLOADED.take_lost()
        if isinstance(agent, Agent):
            agent.count_lost(NOT_LOADED, lost)
        self.agent = agent
        return agent

    def log_once(self, notes: Iterable[str]) -> None:
        """Log the notes that were not logged before."""
        for note in notes:
            if note not in self._logged:
                self._logged.add(note)
                logger.warning("%s", note)

    def ensure_sigterm_is_handled(self) -> None:
        """Install the handler if this is the main thread. No other thread may do so."""
        if threading.current_thread() is threading.main_thread():
            self.needs_main_thread_for_sigterm = not install_sigterm_handler()

    def reset_after_fork(self) -> None:
        """Start again in a forked child, with a new lock: another thread may have held the old."""
        self.lock = threading.RLock()
        self.needs_main_thread_for_sigterm = True
        if isinstance(self.agent, Agent):
            self.agent.reset_after_fork()


_process: Final = _Process()


@cache
def _register_fork_hook() -> None:
    os.register_at_fork(after_in_child=_process.reset_after_fork)


def configure(settings: Settings | None = None) -> ConfiguredAgent:
    """Return the process's agent, created from these settings if there is none yet.

    A process has one agent: until ``close``, different settings of later middlewares are logged
    and ignored.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    config = load_config(settings)
    with _process.lock:
        _process.log_once(config.notes)
        present = _process.agent
        if isinstance(present, Agent) and not present.closed:
            if different := changed_settings(present.config, config):
                message = "sqreen_mw is configured already; different settings are ignored: %s"
                logger.warning(message, ", ".join(different))
            if _process.needs_main_thread_for_sigterm:
                _process.ensure_sigterm_is_handled()
            return present
        if config.url is None or config.disable or _is_blocked_by_tests(config.url):
            return _process.set_agent(NullAgent(config))
        _process.needs_main_thread_for_sigterm = not install_sigterm_handler()
        _register_fork_hook()
        with IMPORT_LOCK:  # a new agent imports the HTTP client
            return _process.set_agent(Agent(config, url=config.url))


def present_agent() -> ConfiguredAgent | None:
    """Return the process's agent, also if it is closed, or None before the first call."""
    if _process.needs_main_thread_for_sigterm:
        _process.ensure_sigterm_is_handled()
    return _process.agent


def current_agent() -> ConfiguredAgent:
    """Return the process's agent, created from the environment if no middleware created one.

    Wrong settings are logged and do not raise, because calls of the app get here.
    """
    agent = present_agent()
    if agent is not None:
        return agent
    try:
        return configure()
    except ConfigurationError as error:
        logger.error("sqreen_mw is off: %s", error)
        with _process.lock:
            return _process.set_agent(NullAgent(Config()))


def forget() -> None:
    """Remove the process's agent; the next call creates one from the settings of that time."""
    _process.agent = None


def install_stand_ins(make_stand_in: Callable[[Config], Agent]) -> None:
    """Send the calls of this process's present and future agents to stand-ins."""
    with _process.lock:
        _process.stand_ins.install(make_stand_in)


def remove_stand_ins() -> None:
    """Let this process's agents handle their calls again."""
    with _process.lock:
        _process.stand_ins.remove()


def _is_blocked_by_tests(url: str) -> bool:
    """Return True if this process runs tests, which must not send events over the network."""
    return has_pytest_plugin() and urlsplit(url).scheme in {"http", "https"}


def _close_at_exit() -> None:
    agent = _process.agent
    if agent is not None:
        sink = agent.acting
        sink.close(SHUTDOWN_BUDGET.remaining(sink.stats().tracked))


on_exit(_close_at_exit)
