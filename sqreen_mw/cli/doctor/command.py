"""``sqreen-mw doctor``: find out why events do not arrive or have wrong values."""

import json as encoding
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sqreen_mw.agent.config.config import LoadedConfig, load_with_sources
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.cli.doctor.client_ip import ip
from sqreen_mw.cli.doctor.connection import check_destination
from sqreen_mw.cli.doctor.disk import check_disk
from sqreen_mw.cli.doctor.finding import Finding
from sqreen_mw.cli.doctor.server_flags import check_command, check_variables
from sqreen_mw.cli.doctor.settings_list import settings
from sqreen_mw.errors import ConfigurationError

doctor: Final = typer.Typer(rich_markup_mode=None)
doctor.command()(ip)
doctor.command()(settings)

HIDDEN: Final = "set, not shown"
DEFAULT: Final = "default"

_STYLES: Final = {"fine": "green", "warning": "yellow", "problem": "bold red"}


@doctor.callback(invoke_without_command=True)
def check(
    context: typer.Context,
    *,
    server: Annotated[
        str | None,
        typer.Option(help="The command that starts your server, to check its flags."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Find out why events do not arrive or have wrong values.

    Checks the settings, the server's flags, the connection to the collector, the events file and
    the spool directory, and leaves nothing behind. The exit code is 1 if there is a problem.
    """
    if context.invoked_subcommand is not None:
        return
    findings = [*_server(server), *check_variables(os.environ)]
    rows: list[dict[str, str]] = []
    try:
        loaded = load_with_sources()
    except ConfigurationError as error:
        findings.insert(0, Finding("settings", "problem", str(error)))
    else:
        rows = _setting_rows(loaded)
        config = loaded.config
        findings = [
            *_notes(loaded),
            *findings,
            *check_destination(config),
            *check_disk(config),
        ]
    _print(rows, findings, json=json)
    raise typer.Exit(1 if any(each.level == "problem" for each in findings) else 0)


def _server(command: str | None) -> list[Finding]:
    try:
        return check_command(command) if command else []
    except ValueError as error:
        raise typer.BadParameter(f"--server is not a valid command line: {error}") from error


def _notes(loaded: LoadedConfig) -> list[Finding]:
    notes = [Finding("settings", "warning", note) for note in loaded.config.notes]
    return notes or [Finding("settings", "fine", "all settings are valid")]


def _setting_rows(loaded: LoadedConfig) -> list[dict[str, str]]:
    """Return the value and the source of each setting, except those that are keywords only."""
    rows: list[dict[str, str]] = []
    for name, setting in SETTINGS.items():
        found = loaded.values.get(name)
        value, origin = setting.default.replace("`", ""), DEFAULT
        if found is not None:
            value, origin = HIDDEN if setting.hides(found.value) else str(found.value), found.origin
        if not setting.keyword_only:
            rows.append({"name": name, "value": value, "from": origin})
    return rows


def _print(rows: list[dict[str, str]], findings: Sequence[Finding], *, json: bool) -> None:
    if json:
        report: dict[str, Any] = {"settings": rows, "findings": [asdict(each) for each in findings]}
        typer.echo(encoding.dumps(report))
        return
    console = Console(highlight=False, markup=False)
    tables = [_settings_table(rows)] if rows else []
    for table in (*tables, _findings_table(findings)):
        console.print()
        console.print(table)
    console.print()


def _settings_table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.caption = " Keyword arguments in your code are not visible to this command."
    table.caption_justify = "left"
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("From", overflow="fold")
    for row in rows:
        style = "dim" if row["from"] == DEFAULT else ""
        table.add_row(row["name"], row["value"], row["from"], style=style)
    return table


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        level = Text(each.level, style=_STYLES[each.level])
        table.add_row(level, each.subject, Text(each.detail))
    return table
