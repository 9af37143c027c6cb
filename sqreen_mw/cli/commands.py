"""The commands of ``sqreen-mw``."""

from typing import Final

import typer

from sqreen_mw.cli.demo import demo
from sqreen_mw.cli.doctor import doctor
from sqreen_mw.cli.serve import serve
from sqreen_mw.cli.tokens import tokens
from sqreen_mw.cli.users import users

app: Final = typer.Typer(
    help="Security monitoring of business logic, on your own server.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(serve)
app.command()(demo)
app.add_typer(doctor, name="doctor")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
