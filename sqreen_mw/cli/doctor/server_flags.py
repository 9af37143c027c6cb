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

_MERGES_HEADERS: Final = (
    "the server merges X-Forwarded-For with X_Forwarded_For, which a client can send, so behind a "
    "proxy every visitor has its address and no user agent: set SQREEN_IP_HEADER to a header "
    "without hyphens that your proxy sets, or use gunicorn or an ASGI server"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The effect of a combination of flags of one server.

    ``flags`` are the beginnings of words that the command has.
    """

    server: str
    flags: tuple[str, ...]
    level: Level
    effect: str

    def applies(self, words: list[str]) -> bool:
        """Return whether a command line has all of the flags."""
        if self.server not in {PurePath(word).name for word in words}:
            return False
        given = " ".join([*words, ""]).replace("=", " ")
        return all(f" {flag}" in given for flag in self.flags)

    def __str__(self) -> str:
        return " ".join([self.server, *map(str.strip, self.flags)])


_TRUST_ALL: Final = Rule(
    server="uvicorn",
    flags=("--forwarded-allow-ips * ",),
    level="problem",
    effect=_TRUSTS_ALL_CLIENTS,
)
_DANGEROUS: Final = Rule(
    server="gunicorn",
    flags=("--header-map dangerous ",),
    level="problem",
    effect="gunicorn then merges X-Forwarded-For with X_Forwarded_For, which a client can send: "
    "remove the flag",
)


def _merges(server: str, *flags: str) -> Rule:
    return Rule(server=server, flags=flags, level="warning", effect=_MERGES_HEADERS)


RULES: Final = (
    _TRUST_ALL,
    _DANGEROUS,
    _merges("granian", "--interface wsgi "),
    _merges("hypercorn", "wsgi:"),
    _merges("uwsgi", "--http "),
    _merges("uwsgi", "--http-socket "),
)
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
    findings = [
        _finding(rule, f"{name}={value}")
        for name, (value, rule) in VARIABLES.items()
        if environ.get(name, "").strip() == value
    ]
    if _DANGEROUS.applies(["gunicorn", *environ.get("GUNICORN_CMD_ARGS", "").split()]):
        findings.append(_finding(_DANGEROUS, "GUNICORN_CMD_ARGS"))
    return findings


def _finding(rule: Rule, cause: str) -> Finding:
    return Finding("server", rule.level, f"{cause}: {rule.effect}")
