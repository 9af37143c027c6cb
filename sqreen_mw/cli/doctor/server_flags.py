"""Checks the flags and variables of web servers for values that spoil events."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from sqreen_mw.cli.doctor.finding import Finding, Level

_TRUSTS_ALL_CLIENTS: Final = (
    "uvicorn then takes the client's address from any X-Forwarded-For header, which a client can "
    "forge: list the addresses of your proxies instead of *"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The effect of a combination of flags of one server."""

    server: str
    flags: tuple[str, ...]
    level: Level
    effect: str

    def applies(self, words: list[str]) -> bool:
        """Return whether a command line has all of the flags."""
        if self.server not in {PurePath(word).name for word in words}:
            return False
        given = " ".join([*words, ""]).replace("=", " ")
        return all(f" {flag} " in given for flag in self.flags)

    def __str__(self) -> str:
        return " ".join([self.server, *self.flags])


_TRUST_ALL: Final = Rule(
    server="uvicorn",
    flags=("--forwarded-allow-ips *",),
    level="problem",
    effect=_TRUSTS_ALL_CLIENTS,
)
RULES: Final = (_TRUST_ALL,)
"""Our tests check each rule with the real server."""

VARIABLES: Final = {
    "FORWARDED_ALLOW_IPS": ("*", _TRUST_ALL),
    "UVICORN_FORWARDED_ALLOW_IPS": ("*", _TRUST_ALL),
}
"""Environment variables that replace flags, with the harmful value."""


def check_command(command: str) -> list[Finding]:
    """Return the findings about the command that starts the server.

    Raises:
        ValueError: The text is not a valid command line.
    """
    words = shlex.split(command)
    found = [_finding(rule, str(rule)) for rule in RULES if rule.applies(words)]
    return found or [Finding("server", "ok", "no flag is known to spoil events")]


def check_variables(environ: Mapping[str, str]) -> list[Finding]:
    """Return the findings about the environment variables of servers."""
    return [
        _finding(rule, f"{name}={value}")
        for name, (value, rule) in VARIABLES.items()
        if environ.get(name, "").strip() == value
    ]


def _finding(rule: Rule, cause: str) -> Finding:
    return Finding("server", rule.level, f"{cause}: {rule.effect}")
