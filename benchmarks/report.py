"""Reports a run as Markdown or JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final, TypeAlias

from benchmarks.figures import Figure, figure_table
from benchmarks.goals import goal_table
from benchmarks.machine import machine

Measured: TypeAlias = Mapping[str, list[Figure]]
"""Figures by row."""

WHOLE: Final = ("losses",)
"""Rows that are shown with all contestants."""


def as_markdown(measured: Measured) -> str:
    """Return the complete rows, the results of the goals and the machine."""
    whole = [f"{figure_table(measured[name])}\n" for name in WHOLE if name in measured]
    versions = [f"- {name}: {value}" for name, value in machine().items()]
    return "\n".join([*whole, goal_table(measured), "", *versions])


def as_json(measured: Measured) -> str:
    """Return all figures."""
    rows = {name: [asdict(figure) for figure in row] for name, row in measured.items()}
    return json.dumps({"machine": machine(), "rows": rows}, indent=2, default=sorted)
