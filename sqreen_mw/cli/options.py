"""The options that several commands take."""

import shlex
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from sqreen_mw.collector.settings import folder

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the databases.", parser=folder, metavar="<path>", show_default=False
    ),
]
StateUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Where apps, tokens and users are.", show_default=False)
]
PasswordStdin: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


def repeated(*, data_dir: Path | None, state_url: str | None) -> str:
    """Return the options that were given, to go on with in a command about the same state."""
    given = {"--data-dir": data_dir, "--state-url": state_url}
    return "".join(
        f" {option} {shlex.quote(str(value))}"
        for option, value in given.items()
        if value is not None
    )
