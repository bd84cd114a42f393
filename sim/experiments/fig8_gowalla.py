"""Figure 8 on Gowalla, the paper's first data set; see :mod:`sim.experiments.fig8`."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from . import fig8
from ._options import Options
from .fig8 import GOWALLA, caption, plot

__all__ = ["ID", "TITLE", "caption", "plot", "run"]

ID = "F8-gowalla"
TITLE = "Metric@K against hardness M/N, on Gowalla"

PLANS = {
    "smoke": replace(GOWALLA, Ms=(1, 5), model=GOWALLA.model | {"epochs": 1}, every=1),
    "default": GOWALLA,
    "paper": replace(
        GOWALLA, Ms=(1, 2, 3, 5, 10, 20, 50, 200), decays=(0.001, 0.002, 0.004, 0.008), seeds=3,
        model=GOWALLA.model | {"epochs": 60}, every=10,
    ),
}  # fmt: skip


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """The experiment on Gowalla; the columns are those of :func:`sim.experiments.fig8.run_plan`."""
    return fig8.run_plan(PLANS[options.profile], options)
