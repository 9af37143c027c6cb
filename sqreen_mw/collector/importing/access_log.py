"""Read the lines of access logs of Apache and nginx in the combined or common format."""

import re
from typing import Any, Final

from sqreen_mw.collector.importing.errors import RowError

_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_LINE: Final = re.compile(
    rf"(\S+) \S+ (\S+|[^\[]*?) \[([^\]]+)\] {_QUOTED} (\d{{3}}) (\d+|-)(?: {_QUOTED} {_QUOTED})?"
)
_TIME: Final = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)", re.ASCII
)
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_MONTH_WIDTH: Final = 4
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "b": "\b", "f": "\f"}
_REQUEST_PARTS: Final = 2


def access_log_values(line: str) -> dict[str, Any]:
    """Return the values of a line: ip, user, time, verb, path, status, referer, user_agent.

    Raises:
        RowError: The line has another format.
    """
    found = _LINE.match(line)
    if found is None:
        raise RowError("the line is not in the combined or common log format")
    ip, user, time, request, status, size, referer, user_agent = found.groups()
    parts = _unescaped(request).split(" ")
    if len(parts) < _REQUEST_PARTS:
        raise RowError("the request has no method and path")
    values = {
        "ip": ip,
        "user": user,
        "time": _iso_time(time),
        "verb": parts[0],
        "path": parts[1],
        "status": status,
        "bytes": None if size == "-" else int(size),
        "referer": referer and _unescaped(referer),
        "user_agent": user_agent and _unescaped(user_agent),
    }
    return {name: value for name, value in values.items() if value not in {None, "-"}}


def _iso_time(text: str) -> str:
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        raise RowError(f"the time {text[:40]!r} is not like 10/Oct/2025:13:55:36 +0200")
    month = _MONTHS.index(found[2]) // _MONTH_WIDTH + 1
    return f"{found[3]}-{month:02}-{found[1]}T{found[4]}{found[5]}:{found[6]}"


def _unescaped(text: str) -> str:
    r"""Return a text without escapes: Apache writes ``\"``, and both write ``\xHH`` for bytes."""
    if "\\" not in text:
        return text
    data = _ESCAPE.sub(_character, text).encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "replace")


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return bytes.fromhex(found[1]).decode("ascii", "surrogateescape")
    return _CONTROLS.get(found[2], found[2])
