"""Correlation of Top-K metrics with any weighted areas by simulation, where some positives may be hidden (claim G2).

The weighted area sum_j w_j P_j over the observed negatives is what a sampler with probabilities w over their ranks
optimises, P_j the number of observed positives above the j-th. A share of the observed negatives may be positives that
nobody has seen; the metric counts them, the area holds them against the ranking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.memory import check_memory
from ...core.random import to_seed
from ...core.validation import MOST_SIZE, check_finite, check_int
from ..models.base import Floats, ScoreModel, roc_table
from .area_kernels import area_sums
from .plan import GROUPS, MAX_BYTES, make_plan
from .rank_correlation import fisher_interval, group_error

__all__ = ["SimulatedAreas", "hidden_attenuation", "simulate_areas"]

_PILOT = 256
_PILOT_STREAM = 0x5851F42D4C957F2D

Models = ScoreModel | Sequence[ScoreModel] | None


@dataclass(frozen=True)
class SimulatedAreas:
    """Result of :func:`simulate_areas`.

    Attributes
    ----------
    correlation, standard_error : ndarray, shape (n_metrics, n_ks, n_areas)
        Pearson correlation of metric@K with each weighted area and its standard error over ``groups`` groups of
        rankings; NaN where one of the two never changes.
    metrics : tuple of str
    ks : tuple of int
    n_rankings, groups, seed : int
    """

    correlation: Floats
    standard_error: Floats
    metrics: tuple[str, ...]
    ks: tuple[int, ...]
    n_rankings: int
    groups: int
    seed: int

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Two-sided confidence limits of the given level, Student's t on Fisher's z scale."""
        return fisher_interval(self.correlation, self.standard_error, self.groups, level)


def simulate_areas(
    n_pos: int,
    n_neg: int,
    weights: ArrayLike,
    *,
    metrics: Sequence[str] = ("recall", "ndcg"),
    ks: Sequence[int] = (5, 20, 50),
    n_hidden: int = 0,
    held_out: bool = False,
    score_model: Models = None,
    n_rankings: int = 50_000,
    rng: np.random.Generator | int | None = None,
    groups: int = GROUPS,
    max_bytes: int = MAX_BYTES,
) -> SimulatedAreas:
    """Pearson correlation of metric@K with weighted areas, all metrics, K and weights in one pass.

    Parameters
    ----------
    n_pos, n_neg : int
        Observed positives and observed negatives, at least 1.
    weights : array_like, shape (n_areas, n_neg)
        Finite weights over the ranks of the observed negatives, hardest first.
    metrics, ks : sequences
        As in :func:`simulate_correlation`.
    n_hidden : int
        Of the observed negatives, so many are hidden positives, in 0..n_neg - 1: they follow the positives' law.
    held_out : bool
        False: the metric counts all positives, observed or hidden, in the whole list. True: it counts the hidden ones
        in the list without the observed ones, as a test does where the train positives are left out.
    score_model : ScoreModel, sequence of ScoreModel, or None
        Law of the scores; uniformly random rankings if None. Several: one part of the rankings each, rankers of
        different quality, so that the correlation is also over rankers.
    n_rankings : int
        Number of rankings in all, at least 10 for each model.
    rng : numpy.random.Generator, int or None
        Source of the seed; the same seed gives the same bits for any number of threads.
    groups : int
        Groups behind the standard error, in 8..1000.
    max_bytes : int
        Limit on the working memory, computed beforehand; it does not depend on ``n_rankings``.

    Returns
    -------
    SimulatedAreas

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, or ``held_out`` without a hidden positive.
    MemoryError
        Where the run would need more than ``max_bytes``.

    Examples
    --------
    >>> import numpy as np
    >>> cut = np.where(np.arange(80) < 6, 1.0, 0.0)  # OPAUC(6/80)
    >>> seen = simulate_areas(20, 80, [cut], metrics=["recall"], ks=[5], n_rankings=20_000, rng=1)
    >>> half = simulate_areas(20, 80, [cut], metrics=["recall"], ks=[5], n_hidden=20, n_rankings=20_000, rng=1)
    >>> ratio = half.correlation.item() / seen.correlation.item()
    >>> round(ratio, 1), round(hidden_attenuation(20, 80, 20), 3)
    (0.6, 0.612)
    """
    rows = np.asarray(weights, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"weights must be 2-D with at least one row, got shape {rows.shape}")
    moments = joint_moments(
        n_pos, n_neg, rows, metrics, ks, n_hidden, held_out, score_model, n_rankings, rng, groups, max_bytes
    )
    combinations = np.eye(moments.size)[-len(rows) :]
    value, error = moments.correlation(combinations)
    return SimulatedAreas(
        value[moments.column], error[moments.column], tuple(metrics), tuple(int(k) for k in ks),
        int(moments.counts.sum()), moments.counts.size, moments.seed,
    )  # fmt: skip


def hidden_attenuation(n_pos: int, n_neg: int, n_hidden: int) -> float:
    r"""What hidden positives cost under uniformly random rankings: one factor for every hardness (G2, exact).

    For any metric linear in the positions and any weights over negative ranks, the correlation of the metric of ALL
    positives with the weighted area of the OBSERVED ones is that of the observed metric times

    .. math:: \sqrt{\frac{N_o}{N_o + N_h} \cdot \frac{N_- - N_h}{N_-}},

    the share of the positives that is observed times the share of the observed negatives that is truly negative: given
    where the observed positives stand, the hidden ones are a uniform subset of the rest. So the best weights, and the
    beta at the peak, do not move. The metric of the hidden positives in the list without the observed ones has
    correlation 0: its order is independent of where the observed ones are put in.

    Parameters
    ----------
    n_pos, n_neg : int
        Observed positives N_o and observed negatives N_-, at least 1.
    n_hidden : int
        Hidden positives N_h among the latter, in 0..N_- - 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For counts out of range.

    Examples
    --------
    >>> round(hidden_attenuation(200, 800, 80), 4)
    0.8018
    """
    n_pos, n_neg = check_int("n_pos", n_pos, low=1, most=MOST_SIZE), check_int("n_neg", n_neg, low=1, most=MOST_SIZE)
    n_hidden = check_int("n_hidden", n_hidden, low=0, high=n_neg - 1)
    return math.sqrt(n_pos / (n_pos + n_hidden) * (n_neg - n_hidden) / n_neg)


@dataclass(frozen=True)
class JointMoments:
    """Sums by group of rankings of v = (metric columns, areas) less a centre near its mean, and of its products.

    ``column[i, j]`` is the entry of v that is metric i at K number j, up to a factor.
    """

    counts: Floats
    sums: Floats
    products: Floats
    column: NDArray[np.int64]
    floor: Floats
    seed: int

    @property
    def size(self) -> int:
        """Entries of v."""
        return self.sums.shape[1]

    def part(self, groups: slice) -> JointMoments:
        """Some of the groups."""
        return JointMoments(
            self.counts[groups], self.sums[groups], self.products[groups], self.column, self.floor, self.seed
        )

    def centred(self) -> Floats:
        """Products about the common mean, (groups, v, v)."""
        mean = self.sums.sum(axis=0) / self.counts.sum()
        cross = self.sums[:, :, None] * mean
        return self.products - cross - cross.transpose(0, 2, 1) + self.counts[:, None, None] * np.outer(mean, mean)

    def correlation(self, combinations: Floats) -> tuple[Floats, Floats]:
        """Correlation of each metric column with each combination of v (rows), and its standard error."""
        n, n_columns = self.counts.sum(), int(self.column.max()) + 1
        products = self.centred()
        cross = products[:, :n_columns] @ combinations.T
        own = np.einsum("gcc->gc", products[:, :n_columns, :n_columns])
        area = np.einsum("sv,gvs->gs", combinations, products @ combinations.T)
        own_var, area_var = own.sum(axis=0) / n, area.sum(axis=0) / n
        own_var[own_var <= self.floor[:n_columns]] = np.nan
        area_var[area_var <= combinations**2 @ self.floor] = np.nan
        scale = np.sqrt(np.outer(own_var, area_var))
        value = np.clip(cross.sum(axis=0) / n / scale, -1.0, 1.0)
        spread = own[:, :, None] / own_var[:, None] + area[:, None, :] / area_var
        influence = (cross / scale - 0.5 * value * spread) * (self.counts.size / n)
        return value, group_error(influence)


def joint_moments(
    n_pos: Any, n_neg: Any, weights: Floats, metrics: Any, ks: Any, n_hidden: Any, held_out: bool, score_model: Models,
    n_rankings: Any, rng: Any, groups: Any, max_bytes: Any,
) -> JointMoments:  # fmt: skip
    """Check the arguments, simulate, and return the moments."""
    n_pos, n_neg = check_int("n_pos", n_pos, low=1, most=MOST_SIZE), check_int("n_neg", n_neg, low=1, most=MOST_SIZE)
    n_hidden = check_int("n_hidden", n_hidden, low=0, high=n_neg - 1)
    if held_out and n_hidden == 0:
        raise ValueError("n_hidden must be >= 1 for held-out metrics, got 0")
    if check_finite("weights", weights).shape[1] != n_neg:
        raise ValueError(f"weights must have rows of shape ({n_neg},), got shape {weights.shape}")
    models = score_model if isinstance(score_model, Sequence) else (score_model,)
    tables = [roc_table(model) for model in models]
    if not tables:
        raise ValueError("score_model must have at least one entry, got none")
    counted = n_hidden if held_out else n_pos + n_hidden
    each = check_int("n_rankings", n_rankings, low=10 * len(tables), most=MOST_SIZE) // len(tables)
    plan = make_plan(counted, n_neg - n_hidden, metrics, ks, each, ms=np.array([1]), groups=groups)
    size = plan.codes.size + len(weights)
    needed = 8 * (plan.groups * size * (3 * size + 1) + (n_neg + 1) * len(weights))
    check_memory(needed, check_int("max_bytes", max_bytes, low=1), "use fewer weights or groups")
    tails = np.zeros((n_neg + 1, len(weights)))
    tails[:-1] = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1].T
    what = (plan.codes, plan.which, plan.cuts, plan.gains, tails)
    seed = to_seed(rng)

    def run(seed: int, bounds: NDArray[np.int64], centre: Floats) -> tuple[Floats, Floats]:
        sums, products = np.zeros((bounds.size - 1, size)), np.zeros((bounds.size - 1, size, size))
        for number, table in enumerate(tables):
            area_sums(
                np.uint64(seed), bounds + number * bounds[-1], n_pos, n_hidden, n_neg - n_hidden, table, held_out,
                *what, centre, sums, products,
            )  # fmt: skip
        return sums, products

    centre = run(seed ^ _PILOT_STREAM, np.array([0, _PILOT]), np.zeros(size))[0][0] / (_PILOT * len(tables))
    sums, products = run(seed, plan.bounds, centre)
    lower = np.tril(products, -1)
    counts = len(tables) * np.diff(plan.bounds).astype(np.float64)
    return JointMoments(
        counts, sums, products + lower.transpose(0, 2, 1), plan.column, 1e-20 * centre**2 + 1e-300, seed
    )
