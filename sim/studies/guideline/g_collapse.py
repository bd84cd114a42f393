"""G-collapse: do M, N and rho fall on one curve when hardness is expressed as an effective beta?"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...runs.options import Options
from ..study import Findings, Study
from ..style import AXES, METRIC_NAMES, data_frames, legend_below, style
from ..words import listed
from .curves import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G-collapse", "One curve for M, N and rho?", 130, made="trained", split_by=("data",),
)  # fmt: skip

SCALES = {
    "nominal": "nominal β: M/N, exp(-ρ)", "divergence": "realised β by divergence: exp(-KL)",
    "rank": "realised β by rank: 2 E[rank]/n",
}  # fmt: skip
SHOWN = ("ndcg", 20)


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every point of every axis on three scales of hardness, for the data sets that have several axes.

    Returns
    -------
    DataFrame
        Columns data, axis, sampler, metric, k, mean, relative (to the best of all axes), low, high (95%, relative to
        the best of its own axis, paired), scale (nominal, divergence, rank), beta, off (relative less that of DNS over
        M interpolated at log(beta); NaN outside its range).
    """
    table = curves(options, *AXES, least_axes=2)
    table = table[table.hardness > 0]
    top = table.groupby(["data", "metric", "k"])["mean"].transform("max")
    own = table.groupby(["data", "axis", "metric", "k"])["mean"].transform("max")
    rows = table.assign(
        relative=table["mean"] / top, low=table.relative_low * own / top, high=table.relative_high * own / top
    )
    columns = {"nominal": "hardness", "divergence": "beta_divergence", "rank": "beta"}
    keep = ["data", "axis", "sampler", "metric", "k", "mean", "relative", "low", "high"]
    long = pd.concat(
        [rows[keep].assign(scale=scale, beta=rows[column]) for scale, column in columns.items()], ignore_index=True
    )
    long["off"] = np.nan
    for _, part in long.groupby(["data", "metric", "k", "scale"]):
        line = part[part.axis == "M"].sort_values("beta")
        x = np.log(line.beta)
        at = np.log(part.beta)
        expected = np.interp(at, x, line.relative, left=np.nan, right=np.nan)
        long.loc[part.index, "off"] = part.relative - expected
    return long


def plot(table: pd.DataFrame) -> Figure:
    """A row a data set, a column a scale, a line an axis: lines on one another are a collapse."""
    sets = list(dict.fromkeys(table.data))
    metric, k = SHOWN
    shown = table[(table.metric == metric) & (table.k == k)]
    with style() as plt:
        figure, axes = data_frames(plt, sets, len(SCALES), (10.2, 0.7, 2.7))
        for (row, data), (column, (scale, label)) in product(enumerate(sets), enumerate(SCALES.items())):
            ax = axes[row, column]
            for axis, (name, (colour, marker)) in AXES.items():
                line = shown[(shown.data == data) & (shown.scale == scale) & (shown.axis == axis)].sort_values("beta")
                if len(line):
                    ax.fill_between(line.beta, line.low, line.high, color=colour, alpha=0.15, linewidth=0)
                    ax.plot(line.beta, line.relative, color=colour, marker=marker, linewidth=1.2, label=name)
            ax.set(xscale="log", title=data, xlim=(max(4e-3, shown.beta.min() / 1.3), 1.2))
            if row == len(sets) - 1:
                ax.set_xlabel(label)
        for ax in axes[:, 0]:
            ax.set_ylabel(f"{METRIC_NAMES[metric]}@{k} / best of all")
        legend_below(figure, ncols=4)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    parts = []
    for data, part in table.groupby("data", sort=False):
        others = part[part.axis != "M"]
        off = others.groupby(["axis", "scale"], sort=False).off.apply(lambda x: x.abs().mean())
        words = "; ".join(
            f"{AXES[axis][0]} " + ", ".join(f"{off[axis, s]:.3f} ({s})" for s in SCALES)
            for axis in dict.fromkeys(others.axis)
        )
        parts.append(f"{data}: {words}")
    metric, k = SHOWN
    return (
        f"{METRIC_NAMES[metric]}@{k} relative to the best of all axes, against three scales of hardness; bands are 95% "
        "intervals relative to the best of the own axis. Mean distance from DNS over M, over all metrics and K: "
        f"{'. '.join(parts)}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """How far the other axes lie from DNS over M on each scale."""
    found = {}
    for (data, axis), part in table[table.axis != "M"].groupby(["data", "axis"], sort=False):
        off = part.assign(off=part.off.abs()).groupby("scale", sort=False).off.mean()
        found[f"{data}/{axis}"] = (
            f"{data}, {AXES[axis][0]}: mean distance from DNS over M "
            + listed(f"{off[scale]:.3f} on the {scale} scale" for scale in SCALES)
            + f" of the best, nearest on the {off.idxmin()} scale (no interval)."
        )
    return found
