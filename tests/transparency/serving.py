"""Visits to a site on a real server, once bare and once with the middleware."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import wait_until
from tests.transparency.raw_http import Visit, visit

MARK = "----mark----"

_UNLIKE = re.compile(
    r"127\.0\.0\.1(?::|', )\d+"  # port of a client
    r"|\b\d{6,}\b"  # bytes sent before a client disconnected
    r"|\d{4}-\d\d-\d\d[T ][\d:,.]+(?: [+-]\d{4})?|\d\d/\w{3}/\d{4}[: ][\d:]+(?: [+-]\d{4})?"
    r"|\b\d+\.\d{2,}\b"  # durations
    r"|\b(?:0x)?[0-9a-f]{12,16}\b"
    r"|\(\d+\)|\[\d+\]"  # process ids, granian's times
    r"|(?:bare|wrapped)-\d+"  # request names
)

# Our own requests, and lines about disconnects that servers log at any time.
_NOISE = (
    *("/mark", "/records", "Control socket"),
    *("ASGI transport error", "Client disconnected while serving"),
)


@dataclass(frozen=True)
class Seen:
    """The bytes that a client received, and the lines of the taps."""

    answer: bytes
    lines: list[str]


@dataclass
class Outcome:
    """All visits to both variants, and the log of the server during each."""

    seen: dict[str, dict[str, Seen]] = field(default_factory=dict)
    log: dict[str, list[str]] = field(default_factory=dict)


def outcome(port: int, visits: Mapping[str, Visit], log: Path) -> Outcome:
    """Make all visits, first to the bare site, then with the middleware."""
    found = Outcome()
    _ask(port, "mark", "")
    for variant in ("bare", "wrapped"):
        begin = log.read_text().count(MARK)
        found.seen[variant] = {
            name: _seen(port, request, f"{variant}-{number}", variant)
            for number, (name, request) in enumerate(visits.items())
        }
        _wait_until_quiet(log)
        _ask(port, "mark", "")
        found.log[variant] = _normalised(log.read_text().split(MARK)[begin])
    return found


def _wait_until_quiet(log: Path) -> None:
    """Wait until the log stops growing; some servers log from other threads."""
    size = -1
    while size != (size := log.stat().st_size):
        time.sleep(0.5)


def _seen(port: int, request: Visit, case: str, variant: str) -> Seen:
    own = {"x-case": case, "x-variant": variant}
    if "Upgrade: websocket" not in request.fields:
        own["Connection"] = "close"
    answer = visit(port, request, own)
    lines = wait_until(lambda: _finished(port, case), hint=lambda: (request, answer))
    kept = [line for line in lines if not (request.in_pieces and "receive" in line.split(" {")[0])]
    return Seen(answer, [_UNLIKE.sub("~", line) for line in kept])


def _finished(port: int, case: str) -> list[str]:
    """Return the lines of a request that has ended; they are never empty."""
    done, lines = _ask(port, "records", case)
    return lines if done else []


def _ask(port: int, path: str, case: str) -> tuple[bool, list[str]]:
    answer = visit(port, Visit(behaviour=path), {"x-case": case, "Connection": "close"})
    text = answer[answer.index(b"[") : answer.rindex(b"]") + 1]
    done, lines = json.loads(text)
    return done, lines


def _normalised(text: str) -> list[str]:
    """Return the sorted lines of a log, without traceback frames and changing numbers."""
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    kept = [line for line in lines if not any(noise in line for noise in _NOISE)]
    return sorted(_UNLIKE.sub("~", line) for line in kept)
