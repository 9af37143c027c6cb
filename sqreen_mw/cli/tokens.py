"""``sqreen-mw tokens``: what lets apps and scripts in."""

import json as encoding
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from sqreen_mw.cli.options import DataDir, StateUrl
from sqreen_mw.cli.state import opened_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, SCOPES, Token

SENDS: Final = "ingest"

tokens: Final = typer.Typer(help="Make tokens, list and revoke them.", no_args_is_help=True)


@tokens.command()
def create(
    app: Annotated[str, typer.Argument(help="Name of the app; made where it is not there.")],
    *,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(sorted(SCOPES))}; may come more than once."),
    ] = None,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Make a token of an app and print its secret, this once. It may send events by default."""
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
    """List the tokens that are valid; their secrets are kept nowhere."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        valid = state.tokens.all(app)
    if json:
        typer.echo(encoding.dumps([_plain(token) for token in valid]))
    elif valid:
        Console(highlight=False, markup=False).print(_table(valid))
    else:
        typer.echo("no token is valid: make one by 'sqreen-mw tokens create APP'")


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as 'tokens list' shows it, or its secret.")],
    *,
    data_dir: DataDir = None,
    state_url: StateUrl = None,
) -> None:
    """Revoke a token: whoever shows it is refused from now on, by every collector."""
    with opened_state(data_dir=data_dir, state_url=state_url) as state:
        gone = state.tokens.revoke(token)
        left = state.tokens.all(gone.app)
    typer.echo(
        f"the token {gone.name!r} of {gone.app} ({gone.id}) is revoked, and refused from now on"
    )
    if SENDS in gone.scopes and not any(SENDS in each.scopes for each in left):
        typer.echo(
            f"{gone.app} can't send events any more: make a token by "
            f"'sqreen-mw tokens create {gone.app}'"
        )


def _plain(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "app": token.app,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
    }


def _table(valid: Sequence[Token]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("Id", "App", "Name", "Scopes", "Made"):
        table.add_column(title, overflow="fold", no_wrap=title == "Id")
    for token in valid:
        made = datetime.fromtimestamp(token.created_at / 1000, UTC)
        scopes = ", ".join(sorted(token.scopes))
        table.add_row(token.id, token.app, token.name, scopes, f"{made:%Y-%m-%d %H:%M} UTC")
    return table
