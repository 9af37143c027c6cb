"""Leads the calls of a process's agents elsewhere for a while: a test's capture, say."""

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

from sqreen_mw.agent.agent import Agent
from sqreen_mw.agent.config import Config
from sqreen_mw.agent.context import Calls
from sqreen_mw.agent.null import NullAgent

CALLS: Final = tuple(name for name in vars(Calls) if not name.startswith("_"))
"""What an agent does for the app."""


class Diversion:
    """Knows every agent that a middleware or a request may hold, and whose calls it leads away.

    An agent's own attributes come before those of its class, so it costs nothing while it is over.
    Not safe in several threads: hold the process's lock.
    """

    def __init__(self) -> None:
        self._agents: Final[WeakSet[Agent | NullAgent]] = WeakSet()
        self._stand_in: Callable[[Config], Calls] | None = None
        self._own: Final[dict[int, dict[str, Any]]] = {}

    def admit(self, agent: Agent | NullAgent) -> None:
        """Know an agent from now on."""
        self._agents.add(agent)
        if self._stand_in is not None:
            self._lead_away(agent, self._stand_in)

    def begin(self, stand_in: Callable[[Config], Calls]) -> None:
        """Lead every agent's calls to the one that ``stand_in`` makes of its configuration."""
        self._stand_in = stand_in
        for agent in self._agents:
            self._lead_away(agent, stand_in)

    def end(self) -> None:
        """Give the agents their own calls back."""
        self._stand_in = None
        for agent in self._agents:
            for name in CALLS:
                del vars(agent)[name]
            vars(agent).update(self._own[id(agent)])
        self._own.clear()

    def _lead_away(self, agent: Agent | NullAgent, stand_in: Callable[[Config], Calls]) -> None:
        calls = stand_in(agent.config)
        own = vars(agent)
        self._own[id(agent)] = {name: own[name] for name in CALLS if name in own}
        own.update({name: getattr(calls, name) for name in CALLS})
