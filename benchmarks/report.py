"""A run, told as a table each row, as the goals in Markdown, or as JSON."""

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
"""Rows that are quoted with every contestant."""


def as_markdown(measured: Measured) -> str:
    """Return rows that are quoted whole, what came of the goals, and what it was measured on."""
    whole = [f"{figure_table(measured[name])}\n" for name in WHOLE if name in measured]
    told = [f"- {name}: {value}" for name, value in machine().items()]
    return "\n".join([*whole, goal_table(measured), "", *told])


def as_json(measured: Measured) -> str:
    """Return everything."""
    rows = {name: [asdict(figure) for figure in row] for name, row in measured.items()}
    return json.dumps({"machine": machine(), "rows": rows}, indent=2)
