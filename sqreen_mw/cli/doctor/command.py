"""``sqreen-mw doctor``: find out why events do not arrive or have wrong values.

It needs nothing but the SDK, because it runs in the environment of an app: no Typer, no Rich.
"""

import argparse
import json as encoding
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, NoReturn

from sqreen_mw.agent.config.config import LoadedConfig, load_with_sources
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.cli.doctor.client_ip import add_client_ip_options, explain_client_ip
from sqreen_mw.cli.doctor.connection import check_destination
from sqreen_mw.cli.doctor.disk import check_disk
from sqreen_mw.cli.doctor.finding import LEVELS, Finding
from sqreen_mw.cli.doctor.server_flags import check_command, check_variables
from sqreen_mw.cli.doctor.settings_list import print_settings
from sqreen_mw.cli.doctor.terminal import columns, styled
from sqreen_mw.cli.terminal_text import printable
from sqreen_mw.errors import ConfigurationError

HIDDEN: Final = "set, not shown"
DEFAULT: Final = "default"
SUMMARY: Final = "Find out why events do not arrive or have wrong values."
WRONG: Final = 2

_ABOUT: Final = (
    "Checks the settings, the server's flags, the connection to the collector, the events file "
    "and the spool directory, and leaves nothing behind. The exit code is 1 if there is a problem."
)
_STYLES: Final = {"ok": "green", "warning": "yellow", "problem": "red"}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors have the form of all commands."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {message}: run '{self.prog} --help'\n")


def run(arguments: Sequence[str]) -> int:
    """Run the doctor and return its exit code."""
    given = doctor_parser().parse_args(arguments)
    code: int = given.run(given)
    return code


def doctor_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line after ``sqreen-mw doctor``."""
    parser = _Parser(prog="sqreen-mw doctor", description=f"{SUMMARY} {_ABOUT}")
    parser.add_argument(
        "--server",
        metavar="COMMAND",
        type=_server,
        default=[],
        help="the command that starts your server, to check its flags",
    )
    parser.add_argument("--all", action="store_true", help="show settings with defaults too")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_check)
    commands = parser.add_subparsers(title="commands", metavar="")
    about = "explain the client address of a request"
    client_ip = commands.add_parser("ip", help=about, description=about)
    add_client_ip_options(client_ip)
    client_ip.set_defaults(run=explain_client_ip)
    about = "list all settings of the SDK"
    settings = commands.add_parser("settings", help=about, description=about)
    settings.add_argument("--markdown", action="store_true", help="print it as Markdown")
    settings.set_defaults(run=print_settings)
    return parser


def _server(command: str) -> list[Finding]:
    try:
        return check_command(command)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a valid command line: {error}") from error


def _check(given: argparse.Namespace) -> int:
    findings = [*given.server, *check_variables(os.environ)]
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
    if given.json:
        report: dict[str, Any] = {"settings": rows, "findings": [asdict(each) for each in findings]}
        print(encoding.dumps(report))
    else:
        shown = rows if given.all else [row for row in rows if row["from"] != DEFAULT]
        _print(shown, findings)
    return 1 if any(each.level == "problem" for each in findings) else 0


def _notes(loaded: LoadedConfig) -> list[Finding]:
    notes = [Finding("settings", "warning", note) for note in loaded.config.notes]
    return notes or [Finding("settings", "ok", "all settings are valid")]


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


def _print(rows: list[dict[str, str]], findings: Sequence[Finding]) -> None:
    """Print the verdict, the findings with the worst first, and the settings."""
    print(f"\n{_verdict(findings)}\n")
    ordered = sorted(findings, key=lambda each: LEVELS.index(each.level))
    labels = [styled(each.level, _STYLES[each.level]) for each in ordered]
    print(
        columns(
            [
                (label, each.subject, printable(" ".join(each.detail.split())))
                for label, each in zip(labels, ordered, strict=True)
            ]
        )
    )
    if rows:
        print(
            "\nSettings (--all shows the defaults too; keyword arguments are not visible here):\n"
        )
        print(columns([(row["name"], printable(row["value"]), row["from"]) for row in rows]))
    print()


def _verdict(findings: Sequence[Finding]) -> str:
    counts = [sum(each.level == level for each in findings) for level in LEVELS[:2]]
    parts = [
        f"{count} {level}{'' if count == 1 else 's'}"
        for count, level in zip(counts, LEVELS[:2], strict=True)
        if count
    ]
    return styled(" and ".join(parts) if parts else "No problem found", "bold")
