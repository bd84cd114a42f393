"""G1-sets: the hardness of DNS(M, N) that trains best, from data set to data set."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import spearmanr

from ...data import load
from ...runs.options import Options
from ..style import PALETTE, legend_below, style
from .curves import NAMES, level_rows
from .plans import studies

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "G1-sets"
TITLE = "The best hardness of DNS(M, N) over data sets"

METRIC, K = "ndcg", 20
IN_TIME = "-temporal"
"""Ends the names of data sets whose test part lies later in time than the train part; the others' is random."""
COLOURS = ("blue", "red", "green", "orange", "purple", "sky", "black")


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every level of M on every data set of the profile.

    Returns
    -------
    DataFrame
        Columns data, density (train pairs by users times items), users_all, items; and those of
        :func:`sim.studies.guideline.curves.curves`.
    """
    rows: list[dict[str, Any]] = []
    for study in studies(options, "M"):
        fit = load(study.plan.data, data_dir=options.data_dir).fit
        size = {"density": fit.nnz / (fit.shape[0] * fit.shape[1]), "users_all": fit.shape[0], "items": fit.shape[1]}
        rows += [{"data": study.plan.data} | size | row for row in level_rows(study, options.seed)]
    return pd.DataFrame(rows)


def best_sets(table: pd.DataFrame) -> pd.DataFrame:
    """A row a data set, densest first: density, and M/N of the best level and of the ends of its 95% confidence set."""
    part = table[(table.metric == METRIC) & (table.k == K)]
    rows = []
    for data, levels in part.groupby("data", sort=False):
        inside = levels[levels.p_best > 0.05]
        top = levels.loc[levels["mean"].idxmax()]
        rows.append(
            {
                "data": data, "density": top.density, "parameter": top.parameter, "best": top.hardness,
                "low": inside.hardness.min(), "high": inside.hardness.max(), "value": top["mean"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("density", ascending=False, ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """Left, a line a data set against M/N, stars at the best; right, the best M/N against the density of the data.

    Data sets split in time are dashed.
    """
    tops = best_sets(table)
    part = table[(table.metric == METRIC) & (table.k == K)]
    with style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained")
        for top, name in zip(tops.itertuples(), cycle(COLOURS)):
            colour = PALETTE[name]
            line = part[part.data == top.data].sort_values("hardness")
            dashes = "dashed" if top.data.endswith(IN_TIME) else "solid"
            left.plot(
                line.hardness, line.relative, color=colour, linestyle=dashes, marker="o", markersize=3, label=top.data
            )
            left.fill_between(
                line.hardness, line.relative_low, line.relative_high, color=colour, alpha=0.15, linewidth=0
            )
            left.plot(top.best, 1.0, marker="*", markersize=12, color=colour, markeredgecolor="white", zorder=5)
            right.vlines(top.density, top.low, top.high, color=colour, linestyle=dashes, alpha=0.5, linewidth=3)
            right.plot(top.density, top.best, marker="*", markersize=12, color=colour, markeredgecolor="white")
        title = f"{NAMES[METRIC]}@{K}"
        left.set(
            xscale="log", xlabel="M/N (left: hardest, right: uniform)", ylabel="relative to the best M", title=title
        )
        right.set(
            xscale="log", yscale="log", xlabel="density: train pairs / (users x items)", ylabel="best M/N",
            title=f"Best for {title}, 95% confidence set",
        )  # fmt: skip
        legend_below(figure, ncols=3)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was trained, and the best level of every data set."""
    tops = best_sets(table)
    words = ", ".join(
        f"{r.data} M = {r.parameter:g} (M/N {r.best:.3g}, set {r.low:.3g} to {r.high:.3g}, density {r.density:.2g}, "
        f"{NAMES[METRIC]}@{K} {r.value:.4f})"
        for r in tops.itertuples()
    )
    text = (
        "DNS(M, N), weight decay and epochs chosen on validation for every point, 95% intervals by bootstrap over "
        f"users and seeds, paired. Best for {NAMES[METRIC]}@{K}: {words}."
    )
    at_random = tops[~tops.data.str.endswith(IN_TIME)]
    if len(at_random) < len(tops):
        text += " Dashed: test lies later in time than train."
    if len(at_random) > 2 and at_random.best.nunique() > 1:
        rank = spearmanr(at_random.density, at_random.best).statistic
        text += f" Rank correlation of density and best M/N over the {len(at_random)} split at random: {rank:.2f}."
    return text
