"""``sqreen-mw tokens``: what lets apps and scripts in."""

from typing import Annotated, Final

import typer

from sqreen_mw.cli.options import DataDir, StateUrl
from sqreen_mw.cli.state import opened_state
from sqreen_mw.collector.state.tokens import AGENT_SCOPES, SCOPES

tokens: Final = typer.Typer(help="Make tokens.", no_args_is_help=True)


@tokens.callback()
def _group() -> None:
    # Without a callback, Typer would drop the name of a single command.
    """Make tokens."""


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
