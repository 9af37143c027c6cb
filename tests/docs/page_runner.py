"""Follows a page: writes its files, runs its commands, compares events and output."""

import json
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.docs.page_shell import COLLECTOR, LOCAL, SERVERS, PageShell
from tests.docs.pages import Block
from tests.support.optional import need
from tests.support.waiting import PATIENCE

INSTALLED: Final = {"python -m venv .venv", ". .venv/bin/activate"}
"""Commands that the test environment has run already."""

COMMANDS_ONLY: Final = {"gunicorn", "waitress"}
"""Packages that a page uses as commands only; ``PageShell.serve`` looks for them."""


class PageRunner:
    """Follows one page in an empty folder. Events go to a file until a collector runs."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._shell: Final = PageShell(folder)
        self._output = ""
        self._script_is_new = False

    def follow(self, block: Block) -> None:
        """Execute one block of the page."""
        if block.language != "python":
            self.run_script()
        match block.language:
            case "python":
                self._write(block)
            case "sh":
                for line in block.commands:
                    self._type(line)
            case "json":
                self._expect_event(json.loads(block.code))
            case "text":
                self._expect_output(block.code)
            case language:
                pytest.fail(f"no test follows a block of {language or 'no language'}")

    def run_script(self) -> None:
        """Run the blocks without a file name as one script, if any are new."""
        if self._script_is_new:
            self._script_is_new = False
            self._output = self._shell.run("python page.py")

    def stop(self) -> None:
        """Stop all servers."""
        self._shell.stop()

    def _write(self, block: Block) -> None:
        path = self._folder / (block.file or "page.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        before = f"{path.read_text()}\n\n" if path.exists() else ""
        path.write_text(before + block.code)
        self._script_is_new = self._script_is_new or block.file is None

    def _type(self, line: str) -> None:
        server = next((known for known in SERVERS if f"{line} ".startswith(f"{known} ")), None)
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            self._export(line, words[1].partition("=")[0])
        elif words[:2] == ["pip", "install"]:
            _need(words[2:])
        elif server is not None:
            self._serve(server, line)
        elif line not in INSTALLED:
            self._output = self._shell.run(line)

    def _export(self, line: str, name: str) -> None:
        """Set a variable, but keep the real address and token of the collector."""
        value = self._shell.run(f'{line}; printf %s "${name}"')
        if name != "SQREEN_TOKEN" and not LOCAL.search(value):
            self._shell.settings[name] = value

    def _serve(self, server: str, line: str) -> None:
        self._output = self._shell.serve(server, line)
        if server == COLLECTOR:
            self._shell.settings |= dict(re.findall(r"(SQREEN_\w+)=(\S+)", self._output))

    def _expect_event(self, shown: Mapping[str, Any]) -> None:
        """Wait for an event that contains all values that the page shows."""
        is_collected = self._shell.settings["SQREEN_URL"].startswith("http")
        arrived = self._collected() if is_collected else self._written
        end = time.monotonic() + PATIENCE
        while not any(_contains(event, shown) for event in arrived()):
            assert time.monotonic() < end, (shown, arrived(), self._shell.log)
            time.sleep(0.05)

    def _written(self) -> list[dict[str, Any]]:
        file = self._folder / "events.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def _collected(self) -> Callable[[], list[dict[str, Any]]]:
        """Return a function that queries the collector for its events."""
        token = self._shell.run("sqreen-mw tokens create default --scope query").strip()
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._shell.settings['SQREEN_URL']}/v1/events/query"

        def ask() -> list[dict[str, Any]]:
            answer = httpx2.get(url, headers=headers, timeout=PATIENCE).raise_for_status().json()
            return [row["event"] for row in answer["events"]]

        return ask

    def _expect_output(self, shown: str) -> None:
        """Compare the output of the last command; ``...`` matches any text in a line."""
        wanted = re.escape(_plain(shown)).replace(r"\.\.\.", ".*")

        assert re.fullmatch(wanted, _plain(self._output)), self._output


def _plain(text: str) -> str:
    """Return a text without the parts that differ between runs: outer spaces and ports."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return LOCAL.sub("127.0.0.1:PORT", "\n".join(lines))


def _need(requirements: list[str]) -> None:
    """Skip the test if a package of the page is not installed."""
    for requirement in requirements:
        name = requirement.partition("[")[0]
        if name[:1].isalpha() and name not in COMMANDS_ONLY:
            need(name.replace("-", "_"))


def _contains(event: Any, shown: Any) -> bool:
    """Return True if an event contains the shown values; ``...`` matches any value."""
    if isinstance(shown, dict):
        return isinstance(event, dict) and all(
            key in event and _contains(event[key], value) for key, value in shown.items()
        )
    return shown in ("...", event)
