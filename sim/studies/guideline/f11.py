"""Figure 11: Metric@K over a wide range of K, at each hardness relative to the best one for that K."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...runs.options import Options
from ..stats import bootstrap
from ..study import Findings, Study
from ..style import METRIC_NAMES, data_frames, label_rows, ordered_colours, style
from ..words import span, standing
from .grids import axis_runs, nominal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F11", "Metric@K over K at each hardness", 90, made="trained", split_by=("data",),
)  # fmt: skip

KS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 40, 50, 70, 100, 140, 200)
METRICS = ("ndcg", "recall")
WITH_INTERVALS = (1, 5, 20, 100)
NEAR = 0.97
"""Levels that come this near to the best somewhere are drawn."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Metric@K of every level of DNS(M, N).

    Returns
    -------
    DataFrame
        Columns data, sampler, parameter (M), hardness (M/N), beta (realised), metric, k, mean, relative, relative_low,
        relative_high (to the best level for that K; 95% paired bootstrap over users and seeds), seeds, users.
    """
    rows: list[dict[str, Any]] = []
    for runs, metric in product(axis_runs(options, "M"), METRICS):
        values = runs.values([metric], KS)
        found = bootstrap(values, n=1000, seed=options.seed)
        relative = found.relative()
        low, high = relative.interval()
        for (i, level), (j, k) in product(enumerate(runs.levels), enumerate(KS)):
            rows.append(
                {
                    "data": runs.grid.data, "sampler": str(level.sampler),
                    "parameter": level.sampler.get_params()["M"], "hardness": nominal(level.sampler),
                    "beta": level.beta, "metric": metric, "k": k, "mean": found.mean[i, j],
                    "relative": relative.mean[i, j], "relative_low": low[i, j], "relative_high": high[i, j],
                    "seeds": values.shape[1], "users": values.shape[2],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """A row a data set, a panel a metric, a line a hardness: where lines cross, the best hardness depends on K."""
    sets = list(dict.fromkeys(table.data))
    with style() as plt:
        figure, axes = data_frames(plt, sets, 2, (9.0, 0.4, 2.9))
        for row, data in enumerate(sets):
            part = table[table.data == data]
            nearest = part.groupby("parameter").relative.max()
            shown = [m for m in nearest.index if nearest[m] >= NEAR]
            drawn = part[part.parameter.isin(shown)]
            lowest = min(drawn.relative.min(), drawn[drawn.k.isin(WITH_INTERVALS)].relative_low.min())
            bottom = min(0.85, lowest - 0.01)
            for ax, metric in zip(axes[row], METRICS):
                for number, (m, colour) in enumerate(zip(shown, ordered_colours(len(shown)))):
                    line = part[(part.metric == metric) & (part.parameter == m)]
                    ax.plot(line.k, line.relative, color=colour, label=f"M = {m:g}")
                    some = line[line.k.isin(WITH_INTERVALS)]
                    ends = some.relative - some.relative_low, some.relative_high - some.relative
                    at = some.k * 1.06 ** (number - len(shown) / 2)  # side by side
                    ax.errorbar(at, some.relative, np.clip(ends, 0, None), fmt="none", color=colour, elinewidth=1.2)
                ax.set(xscale="log", title=f"{METRIC_NAMES[metric]}@K / best", ylim=(bottom, 1.02))
            axes[row, 1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        for ax in axes.flat:
            ax.xaxis.set_major_formatter("{x:g}")
        label_rows(axes, sets, "relative to the best M", "K")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    parts = []
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        tops = part.loc[part.groupby("k")["mean"].idxmax()]
        runs = tops.groupby((tops.parameter != tops.parameter.shift()).cumsum())
        parts.append(
            f"{data}, {METRIC_NAMES[metric]}: "
            + ", ".join(f"M = {r.parameter.iloc[0]:g} for K = {r.k.min()} to {r.k.max()}" for _, r in runs)
        )
    return (
        "Levels of DNS(M, N) relative to the best one at that K, 95% paired intervals over users and seeds; those "
        "that "
        f"nowhere come within {1 - NEAR:.0%} of it are left out. Where "
        f"lines cross, the best hardness depends on K. Best M: {'. '.join(parts)}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Where the best level changes as K grows."""
    found = {}
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        tops = part.loc[part.groupby("k")["mean"].idxmax()].set_index("k").parameter
        first, last = tops.index.min(), tops.index.max()
        best = f"{data}, {METRIC_NAMES[metric]}@K: best M is {tops[first]:g} at K = {first}"
        if tops[first] == tops[last]:
            found[f"{data}/{metric}"] = f"{best} and at K = {last}."
            continue
        kept = part.set_index(["k", "parameter"]).loc[(last, tops[first])]
        place = standing(kept.relative_low, kept.relative_high, at=1.0)
        found[f"{data}/{metric}"] = (
            f"{best} and {tops[last]:g} at K = {last}; there the former keeps "
            f"{span(kept.relative, kept.relative_low, kept.relative_high)} of the latter and is {place} it (95%, "
            "paired, over users and seeds)."
        )
    return found
