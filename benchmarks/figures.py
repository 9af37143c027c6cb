"""The figures of a row by contestant, and their table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured quantity of the contestants.

    Attributes:
        name: The quantity with its unit.
        values: The values by contestant.
        digits: Digits after the decimal point.
        notes: Remarks by contestant, such as lost events.
        above: Contestants whose real value is larger, because the measurement timed out.
    """

    name: str
    values: Mapping[str, float]
    digits: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)
    above: frozenset[str] = frozenset()

    def cell(self, name: str) -> str:
        """Return a contestant's value as text, or a dash."""
        if name not in self.values:
            return "-"
        note = f" ({self.notes[name]})" if name in self.notes else ""
        sign = ">" if name in self.above else ""
        return f"{sign}{self.values[name]:,.{self.digits}f}{note}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of a run.

    Attributes:
        contestants: The contestants to measure.
        rounds: The number of rounds; by default, each row has its own.
    """

    contestants: tuple[str, ...]
    rounds: int | None = None


class Row(Protocol):
    """A module of ``benchmarks.rows``. The first line of its docstring is the table's title."""

    def measure(self, plan: Plan) -> list[Figure]:
        """Return the row's figures."""
        ...


WIDE: Final = 10
"""Tables with more columns are transposed."""


def figure_table(figures: Sequence[Figure]) -> str:
    """Return a table with a line for each contestant; with many figures, a line for each figure."""
    names = list(dict.fromkeys(name for figure in figures for name in figure.values))
    if len(figures) > WIDE:
        across = [[figure.name, *(figure.cell(name) for name in names)] for figure in figures]
        return table(["", *names], across)
    lines = [[name, *(figure.cell(name) for figure in figures)] for name in names]
    return table(["", *(figure.name for figure in figures)], lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    rows = [head, *lines]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)
