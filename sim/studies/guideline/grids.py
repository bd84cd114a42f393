"""The grid of the guidelines: samplers on axes of hardness, tuned on validation, trained, ranked on test.

The confounds of the published program are taken out: the loss is the mean over the kept negatives, the user's positives
are kept out of the pools, and weight decay and epochs are tuned on validation for every sampler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...runs.cells import Cell, Result, run_cells
from ...runs.means import per_user
from ...runs.options import Options
from ...runs.tuning import best_trials
from ...sampling import DNS, Sampler, SoftmaxExact, SoftmaxV

__all__ = [
    "GOWALLA", "GRIDS", "HEALTH", "KS", "METRICS", "ML10M", "ML100K", "MOVIE", "SMOKE", "TEMPORAL", "AxisRuns",
    "Choice", "Grid", "Trained", "axis_runs", "nominal", "train", "tune",
]  # fmt: skip

KS = (1, 5, 10, 20, 50, 100)
METRICS = ("ndcg", "recall", "precision")
TUNED_BY = "ndcg@20"


@dataclass(frozen=True)
class Grid:
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
    fewer : mapping of str to tuple of float
        Weight decays of the axes on which not all are tried.
    """

    data: str
    points: Mapping[str, tuple[Sampler, ...]]
    decays: tuple[float, ...]
    seeds: int
    model: dict[str, Any]
    every: int
    fewer: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


class Choice(NamedTuple):
    """What was best on validation, and its NDCG@20 there."""

    weight_decay: float
    epochs: int
    score: float


@dataclass(frozen=True)
class Trained:
    """A sampler, what was chosen for it on validation, and its final models' results, one a seed."""

    sampler: Sampler
    weight_decay: float
    epochs: int
    results: Sequence[Result]

    @property
    def beta(self) -> float:
        """Realised hardness by rank; see :func:`sim.runs.realised.realised_hardness`."""
        return float(np.mean([r.meta["hardness"]["beta_rank"] for r in self.results]))

    @property
    def beta_divergence(self) -> float:
        """Realised hardness by divergence."""
        return float(np.mean([r.meta["hardness"]["beta_divergence"] for r in self.results]))


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

ML100K = Grid(
    "ml-100k",
    _points(200, (1, 2, 5, 10, 20, 50, 75, 100, 150, 200), (5, 7, 10, 14, 20, 50, 100, 200, 400, 800), _RHOS),
    (0.01, 0.03, 0.1, 0.3), 5, {"lr": 0.005, "batch_size": 1024, "epochs": 24}, 2,
)  # fmt: skip
HEALTH = Grid(
    "irb-amazon2014-health",
    _points(40, (1, 2, 5, 10, 15, 20, 25, 30, 35, 40), (5, 7, 10, 14, 20, 40, 80), _RHOS, exact=False),
    (0.01, 0.03, 0.1, 0.3), 5, {"lr": 0.005, "batch_size": 1024, "epochs": 40}, 4,
)  # fmt: skip
GOWALLA = Grid(
    "gowalla",
    _points(
        200, (1, 2, 3, 4, 5, 10, 20, 50, 200), (20, 50, 100, 200, 400, 800), (0.05, 0.15, 0.4, 1.0, 3.0, 7.0, 20.0),
        exact=False,
    ),
    (0.0003, 0.001, 0.003, 0.01), 3, {"lr": 0.005, "epochs": 30}, 5,
    fewer={"N": (0.001, 0.003)},  # the other two are best for no M
)  # fmt: skip
MOVIE = Grid(
    "irb-amazon2014-movie", {"M": tuple(DNS(m, 200) for m in (1, 2, 5, 10, 20, 50, 200))},
    (0.001, 0.003, 0.01, 0.03), 3, {"lr": 0.005, "epochs": 30}, 5,
)  # fmt: skip
TEMPORAL = replace(MOVIE, data="irb-amazon2014-movie-temporal")
ML10M = Grid(
    "ml-10m", {"M": tuple(DNS(m, 200) for m in (1, 2, 5, 10, 25, 50, 100, 200))}, (0.001, 0.003, 0.01, 0.03), 3,
    {"lr": 0.005, "epochs": 20}, 4,
)  # fmt: skip
SMOKE = Grid(
    "ml-100k", _points(40, (1, 10, 40), (10, 20, 40), (0.03, 0.3, 3.0)), (0.1,), 2, ML100K.model | {"epochs": 4}, 4
)  # fmt: skip

GRIDS = {"smoke": (SMOKE,), "default": (ML100K,), "paper": (GOWALLA, ML100K, HEALTH, MOVIE, TEMPORAL, ML10M)}
"""Data sets of each profile. What the paper profile adds runs for hours, and can be killed and resumed."""


@dataclass(frozen=True)
class AxisRuns:
    """One axis of one data set, trained.

    Attributes
    ----------
    grid : Grid
    axis : str
    levels : list of Trained
        Hardest first.
    """

    grid: Grid
    axis: str
    levels: list[Trained]

    @property
    def beta(self) -> NDArray[np.float64]:
        """Realised hardness of the levels, rising."""
        return np.array([level.beta for level in self.levels])

    def values(self, metrics: Sequence[str] = METRICS, ks: Sequence[int] = KS) -> NDArray[np.float64]:
        """Metrics on test, shape (levels, seeds, users, len(metrics) * len(ks)), K running fastest."""
        names = [f"{metric}@{k}" for metric, k in product(metrics, ks)]
        return np.array([[per_user(r.at(), names) for r in level.results] for level in self.levels])


def axis_runs(options: Options, *axes: str, least_axes: int = 1) -> Iterator[AxisRuns]:
    """Every data set of the profile that has ``least_axes`` of the axes, on each of them; finished cells are kept.

    Raises
    ------
    ValueError
        If ``options.data`` names another data set.
    """
    there = {
        profile: [grid for grid in grids if len(grid.points.keys() & set(axes)) >= least_axes]
        for profile, grids in GRIDS.items()
    }
    for grid, axis in product(options.grids(there), axes):
        if axis in grid.points:
            yield train(grid, axis, options)


def train(grid: Grid, axis: str, options: Options) -> AxisRuns:
    """Tune every sampler of an axis on validation, then train the final models and rank the test part."""
    samplers = sorted(grid.points[axis], key=nominal)
    chosen = tune(replace(grid, decays=grid.fewer.get(axis, grid.decays)), samplers, options)
    seeds = [options.seed + 1 + s for s in range(grid.seeds)]
    cells = [_cell(grid, sampler, *chosen[sampler][:2], seed, "test") for sampler, seed in product(samplers, seeds)]
    results = run_cells(cells, options, label=f"{grid.data}, {axis}: final")
    levels = [Trained(s, *chosen[s][:2], results[i * len(seeds) :][: len(seeds)]) for i, s in enumerate(samplers)]
    return AxisRuns(grid, axis, levels)


def _cell(grid: Grid, sampler: Sampler, decay: float, epochs: int, seed: int, held_out: str) -> Cell:
    model = grid.model | {"weight_decay": decay, "epochs": epochs}
    every = grid.every if held_out == "valid" else epochs
    return Cell(grid.data, sampler, seed, model, held_out, every)


def tune(grid: Grid, samplers: Sequence[Sampler], options: Options) -> dict[Sampler, Choice]:
    """Weight decay and epochs per sampler by NDCG@20 on validation; one value each: nothing to tune."""
    epochs = grid.model["epochs"]
    if len(grid.decays) == 1 and grid.every >= epochs:
        return dict.fromkeys(samplers, Choice(grid.decays[0], epochs, 0.0))
    tried = list(product(samplers, grid.decays))
    cells = [_cell(grid, sampler, decay, epochs, options.seed, "valid") for sampler, decay in tried]
    trials = best_trials([sampler for sampler, _ in tried], cells, TUNED_BY, options, label=f"{grid.data}: tuning")
    return {sampler: Choice(tried[t.position][1], t.epochs, t.score) for sampler, t in trials.items()}


def nominal(sampler: Sampler) -> float:
    """The beta that a sampler stands for in the paper: M/N for DNS, exp(-rho) for softmax, else 1."""
    values = sampler.get_params()
    return values["M"] / values["N"] if "M" in values else math.exp(-values.get("rho", 0.0))
