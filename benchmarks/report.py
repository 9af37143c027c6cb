"""A run, told as a table each row, as the goals in Markdown, or as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeAlias

from benchmarks.figures import Figure
from benchmarks.goals import goal_table
from benchmarks.machine import machine

Measured: TypeAlias = Mapping[str, list[Figure]]
"""Figures by row."""


def as_markdown(measured: Measured) -> str:
    """Return what came of the goals, and what it was measured on."""
    told = [f"- {name}: {value}" for name, value in machine().items()]
    return "\n".join([goal_table(measured), "", *told])


def as_json(measured: Measured) -> str:
    """Return everything."""
    rows = {name: [asdict(figure) for figure in row] for name, row in measured.items()}
    return json.dumps({"machine": machine(), "rows": rows}, indent=2)
