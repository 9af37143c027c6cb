"""``sqreen-mw doctor``: why events do not arrive, or are not what they should be."""

import json as encoding
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sqreen_mw.agent.config.config import Resolved, resolve
from sqreen_mw.agent.config.table import SETTINGS
from sqreen_mw.cli.doctor_disk import look_at_disk
from sqreen_mw.cli.doctor_finding import Finding
from sqreen_mw.cli.doctor_ip import ip
from sqreen_mw.cli.doctor_server import check_command, check_variables
from sqreen_mw.cli.doctor_settings import settings
from sqreen_mw.cli.doctor_trip import try_destination
from sqreen_mw.errors import ConfigurationError

doctor: Final = typer.Typer()
doctor.command()(ip)
doctor.command()(settings)

HIDDEN: Final = "set, not shown"
DEFAULT: Final = "default"

_STYLES: Final = {"fine": "green", "warning": "yellow", "problem": "bold red"}


@doctor.callback(invoke_without_command=True)
def look(
    context: typer.Context,
    *,
    server: Annotated[
        str | None,
        typer.Option(help="The command that starts your server, to look at its flags."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Find out why events do not arrive, or are not what they should be.

    Looks at the settings, the server's flags, the way to the collector and
    what the app writes on disk. Nothing is left there. Exits with 1 where there is a problem.
    """
    if context.invoked_subcommand is not None:
        return
    findings = [*_server(server), *check_variables(os.environ)]
    shown: list[dict[str, str]] = []
    try:
        resolved = resolve()
    except ConfigurationError as error:
        findings.insert(0, Finding("settings", "problem", str(error)))
    else:
        shown = _shown(resolved)
        config = resolved.config
        tried = [*try_destination(config), *look_at_disk(config)]
        findings = [*_notes(resolved), *findings, *tried]
    _tell(shown, findings, json=json)
    raise typer.Exit(1 if any(each.level == "problem" for each in findings) else 0)


def _server(command: str | None) -> list[Finding]:
    try:
        return check_command(command) if command else []
    except ValueError as error:
        raise typer.BadParameter(f"--server is no command line: {error}") from error


def _notes(resolved: Resolved) -> list[Finding]:
    notes = [Finding("settings", "warning", note) for note in resolved.config.notes]
    return notes or [Finding("settings", "fine", "they hold together")]


def _shown(resolved: Resolved) -> list[dict[str, str]]:
    """Return each setting that a variable or the file can give, its value and who gave it."""
    rows: list[dict[str, str]] = []
    for name, setting in SETTINGS.items():
        found = resolved.found.get(name)
        value, origin = setting.default.replace("`", ""), DEFAULT
        if found is not None:
            value, origin = HIDDEN if setting.hides(found.value) else str(found.value), found.origin
        if not setting.keyword_only:
            rows.append({"name": name, "value": value, "from": origin})
    return rows


def _tell(shown: list[dict[str, str]], findings: Sequence[Finding], *, json: bool) -> None:
    if json:
        told: dict[str, Any] = {"settings": shown, "findings": [asdict(each) for each in findings]}
        typer.echo(encoding.dumps(told))
        return
    console = Console(highlight=False, markup=False)
    tables = [_settings_table(shown)] if shown else []
    for table in (*tables, _findings_table(findings)):
        console.print()
        console.print(table)
    console.print()


def _settings_table(shown: list[dict[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.caption, table.caption_justify = " Keywords in your code are not seen from here.", "left"
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("From", overflow="fold")
    for row in shown:
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
