"""Figure 1: uniform sampling, the full gradient over all negatives, and two hard negative samplers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ..sampling import NonSampling, Sampler, Uniform
from ._options import Options
from ._style import PALETTE, style
from .guideline import ML100K, SMOKE, Plan, train, tune
from .stats import bootstrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "F1"
TITLE = "Uniform, non-sampling and hard negative sampling"

METRICS = {"ndcg@50": "NDCG@50", "recall@50": "Recall@50"}
LONGER = 3
"""Uniform sampling and the full gradient have as many times the epochs: their gradients are small."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Parameter, weight decay and epochs by NDCG@20 on validation; the final models ranked on test.

    Returns
    -------
    DataFrame
        Columns data, method, sampler, weight_decay, epochs, metric, mean, low, high (95% bootstrap over users and
        seeds), gain, gain_low, gain_high (of the mean over that of uniform sampling, paired), seeds, users.
    """
    plan = cast(Plan, options.pick(smoke=SMOKE, default=ML100K))
    slow = replace(plan, model=plan.model | {"epochs": LONGER * plan.model["epochs"]}, every=LONGER * plan.every)
    families: dict[str, tuple[Plan, tuple[Sampler, ...]]] = {
        "BPR (uniform)": (slow, (Uniform(1),)), "Non-Sampling": (slow, (NonSampling(),)),
        "DNS(M, N)": (plan, plan.points["M"]), "Softmax-v": (plan, plan.points["rho"]),
    }  # fmt: skip
    studies = {}
    for name, (its_plan, samplers) in families.items():
        chosen = tune(its_plan, samplers, options)
        best = max(samplers, key=lambda sampler: chosen[sampler].score)
        studies[name] = train(replace(its_plan, points={"best": (best,)}), "best", options)
    values = np.concatenate([s.values(["ndcg", "recall"], [50]) for s in studies.values()])
    found = bootstrap(values, seed=options.seed)
    low, high = found.interval()
    ratio = found.replicates / found.replicates[:, :1]
    gain_low, gain_high = np.quantile(ratio, [0.025, 0.975], axis=0)
    rows: list[dict[str, Any]] = []
    for (i, (name, study)), (q, metric) in product(enumerate(studies.items()), enumerate(METRICS)):
        level = study.levels[0]
        rows.append(
            {
                "data": plan.data, "method": name, "sampler": str(level.sampler), "weight_decay": level.weight_decay,
                "epochs": level.epochs, "metric": metric, "mean": found.mean[i, q], "low": low[i, q],
                "high": high[i, q], "gain": found.mean[i, q] / found.mean[0, q], "gain_low": gain_low[i, q],
                "gain_high": gain_high[i, q], "seeds": values.shape[1], "users": values.shape[2],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """A panel a metric: each method relative to uniform sampling."""
    methods = list(dict.fromkeys(table.method))[::-1]
    with style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.2), sharey=True, layout="constrained")
        for ax, (metric, name) in zip(axes, METRICS.items()):
            part = table[table.metric == metric].set_index("method").loc[methods]
            error = np.clip([part.gain - part.gain_low, part.gain_high - part.gain], 0, None)
            ax.errorbar(part.gain, methods, xerr=error, fmt="o", color=PALETTE["blue"])
            for y, row in enumerate(part.itertuples()):
                ax.annotate(
                    f"{row.mean:.4f}", (row.gain, y), (0, 6), textcoords="offset points", ha="center", fontsize=7.5
                )
            ax.axvline(1, color="black", linewidth=0.8, linestyle=(0, (3, 2)))
            ax.set(title=f"{table.data.iloc[0]}: {name}", xlabel="relative to uniform sampling", ylim=(-0.5, 3.6))
            ax.margins(x=0.15)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was trained, with how much data, what to see."""
    first = table.iloc[0]
    parts = []
    for metric, part in table.groupby("metric", sort=False):
        gains = (
            f"{r.method} {r.mean:.4f} ({r.gain - 1:+.1%} [{r.gain_low - 1:+.1%}, {r.gain_high - 1:+.1%}])"
            for r in part.itertuples()
        )
        parts.append(f"{METRICS[metric]} {', '.join(gains)}")
    return (
        f"{first.data}, {int(first.users):,} users, {int(first.seeds)} seeds; the sampler's parameter, weight decay "
        f"and epochs chosen on validation, and {LONGER} times the epochs for the first two. Differences from uniform "
        f"sampling with 95% intervals, paired, over users and seeds: {'; '.join(parts)}."
    )
