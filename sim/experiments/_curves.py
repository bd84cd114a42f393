"""What figures 8, 9 and 10 share: Metric@K relative to its best along one axis of hardness."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from ._style import K_COLOURS, label_line_ends, style
from .guideline import best

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NAMES", "caption_curves", "plot_curves"]

NAMES = {"ndcg": "NDCG", "recall": "Recall", "precision": "Precision"}
SHOWN_KS = (1, 5, 20, 50, 100)
SHOWN_METRICS = ("ndcg", "recall")


def plot_curves(table: pd.DataFrame, panels: Sequence[tuple[str, str]], xlabel: str) -> Figure:
    """A row a data set; for each of ``panels`` (axis, sampler's name) a panel a metric. Peaks are marked by stars."""
    rows = list(dict.fromkeys(table.data))
    columns = list(product(panels, SHOWN_METRICS))
    with style() as plt:
        figure, axes = plt.subplots(
            len(rows), len(columns), figsize=(0.4 + 4.2 * len(columns), 3.2 * len(rows)), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for (row, data), (column, ((axis, name), metric)) in product(enumerate(rows), enumerate(columns)):
            ax = axes[row, column]
            part = table[(table.data == data) & (table.axis == axis) & (table.metric == metric) & (table.hardness > 0)]
            if part.empty:
                ax.set_axis_off()
                continue
            ends = []
            for k in SHOWN_KS:
                line = part[part.k == k].sort_values("parameter")
                top, colour = line["mean"].max(), K_COLOURS[k]
                ax.plot(line.parameter, line["mean"] / top, color=colour, marker="o", markersize=3)
                ax.fill_between(line.parameter, line.low / top, line.high / top, color=colour, alpha=0.2, linewidth=0)
                peak = line.loc[line["mean"].idxmax()]
                ax.plot(peak.parameter, 1.0, marker="*", markersize=11, color=colour, markeredgecolor="white", zorder=5)
                ends.append((line.parameter.iloc[-1], line["mean"].iloc[-1] / top, f"K={k} ({top:.3f})", colour))
            ax.set(xscale="log", xlabel=xlabel, title=f"{data}, {name}: {NAMES[metric]}@K / best", ylim=(0, 1.12))
            label_line_ends(ax, ends)
    return figure


def caption_curves(table: pd.DataFrame) -> str:
    """How the models were made, and where the peaks are."""
    parts = []
    for (data, axis), part in table.groupby(["data", "axis"], sort=False):
        tops = best(part)
        peaks = "; ".join(
            f"{NAMES[m]} " + ", ".join(f"{r.parameter:g} (K={r.k})" for r in tops[tops.metric == m].itertuples())
            for m in SHOWN_METRICS
        )
        models = part[part.hardness > 0]
        parts.append(f"{data}, {axis} ({models.users.iloc[0]:,} users, {models.seeds.iloc[0]} seeds): {peaks}")
    return (
        "Mean over the kept negatives, positives excluded from the pools, weight decay and epochs chosen on validation "
        f"for every point; 95% intervals. Best point by K: {'. '.join(parts)}."
    )
