"""Figure 8: Top-K metrics against the hardness M/N of DNS(M, N), from the hardest to uniform sampling.

The confounds of the published program are taken out: the loss is the mean over the kept negatives, the user's positives
are kept out of the pools, and weight decay and epochs are tuned on validation for every M.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..bpr import Ranks, rank_positives
from ..data import load
from ..sampling import DNS
from ._intervals import half_width
from ._options import Options
from ._style import K_COLOURS, PALETTE, label_line_ends, style
from .cells import Cell, curve, run_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "F8"
TITLE = "Metric@K against hardness M/N"

KS = (1, 5, 20, 50, 100)
METRICS = ("ndcg", "recall")
NAMES = {"ndcg": "NDCG", "recall": "Recall"}
TUNED_BY = "ndcg@20"


@dataclass(frozen=True)
class Plan:
    """What is trained: the grid over M, what is tuned on validation, the seeds of the final runs."""

    data: str
    N: int
    Ms: tuple[int, ...]
    decays: tuple[float, ...]
    seeds: int
    model: dict[str, Any]
    every: int


ML100K = Plan(
    "ml-100k",
    200,
    (1, 2, 5, 10, 20, 50, 75, 100, 150, 200),
    (0.01, 0.03, 0.1, 0.3),
    5,
    {"lr": 0.005, "batch_size": 1024, "epochs": 24},
    2,
)
GOWALLA = Plan("gowalla", 200, (1, 2, 5, 10, 20, 50), (0.002,), 1, {"lr": 0.002, "epochs": 20}, 20)

PLANS = {
    "smoke": replace(ML100K, Ms=(1, 50, 200), decays=(0.1,), seeds=2, model=ML100K.model | {"epochs": 4}),
    "default": ML100K,
    "paper": replace(ML100K, decays=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0), seeds=10, model=ML100K.model | {"epochs": 40}),
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune on validation, train the final models, evaluate on test; see :func:`run_plan`."""
    return run_plan(PLANS[options.profile], options)


def run_plan(plan: Plan, options: Options) -> pd.DataFrame:
    """The experiment on one data set.

    Returns
    -------
    DataFrame
        One row per (M, metric, K) and one per (metric, K) of the popularity ranking (M = 0): columns data, M, N,
        hardness (M/N), metric, k, mean, low, high (95% interval), sd_seeds, seeds, weight_decay, epochs, users.
    """
    tuned = _tune(plan, options)
    cells = [_cell(plan, m, *tuned[m], options.seed + 1 + s, "test") for m, s in product(plan.Ms, range(plan.seeds))]
    results = run_cells(cells, options, label=f"{plan.data}: final")
    rows = []
    for position, m in enumerate(plan.Ms):
        mine = results[position * plan.seeds : (position + 1) * plan.seeds]
        rows += _rows(plan, m, [r.at() for r in mine], *tuned[m])
    rows += _rows(plan, 0, [_popularity(plan.data, options)], 0.0, 0)
    return pd.DataFrame(rows)


def _cell(plan: Plan, m: int, decay: float, epochs: int, seed: int, held_out: str) -> Cell:
    model = plan.model | {"weight_decay": decay, "epochs": epochs}
    every = plan.every if held_out == "valid" else epochs
    return Cell(plan.data, DNS(m, plan.N), seed, model, held_out, every)


def _tune(plan: Plan, options: Options) -> dict[int, tuple[float, int]]:
    """Weight decay and epochs per M by NDCG@20 on validation; one value each: nothing to tune."""
    epochs = plan.model["epochs"]
    if len(plan.decays) == 1 and plan.every >= epochs:
        return dict.fromkeys(plan.Ms, (plan.decays[0], epochs))
    grid = list(product(plan.Ms, plan.decays))
    cells = [_cell(plan, m, decay, epochs, options.seed, "valid") for m, decay in grid]
    results = run_cells(cells, options, label=f"{plan.data}: tuning")
    best: dict[int, tuple[float, float, int]] = {}
    for (m, decay), result, values in zip(grid, results, curve(results, TUNED_BY)):
        at = int(np.argmax(values))
        if m not in best or values[at] > best[m][0]:
            best[m] = (float(values[at]), decay, result.meta["epochs"][at])
    return {m: (decay, epochs) for m, (_, decay, epochs) in best.items()}


def _popularity(name: str, options: Options) -> Ranks:
    """Rank items by their number of train pairs, the same for everyone."""
    data = load(name, data_dir=options.data_dir)
    counts = np.asarray(data.fit.sum(axis=0)).ravel().astype(np.float32)
    model = SimpleNamespace(user_factors=np.ones((data.n_users, 1), np.float32), item_factors=counts[:, None])
    return rank_positives(model.user_factors, model.item_factors, data.test, exclude=data.fit)


def _rows(plan: Plan, m: int, runs: list[Ranks], decay: float, epochs: int) -> list[dict[str, Any]]:
    rows = []
    per_seed = [r.top_k(KS) for r in runs]
    for metric, k in product(METRICS, KS):
        values = np.stack([p[f"{metric}@{k}"] for p in per_seed])  # (seeds, users)
        seeds, users = values.shape
        means = values.mean(axis=1)
        sd = float(means.std(ddof=1)) if seeds > 1 else float("nan")
        half = half_width(means if seeds > 1 else values[0])  # over seeds where there are several, else over users
        mean = float(means.mean())
        rows.append(
            {
                "data": plan.data,
                "M": m,
                "N": plan.N,
                "hardness": m / plan.N,
                "metric": metric,
                "k": k,
                "mean": mean,
                "low": mean - half,
                "high": mean + half,
                "sd_seeds": sd,
                "seeds": seeds,
                "weight_decay": decay,
                "epochs": epochs,
                "users": users,
            }
        )
    return rows


def best(table: pd.DataFrame) -> pd.DataFrame:
    """The row of the best M for every metric and K."""
    models = table[table.M > 0]
    return models.loc[models.groupby(["metric", "k"], sort=False)["mean"].idxmax()]


def plot(table: pd.DataFrame) -> Figure:
    """Metric relative to its best against M/N, one curve a K, peaks marked; popularity as a short line."""
    with style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.6))
        for ax, metric in zip(axes, METRICS):
            ends = []
            for k in KS:
                part = table[(table.metric == metric) & (table.k == k) & (table.M > 0)].sort_values("hardness")
                top = part["mean"].max()
                colour = K_COLOURS[k]
                relative = part["mean"] / top
                ax.plot(part.hardness, relative, color=colour, marker="o", markersize=3)
                ax.fill_between(part.hardness, part.low / top, part.high / top, color=colour, alpha=0.2, linewidth=0)
                peak = part.loc[part["mean"].idxmax()]
                ax.plot(peak.hardness, 1.0, marker="*", markersize=11, color=colour, markeredgecolor="white", zorder=5)
                ends.append((part.hardness.iloc[-1], relative.iloc[-1], f"K={k} ({top:.3f})", colour))
            ax.set_xscale("log")
            ax.set(
                xlabel="hardness M/N (left: hardest, right: uniform)", title=f"{NAMES[metric]}@K / best", ylim=(0, 1.12)
            )
            label_line_ends(ax, ends)
        axes[0].set_ylabel("relative to the best M")
        figure.suptitle(f"{table.data.iloc[0]}, DNS(M, {table.N.iloc[0]})", fontsize=9, color=PALETTE["grey"])
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    models = table[table.M > 0]
    seeds, users = int(models.seeds.max()), int(models.users.iloc[0])
    tops = best(table)
    peaks = {m: ", ".join(f"K={r.k}: M={r.M}" for r in tops[tops.metric == m].itertuples()) for m in METRICS}
    n5 = models[(models.metric == "ndcg") & (models.k == 5)].set_index("M")
    top = n5.loc[n5["mean"].idxmax()]
    hardest, easiest = n5.loc[n5.index.min()], n5.loc[n5.index.max()]
    popular = table[(table.M == 0) & (table.metric == "ndcg") & (table.k == 5)].iloc[0]
    ends = "uniform" if int(n5.index.max()) == int(table.N.iloc[0]) else f"M={int(n5.index.max())}"
    spread = f"{seeds} seeds, 95% intervals over seeds" if seeds > 1 else "one seed, 95% intervals over users"
    return (
        f"{table.data.iloc[0]}, {users:,} users, {spread}; mean over the kept negatives, positives excluded, weight "
        "decay and epochs chosen on validation where more than one was tried. Best M for NDCG: "
        f"{peaks['ndcg']}; for Recall: {peaks['recall']}. NDCG@5: {top['mean']:.4f} at "
        f"M={int(top.name)}, {hardest['mean']:.4f} at M={int(n5.index.min())} (hardest), {easiest['mean']:.4f} at "
        f"{ends}, {popular['mean']:.4f} for the popularity ranking."
    )
