"""The grid of the guidelines: samplers on three axes of hardness, tuned on validation, trained, ranked on test.

The confounds of the published program are taken out: the loss is the mean over the kept negatives, the user's positives
are kept out of the pools, and weight decay and epochs are tuned on validation for every sampler.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ..bpr import Ranks, rank_positives
from ..data import load
from ..sampling import DNS, Sampler, SoftmaxExact, SoftmaxV
from ._intervals import half_width
from ._options import Options
from .cells import Cell, Result, curve, run_cells

__all__ = [
    "GOWALLA", "HEALTH", "KS", "METRICS", "ML100K", "PLANS", "Plan", "Trained", "best", "curves", "nominal", "train",
]  # fmt: skip

KS = (1, 5, 10, 20, 50, 100)
METRICS = ("ndcg", "recall", "precision")
TUNED_BY = "ndcg@20"


@dataclass(frozen=True)
class Plan:
    """What is trained on one data set.

    Attributes
    ----------
    data : str
        Name of the data set.
    points : mapping of str to tuple of Sampler
        Samplers on each axis of hardness: "M" is DNS(M, N) over M, "N" DNS(M, N) over N, "rho" and "rho-exact" the two
        softmax samplers over rho.
    decays : tuple of float
        Weight decays tried on validation for every sampler, with one seed.
    seeds : int
        Final models per sampler.
    model : dict
        Other arguments of :class:`sim.bpr.BPRMF`; ``epochs`` is the most that is tried.
    every : int
        Epochs between two looks at the validation part.
    """

    data: str
    points: Mapping[str, tuple[Sampler, ...]]
    decays: tuple[float, ...]
    seeds: int
    model: dict[str, Any]
    every: int


@dataclass(frozen=True)
class Trained:
    """A sampler, what was chosen for it on validation, and its final models' results, one a seed."""

    sampler: Sampler
    weight_decay: float
    epochs: int
    results: Sequence[Result]


def _points(
    N: int, Ms: Sequence[int], Ns: Sequence[int], rhos: Sequence[float], exact: bool = True
) -> dict[str, tuple[Sampler, ...]]:
    points: dict[str, tuple[Sampler, ...]] = {
        "M": tuple(DNS(m, N) for m in Ms),
        "rho": tuple(SoftmaxV(rho, N) for rho in rhos),
        "N": tuple(DNS(5, n) for n in Ns),
    }
    return points | ({"rho-exact": tuple(SoftmaxExact(rho, N) for rho in rhos)} if exact else {})


_RHOS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

ML100K = Plan(
    "ml-100k",
    _points(200, (1, 2, 5, 10, 20, 50, 75, 100, 150, 200), (20, 50, 100, 200, 400, 800), _RHOS),
    (0.01, 0.03, 0.1, 0.3), 5, {"lr": 0.005, "batch_size": 1024, "epochs": 24}, 2,
)  # fmt: skip
HEALTH = Plan(
    "irb-amazon2014-health",
    _points(40, (1, 2, 5, 10, 15, 20, 25, 30, 35, 40), (10, 20, 40, 80, 160), _RHOS, exact=False),
    (0.01, 0.03, 0.1, 0.3), 5, {"lr": 0.005, "batch_size": 1024, "epochs": 40}, 4,
)  # fmt: skip
GOWALLA = Plan(
    "gowalla",
    _points(
        200, (1, 2, 3, 4, 5, 10, 20, 50, 200), (20, 50, 100, 200, 400, 800), (0.05, 0.15, 0.4, 1.0, 3.0, 7.0, 20.0),
        exact=False,
    ),
    (0.001, 0.003, 0.01), 3, {"lr": 0.005, "epochs": 30}, 5,
)  # fmt: skip
SMOKE = Plan(
    "ml-100k", _points(40, (1, 10, 40), (10, 40), (0.03, 3.0)), (0.1,), 2, ML100K.model | {"epochs": 4}, 4
)  # fmt: skip

PLANS = {"smoke": (SMOKE,), "default": (ML100K,), "paper": (GOWALLA, ML100K, HEALTH)}
"""Data sets of each profile. What the paper profile adds runs for hours, and can be killed and resumed."""


def train(plan: Plan, axis: str, options: Options) -> list[Trained]:
    """The final models of one axis, in the order of the plan; cells that exist are not computed again."""
    samplers = plan.points[axis]
    chosen = _tune(plan, axis, options)
    seeds = [options.seed + 1 + s for s in range(plan.seeds)]
    cells = [_cell(plan, sampler, *chosen[sampler], seed, "test") for sampler, seed in product(samplers, seeds)]
    results = run_cells(cells, options, label=f"{plan.data}, {axis}: final")
    return [Trained(s, *chosen[s], results[i * len(seeds) :][: len(seeds)]) for i, s in enumerate(samplers)]


def _cell(plan: Plan, sampler: Sampler, decay: float, epochs: int, seed: int, held_out: str) -> Cell:
    model = plan.model | {"weight_decay": decay, "epochs": epochs}
    every = plan.every if held_out == "valid" else epochs
    return Cell(plan.data, sampler, seed, model, held_out, every)


def _tune(plan: Plan, axis: str, options: Options) -> dict[Sampler, tuple[float, int]]:
    """Weight decay and epochs per sampler by NDCG@20 on validation; one value each: nothing to tune."""
    samplers, epochs = plan.points[axis], plan.model["epochs"]
    if len(plan.decays) == 1 and plan.every >= epochs:
        return dict.fromkeys(samplers, (plan.decays[0], epochs))
    grid = list(product(samplers, plan.decays))
    cells = [_cell(plan, sampler, decay, epochs, options.seed, "valid") for sampler, decay in grid]
    results = run_cells(cells, options, label=f"{plan.data}, {axis}: tuning")
    best: dict[Sampler, tuple[float, float, int]] = {}
    for (sampler, decay), result, values in zip(grid, results, curve(results, TUNED_BY)):
        at = int(np.argmax(values))
        if sampler not in best or values[at] > best[sampler][0]:
            best[sampler] = (float(values[at]), decay, result.meta["epochs"][at])
    return {sampler: (decay, epochs) for sampler, (_, decay, epochs) in best.items()}


def nominal(sampler: Sampler) -> float:
    """The beta that a sampler stands for in the paper: M/N for DNS, exp(-rho) for the softmax samplers."""
    values = sampler.get_params()
    return values["M"] / values["N"] if "M" in values else math.exp(-values["rho"])


def curves(axis: str, options: Options) -> pd.DataFrame:
    """Metric@K along one axis of hardness, for every data set of the profile that has the axis.

    Returns
    -------
    DataFrame
        One row per (data, sampler, metric, K) and one per (data, metric, K) of the popularity ranking, whose hardness
        is 0: columns data, axis, sampler, parameter (M, N or rho), hardness (:func:`nominal`), beta (realised, by
        rank), beta_divergence, metric, k, mean, low, high (95% interval), sd_seeds, seeds, weight_decay, epochs, users.
    """
    rows = []
    for plan in PLANS[options.profile]:
        if axis not in plan.points:
            continue
        for trained in train(plan, axis, options):
            rows += _rows(plan, axis, trained)
        rows += _popularity_rows(plan, axis, options)
    return pd.DataFrame(rows)


def _rows(plan: Plan, axis: str, trained: Trained) -> list[dict[str, Any]]:
    realised = [r.meta["hardness"] for r in trained.results]
    about = {
        "data": plan.data, "axis": axis, "sampler": str(trained.sampler),
        "parameter": float(trained.sampler.get_params()[axis.partition("-")[0]]), "hardness": nominal(trained.sampler),
        "beta": float(np.mean([r["beta_rank"] for r in realised])),
        "beta_divergence": float(np.mean([r["beta_divergence"] for r in realised])),
        "weight_decay": trained.weight_decay, "epochs": trained.epochs,
    }  # fmt: skip
    return [about | row for row in _metric_rows([r.at() for r in trained.results])]


def _popularity_rows(plan: Plan, axis: str, options: Options) -> list[dict[str, Any]]:
    """Rank items by their number of train pairs, the same for everyone."""
    data = load(plan.data, data_dir=options.data_dir)
    counts = np.asarray(data.fit.sum(axis=0)).ravel().astype(np.float32)
    ranks = rank_positives(np.ones((data.n_users, 1), np.float32), counts[:, None], data.test, exclude=data.fit)
    about = {"data": plan.data, "axis": axis, "sampler": "popularity", "parameter": 0.0, "hardness": 0.0}
    return [about | row for row in _metric_rows([ranks])]


def _metric_rows(runs: Sequence[Ranks]) -> list[dict[str, Any]]:
    rows = []
    per_seed = [r.top_k(KS) for r in runs]
    for metric, k in product(METRICS, KS):
        values = np.stack([p[f"{metric}@{k}"] for p in per_seed])  # (seeds, users)
        seeds, users = values.shape
        means = values.mean(axis=1)
        half = half_width(means if seeds > 1 else values[0])  # over seeds where there are several, else over users
        mean = float(means.mean())
        rows.append(
            {
                "metric": metric, "k": k, "mean": mean, "low": mean - half, "high": mean + half,
                "sd_seeds": float(means.std(ddof=1)) if seeds > 1 else float("nan"), "seeds": seeds, "users": users,
            }
        )  # fmt: skip
    return rows


def best(table: pd.DataFrame) -> pd.DataFrame:
    """The row of the best point for every data set, metric and K."""
    models = table[table.hardness > 0]
    return models.loc[models.groupby(["data", "metric", "k"], sort=False)["mean"].idxmax()]
