"""``sqreen-mw users``: the people who can log in to the collector."""

import getpass
import sys
from typing import Annotated, Final

import typer

from sqreen_mw.cli.banner import collector_url, login_url
from sqreen_mw.cli.options import DataDir, PasswordStdin, StateUrl, opened_state
from sqreen_mw.collector.settings import load_settings
from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.sessions import LOGIN_LINK_LIFETIME
from sqreen_mw.collector.state.users import Role, User
from sqreen_mw.errors import RefusedError

users: Final = typer.Typer(help="Create users and login links.", no_args_is_help=True)


@users.command()
def create(
    name: str,
    *,
    role: Role = "admin",
    password_stdin: PasswordStdin = False,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Create a user. Without a password, the user logs in with a link from 'users link'."""
    password = _password() if password_stdin else None
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        user = state.users.create(name, password=password, role=role)
    typer.echo(f"{user.name} is {user.role}")


@users.command()
def password(name: str, *, data_dir: DataDir = None, state_url: StateUrl = None) -> None:
    """Set a user's password from the first line of stdin, and end the user's sessions."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        _known(state, name)
        state.users.set_password(name, _password())
    typer.echo(f"{name} has a new password")


@users.command()
def link(
    name: str,
    *,
    url: Annotated[
        str | None,
        typer.Option(help="URL of the collector.", show_default="from its settings"),
    ] = None,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Print a login link for a user. It works once, within an hour."""
    settings = load_settings({"data_dir": data_dir, "state_url": state_url})
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        secret = state.sessions.issue_link(_known(state, name), lifetime=LOGIN_LINK_LIFETIME)
    base = url or collector_url(settings, port=settings.port)
    typer.echo(login_url(base.rstrip("/"), secret))


def _known(state: State, name: str) -> User:
    user = state.users.by_name(name)
    if user is None:
        raise RefusedError(f"there is no user {name!r}: create one with 'sqreen-mw users create'")
    return user


def _password() -> str:
    # A terminal prompts for it and does not echo it.
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
