"""The options that several commands take."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DataDir: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of the databases.", show_default=False)
]
StateUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Where apps, tokens and users are.", show_default=False)
]
PasswordStdin: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
