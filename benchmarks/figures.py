"""What a row of the benchmarks amounts to: figures by contestant, drawn as a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One quantity, of every contestant that has it.

    Attributes:
        name: What was measured, with its unit.
        values: By contestant.
        digits: Digits after the point.
        notes: What is to be said of a contestant's value, such as that events were lost.
        above: Contestants whose value is more than that, as nobody waited longer.
    """

    name: str
    values: Mapping[str, float]
    digits: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)
    above: frozenset[str] = frozenset()

    def cell(self, name: str) -> str:
        """Return a contestant's value as text; a dash if it has none."""
        if name not in self.values:
            return "-"
        note = f" ({self.notes[name]})" if name in self.notes else ""
        sign = ">" if name in self.above else ""
        return f"{sign}{self.values[name]:,.{self.digits}f}{note}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked for.

    Attributes:
        contestants: Those to be measured.
        rounds: How often, where the row's own choice won't do.
    """

    contestants: tuple[str, ...]
    rounds: int | None = None


class Row(Protocol):
    """A module of ``benchmarks.rows``; its docstring's first line is the table's title."""

    def measure(self, plan: Plan) -> list[Figure]:
        """Return the row's figures."""
        ...


WIDE: Final = 10
"""So many columns are no table any more."""


def figure_table(figures: Sequence[Figure]) -> str:
    """Return figures as a table, a line each contestant; a line each figure if they are many."""
    names = list(dict.fromkeys(name for figure in figures for name in figure.values))
    if len(figures) > WIDE:
        across = [[figure.name, *(figure.cell(name) for name in names)] for figure in figures]
        return table(["", *names], across)
    lines = [[name, *(figure.cell(name) for figure in figures)] for name in names]
    return table(["", *(figure.name for figure in figures)], lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown whose columns are aligned."""
    rows = [head, *lines]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)
