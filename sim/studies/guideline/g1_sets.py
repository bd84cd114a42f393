"""G1-sets: the hardness of DNS(M, N) that trains best, from data set to data set."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ...data import load
from ...runs.options import Options
from ..study import Findings, Study
from ..style import METRIC_NAMES, data_colour, legend_below, mark_peak, style
from ..words import ALPHA, listed, span
from .curves import level_rows
from .grids import axis_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G1-sets", "The best hardness of DNS(M, N) over data sets", 100, made="trained", split_by=("data",),
)  # fmt: skip

METRIC, K = "ndcg", 20
IN_TIME = "-temporal"
"""Ends the names of data sets whose test part lies later in time than the train part; the others' is random."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every level of M on every data set of the profile.

    Returns
    -------
    DataFrame
        Columns data, density (train pairs by users times items), users_all, items; and those of
        :func:`sim.studies.guideline.curves.curves`.
    """
    rows: list[dict[str, Any]] = []
    for runs in axis_runs(options, "M"):
        fit = load(runs.grid.data, data_dir=options.data_dir).fit
        size = {"density": fit.nnz / (fit.shape[0] * fit.shape[1]), "users_all": fit.shape[0], "items": fit.shape[1]}
        rows += [{"data": runs.grid.data} | size | row for row in level_rows(runs, options.seed)]
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
                "data": data, "density": top.density, "items": top["items"], "parameter": top.parameter,
                "best": top.hardness,
                "low": inside.hardness.min(), "high": inside.hardness.max(), "value": top["mean"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("density", ascending=False, ignore_index=True)


def rank_correlation(a: pd.Series, b: pd.Series) -> tuple[float, float]:
    """Spearman's correlation of a few numbers, and its exact two-sided p-value: of all orders of ``b``.

    Examples
    --------
    >>> rho, p = rank_correlation(pd.Series([1, 2, 3, 4, 5]), pd.Series([1, 2, 3, 5, 4]))
    >>> round(rho, 3), round(p, 4)
    (0.9, 0.0833)
    """
    x, y = (rankdata(v) for v in (a, b))
    seen = float(np.corrcoef(x, y)[0, 1])
    orders = np.array(list(itertools.permutations(y)))
    centred = x - x.mean()
    others = (orders @ centred) / np.sqrt((centred**2).sum() * ((y - y.mean()) ** 2).sum())
    return seen, float((np.abs(others) >= abs(seen) - 1e-9).mean())


def plot(table: pd.DataFrame) -> Figure:
    """Left, a line a data set against M/N, stars at the best; right, the best M/N against the density of the data.

    Data sets split in time are dashed.
    """
    tops = best_sets(table)
    part = table[(table.metric == METRIC) & (table.k == K)]
    with style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained")
        for top in tops.itertuples():
            colour = data_colour(top.data)
            line = part[part.data == top.data].sort_values("hardness")
            dashes = "dashed" if top.data.endswith(IN_TIME) else "solid"
            left.plot(
                line.hardness, line.relative, color=colour, linestyle=dashes, marker="o", markersize=3, label=top.data
            )
            left.fill_between(
                line.hardness, line.relative_low, line.relative_high, color=colour, alpha=0.15, linewidth=0
            )
            mark_peak(left, top.best, 1.0, colour, 12)
            right.vlines(top.density, top.low, top.high, color=colour, linestyle=dashes, alpha=0.5, linewidth=3)
            mark_peak(right, top.density, top.best, colour, 12)
        title = f"{METRIC_NAMES[METRIC]}@{K}"
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
        f"{METRIC_NAMES[METRIC]}@{K} {r.value:.4f})"
        for r in tops.itertuples()
    )
    text = (
        "DNS(M, N), weight decay and epochs chosen on validation for every point, 95% intervals by bootstrap over "
        f"users and seeds, paired. Best for {METRIC_NAMES[METRIC]}@{K}: {words}."
    )
    at_random = tops[~tops.data.str.endswith(IN_TIME)]
    if len(at_random) < len(tops):
        text += " Dashed: test lies later in time than train."
    if len(at_random) > 2 and at_random.best.nunique() > 1:
        rank, _ = rank_correlation(at_random.density, at_random.best)
        text += f" Rank correlation of density and best M/N over the {len(at_random)} split at random: {rank:.2f}."
    return text


def findings(table: pd.DataFrame) -> Findings:
    """The best level of every data set, and whether the two ends are in its confidence set."""
    part, tops = table[(table.metric == METRIC) & (table.k == K)], best_sets(table)
    found = {}
    for top in tops.itertuples():
        levels = part[part.data == top.data].sort_values("hardness")
        ends = levels.iloc[[0, -1]].p_best.to_numpy() <= ALPHA
        out = listed(np.array(["the hardest", "the softest"])[ends], none="neither")
        found[f"best/{top.data}"] = (
            f"{top.data}: best M/N for {METRIC_NAMES[METRIC]}@{K} is {span(top.best, top.low, top.high, '.3g')} (95% "
            f"confidence set of the best level, over users and seeds); of the two ends {out} can be ruled out."
        )
    at_random = tops[~tops.data.str.endswith(IN_TIME)]
    if len(at_random) > 2 and at_random.best.nunique() > 1:
        rank, p = rank_correlation(at_random.density, at_random.best)
        word = "goes with" if p < ALPHA else "is not shown to go with"
        found["density"] = (
            f"Over the {len(at_random)} data sets split at random density {word} the best M/N (rank correlation "
            f"{rank:.2f}, exact two-sided p = {p:.2f}); it goes with the size of the catalogue by "
            f"{rank_correlation(at_random.density, at_random['items'])[0]:.2f}."
        )
    return found
