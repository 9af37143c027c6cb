"""The first user of a new collector, and the login link for that user."""

from typing import Final

from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state import State
from sqreen_mw.errors import ConfigurationError

FIRST_USER: Final = "admin"
"""A collector on loopback creates this user at its first start, without a password."""

LINK_LIFETIME: Final = 60 * 60
"""Seconds until a login link expires."""


def first_login(settings: Settings, state: State, *, options: str = "") -> str | None:
    """Return the secret of a login link for the first user, or None if a user has a password.

    Args:
        settings: The collector's settings.
        state: The store of the users.
        options: Options to repeat in the suggested command, so that it opens the same store.

    Raises:
        ConfigurationError: The host is not loopback and no user has a password.
    """
    if state.users.any_password():
        return None
    if not settings.is_loopback:
        raise ConfigurationError(
            f"the host {settings.host} is reachable from other machines, but no user has a "
            "password yet: first run "
            f"sqreen-mw users create NAME --role admin --password-stdin{options}"
        )
    if state.users.count() == 0:
        state.users.create(FIRST_USER, password=None, role="admin")
    user = state.users.by_name(FIRST_USER)
    return None if user is None else state.sessions.issue_link(user, lifetime=LINK_LIFETIME)
