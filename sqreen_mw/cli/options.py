"""Options that several commands share, and the state store that they open."""

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from sqreen_mw.cli.terminal_text import echo
from sqreen_mw.collector.database_file import database_path
from sqreen_mw.collector.settings import folder, load_settings
from sqreen_mw.collector.state import State, open_state
from sqreen_mw.errors import ConfigurationError


def setting(metavar: str, text: str, *, default: str = "", **more: Any) -> Any:
    """Return an option whose default is not known here."""
    shown = f"{text} [default: {default}]" if default else text
    return typer.Option(help=shown, metavar=metavar, show_default=False, **more)


DataDir: TypeAlias = Annotated[
    Path | None, setting("DIR", "Directory of the databases.", parser=folder)
]
StateUrl: TypeAlias = Annotated[
    str | None,
    setting("URL", "Database of apps, tokens and users.", default="sqlite:///DIR/state.db"),
]
PasswordStdin: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


@contextmanager
def opened_state(
    *, data_dir: Path | None, state_url: str | None, create: bool = False
) -> Iterator[State]:
    """Open the state store that the options or the environment name.

    Raises:
        ConfigurationError: There is no store and ``create`` is False.
    """
    url = load_settings({"data_dir": data_dir, "state_url": state_url}).state_url
    path = database_path(url, setting="--state-url")
    if not path.exists():
        if not create:
            raise ConfigurationError(
                f"there is no collector's data in {path.parent}: check --data-dir, or run "
                "'sqreen-mw serve' first"
            )
        echo(f"creating {path}", err=True)
    with closing(open_state(url)) as state:
        yield state


def check_app(state: State, name: str) -> None:
    """Check that an app exists.

    Raises:
        ConfigurationError: It does not. The message lists the apps.
    """
    names = [app.name for app in state.apps.all()]
    if name not in names:
        known = ", ".join(names) or "none yet"
        raise ConfigurationError(f"there is no app {name!r}: the apps are {known}")


def repeated(*, data_dir: Path | None, state_url: str | None) -> str:
    """Return the given options as text, for another command on the same state store."""
    given = {"--data-dir": data_dir, "--state-url": state_url}
    return "".join(
        f" {option} {shlex.quote(str(value))}"
        for option, value in given.items()
        if value is not None
    )
