"""Print lists as tables."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from sqreen_mw.cli.terminal_text import printable


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. The first column is never wrapped."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title == titles[0])
    for row in rows:
        table.add_row(*map(printable, row))
    Console(highlight=False, markup=False).print(table)


def date_text(at: int | None) -> str:
    """Return a time in UTC, or "never". ``at`` is in milliseconds since the epoch."""
    return "never" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"
