"""Figure 8: Top-K metrics against the hardness M/N of DNS(M, N), from the hardest to uniform sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...runs.options import Options
from .curves import caption_curves, curves, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "F8"
TITLE = "Metric@K against M of DNS(M, N)"


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune on validation, train, rank on test; see :func:`sim.studies.guideline.curves.curves`."""
    return curves(options, "M")


def plot(table: pd.DataFrame) -> Figure:
    """Metric relative to its best against M."""
    return plot_curves(table, [("M", "DNS(M, N)")], "negatives kept, M (left: hardest, right: uniform)")


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    return caption_curves(table)
