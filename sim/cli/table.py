"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.terminal import printable

__all__ = ["show_table"]


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under columns, numbers to the right; names are shown as they are, control characters escaped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # brackets in a name are no markup

    heading = Text(printable(title)) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        number = bool(rows) and all(isinstance(row[i], (int, float)) or row[i] == "" for row in rows)
        table.add_column(Text(printable(column)), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(printable(_text(value))) for value in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe: do not wrap
        console = Console(width=200)
    console.print(table)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
