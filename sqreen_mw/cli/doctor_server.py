"""What a server's flags do to an app's events, as far as a command line or a variable shows it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from sqreen_mw.cli.doctor_finding import Finding, Level

_BELIEVES_CLIENTS: Final = (
    "uvicorn then takes what a client writes into X-Forwarded-For for its address: name the "
    "addresses of your proxies there instead of *"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a server does to events with these flags, all together."""

    server: str
    flags: tuple[str, ...]
    level: Level
    effect: str

    def applies(self, words: list[str]) -> bool:
        """Tell whether it holds for a command line."""
        if self.server not in {PurePath(word).name for word in words}:
            return False
        given = " ".join([*words, ""]).replace("=", " ")
        return all(f" {flag} " in given for flag in self.flags)

    def __str__(self) -> str:
        return " ".join([self.server, *self.flags])


_BELIEVING: Final = Rule(
    server="uvicorn",
    flags=("--forwarded-allow-ips *",),
    level="problem",
    effect=_BELIEVES_CLIENTS,
)
RULES: Final = (_BELIEVING,)
"""Held against uvicorn by our tests."""

VARIABLES: Final = {
    "FORWARDED_ALLOW_IPS": ("*", _BELIEVING),
    "UVICORN_FORWARDED_ALLOW_IPS": ("*", _BELIEVING),
}
"""Variables that stand for flags, and the value that does harm."""


def check_command(command: str) -> list[Finding]:
    """Return what is to be said of the command that starts the server.

    Raises:
        ValueError: It is no command line.
    """
    words = shlex.split(command)
    found = [_finding(rule, str(rule)) for rule in RULES if rule.applies(words)]
    return found or [Finding("server", "fine", "no flag that is known to harm events")]


def check_variables(environ: Mapping[str, str]) -> list[Finding]:
    """Return what is to be said of the variables that servers read."""
    return [
        _finding(rule, f"{name}={value}")
        for name, (value, rule) in VARIABLES.items()
        if environ.get(name, "").strip() == value
    ]


def _finding(rule: Rule, cause: str) -> Finding:
    return Finding("server", rule.level, f"{cause}: {rule.effect}")
