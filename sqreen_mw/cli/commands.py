"""The commands of ``sqreen-mw``."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import typer

from sqreen_mw.cli.lazy import Lazy, LazyGroup
from sqreen_mw.version import __version__

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C."""

DOCTOR: Final = "Find out why events do not arrive or have wrong values."

LAZY: Final = {
    "serve": Lazy(
        module="sqreen_mw.cli.serve",
        summary="Run the collector: it receives and stores events, and shows them in the Event "
        "Explorer.",
    ),
    "demo": Lazy(
        module="sqreen_mw.cli.demo.command",
        summary="Run a collector, a shop and a bank with simulated visitors. All data is deleted "
        "at the end.",
    ),
    "users": Lazy(module="sqreen_mw.cli.users", summary="Manage users and their sign-in links."),
    "tokens": Lazy(module="sqreen_mw.cli.tokens", summary="Create, list and revoke tokens."),
    "import": Lazy(
        module="sqreen_mw.cli.imports.command",
        summary="Send events of the past from files to a running collector.",
        attribute="import_files",
    ),
}


class _Commands(LazyGroup):
    lazy: ClassVar[Mapping[str, Lazy]] = LAZY


app: Final = typer.Typer(
    cls=_Commands, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)

_UsageError: Final[Any] = typer.BadParameter.__base__
"""Typer does not export the error of a missing argument or an unknown option."""


def run() -> int:
    """Run the command line and return its exit code. A wrong option is one line on stderr."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except _UsageError as error:
        sys.stderr.write(f"{_usage_line(error)}\n")
        return int(error.exit_code)
    return code if isinstance(code, int) else 0


def _usage_line(error: Any) -> str:
    message = str(error.format_message()).replace("Value error, ", "")
    if message.startswith("Usage:"):  # The help, because no argument is given.
        return message
    command = error.ctx.command_path if error.ctx else "sqreen-mw"
    return f"{command}: {' '.join(message.split()).rstrip('.')}: run '{command} --help'"


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"sqreen-mw {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=lambda value: _print_version(wanted=value),
        ),
    ] = False,
) -> None:
    """Security monitoring of business logic, on your own server."""


def _placeholder() -> None:
    """Stand for a command in the help; LazyGroup replaces it by the real command."""


for _name, _lazy in LAZY.items():
    app.command(_name, help=_lazy.line, short_help=_lazy.line)(_placeholder)

# In the list only: ``main`` runs the doctor, which needs no Typer.
app.command("doctor", help=DOCTOR, short_help=DOCTOR)(_placeholder)
