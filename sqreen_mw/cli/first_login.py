"""Letting the first person in, and nobody else."""

from typing import Final

from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state import State
from sqreen_mw.errors import ConfigurationError

FIRST_USER: Final = "admin"
"""The user that a collector on loopback is born with; it has no password."""

LINK_LIFETIME: Final = 60 * 60
"""Seconds in which a login link can be used."""


def first_login(settings: Settings, state: State, *, options: str = "") -> str | None:
    """Return the secret of a login link for the first user, or None once anybody has a password.

    Args:
        settings: Whom the host is open to.
        state: Where the users are.
        options: What names that state on a command line, if anything has to.

    Raises:
        ConfigurationError: Others can reach the host, and nobody has a password.
    """
    if state.users.any_password():
        return None
    if not settings.is_loopback:
        raise ConfigurationError(
            f"others can reach {settings.host}, and no user has a password yet: "
            f"first run sqreen-mw users create NAME --role admin --password-stdin{options}"
        )
    if state.users.count() == 0:
        state.users.create(FIRST_USER, password=None, role="admin")
    user = state.users.by_name(FIRST_USER)
    return None if user is None else state.sessions.issue_link(user, lifetime=LINK_LIFETIME)
