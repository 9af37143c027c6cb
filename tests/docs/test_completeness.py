"""The documentation has every setting, public name, command and option."""

import argparse
import re
import shlex
from typing import Any

import pytest
import typer

import sqreen_mw
import sqreen_mw.testing
from sqreen_mw.agent.config.settings_table import CONFIG_FILE, SETTINGS
from sqreen_mw.cli.commands import app
from sqreen_mw.cli.doctor.command import doctor_parser
from sqreen_mw.collector.settings import PREFIX
from sqreen_mw.testing import CapturedEvents
from tests.docs.pages import all_text, text_of

TEXT = all_text()
USUAL = {"--help", "--install-completion", "--show-completion", "--version"}


def commands(command: Any, path: str) -> dict[str, set[str]]:
    """Return the options of a command and its subcommands by their full names."""
    named = [[*each.opts, *each.secondary_opts] for each in command.params]
    found = {path: {name for names in named for name in names if name.startswith("--")}}
    for name in getattr(command, "commands", {}):
        _, each, _ = command.resolve_command(typer.Context(command), [name])
        found |= commands(each, f"{path} {name}")
    return found


def parsers(parser: argparse.ArgumentParser) -> dict[str, set[str]]:
    """Return the options of a parser and its subcommands by their full names."""
    found = {
        parser.prog: {name for name in vars(parser)["_option_string_actions"] if name[1] == "-"}
    }
    for action in vars(parser)["_actions"]:
        for each in (action.choices or {}).values() if action.nargs == argparse.PARSER else ():
            found |= parsers(each)
    return found


COMMANDS = commands(typer.main.get_command(app), "sqreen-mw") | parsers(doctor_parser())


def test_every_command_has_a_section() -> None:
    """The page of commands has one heading per command, in the order of the help."""
    headings = re.findall(r"^## (.*)$", text_of("docs/commands.md"), re.MULTILINE)

    assert headings == [path for path in COMMANDS if path != "sqreen-mw"]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_documented(path: str) -> None:
    """The section of a command names each of its options."""
    section = text_of("docs/commands.md").partition(f"# {path}\n")[2].partition("\n## ")[0]

    assert [name for name in COMMANDS[path] - USUAL if f"`{name}`" not in section] == []


def shown_commands() -> list[str]:
    """Return each ``sqreen-mw`` command in the pages, without placeholders."""
    lines = re.findall(r"(?:^|`|\$\()(sqreen-mw [^`\n)]*)", TEXT.replace("\\\n", ""), re.MULTILINE)
    return [line.replace("...", "") for line in lines]


@pytest.mark.parametrize("line", sorted(set(shown_commands())))
def test_shown_command_exists(line: str) -> None:
    """Each command in a page exists, with the options that the page uses."""
    words = shlex.split(line, comments=True)
    path = max((path for path in COMMANDS if f"{' '.join(words)} ".startswith(f"{path} ")), key=len)
    given = {word.partition("=")[0] for word in words if word.startswith("--")}

    assert path != "sqreen-mw" or all(word.startswith("--") for word in words[1:])
    assert given <= COMMANDS[path] | USUAL


def test_every_setting_is_documented() -> None:
    """The page of settings has each keyword and each variable."""
    page = text_of("docs/settings.md")

    for setting in SETTINGS.values():
        assert f"`{setting.name}`" in page
        assert setting.keyword_only or f"`{setting.variable}`" in page
    assert f"`{CONFIG_FILE}`" in page


def test_every_collector_setting_is_documented() -> None:
    """The page of the collector has each option of ``serve`` and its variable."""
    page = text_of("docs/collector.md")

    for option in COMMANDS["sqreen-mw serve"] - USUAL - {"--json"}:
        variable = PREFIX + option.removeprefix("--").replace("-", "_").upper()
        assert f"`{option}`" in page
        assert f"`{variable}`" in page


@pytest.mark.parametrize("name", [*sqreen_mw.__all__, "Sqreen"])
def test_every_public_name_is_documented(name: str) -> None:
    """The page of calls has each public name of the package."""
    assert f"`{name}`" in text_of("docs/calls.md")


def test_testing_kit_is_documented() -> None:
    """The page of testing has each public name of the kit and each member of its result."""
    page = text_of("docs/testing.md")
    members = [name for name in vars(CapturedEvents) if not name.startswith("_")]

    for name in [*sqreen_mw.testing.__all__, *members, "sqreen_events"]:
        assert re.search(rf"`{name}[(`]", page), name
