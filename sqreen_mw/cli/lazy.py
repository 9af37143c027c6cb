"""Commands that are loaded when they are run, so that a list of them takes no second."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

COLLECTOR: Final = "sqlalchemy"
"""What is there if the extra of the collector is."""

HINT: Final = r"Needs: pip install 'sqreen-mw\[collector]'"
"""With the bracket escaped, as the help is Rich's markup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lazy:
    """A command that is not loaded.

    Attributes:
        module: Where it is, under its own name.
        about: The first sentences of its help.
        of_collector: Whether it needs what the collector stands on.
    """

    module: str
    about: str
    of_collector: bool = True

    @property
    def line(self) -> str:
        """What a list of commands says of it."""
        return HINT if self.of_collector and find_spec(COLLECTOR) is None else self.about

    def load(self, name: str) -> Any:
        """Return the command.

        Raises:
            ModuleNotFoundError: What it stands on is not installed.
        """
        found = getattr(import_module(self.module), name)
        loaded = typer.Typer()
        if isinstance(found, typer.Typer):
            loaded.add_typer(found, name=name)
        else:
            loaded.command(name)(found)
        return get_group(loaded).commands[name]


class LazyGroup(TyperGroup):
    """A group whose commands of these names are lines of its help until one is run."""

    lazy: ClassVar[Mapping[str, Lazy]] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command, loaded, and what is left of the arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        lazy = self.lazy.get(name or "")
        return name, command if lazy is None else lazy.load(str(name)), rest
