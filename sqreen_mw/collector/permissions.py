"""Answer every permission question: may an actor do an action on an app?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from sqreen_mw.collector.state.tokens import Token
from sqreen_mw.collector.state.users import Role, User


class Action(Enum):
    """Everything that needs a permission."""

    SEND_EVENTS = auto()
    SEND_HEARTBEATS = auto()
    IMPORT_EVENTS = auto()
    READ_EVENTS = auto()
    READ_INSTANCES = auto()
    CREATE_TOKENS = auto()
    VIEW_DASHBOARD = auto()
    LOG_IN = auto()
    LOG_OUT = auto()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client without a valid token or session."""


Actor: TypeAlias = Token | User | Visitor

_VISITOR: Final = frozenset({Action.LOG_IN})
_VIEWER: Final = _VISITOR | {
    Action.READ_EVENTS,
    Action.READ_INSTANCES,
    Action.VIEW_DASHBOARD,
    Action.LOG_OUT,
}
_ANALYST: Final = _VIEWER | {Action.CREATE_TOKENS}

_ROLES: Final[Mapping[Role, frozenset[Action]]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "admin": _ANALYST,
}
_SCOPES: Final[Mapping[str, frozenset[Action]]] = {
    "ingest": frozenset({Action.SEND_EVENTS, Action.SEND_HEARTBEATS}),
    "import": frozenset({Action.IMPORT_EVENTS}),
    "query": frozenset({Action.READ_EVENTS, Action.READ_INSTANCES}),
}


class AllApps(Enum):
    """Stands for all apps of the collector in a permission question."""

    ALL_APPS = auto()


ALL_APPS: Final = AllApps.ALL_APPS


def may(actor: Actor, action: Action, app: str | AllApps) -> bool:
    """Return True if an actor may do an action on an app, or on all apps.

    A token is valid for one app, an organization token for any app. A user's role is valid for
    all apps.
    """
    match actor:
        case Token():
            of_app = actor.app is None or actor.app == app
            return of_app and any(action in _SCOPES.get(scope, ()) for scope in actor.scopes)
        case User():
            return action in _ROLES[actor.role]
        case Visitor():
            return action in _VISITOR


def scope_for(action: Action) -> str:
    """Return the token scope that allows an action.

    Raises:
        LookupError: Tokens cannot do this.
    """
    for scope, actions in _SCOPES.items():
        if action in actions:
            return scope
    raise LookupError(action)
