"""``sqreen-mw doctor settings``: the list of all settings."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sqreen_mw.agent.config.legacy_settings import LEGACY_SETTINGS
from sqreen_mw.agent.config.settings_table import PREFIX, SETTINGS, Setting


def settings(
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as Markdown.")] = False,
) -> None:
    """List all settings of the SDK with their defaults."""
    if markdown:
        typer.echo(f"{settings_table()}\n\n{original_table()}")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column("Setting", style="bold", no_wrap=True)
    table.add_column("Effect")
    for setting in SETTINGS.values():
        name = f"{setting.name} (keyword)" if setting.keyword_only else setting.variable
        about = f"{setting.about}.\n{setting.kind}; default: {setting.default}"
        table.add_row(name, about.replace("`", ""))
    Console(highlight=False, markup=False).print(table)


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    rows = [
        ["Keyword", "Variable", "Value", "Default", "Effect"],
        ["---"] * 5,
        *([f"`{s.name}`", _variable(s), s.kind, s.default, s.about] for s in SETTINGS.values()),
    ]
    return _lines(rows)


def original_table() -> str:
    """Return the original Sqreen's settings and their replacements as a Markdown table."""
    rows = [["Setting of the original", "Replacement"], ["---"] * 2]
    rows += [[f"`{PREFIX}{name.upper()}`", instead] for name, instead in LEGACY_SETTINGS.items()]
    return _lines(rows)


def _variable(setting: Setting) -> str:
    return "none" if setting.keyword_only else f"`{setting.variable}`"


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
