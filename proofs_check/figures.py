"""The studies' tables in ``figures/`` as evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .tally import NothingToTest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "figure_table", "seeded_table"]

FIGURES = Path(__file__).resolve().parents[1] / "figures"
MIN_SEEDS = 3


def figure_table(name: str) -> pd.DataFrame:
    """The table ``figures/<name>.csv``; there is nothing to test where it is missing."""
    import pandas as pd

    path = FIGURES / f"{name}.csv"
    if not path.exists():
        raise NothingToTest(f"no table figures/{name}.csv; hns reproduce --only {name} makes it")
    return pd.read_csv(path)


def seeded_table(name: str) -> pd.DataFrame:
    """The rows of :func:`figure_table` that rest on enough seeds; there is nothing to test where none do."""
    table = figure_table(name)
    table = table[table["seeds"] >= MIN_SEEDS]
    if table.empty:
        raise NothingToTest(f"figures/{name}.csv has no runs with {MIN_SEEDS} or more seeds")
    return table
