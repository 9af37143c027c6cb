"""Somebody who does what a page says: writes its files, runs its commands, looks what comes."""

import json
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.docs.pages import Block
from tests.docs.terminal import COLLECTOR, LOCAL, SERVERS, Terminal
from tests.support.waiting import PATIENCE

INSTALLED: Final = {"python -m venv .venv", ". .venv/bin/activate"}
"""What the tests have done already."""

COMMANDS_ONLY: Final = {"gunicorn", "waitress"}
"""What is needed as a command; its server looks for it."""


class Reader:
    """Follows one page in an empty folder; events go to a file until a collector is served."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._terminal: Final = Terminal(folder)
        self._output = ""
        self._script_is_new = False

    def follow(self, block: Block) -> None:
        """Do what a block says."""
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
                pytest.fail(f"nobody follows a block of {language or 'no language'}")

    def run_script(self) -> None:
        """Run the blocks that name no file, as one script; once for all that follow each other."""
        if self._script_is_new:
            self._script_is_new = False
            self._output = self._terminal.run("python page.py")

    def stop(self) -> None:
        """Stop what was started."""
        self._terminal.stop()

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
            self._output = self._terminal.run(line)

    def _export(self, line: str, name: str) -> None:
        """Set a variable; the address and the token that are shown are not the real ones."""
        value = self._terminal.run(f'{line}; printf %s "${name}"')
        if name != "SQREEN_TOKEN" and not LOCAL.search(value):
            self._terminal.settings[name] = value

    def _serve(self, server: str, line: str) -> None:
        self._output = self._terminal.serve(server, line)
        if server == COLLECTOR:
            self._terminal.settings |= dict(re.findall(r"(SQREEN_\w+)=(\S+)", self._output))

    def _expect_event(self, told: Mapping[str, Any]) -> None:
        """Wait for an event that has all that the page shows of it."""
        is_collected = self._terminal.settings["SQREEN_URL"].startswith("http")
        arrived = self._collected() if is_collected else self._written
        end = time.monotonic() + PATIENCE
        while not any(_is_told(event, told) for event in arrived()):
            assert time.monotonic() < end, (told, arrived(), self._terminal.log)
            time.sleep(0.05)

    def _written(self) -> list[dict[str, Any]]:
        file = self._folder / "events.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def _collected(self) -> Callable[[], list[dict[str, Any]]]:
        """Return what asks the collector for its events."""
        token = self._terminal.run("sqreen-mw tokens create default --scope query").strip()
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._terminal.settings['SQREEN_URL']}/v1/events/query"

        def ask() -> list[dict[str, Any]]:
            answer = httpx2.get(url, headers=headers, timeout=PATIENCE).raise_for_status().json()
            return [row["event"] for row in answer["events"]]

        return ask

    def _expect_output(self, told: str) -> None:
        """Compare what the last command printed; ``...`` stands for any text in a line."""
        wanted = re.escape(_plain(told)).replace(r"\.\.\.", ".*")

        assert re.fullmatch(wanted, _plain(self._output)), self._output


def _plain(text: str) -> str:
    """Return a text without what differs from run to run: blanks at the edges, and ports."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return LOCAL.sub("127.0.0.1:PORT", "\n".join(lines))


def _need(requirements: list[str]) -> None:
    """Skip where something is not installed that the page tells to install."""
    for requirement in requirements:
        name = requirement.partition("[")[0]
        if name[:1].isalpha() and name not in COMMANDS_ONLY:
            pytest.importorskip(name, reason=f"pip install {name}, or scripts/test --full")


def _is_told(event: Any, told: Any) -> bool:
    """Tell whether an event has what a page shows of it; ``...`` is shown of what varies."""
    if isinstance(told, dict):
        return isinstance(event, dict) and all(
            key in event and _is_told(event[key], value) for key, value in told.items()
        )
    return told in ("...", event)
