"""The commands of ``sqreen-mw``."""

from typing import Final, NoReturn

import typer

from sqreen_mw.cli.doctor import doctor

app: Final = typer.Typer(
    help="Security monitoring of business logic, on your own server.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(doctor, name="doctor")


def add_collector() -> None:
    """Add the commands that need what the collector stands on."""
    # Imported here, as the doctor has to work beside an app, where no collector is installed.
    from sqreen_mw.cli.demo import demo  # noqa: PLC0415
    from sqreen_mw.cli.serve import serve  # noqa: PLC0415
    from sqreen_mw.cli.tokens import tokens  # noqa: PLC0415
    from sqreen_mw.cli.users import users  # noqa: PLC0415

    app.command()(serve)
    app.command()(demo)
    app.add_typer(users, name="users")
    app.add_typer(tokens, name="tokens")


def add_hints(error: ModuleNotFoundError) -> None:
    """Add commands of the same names that say what is missing."""

    def missing() -> NoReturn:
        raise error

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    for name in ("serve", "demo", "users", "tokens"):
        about = "Needs: pip install 'sqreen-mw[collector]'"
        app.command(name, context_settings=anything, add_help_option=False, help=about)(missing)


try:
    add_collector()
except ModuleNotFoundError as missing_module:
    add_hints(missing_module)
