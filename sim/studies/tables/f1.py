"""Figure 1: uniform sampling, no sampling, and two hard negative samplers: four rows of Table 2, user by user."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...runs.cells import run_cells
from ...runs.means import per_user
from ...runs.options import Options
from ..stats import bootstrap
from ..study import Findings, Study
from ..style import PALETTE, data_frames, metric_title, style
from ..words import span, standing
from .methods import METRICS, MethodGrid, over_grids, tune
from .table2 import GRIDS as ROWS
from .table2 import ML100K

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F1", "Uniform, non-sampling and hard negative sampling", 10, made="trained", split_by=("data",),
)  # fmt: skip

METHODS = ("BPR", "NonSampling", "DNS(M,N)", "Softmax-v")
BASES = {"gain": METHODS.index("BPR"), "lead": METHODS.index("NonSampling")}
"""What the methods are compared with."""

GRIDS = {
    name: tuple(replace(grid, methods={m: grid.methods[m] for m in METHODS}) for grid in grids)
    for name, grids in (ROWS | {"default": (ML100K,)}).items()
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune as for Table 2, train the final models, and compare them user by user.

    Returns
    -------
    DataFrame
        Columns data, method, setting, weight_decay, epochs, metric, mean, low, high (95% bootstrap over users and
        seeds), gain, gain_low, gain_high (the mean over that of uniform sampling, paired), lead, lead_low, lead_high
        (over that without sampling), seeds, users.
    """
    return over_grids(options.grids(GRIDS), lambda grid: _rows(grid, options))


def _rows(grid: MethodGrid, options: Options) -> list[dict[str, Any]]:
    chosen = tune(grid, options)
    seeds = min(method.seeds for method in grid.methods.values())
    cells = [
        grid.cell(c.candidate, c.weight_decay, options.seed + 1 + s, c.epochs)
        for c, s in product(chosen.values(), range(seeds))
    ]
    results = run_cells(cells, options, label=f"{grid.data}: final")
    values = np.array([per_user(found.at(), METRICS) for found in results])
    found = bootstrap(values.reshape(len(chosen), seeds, -1, len(METRICS)), seed=options.seed)
    low, high = found.interval()
    ratios: dict[str, Any] = {}
    for ratio, base in BASES.items():
        ratios[ratio] = found.mean / found.mean[base]
        ends = np.quantile(found.replicates / found.replicates[:, [base]], [0.025, 0.975], axis=0)
        ratios |= dict(zip((f"{ratio}_low", f"{ratio}_high"), ends))
    return [
        {
            "data": grid.data, "method": name, "setting": str(c.candidate), "weight_decay": c.weight_decay,
            "epochs": c.epochs, "metric": metric, "mean": found.mean[i, q], "low": low[i, q], "high": high[i, q],
            **{ratio: of[i, q] for ratio, of in ratios.items()}, "seeds": seeds, "users": values.shape[1],
        }
        for (i, (name, c)), (q, metric) in product(enumerate(chosen.items()), enumerate(METRICS))
    ]  # fmt: skip


def plot(table: pd.DataFrame) -> Figure:
    """A row of panels a data set, a panel a metric: each method relative to uniform sampling."""
    sets = list(dict.fromkeys(table.data))
    methods = list(METHODS)[::-1]
    with style() as plt:
        figure, axes = data_frames(plt, sets, 2, (7.2, 0.3, 1.8), sharey=True)
        for (row, data), (column, metric) in product(enumerate(sets), enumerate(METRICS)):
            ax = axes[row, column]
            part = table[(table.data == data) & (table.metric == metric)].set_index("method").loc[methods]
            error = np.clip([part.gain - part.gain_low, part.gain_high - part.gain], 0, None)
            ax.errorbar(part.gain, methods, xerr=error, fmt="o", color=PALETTE["blue"])
            for y, one in enumerate(part.itertuples()):
                ax.annotate(
                    f"{one.mean:.4f}", (one.gain, y), (0, 6), textcoords="offset points", ha="center", fontsize=7.5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                )  # fmt: skip
            ax.axvline(1, color="black", linewidth=0.8, linestyle=(0, (3, 2)))
            ax.set(title=f"{data}: {metric_title(metric)}", ylim=(-0.5, len(methods) - 0.4))
            ax.margins(x=0.15)
        for ax in axes[-1]:
            ax.set_xlabel("relative to uniform sampling")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was trained, with how much data, what to see."""
    parts = []
    for data, rows in table.groupby("data", sort=False):
        first = rows.iloc[0]
        for metric, part in rows.groupby("metric", sort=False):
            gains = (
                f"{r.method} {r.mean:.4f} ({r.gain - 1:+.1%} [{r.gain_low - 1:+.1%}, {r.gain_high - 1:+.1%}])"
                for r in part.itertuples()
            )
            parts.append(
                f"{data} ({int(first.users):,} users, {int(first.seeds)} seeds), {metric_title(metric)}: "
                + ", ".join(gains)
            )
    return (
        "Settings, weight decay and epochs chosen on validation as for Table 2. Differences from uniform sampling "
        "with "
        f"95% intervals, paired, over users and seeds. {'. '.join(parts)}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Each method against uniform sampling and against no sampling."""
    found = {}
    for ratio, base in BASES.items():
        for r in table[table.method != METHODS[base]].itertuples():
            value, low, high = (getattr(r, f"{ratio}{end}") - 1 for end in ("", "_low", "_high"))
            found[f"{r.data}/{r.metric}/{r.method}/{METHODS[base]}"] = (
                f"{r.data}, {metric_title(r.metric)}: {r.method} {r.mean:.4f} is {standing(low, high)} "
                f"{METHODS[base]} by "
                f"{span(value, low, high, '+.1%')} (95%, paired, over users and {r.seeds} seeds)."
            )
    return found
