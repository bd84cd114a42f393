"""Figure 10: Top-K metrics against rho of Softmax-v and Softmax-exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...runs.options import Options
from .curves import caption_curves, curves, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "F10"
TITLE = "Metric@K against rho of softmax sampling"


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune on validation, train, rank on test; see :func:`sim.studies.guideline.curves.curves`."""
    return curves(options, "rho", "rho-exact")


def plot(table: pd.DataFrame) -> Figure:
    """Metric relative to its best against rho."""
    return plot_curves(table, [("rho", "Softmax-v"), ("rho-exact", "Softmax-exact")], "radius ρ (right: hardest)")


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    return caption_curves(table)
