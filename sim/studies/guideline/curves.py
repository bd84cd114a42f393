"""What figures 8, 9 and 10 share: Metric@K along one axis of hardness."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...bpr import rank_positives
from ...data import load
from ...runs.options import Options
from ..stats import best_level, bootstrap
from ..study import Findings
from ..style import AXES, K_COLOURS, METRIC_NAMES, data_frames, label_rows, mark_peak, style
from ..words import listed, span, standing
from .grids import KS, METRICS, AxisRuns, axis_runs, nominal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["best", "caption_curves", "curves", "findings_curves", "level_rows", "plot_curves"]

SHOWN_KS = (1, 5, 20, 50, 100)
SHOWN_METRICS = ("ndcg", "recall")
END_K = 20
"""Cut-off at which sentences speak of the ends of an axis."""


def curves(options: Options, *axes: str, least_axes: int = 1) -> pd.DataFrame:
    """Metric@K along axes of hardness, for every data set of the profile that has ``least_axes`` of them.

    Returns
    -------
    DataFrame
        One row per (data, axis, sampler, metric, K), and one per (data, axis, metric, K) of the popularity ranking,
        whose hardness is 0. Columns data, axis, sampler, parameter (M, N or rho), hardness (M/N or exp(-rho)), beta,
        beta_divergence (realised), weight_decay, epochs, metric, k, mean, low, high (95% bootstrap interval over users
        and seeds), relative, relative_low, relative_high (the same of the mean over that of the best level, paired),
        p_best (of "this level is the best"), sd_seeds, seeds, users.
    """
    rows: list[dict[str, Any]] = []
    for runs in axis_runs(options, *axes, least_axes=least_axes):
        rows += level_rows(runs, options.seed)
        rows += _popularity_rows(runs, options)
    return pd.DataFrame(rows)


def level_rows(runs: AxisRuns, seed: int) -> list[dict[str, Any]]:
    """The rows of one axis, without the popularity ranking's."""
    values = runs.values()
    found = bootstrap(values, seed=seed)
    relative, p = found.relative(), best_level(found)
    columns = {
        "mean": found.mean, "low": found.interval()[0], "high": found.interval()[1],
        "relative": relative.mean, "relative_low": relative.interval()[0], "relative_high": relative.interval()[1],
        "p_best": p, "sd_seeds": values.mean(axis=2).std(axis=1, ddof=1),
    }  # fmt: skip
    rows = []
    for i, level in enumerate(runs.levels):
        about = {
            "data": runs.grid.data, "axis": runs.axis, "sampler": str(level.sampler),
            "parameter": float(level.sampler.get_params()[runs.axis.partition("-")[0]]),
            "hardness": nominal(level.sampler), "beta": level.beta, "beta_divergence": level.beta_divergence,
            "weight_decay": level.weight_decay, "epochs": level.epochs,
        }  # fmt: skip
        for q, (metric, k) in enumerate(product(METRICS, KS)):
            numbers = {name: column[i, q] for name, column in columns.items()}
            rows.append(
                about | {"metric": metric, "k": k} | numbers | {"seeds": values.shape[1], "users": values.shape[2]}
            )
    return rows


def _popularity_rows(runs: AxisRuns, options: Options) -> list[dict[str, Any]]:
    """Rank items by their number of train pairs, the same for everyone."""
    data = load(runs.grid.data, data_dir=options.data_dir)
    counts = np.asarray(data.fit.sum(axis=0)).ravel().astype(np.float32)
    ranks = rank_positives(np.ones((data.n_users, 1), np.float32), counts[:, None], data.test, exclude=data.fit)
    values = ranks.top_k(KS)
    about = {"data": runs.grid.data, "axis": runs.axis, "sampler": "popularity", "parameter": 0.0, "hardness": 0.0}
    return [
        about | {"metric": metric, "k": k, "mean": values[f"{metric}@{k}"].mean(), "users": ranks.users.size}
        for metric, k in product(METRICS, KS)
    ]


def best(table: pd.DataFrame) -> pd.DataFrame:
    """The row of the best point for every data set, axis, metric and K."""
    models = table[table.hardness > 0]
    return models.loc[models.groupby(["data", "axis", "metric", "k"], sort=False)["mean"].idxmax()]


def plot_curves(table: pd.DataFrame, panels: Sequence[tuple[str, str]], xlabel: str) -> Figure:
    """A row for each data set and each of ``panels`` (axis, sampler's name), a column a metric; stars mark peaks."""
    from matplotlib.ticker import LogLocator  # slow to import

    drawn = table[table.metric.isin(SHOWN_METRICS) & table.k.isin(SHOWN_KS) & (table.hardness > 0)]
    there = set(zip(table.data, table.axis))
    rows = [(data, *panel) for data, panel in product(dict.fromkeys(table.data), panels) if (data, panel[0]) in there]
    with style() as plt:
        figure, axes = data_frames(plt, rows, len(SHOWN_METRICS), (8.6, 0.3, 2.8))
        for (row, (data, axis, name)), (column, metric) in product(enumerate(rows), enumerate(SHOWN_METRICS)):
            ax = axes[row, column]
            whole = drawn[(drawn.data == data) & (drawn.axis == axis)]
            part = whole[whole.metric == metric]
            depth = 1 - whole.relative_low.min()  # of the row's lowest point
            for k in SHOWN_KS:
                line = part[part.k == k].sort_values("parameter")
                at, colour = line.parameter, K_COLOURS[k]
                label = f"{k} ({line['mean'].max():.3f})"
                ax.plot(at, line.relative, color=colour, marker="o", markersize=3, label=label)
                ax.fill_between(at, line.relative_low, line.relative_high, color=colour, alpha=0.2, linewidth=0)
                peak = line.loc[line["mean"].idxmax()]
                mark_peak(ax, peak.parameter, 1.0, colour, 11)
            ax.set(
                xscale="log",
                title=f"{name}: {METRIC_NAMES[metric]}@K",
                ylim=(max(0.0, 1 - 1.5 * depth), 1 + 0.1 * depth),
            )
            wide = whole.parameter.max() >= 1000 * whole.parameter.min()
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 3) if wide else (1, 2, 5)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.minorticks_off()
            ax.legend(title="K (best)", title_fontsize=7.5, fontsize=7.5, loc="lower center")
        label_rows(axes, [data for data, *_ in rows], "relative to the best", xlabel)
    return figure


def caption_curves(table: pd.DataFrame) -> str:
    """How the models were made, and where the peaks are."""
    parts = []
    for (data, axis), part in table.groupby(["data", "axis"], sort=False):
        tops = best(part)
        peaks = "; ".join(
            f"{METRIC_NAMES[m]} " + ", ".join(f"{r.parameter:g} (K={r.k})" for r in tops[tops.metric == m].itertuples())
            for m in SHOWN_METRICS
        )
        models = part[part.hardness > 0]
        parts.append(f"{data}, {axis} ({models.users.iloc[0]:,} users, {models.seeds.iloc[0]:.0f} seeds): {peaks}")
    return (
        "Mean over the kept negatives, positives excluded from the pools, weight decay and epochs chosen on validation "
        "for every point; 95% intervals relative to the best point by bootstrap over users and seeds, paired. Best "
        f"point by K: {'. '.join(parts)}."
    )


def findings_curves(table: pd.DataFrame) -> Findings:
    """For each data set and axis: where the best point lies for each K, and what the ends of the axis keep."""
    found = {}
    for (data, axis), part in table[table.hardness > 0].groupby(["data", "axis"], sort=False):
        name, tops = AXES[axis][0], best(part)
        for metric in SHOWN_METRICS:
            line = tops[tops.metric == metric]
            found[f"{data}/{axis}/{metric}/peaks"] = (
                f"{data}, {name}: best for {METRIC_NAMES[metric]}@K is "
                + listed(f"{r.parameter:g} at K = {r.k}" for r in line.itertuples())
                + "."
            )
            at = part[(part.metric == metric) & (part.k == END_K)].sort_values("hardness")
            for end, row in (("hardest", at.iloc[0]), ("softest", at.iloc[-1])):
                kept = span(row.relative, row.relative_low, row.relative_high)
                place = standing(row.relative_low, row.relative_high, at=1.0)
                found[f"{data}/{axis}/{metric}/{end}"] = (
                    f"{data}, {name}: the {end} level, {row.parameter:g}, keeps {kept} of the best "
                    f"{METRIC_NAMES[metric]}@{END_K} and is {place} it (95%, paired, over users and "
                    f"{row.seeds:.0f} seeds)."
                )
    return found
