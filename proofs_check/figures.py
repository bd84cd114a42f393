"""The studies' tables as evidence: those of ``figures/`` in a checkout, the package's copies where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .tally import MissingTable, NothingToTest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "figure_table", "seeded_table"]

HERE = Path(__file__).resolve().parent
FIGURES = HERE.parent / "figures" if (HERE.parent / "pyproject.toml").is_file() else HERE / "tables"
"""The checkout's tables; of an installed package its own copies, which pyproject.toml lists."""
MIN_SEEDS = 3


def figure_table(name: str) -> pd.DataFrame:
    """The table ``figures/<name>.csv``; :class:`MissingTable` where there is none."""
    import pandas as pd

    path = FIGURES / f"{name}.csv"
    if not path.is_file():
        raise MissingTable(f"figures/{name}.csv")
    return pd.read_csv(path)


def seeded_table(name: str) -> pd.DataFrame:
    """The rows of :func:`figure_table` that rest on enough seeds; there is nothing to test where none do."""
    table = figure_table(name)
    table = table[table["seeds"] >= MIN_SEEDS]
    if table.empty:
        raise NothingToTest(f"figures/{name}.csv has no runs with {MIN_SEEDS} or more seeds")
    return table
