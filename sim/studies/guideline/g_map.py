"""G-map: the best hardness for each K, with confidence sets, and what the ends of the axis lose (G1, G2)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...rankings import peak as exact_peak
from ...runs.options import Options
from ..recommender import median_sizes
from ..stats import best_level, bootstrap, holm, peak
from ..study import Findings, Study
from ..style import AXES, METRIC_NAMES, data_frames, label_rows, legend_below, style
from ..words import ALPHA, counted, extent
from .grids import KS, METRICS, AxisRuns, axis_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G-map", "The best hardness for each K", 110, made="trained", split_by=("data",),
)  # fmt: skip

SHOWN = ("ndcg", "recall")
REACHING = ("M", "rho", "rho-exact")
"""The axes that reach from the hardest to uniform sampling."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Best level, its confidence set and the interpolated peak, for every data set, axis, metric and K.

    Returns
    -------
    DataFrame
        Columns data, axis, metric, k, best (sampler), beta (its realised hardness, by rank), set_low, set_high (hull of
        the 95% confidence set of the best level), peak, peak_low, peak_high (vertex of a parabola in log(beta), 95%
        percentile interval), hardest, softest (relative value at the ends of the axis), p_hardest, p_softest (that the
        end is the best level; corrected by Holm for all rows of the data set), beta_hardest, beta_softest, random (best
        beta under uniformly random rankings of the median user's numbers of positives and negatives), seeds, users.
    """
    rows: list[dict[str, Any]] = []
    for runs in axis_runs(options, *AXES):
        rows += _rows(runs, options)
    table = pd.DataFrame(rows)
    ends = ["p_hardest", "p_softest"]
    for _, part in table.groupby("data"):
        table.loc[part.index, ends] = holm(part[ends].to_numpy())
    return table


def _rows(runs: AxisRuns, options: Options) -> list[dict[str, Any]]:
    values, beta = runs.values(), runs.beta
    found = bootstrap(values, n=20_000, seed=options.seed)  # p-values of 5e-5 survive Holm's correction
    relative, p = found.relative().mean, best_level(found)
    peaks = np.exp(peak(np.log(beta), np.swapaxes(found.replicates, 1, 2)))
    at = np.exp(peak(np.log(beta), found.mean.T))
    low, high = np.quantile(peaks, [0.025, 0.975], axis=0)
    n_pos, n_neg = median_sizes(runs.grid.data, options)
    rows = []
    for q, (metric, k) in enumerate(product(METRICS, KS)):
        top = int(found.mean[:, q].argmax())
        inside = beta[p[:, q] > 0.05]
        rows.append(
            {
                "data": runs.grid.data, "axis": runs.axis, "metric": metric, "k": k,
                "best": str(runs.levels[top].sampler), "beta": beta[top], "set_low": inside[0], "set_high": inside[-1],
                "peak": at[q], "peak_low": low[q], "peak_high": high[q],
                "hardest": relative[0, q], "softest": relative[-1, q], "p_hardest": p[0, q], "p_softest": p[-1, q],
                "beta_hardest": beta[0], "beta_softest": beta[-1], "random": exact_peak(n_pos, n_neg, metric, k).beta,
                "seeds": values.shape[1], "users": values.shape[2],
            }
        )  # fmt: skip
    return rows


def plot(table: pd.DataFrame) -> Figure:
    """A row a data set, a panel a metric: peaks with their intervals against K, and those of random rankings."""
    rows = list(dict.fromkeys(table.data))
    with style() as plt:
        figure, axes = data_frames(plt, rows, len(SHOWN), (8.2, 0.6, 2.7), sharex=True)
        for (row, data), (column, metric) in product(enumerate(rows), enumerate(SHOWN)):
            ax = axes[row, column]
            part = table[(table.data == data) & (table.metric == metric)]
            for number, axis in enumerate(dict.fromkeys(part.axis)):
                name, (colour, marker) = AXES[axis]
                line = part[part.axis == axis]
                x = line.k * 1.07 ** (number - 1.5)  # side by side
                ax.vlines(x, line.set_low, line.set_high, color=colour, alpha=0.35, linewidth=3)
                ax.plot(x, line.peak, color=colour, marker=marker, linewidth=1, label=name)
            some = part.drop_duplicates("k")
            ax.plot(some.k, some.random, color="black", linestyle=(0, (3, 2)), linewidth=1.2, label="random rankings")
            ax.set(xscale="log", yscale="log", title=f"{METRIC_NAMES[metric]}@K")
            ax.set_xticks(list(KS), [str(k) for k in KS])
            ax.minorticks_off()
        label_rows(axes, rows, "best effective β", "K")
        legend_below(figure, ncols=5)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was measured, with how much data, what to see."""
    parts = []
    for (data, axis), part in table.groupby(["data", "axis"], sort=False):
        lines = "; ".join(
            f"{METRIC_NAMES[m]} " + ", ".join(f"{r.peak:.2g} (K={r.k})" for r in part[part.metric == m].itertuples())
            for m in SHOWN
        )
        parts.append(f"{data}, {AXES[axis][0]}: {lines}")
    ends = table[table.axis.isin(REACHING)]
    return (
        "Best effective β (realised on the trained models, by rank) for each K: points are vertices of parabolas in "
        "log β, bars the span of the 95% confidence set of the best level (paired bootstrap over users and seeds), "
        "dashed the best β under uniformly random rankings of the median user's size. On the axes that reach from the "
        f"hardest to uniform sampling the hardest end is significantly worse than the best in "
        f"{(ends.p_hardest < 0.05).sum()} and the softest in {(ends.p_softest < 0.05).sum()} of {len(ends)} curves "
        f"(Holm). Peaks: {'. '.join(parts)}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """How often each end of an axis loses, and how the trained peaks compare with those of random rankings."""
    found = {}
    for data, part in table.groupby("data", sort=False):
        whole = part[part.axis.isin(REACHING)]
        hard, soft = ((whole[f"p_{end}"] < ALPHA).sum() for end in ("hardest", "softest"))
        found[f"ends/{data}"] = (
            f"{data}: the hardest end is behind the best level in {counted(hard, len(whole), 'curves')} (metric, K, "
            f"axis), the softest in {soft} (Holm over all curves and both ends of the data set)."
        )
        ratio = part.peak / part.random
        found[f"random/{data}"] = (
            f"{data}: the best β on trained models is {extent(ratio, '.2g')} times that of random rankings."
        )
    return found
