"""The command line, ``sqreen-mw``."""

import sys
from typing import Final

import typer

from sqreen_mw.cli.demo import demo
from sqreen_mw.cli.serve import serve
from sqreen_mw.cli.tokens import tokens
from sqreen_mw.cli.users import users
from sqreen_mw.errors import RefusedError, SqreenError

app: Final = typer.Typer(
    help="Security monitoring of business logic, on your own server.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(serve)
app.command()(demo)
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")


def main() -> None:
    """Run a command; a fault of ours is one line on stderr.

    The exit code is 2 for a wrong setting or a store that can't be opened, 1 for a refusal.
    """
    try:
        app()
    except SqreenError as error:
        typer.echo(f"sqreen-mw: {' '.join(str(error).split())}", err=True)
        sys.exit(1 if isinstance(error, RefusedError) else 2)
