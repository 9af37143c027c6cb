"""``sqreen-mw users``: the people who can sign in to the collector."""

import getpass
import json as encoding
import shlex
import sys
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeAlias

import typer

from sqreen_mw.cli.banner import login_url
from sqreen_mw.cli.options import DataDir, PasswordStdin, StateUrl, opened_state, repeated, setting
from sqreen_mw.cli.table import date_text, print_table
from sqreen_mw.cli.terminal_text import echo
from sqreen_mw.collector.settings import checked_url
from sqreen_mw.collector.state import State
from sqreen_mw.collector.state.sessions import LOGIN_LINK_LIFETIME
from sqreen_mw.collector.state.users import ROLES, Role, User, UserEntry
from sqreen_mw.errors import RefusedError

UserName: TypeAlias = Annotated[str, typer.Argument(help="Name of the user.", metavar="NAME")]
UserRole: TypeAlias = Annotated[Role, typer.Argument(help=", ".join(ROLES), metavar="ROLE")]

users: Final = typer.Typer(
    rich_markup_mode=None, help="Manage users and their sign-in links.", no_args_is_help=True
)


@users.command()
def create(
    name: UserName,
    *,
    role: Annotated[Role, typer.Option(help=f"{', '.join(ROLES)}.", metavar="ROLE")] = "viewer",
    password_stdin: PasswordStdin = False,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Create a user. Without a password, the user signs in with a link from 'users link'."""
    password = _password() if password_stdin else None
    with opened_state(data_dir=data_dir, state_url=state_url, create=True) as state:
        user = state.users.create(name, password=password, role=role)
    echo(f"created {user.name} ({user.role})")
    if password is None:
        repeat = repeated(data_dir=data_dir, state_url=state_url)
        echo(f"next: sqreen-mw users link {shlex.quote(name)}{repeat}")


@users.command("list")
def show(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """List the users with their roles."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        entries = state.users.all()
    if json:
        typer.echo(encoding.dumps([asdict(each.user) | _times(each) for each in entries]))
    elif entries:
        print_table(
            ("Name", "Role", "Password", "Created (UTC)", "Signed in"),
            [_row(each) for each in entries],
        )
    else:
        typer.echo("there is no user: create one with 'sqreen-mw users create NAME'")


@users.command()
def role(
    name: UserName, role: UserRole, *, data_dir: DataDir = None, state_url: StateUrl = None
) -> None:
    """Change the role of a user. It applies to the next request."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        state.users.set_role(name, role)
        _warn_without_admin(state)
    echo(f"{name} is {role}")


@users.command()
def remove(name: UserName, *, data_dir: DataDir = None, state_url: StateUrl = None) -> None:
    """Remove a user, with all sessions and sign-in links."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        state.users.remove(name)
        _warn_without_admin(state)
    echo(f"removed {name}")


@users.command()
def password(name: UserName, *, data_dir: DataDir = None, state_url: StateUrl = None) -> None:
    """Set a user's password from the first line of stdin, and end the user's sessions."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        _known(state, name)
        state.users.set_password(name, _password())
    echo(f"{name} has a new password")


@users.command()
def link(
    name: UserName,
    *,
    url: Annotated[
        str | None,
        setting("URL", "Address of the collector.", default="of its latest start"),
    ] = None,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Print a sign-in link for a user. It works once, within an hour."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        base = checked_url(url, "--url") if url is not None else state.served_url.get()
        if base is None:
            raise RefusedError(
                "the collector's address is unknown: start it once, or give the address with --url"
            )
        secret = state.sessions.issue_link(_known(state, name), lifetime=LOGIN_LINK_LIFETIME)
    echo(login_url(base, secret))


def _known(state: State, name: str) -> User:
    user = state.users.by_name(name)
    if user is None:
        raise RefusedError(f"there is no user {name!r}: create one with 'sqreen-mw users create'")
    return user


def _warn_without_admin(state: State) -> None:
    users = state.users.all()
    if not any(each.user.role == "admin" for each in users):
        command = "role NAME admin" if users else "create NAME --role admin"
        typer.echo(f"no user is admin now: run 'sqreen-mw users {command}'", err=True)


def _row(entry: UserEntry) -> tuple[str, ...]:
    password = "yes" if entry.has_password else "no"
    times = map(date_text, (entry.created_at, entry.signed_in_at))
    return (entry.user.name, entry.user.role, password, *times)


def _times(entry: UserEntry) -> dict[str, Any]:
    return {
        "has_password": entry.has_password,
        "created_at": entry.created_at,
        "signed_in_at": entry.signed_in_at,
    }


def _password() -> str:
    if sys.stdin.isatty():  # A terminal prompts for it and does not echo it.
        return getpass.getpass()
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise RefusedError("the password on stdin is not UTF-8: encode it as UTF-8") from error
