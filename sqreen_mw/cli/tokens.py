"""``sqreen-mw tokens``: the secrets that apps and scripts send to the collector."""

import json as encoding
from typing import Annotated, Any, Final

import typer

from sqreen_mw.cli.options import DataDir, StateUrl, check_app, opened_state, setting
from sqreen_mw.cli.table import date_text, print_table
from sqreen_mw.cli.terminal_text import echo
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, SCOPES, Token

ANY_APP: Final = "any app"
"""The app of an organization token in lists."""

INGEST: Final = "ingest"
"""The scope for sending events."""

_DAY: Final = 24 * 60 * 60

_MAX_DAYS: Final = 36_500

tokens: Final = typer.Typer(
    rich_markup_mode=None, help="Create, list and revoke tokens.", no_args_is_help=True
)


@tokens.command()
def create(
    app: Annotated[
        str, typer.Argument(help="Name of the app; a new name creates it.", metavar="APP")
    ],
    *,
    name: Annotated[
        str, typer.Option(help="A name for the list of tokens.", metavar="TEXT")
    ] = "command line",
    scope: Annotated[
        list[str] | None,
        setting("SCOPE", f"One of {', '.join(sorted(SCOPES))}; can be repeated."),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--expires-in", min=1, max=_MAX_DAYS, help="Days until it expires.", metavar="DAYS"
        ),
    ] = None,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Create a token for an app and print its secret. By default, it allows sending events."""
    lifetime = None if days is None else days * _DAY
    scopes = frozenset(scope) if scope else AGENT_SCOPES
    with opened_state(data_dir=data_dir, state_url=state_url, create=True) as state:
        state.apps.ensure(app)
        issued = state.tokens.issue(app, name=name, scopes=scopes, lifetime=lifetime)
    typer.echo(issued.secret)


@tokens.command("list")
def show(
    app: Annotated[
        str | None, typer.Argument(help="Name of an app.", metavar="APP", show_default=False)
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """List the valid tokens. Their secrets are not stored and can't be shown again."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        if app is not None:
            check_app(state, app)
        valid = state.tokens.all(app)
    if json:
        typer.echo(encoding.dumps([_as_json(token) for token in valid]))
    elif valid:
        print_table(
            ("Id", "App", "Name", "Scopes", "Created (UTC)", "Last used", "Expires"),
            [_row(token) for token in valid],
        )
    else:
        typer.echo("there is no valid token: create one with 'sqreen-mw tokens create APP'")


@tokens.command()
def revoke(
    token: Annotated[
        str, typer.Argument(help="Its id from 'tokens list', or its secret.", metavar="TOKEN")
    ],
    *,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Revoke a token. From now on, every collector with this database refuses it."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        gone = state.tokens.revoke(token)
        left = state.tokens.all(gone.app)
    echo(f"the token {gone.name!r} of {gone.app or ANY_APP} ({gone.id}) is revoked")
    if INGEST in gone.scopes and not any(INGEST in each.scopes for each in left):
        app = gone.app or "APP"
        echo(
            f"{app} can't send events any more: create a token with 'sqreen-mw tokens create {app}'"
        )


def _as_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "app": token.app,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
    }


def _row(token: Token) -> tuple[str, ...]:
    times = map(date_text, (token.created_at, token.used_at, token.expires_at))
    return (token.id, token.app or ANY_APP, token.name, ", ".join(sorted(token.scopes)), *times)
