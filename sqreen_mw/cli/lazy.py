"""Commands whose modules are imported when the command runs, so that ``--help`` is fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

COLLECTOR: Final = "sqlalchemy"
"""A package that only the extra ``collector`` installs."""

HINT: Final = "Needs: pip install 'sqreen-mw[collector]'"
"""Shown instead of the summary if the extra is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lazy:
    """A command that is not imported yet.

    Attributes:
        module: The module that contains the command under its own name.
        summary: The first sentences of the command's help.
        attribute: The command's name in the module, if it is another one.
    """

    module: str
    summary: str
    attribute: str = ""

    @property
    def line(self) -> str:
        """The command's line in the list of commands."""
        return HINT if find_spec(COLLECTOR) is None else self.summary

    def load(self, name: str) -> Any:
        """Import and return the command.

        Raises:
            ModuleNotFoundError: A package that the command needs is not installed.
        """
        found = getattr(import_module(self.module), self.attribute or name)
        loaded = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            loaded.add_typer(found, name=name)
        else:
            loaded.command(name)(found)
        return get_group(loaded).commands[name]


class LazyGroup(TyperGroup):
    """A group that imports the commands in ``lazy`` when they are run."""

    lazy: ClassVar[Mapping[str, Lazy]] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command's name, the imported command and the remaining arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        lazy = self.lazy.get(name or "")
        return name, command if lazy is None else lazy.load(str(name)), rest
