"""Figure 9: Top-K metrics against the pool size N of DNS(5, N)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...runs.options import Options
from .curves import caption_curves, curves, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "F9"
TITLE = "Metric@K against N of DNS(5, N)"


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune on validation, train, rank on test; see :func:`sim.studies.guideline.curves.curves`."""
    return curves(options, "N")


def plot(table: pd.DataFrame) -> Figure:
    """Metric relative to its best against N."""
    return plot_curves(table, [("N", "DNS(5, N)")], "pool size N (right: hardest)")


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    return caption_curves(table)
