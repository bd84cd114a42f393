"""Table 3: LightGCN with each sampler, tuned on validation, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..data import FetchError
from ..sampling import DNS, AdaSIR, Sampler, SoftmaxV, Uniform, pris
from ._intervals import half_width
from ._options import Options
from ._style import PALETTE, style
from .cells import Cell, Result, curve, run_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "T3"
TITLE = "LightGCN with each sampler beside the paper's Table 3"

METRICS = ("ndcg@50", "recall@50")
NAMES = {"ndcg@50": "NDCG@50", "recall@50": "Recall@50"}
TUNED_BY = "ndcg@50"
PAPER = {
    "gowalla": {
        "BPR": (0.1469, 0.2470),
        "PRIS(U)": (0.1604, 0.2677),
        "PRIS(P)": (0.1665, 0.2753),
        "AdaSIR(U)": (0.1804, 0.2979),
        "AdaSIR(P)": (0.1806, 0.2974),
        "DNS(M,N)": (0.1954, 0.3176),
        "Softmax-v": (0.1991, 0.3209),
    }
}
"""NDCG@50 and Recall@50 as printed."""


@dataclass(frozen=True)
class Plan:
    """What is trained on one data set: per method the candidates and, for the slow ones, how many times the epochs."""

    data: str
    methods: Mapping[str, tuple[Sampler, ...]]
    decays: tuple[float, ...]
    seeds: int
    model: dict[str, Any]
    every: int
    longer: Mapping[str, int]


def _methods(N: int, Ms: tuple[int, ...], rhos: tuple[float, ...]) -> dict[str, tuple[Sampler, ...]]:
    return {
        "BPR": (Uniform(1),),
        "PRIS(U)": (pris(N),),
        "PRIS(P)": (pris(N, popular=True),),
        "AdaSIR(U)": (AdaSIR(C=N),),
        "AdaSIR(P)": (AdaSIR(C=N, proposal="log-count"),),
        "DNS(M,N)": tuple(DNS(M, N) for M in Ms),
        "Softmax-v": tuple(SoftmaxV(rho, N) for rho in rhos),
    }


SLOW = {"BPR": 3, "PRIS(U)": 2, "PRIS(P)": 2, "AdaSIR(U)": 3, "AdaSIR(P)": 3}
"""Easy negatives leave small gradients: these are still rising when the others are past their peak."""

ML100K = Plan(
    "ml-100k", _methods(200, (20, 50, 100), (0.01, 0.1, 1.0)), (0.01, 0.1, 1.0), 5,
    {"layers": 3, "lr": 0.005, "batch_size": 1024, "epochs": 40}, 4, SLOW,
)  # fmt: skip
HEALTH = replace(ML100K, data="irb-amazon2014-health", methods=_methods(40, (5, 10, 20, 30), (0.01, 0.1, 1.0)))
GOWALLA = Plan(
    "gowalla", _methods(200, (1, 2, 5, 10), (0.1, 1.0, 10.0)), (0.0003, 0.001, 0.003), 3,
    {"layers": 3, "lr": 0.005, "batch_size": 16384, "epochs": 40}, 5, SLOW,
)  # fmt: skip

PLANS = {
    "smoke": (
        replace(
            ML100K, methods=_methods(40, (10,), (0.1,)), decays=(0.1,), seeds=2,
            model=ML100K.model | {"epochs": 2, "layers": 2}, every=1, longer={},
        ),
    ),
    "default": (ML100K, HEALTH),
    "paper": (GOWALLA, ML100K, HEALTH),
}  # fmt: skip


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Tune sampler, decay and epochs on validation by NDCG@50, train the final models, evaluate on test.

    A data set that cannot be had is left out; if none can, that is the error.

    Returns
    -------
    DataFrame
        One row per (data, method, metric): columns data, method, sampler, weight_decay, epochs, metric, mean, low, high
        (95% interval over seeds), sd_seeds, seeds, users, paper (the printed number or NaN).
    """
    rows: list[dict[str, Any]] = []
    missing = None
    for plan in PLANS[options.profile]:
        try:
            rows += run_plan(plan, options)
        except FetchError as error:
            missing = error
    if not rows and missing is not None:
        raise missing
    return pd.DataFrame(rows)


def run_plan(plan: Plan, options: Options) -> list[dict[str, Any]]:
    """The rows of one data set."""
    chosen = _tune(plan, options)
    seeds = [options.seed + 1 + s for s in range(plan.seeds)]
    cells = [_cell(plan, *chosen[name], seed, "test") for name, seed in product(plan.methods, seeds)]
    results = run_cells(cells, options, label=f"{plan.data}: final")
    rows = []
    for position, name in enumerate(plan.methods):
        rows += _rows(plan, name, results[position * len(seeds) :][: len(seeds)], *chosen[name])
    return rows


def _cell(plan: Plan, sampler: Sampler, decay: float, epochs: int, seed: int, held_out: str) -> Cell:
    every = plan.every if held_out == "valid" else epochs
    return Cell(plan.data, sampler, seed, plan.model | {"weight_decay": decay, "epochs": epochs}, held_out, every)


def _tune(plan: Plan, options: Options) -> dict[str, tuple[Sampler, float, int]]:
    """Per method the candidate, weight decay and number of epochs that are best on validation."""
    grid = [(n, s, decay) for n, samplers in plan.methods.items() for s, decay in product(samplers, plan.decays)]
    epochs = {name: plan.model["epochs"] * plan.longer.get(name, 1) for name in plan.methods}
    cells = [_cell(plan, s, decay, epochs[name], options.seed, "valid") for name, s, decay in grid]
    results = run_cells(cells, options, label=f"{plan.data}: tuning")
    best: dict[str, tuple[float, tuple[Sampler, float, int]]] = {}
    for (name, sampler, decay), result, values in zip(grid, results, curve(results, TUNED_BY)):
        at = int(np.argmax(values))
        if name not in best or values[at] > best[name][0]:
            best[name] = (float(values[at]), (sampler, decay, result.meta["epochs"][at]))
    return {name: chosen for name, (_, chosen) in best.items()}


def _rows(
    plan: Plan, name: str, results: list[Result], sampler: Sampler, decay: float, epochs: int
) -> list[dict[str, Any]]:
    per_seed = [r.at().top_k([50]) for r in results]
    rows = []
    for number, metric in enumerate(METRICS):
        means = np.array([values[metric].mean() for values in per_seed])
        mean, sd = float(means.mean()), float(means.std(ddof=1))
        half = half_width(means)
        rows.append(
            {
                "data": plan.data, "method": name, "sampler": str(sampler), "weight_decay": decay, "epochs": epochs,
                "metric": metric, "mean": mean, "low": mean - half, "high": mean + half, "sd_seeds": sd,
                "seeds": means.size, "users": per_seed[0][metric].size,
                "paper": PAPER.get(plan.data, {}).get(name, (np.nan, np.nan))[number],
            }
        )  # fmt: skip
    return rows


def plot(table: pd.DataFrame) -> Figure:
    """A panel a data set and metric: the methods' means with their intervals, and the paper's numbers."""
    sets, methods = list(dict.fromkeys(table.data)), list(dict.fromkeys(table.method))
    with style() as plt:
        figure, axes = plt.subplots(
            len(sets), 2, figsize=(7.2, 0.9 + 1.7 * len(sets)), sharey=True, squeeze=False, layout="constrained"
        )
        for (row, data), (column, metric) in product(enumerate(sets), enumerate(METRICS)):
            ax = axes[row, column]
            part = table[(table.data == data) & (table.metric == metric)].set_index("method").loc[methods]
            heights = np.arange(len(methods))[::-1]
            error = np.stack([part["mean"] - part.low, part.high - part["mean"]])
            ax.errorbar(
                part["mean"], heights, xerr=error, fmt="o", color=PALETTE["blue"], markersize=4, label="this package"
            )
            if part.paper.notna().any():
                ax.plot(
                    part.paper, heights, "D", color=PALETTE["orange"], markerfacecolor="none", markersize=5,
                    label="paper, Table 3",
                )  # fmt: skip
                if column == 0:
                    ax.legend(loc="upper left" if part["mean"].iloc[0] > part["mean"].iloc[-1] else "upper right")
            ax.set_yticks(heights, methods)
            ax.set(xlabel=f"{NAMES[metric]}, {data}", ylim=(-0.6, len(methods) - 0.4))
            ax.margins(x=0.12)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was trained, with how much data, what to see."""
    parts = []
    for data, part in table[table.metric == "ndcg@50"].groupby("data", sort=False):
        values = "; ".join(
            f"{r.method} {r.mean:.4f}" + ("" if np.isnan(r.paper) else f" (paper {r.paper:.4f})")
            for r in part.itertuples()
        )
        parts.append(f"{data} ({part.users.iloc[0]:,} users, {part.seeds.iloc[0]} seeds): {values}")
    return (
        "LightGCN, 32 factors, mean over the negatives, positives excluded from the pools; sampler's parameter, weight "
        "decay and epochs chosen by NDCG@50 on validation; 95% intervals over seeds. NDCG@50 on test: "
        f"{'. '.join(parts)}."
    )
