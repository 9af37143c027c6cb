"""The commands of ``sqreen-mw``."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

import typer

from sqreen_mw.cli.lazy import Lazy, LazyGroup
from sqreen_mw.version import __version__

LAZY: Final = {
    "serve": Lazy(
        module="sqreen_mw.cli.serve",
        about="Run the collector: it takes events, keeps them, and shows them in the Event "
        "Explorer.",
    ),
    "demo": Lazy(
        module="sqreen_mw.cli.demo",
        about="Run a collector, a shop and a bank that report to it, and visitors. Nothing is "
        "kept.",
    ),
    "doctor": Lazy(
        module="sqreen_mw.cli.doctor",
        about="Find out why events do not arrive, or are not what they should be.",
        of_collector=False,
    ),
    "users": Lazy(module="sqreen_mw.cli.users", about="Make users and let them in."),
    "tokens": Lazy(module="sqreen_mw.cli.tokens", about="Make tokens, list and revoke them."),
}


class _Commands(LazyGroup):
    lazy: ClassVar[Mapping[str, Lazy]] = LAZY


app: Final = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_show_locals=False)


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


def _not_loaded() -> None:
    """Stand for a command in the list; what is run is the command itself."""


for _name, _lazy in LAZY.items():
    app.command(_name, help=_lazy.line)(_not_loaded)
