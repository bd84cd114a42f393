"""F6-data: Figure 6 on trained models: which OPAUC(beta) goes with which Top-K metric, over models and over users?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...rankings import exact_correlation
from ...runs.means import per_user
from ...runs.options import Options
from ..guideline.grids import GRIDS, Grid, train
from ..recommender import median_sizes
from ..study import Findings, Study
from ..style import AXES, K_COLOURS, METRIC_NAMES, data_frames, label_rows, legend_below, mark_peak, style
from ..words import extent, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F6-data", "Which OPAUC(beta) predicts which Top-K metric (trained models)",
    150, made="trained", split_by=("data",),
)  # fmt: skip

METRICS = ("ndcg", "recall")
SHOWN = "recall"
KS = (5, 20, 50, 100)
OVER = {"models": "models", "users": "users", "within": "models, per user"}
N_BETAS = 30


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Pearson correlations of Metric@K with OPAUC(beta) on the test part.

    Returns
    -------
    DataFrame
        Columns data, over ("models": of the means over users, over all trained models; "users": over the users of a
        model, mean over the models; "within": over the models, users' deviations from their own means pooled), metric,
        k, beta, correlation, random (exact, under uniformly random rankings of the median user's sizes), models, users.
    """
    return pd.DataFrame([row for grid in options.grids(GRIDS) for row in _rows(grid, options)])


def _rows(grid: Grid, options: Options) -> Iterator[dict[str, Any]]:
    n_pos, n_neg = median_sizes(grid.data, options)
    betas = np.unique(np.round(np.geomspace(1, n_neg, N_BETAS))) / n_neg
    pairs = list(product(METRICS, KS))
    areas, metrics, over_users = [], [], []
    within = _Within()
    for axis in (a for a in AXES if a in grid.points):
        for level in train(grid, axis, options).levels:
            for result in level.results:
                ranks = result.at()
                x = np.stack(list(ranks.opauc(betas).values()), axis=1)
                y = per_user(ranks, [f"{m}@{k}" for m, k in pairs])
                some = ~np.isnan(x[:, 0])
                over_users.append(_correlation(x[some] - x[some].mean(axis=0), y[some] - y[some].mean(axis=0)))
                areas.append(x[some].mean(axis=0))
                metrics.append(y[some].mean(axis=0))
                within.add(x[some], y[some])
    a, b = np.array(areas), np.array(metrics)
    found = {
        "models": _correlation(a - a.mean(axis=0), b - b.mean(axis=0)),
        "users": np.mean(over_users, axis=0),
        "within": within.correlation(),
    }
    for over, (j, (metric, k)) in product(OVER, enumerate(pairs)):
        random = exact_correlation(n_pos, n_neg, metric, k)
        for i, beta in enumerate(betas):
            yield {
                "data": grid.data, "over": over, "metric": metric, "k": k, "beta": beta,
                "correlation": found[over][i, j], "random": random[round(beta * n_neg) - 1], "models": len(areas),
                "users": int(some.sum()),
            }  # fmt: skip


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the columns of centred tables, shape (columns of x, columns of y)."""
    return (x.T @ y) / np.sqrt((x**2).sum(axis=0)[:, None] * (y**2).sum(axis=0))


class _Within:
    """Pooled correlation of users' deviations from their own means over models, from running sums."""

    def __init__(self) -> None:
        self.n = 0
        self.sums: list[Any] = [0.0] * 5

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Take in a model's tables, a row a user."""
        self.n += 1
        new = x, y, (x**2).sum(axis=0), (y**2).sum(axis=0), x.T @ y
        self.sums = [old + one for old, one in zip(self.sums, new)]

    def correlation(self) -> NDArray[np.float64]:
        """Shape (columns of x, columns of y)."""
        x, y, xx, yy, xy = self.sums
        spread = np.outer(xx - (x**2).sum(axis=0) / self.n, yy - (y**2).sum(axis=0) / self.n)
        found: NDArray[np.float64] = (xy - x.T @ y / self.n) / np.sqrt(spread)
        return found


def _peaks(part: pd.DataFrame, column: str = "correlation") -> pd.DataFrame:
    return part.loc[part.groupby("k")[column].idxmax()]


def plot(table: pd.DataFrame) -> Figure:
    """A row a data set, a column each way to correlate; peaks marked, random rankings dashed."""
    sets = list(dict.fromkeys(table.data))
    shown = table[table.metric == SHOWN]
    with style() as plt:
        figure, axes = data_frames(plt, sets, len(OVER), (9.6, 0.6, 2.5))
        for (row, data), (column, over) in product(enumerate(sets), enumerate(OVER)):
            ax = axes[row, column]
            part = shown[(shown.data == data) & (shown.over == over)]
            for k in KS:
                line = part[part.k == k]
                ax.plot(line.beta, line.correlation, color=K_COLOURS[k], label=f"K = {k}")
                ax.plot(line.beta, line.random, color=K_COLOURS[k], linestyle=(0, (3, 2)), linewidth=0.9)
            for peak in _peaks(part).itertuples():
                mark_peak(ax, peak.beta, peak.correlation, K_COLOURS[peak.k])
            ax.set(xscale="log", title=f"{METRIC_NAMES[SHOWN]}@K: {OVER[over]}")
        label_rows(axes, sets, "correlation with OPAUC(β)", "FPR limit β")
        dashed = plt.Line2D([], [], color="grey", linestyle=(0, (3, 2)), linewidth=0.9)
        legend_below(figure, 5, (dashed, "random rankings, exact"))
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was correlated, with how much data, what to see."""
    parts, shown = [], table[table.metric == SHOWN]
    for (data, over), part in shown.groupby(["data", "over"], sort=False):
        words = ", ".join(f"K={p.k}: {p.beta:.3g} ({p.correlation:.2f})" for p in _peaks(part).itertuples())
        auc = part[part.beta == part.beta.max()].set_index("k").correlation
        parts.append(f"{data}, over {OVER[over]}: {words}; AUC {auc.min():.2f} to {auc.max():.2f}")
    first_set = shown[shown.data == shown.data.iloc[0]].drop_duplicates(["k", "beta"])
    law = ", ".join(f"K={p.k}: {p.beta:.3g}" for p in _peaks(first_set, "random").itertuples())
    first = table.drop_duplicates("data")
    sizes = ", ".join(f"{r.data} {r.models} models, {r.users:,} users" for r in first.itertuples())
    return (
        f"Pearson correlation of Metric@K with OPAUC(β) on test ({sizes}). Peaks for {METRIC_NAMES[SHOWN]}, with the "
        f"correlation: {'. '.join(parts)}. Under random rankings (dashed) they would lie at {law} on "
        f"{table.data.iloc[0]}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Where trained models put the peak, and how it compares with random rankings."""
    found = {}
    for (data, over), part in table[table.metric == SHOWN].groupby(["data", "over"], sort=False):
        tops, law = _peaks(part), _peaks(part, "random").set_index("k").beta
        found[f"{data}/{over}"] = (
            f"{data}, over {OVER[over]}: {METRIC_NAMES[SHOWN]}@K goes best with OPAUC(β) at β = "
            + listed(f"{r.beta:.3g} for K = {r.k} ({r.correlation:.2f})" for r in tops.itertuples())
            + f", {extent(tops.beta.to_numpy() / law.loc[tops.k].to_numpy(), '.2g')} times the peaks of random "
            f"rankings ({part.models.iloc[0]} models, {part.users.iloc[0]:,} users, no interval)."
        )
    return found
