"""G-ablation: what the published program's conventions do to Figure 8 and to the verdicts on the guidelines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from ...runs.options import Options
from ..study import Findings, Study
from ..style import K_COLOURS, METRIC_NAMES, mark_peak, style
from ..words import span, standing
from .curves import level_rows
from .g2_trend import trend_rows
from .grids import ML100K, SMOKE, Grid, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G-ablation", "Figure 8 under the published program's conventions", 140, made="trained",
)  # fmt: skip

FIXED_DECAY = 0.01
"""The published program's."""


def variants(grid: Grid) -> dict[str, Grid]:
    """The grid as it is, with each of the program's conventions, and with both."""
    own = replace(grid, points={"M": grid.points["M"]})
    summed = replace(own, model=own.model | {"sum_negatives": True}, decays=(FIXED_DECAY,))
    return {
        "this package": own,
        "positives in the pools": replace(own, model=own.model | {"exclude_positives": False}),
        "sum, fixed decay": summed,
        "both (published)": replace(summed, model=summed.model | {"exclude_positives": False}),
    }


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Train every variant on ml-100k.

    Returns
    -------
    DataFrame
        The columns of :func:`sim.studies.guideline.curves.curves`, and variant, elasticity, elasticity_low,
        elasticity_high, elasticity_p (of the trend of the best hardness in K, for the row's metric).
    """
    grid = cast(Grid, options.pick(smoke=SMOKE, default=ML100K))
    rows: list[dict[str, Any]] = []
    for name, variant in variants(grid).items():
        runs = train(variant, "M", options)
        found = {
            r["metric"]: {
                "elasticity": r["elasticity"], "elasticity_low": r["low"], "elasticity_high": r["high"],
                "elasticity_p": r["p"],
            }
            for r in trend_rows(runs, options.seed)
        }  # fmt: skip
        rows += [{"variant": name} | r | found[r["metric"]] for r in level_rows(runs, options.seed)]
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """NDCG@K against M, a panel a variant, all relative to the best of this package at that K."""
    names = list(dict.fromkeys(table.variant))
    tops = table[table.variant == names[0]].groupby(["metric", "k"])["mean"].max()
    with style() as plt:
        figure, axes = plt.subplots(1, len(names), figsize=(11.0, 3.0), sharey=True, layout="constrained")
        for ax, name in zip(axes, names):
            for k in (5, 20, 100):
                line = table[(table.variant == name) & (table.metric == "ndcg") & (table.k == k)].sort_values(
                    "parameter"
                )
                top = tops["ndcg", k]
                ax.plot(
                    line.parameter, line["mean"] / top, color=K_COLOURS[k], marker="o", markersize=3, label=f"K={k}"
                )
                best = line.loc[line["mean"].idxmax()]
                mark_peak(ax, best.parameter, best["mean"] / top, K_COLOURS[k], 11)
            ax.axhline(1, color="black", linewidth=0.8, linestyle=(0, (3, 2)))
            ax.set(xscale="log", title=name, xlabel="negatives kept, M", ylim=(0, 1.08))
        axes[0].set_ylabel("NDCG@K / best of this package")
        axes[-1].legend(loc="lower right")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was changed, and what it changes."""
    parts = []
    for name, part in table.groupby("variant", sort=False):
        by_k = part[part.metric == "ndcg"]
        tops = by_k.loc[by_k.groupby("k")["mean"].idxmax()]
        twenty = tops[tops.k == 20].iloc[0]
        peaks = ", ".join(f"{r.parameter:g} (K={r.k})" for r in tops.itertuples())
        slopes = ", ".join(
            f"{METRIC_NAMES[r.metric]} {r.elasticity:.2f} [{r.elasticity_low:.2f}, {r.elasticity_high:.2f}]"
            for r in part.drop_duplicates("metric").itertuples()
        )
        parts.append(f"{name}: NDCG@20 {twenty['mean']:.4f}, best M {peaks}, elasticity of the best β in K {slopes}")
    first = table.iloc[0]
    return (
        f"{first.data}, DNS(M, N), {int(first.users):,} users, {int(first.seeds)} seeds. The published program sums "
        f"the loss over the M kept negatives at a fixed weight decay (here {FIXED_DECAY:g}; epochs still chosen on "
        "validation), so that M also sets the weight of the data against the penalty, and leaves the user's "
        "positives "
        f"in the pools. {'. '.join(parts)}."
    )


def findings(table: pd.DataFrame) -> Findings:
    """What each convention does to the best level and to the trend."""
    found = {}
    for name, part in table.groupby("variant", sort=False):
        line = part[(part.metric == "ndcg") & (part.k == 20)]
        top, slope = line.loc[line["mean"].idxmax()], part[part.metric == "recall"].iloc[0]
        word = standing(
            slope.elasticity_low, slope.elasticity_high, words=("negative", "not told from zero", "positive")
        )
        found[name] = (
            f"{top.data}, {name}: best M for NDCG@20 is {top.parameter:g} "
            f"({span(top['mean'], top.low, top.high, '.4f')}); "
            "elasticity of the best β in K for Recall "
            f"{span(slope.elasticity, slope.elasticity_low, slope.elasticity_high, '.2f')}, {word} (95%, over users "
            "and "
            "seeds)."
        )
    return found
