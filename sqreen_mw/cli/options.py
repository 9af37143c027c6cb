"""Options that several commands share, and the state store that they open."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from sqreen_mw.collector.settings import folder, load_settings
from sqreen_mw.collector.state import State, open_state

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Directory of the databases.", parser=folder, metavar="<path>", show_default=False
    ),
]
StateUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Database of apps, tokens and users.", show_default=False)
]
PasswordStdin: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


@contextmanager
def opened_state(*, data_dir: Path | None, state_url: str | None) -> Iterator[State]:
    """Open the state store that the options or the environment name."""
    settings = load_settings({"data_dir": data_dir, "state_url": state_url})
    state = open_state(settings.state_url)
    try:
        yield state
    finally:
        state.close()


def repeated(*, data_dir: Path | None, state_url: str | None) -> str:
    """Return the given options as text, for another command on the same state store."""
    given = {"--data-dir": data_dir, "--state-url": state_url}
    return "".join(
        f" {option} {shlex.quote(str(value))}"
        for option, value in given.items()
        if value is not None
    )
