"""``sqreen-mw tokens``: the secrets that apps and scripts send to the collector."""

import json as encoding
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from sqreen_mw.cli.options import DataDir, StateUrl, opened_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, SCOPES, Token

INGEST: Final = "ingest"
"""The scope for sending events."""

tokens: Final = typer.Typer(help="Create, list and revoke tokens.", no_args_is_help=True)


@tokens.command()
def create(
    app: Annotated[str, typer.Argument(help="Name of the app; a new name creates it.")],
    *,
    name: Annotated[str, typer.Option(help="A name for the list of tokens.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(sorted(SCOPES))}; can be repeated."),
    ] = None,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Create a token for an app and print its secret. By default, it allows sending events."""
    scopes = frozenset(scope) if scope else AGENT_SCOPES
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        state.apps.ensure(app)
        issued = state.tokens.issue(app, name=name, scopes=scopes)
    typer.echo(issued.secret)


@tokens.command("list")
def show(
    app: Annotated[str | None, typer.Argument(help="Name of an app.", show_default="all")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """List the valid tokens. Their secrets are not stored and can't be shown again."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        valid = state.tokens.all(app)
    if json:
        typer.echo(encoding.dumps([_as_json(token) for token in valid]))
    elif valid:
        Console(highlight=False, markup=False).print(_table(valid))
    else:
        typer.echo("there is no valid token: create one with 'sqreen-mw tokens create APP'")


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id from 'tokens list', or its secret.")],
    *,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Revoke a token. From now on, every collector with this database refuses it."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        gone = state.tokens.revoke(token)
        left = state.tokens.all(gone.app)
    typer.echo(f"the token {gone.name!r} of {gone.app} ({gone.id}) is revoked")
    if INGEST in gone.scopes and not any(INGEST in each.scopes for each in left):
        typer.echo(
            f"{gone.app} can't send events any more: create a token with "
            f"'sqreen-mw tokens create {gone.app}'"
        )


def _as_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "app": token.app,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
    }


def _table(valid: Sequence[Token]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("Id", "App", "Name", "Scopes", "Created"):
        table.add_column(title, overflow="fold", no_wrap=title == "Id")
    for token in valid:
        created = datetime.fromtimestamp(token.created_at / 1000, UTC)
        scopes = ", ".join(sorted(token.scopes))
        table.add_row(token.id, token.app, token.name, scopes, f"{created:%Y-%m-%d %H:%M} UTC")
    return table
