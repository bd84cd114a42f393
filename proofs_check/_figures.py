"""The studies' tables in ``figures/`` as evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ._tally import NothingToTest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "figure_table"]

FIGURES = Path(__file__).resolve().parents[1] / "figures"


def figure_table(name: str) -> pd.DataFrame:
    """The table ``figures/<name>.csv``; there is nothing to test where it is missing."""
    import pandas as pd

    path = FIGURES / f"{name}.csv"
    if not path.exists():
        raise NothingToTest(f"no table figures/{name}.csv; hns reproduce --only {name} makes it")
    return pd.read_csv(path)
