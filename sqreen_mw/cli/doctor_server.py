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
_LOSES_LAST: Final = (
    "no handler of ours runs at a stop, so what was tracked in its last moment is lost: keep "
    "SQREEN_FLUSH_INTERVAL short"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a server does to events: with a flag of a value, or by itself where none is named."""

    server: str
    flag: str = ""
    value: str = ""
    level: Level
    effect: str

    def applies(self, words: list[str]) -> bool:
        """Tell whether it holds for a command line."""
        if self.server not in {PurePath(word).name for word in words}:
            return False
        given = " ".join(words).replace("=", " ")
        return f" {self.flag} {self.value} ".rstrip() in f" {given} "

    def __str__(self) -> str:
        return " ".join(filter(None, [self.server, self.flag, self.value]))


RULES: Final = (
    Rule(
        server="uvicorn",
        flag="--forwarded-allow-ips",
        value="*",
        level="problem",
        effect=_BELIEVES_CLIENTS,
    ),
    Rule(server="uvicorn", flag="--lifespan", value="off", level="warning", effect=_LOSES_LAST),
    Rule(server="granian", flag="--interface", value="wsgi", level="warning", effect=_LOSES_LAST),
    Rule(server="waitress-serve", level="warning", effect=_LOSES_LAST),
    Rule(server="flask", flag="run", level="warning", effect=_LOSES_LAST),
)
"""Held against uvicorn, granian, waitress and Flask by our tests."""

VARIABLES: Final = {
    "FORWARDED_ALLOW_IPS": RULES[0],
    "UVICORN_FORWARDED_ALLOW_IPS": RULES[0],
    "UVICORN_LIFESPAN": RULES[1],
}
"""Variables that stand for flags."""


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
        _finding(rule, f"{name}={rule.value}")
        for name, rule in VARIABLES.items()
        if environ.get(name, "").strip() == rule.value
    ]


def _finding(rule: Rule, cause: str) -> Finding:
    return Finding("server", rule.level, f"{cause}: {rule.effect}")
