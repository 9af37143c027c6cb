"""Show the first rows of a file as they would be stored."""

from itertools import islice
from typing import Any, Final

import msgspec

from sqreen_mw.cli.imports.batches import batches
from sqreen_mw.cli.imports.source import Source
from sqreen_mw.cli.table import print_table
from sqreen_mw.cli.terminal_text import echo

_SHOWN: Final = 10


def preview(source: Source, *, as_json: bool) -> None:
    """Print the mapping, the events of the first rows and the reasons of their rejects."""
    events: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for batch in batches(islice(source.rows, _SHOWN), source.builder, skip=0):
        events += [msgspec.json.decode(bytes(memoryview(event))) for event in batch.events]
        rejects += [{"line": each.line, "reason": each.reason} for each in batch.rejects]
    mapping = msgspec.to_builtins(source.mapping)
    if as_json:
        found = {"mapping": mapping, "events": events, "rejects": rejects}
        echo(msgspec.json.encode(found).decode())
        return
    echo(msgspec.json.format(msgspec.json.encode(mapping)).decode().replace("\n", " "))
    print_table(("Time (ms)", "Event", "User", "Request", "Properties"), map(_cells, events))
    for each in rejects:
        echo(f"line {each['line']} would be rejected: {each['reason']}")


def _cells(event: dict[str, Any]) -> tuple[str, ...]:
    request = event.get("request", {})
    shown = [str(request[key]) for key in ("ip", "verb", "path", "status") if request.get(key)]
    return (
        str(event["timestamp"]),
        event["event"],
        _pairs(event.get("user_identifiers", {})),
        " ".join(shown),
        _pairs(event.get("properties", {})),
    )


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())
