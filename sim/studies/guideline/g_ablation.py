"""G-ablation: what the published program's conventions do to Figure 8 and to the verdicts on the guidelines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from ...runs.options import Options
from ..style import K_COLOURS, style
from .curves import NAMES, level_rows
from .g2_trend import trend_rows
from .plans import ML100K, SMOKE, Plan, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "G-ablation"
TITLE = "Figure 8 under the published program's conventions"

FIXED_DECAY = 0.01
"""The published program's."""


def variants(plan: Plan) -> dict[str, Plan]:
    """The plan as it is, with each of the program's conventions, and with both."""
    own = replace(plan, points={"M": plan.points["M"]})
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
    plan = cast(Plan, options.pick(smoke=SMOKE, default=ML100K))
    rows: list[dict[str, Any]] = []
    for name, variant in variants(plan).items():
        study = train(variant, "M", options)
        found = {
            r["metric"]: {
                "elasticity": r["elasticity"], "elasticity_low": r["low"], "elasticity_high": r["high"],
                "elasticity_p": r["p"],
            }
            for r in trend_rows(study, options.seed)
        }  # fmt: skip
        rows += [{"variant": name} | r | found[r["metric"]] for r in level_rows(study, options.seed)]
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
                ax.plot(
                    best.parameter, best["mean"] / top, marker="*", markersize=11, color=K_COLOURS[k],
                    markeredgecolor="white", zorder=5,
                )  # fmt: skip
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
            f"{NAMES[r.metric]} {r.elasticity:.2f} [{r.elasticity_low:.2f}, {r.elasticity_high:.2f}]"
            for r in part.drop_duplicates("metric").itertuples()
        )
        parts.append(f"{name}: NDCG@20 {twenty['mean']:.4f}, best M {peaks}, elasticity of the best β in K {slopes}")
    first = table.iloc[0]
    return (
        f"{first.data}, DNS(M, N), {int(first.users):,} users, {int(first.seeds)} seeds. The published program sums "
        f"the loss over the M kept negatives at a fixed weight decay (here {FIXED_DECAY:g}; epochs still chosen on "
        "validation), so that M also sets the weight of the data against the penalty, and leaves the user's positives "
        f"in the pools. {'. '.join(parts)}."
    )
