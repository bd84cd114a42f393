"""Monte Carlo correlation of Top-K metrics with OPAUC(beta) and LLPAUC(alpha, beta) over many rankings (claim F6).

The sums are streamed: memory does not depend on the number of rankings. Every group of rankings is a fixed range of
counter-based streams, so the result is bit-identical for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .._random import to_seed
from .._validation import check_choice, check_fraction
from ._kernels import group_sums
from ._model_base import ScoreModel, roc_table
from ._plan import GROUPS, MAX_BYTES, METRICS, Plan, make_plan

__all__ = ["METRICS", "SimulatedCorrelation", "simulate_correlation"]

_PILOT = 256
_PILOT_STREAM = 0x2545F4914F6CDD1D


@dataclass(frozen=True)
class SimulatedCorrelation:
    """Result of :func:`simulate_correlation`.

    Attributes
    ----------
    correlation, standard_error : ndarray, shape (n_metrics, n_ks, n_ms)
        Pearson correlation of metric@K with the area at m negatives, and its standard error (delete-a-group
        jackknife with ``groups`` groups). NaN where the metric or the area was the same in every ranking.
    metrics : tuple of str
    ks : tuple of int
    m : ndarray of int, shape (n_ms,)
        Number of hardest negatives in the area; beta = m / N_-.
    metric_mean, metric_std : ndarray, shape (n_metrics, n_ks)
        Mean and standard deviation of the metrics themselves.
    opauc_mean, opauc_std : ndarray, shape (n_ms,)
        Mean and standard deviation of OPAUC(beta), eq. (8), or of LLPAUC(alpha, beta) where alpha < 1.
    n_pos, n_neg, n_rankings : int
    alpha : float
        Share of the best positives in the area (1 for OPAUC).
    seed : int
        Seed of the streams; passing it as ``rng`` gives the same bits again.
    groups : int
        Groups of the jackknife: intervals use Student's t with ``groups - 1`` degrees of freedom.
    """

    correlation: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    metrics: tuple[str, ...]
    ks: tuple[int, ...]
    m: NDArray[np.int64]
    metric_mean: NDArray[np.float64]
    metric_std: NDArray[np.float64]
    opauc_mean: NDArray[np.float64]
    opauc_std: NDArray[np.float64]
    n_pos: int
    n_neg: int
    n_rankings: int
    alpha: float
    seed: int
    groups: int

    @property
    def beta(self) -> NDArray[np.float64]:
        """m / N_-."""
        return self.m / self.n_neg

    def curve(self, metric: str, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Correlation and standard error along m of one metric and K.

        Raises
        ------
        ValueError
            If the metric or K was not simulated.
        """
        i = self.metrics.index(check_choice("metric", metric, self.metrics))
        j = self.ks.index(check_choice("k", k, self.ks))
        return self.correlation[i, j], self.standard_error[i, j]

    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two-sided confidence limits of the given level, Student's t on Fisher's z scale."""
        level = check_fraction("level", level)
        quantile = float(special.stdtrit(self.groups - 1, 0.5 + 0.5 * level))
        inner = np.clip(self.correlation, -1.0 + 1e-15, 1.0 - 1e-15)
        half = quantile * self.standard_error / (1.0 - inner**2)
        return np.tanh(np.arctanh(inner) - half), np.tanh(np.arctanh(inner) + half)


def simulate_correlation(
    n_pos: int,
    n_neg: int,
    *,
    metrics: Sequence[str] = ("recall", "precision", "ndcg"),
    ks: Sequence[int] = (5, 10, 20, 50, 100),
    n_rankings: int = 100_000,
    rng: np.random.Generator | int | None = None,
    score_model: ScoreModel | None = None,
    alpha: float = 1.0,
    ms: ArrayLike | None = None,
    groups: int = GROUPS,
    max_bytes: int = MAX_BYTES,
    progress: bool = False,
) -> SimulatedCorrelation:
    """Pearson correlation of metric@K with OPAUC(m/N_-), all m, all K and all metrics in one pass (Fig 6).

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    metrics : sequence of str
        Names from :data:`METRICS`.
    ks : sequence of int
        Cut-offs K in 1..N_+ + N_-.
    n_rankings : int
        Number of rankings, at least 10.
    rng : numpy.random.Generator, int or None
        Source of the seed.
    score_model : ScoreModel, optional
        Law of the scores; uniformly random rankings if None.
    alpha : float
        Share of the best positives that count in the area, in (0, 1] with alpha N_+ an integer: LLPAUC(alpha, beta)
        instead of OPAUC(beta) = LLPAUC(1, beta).
    ms : array_like of int, optional
        The m to report, in 1..N_-; all of them if None.
    groups : int
        Groups of the jackknife, in 8..1000; fewer are used where there are fewer rankings.
    max_bytes : int
        Limit on the working memory, computed beforehand.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    SimulatedCorrelation

    Raises
    ------
    TypeError, ValueError
        For sizes, K, m, alpha or counts out of range, or unknown or repeated names.
    MemoryError
        Where the run would need more than ``max_bytes``; the message says how much and what to reduce.

    Notes
    -----
    The standard error is the delete-a-group jackknife: it assumes nothing about the joint law of metric and area
    (Fisher's (1 - r^2)/sqrt(n) assumes a bivariate normal, which a metric with few values is not) and costs one pass.
    Sums are centred near the means by a pilot of 256 rankings from a stream of its own, so squares do not cancel.

    Examples
    --------
    >>> result = simulate_correlation(20, 80, metrics=["recall", "hit"], ks=[5], n_rankings=2000, rng=1)
    >>> result.correlation.shape
    (2, 1, 80)
    >>> from sim.rankings import exact_correlation
    >>> exact = exact_correlation(20, 80, "recall", 5)
    >>> bool(np.all(np.abs(result.correlation[0, 0] - exact) < 6 * result.standard_error[0, 0]))
    True
    """
    plan = make_plan(n_pos, n_neg, metrics, ks, n_rankings, alpha, ms, groups, max_bytes)
    table = roc_table(score_model)
    seed = to_seed(rng)
    shift, reference = _pilot(plan, seed, table)
    values = np.zeros((plan.groups, 2, plan.codes.size))
    cross = np.zeros((plan.groups, plan.codes.size + 1, plan.keep.size))
    squares = np.zeros((plan.groups, plan.keep.size))
    step = max(numba.get_num_threads(), plan.groups // 16)
    for first in _bar(range(0, plan.groups, step), progress):
        last = min(first + step, plan.groups)
        part = slice(first, last)
        group_sums(
            seed, plan.bounds[first : last + 1], *plan.sizes, table, plan.codes, plan.which, plan.cuts, plan.gains,
            shift, reference, plan.keep, values[part], cross[part], squares[part],
        )  # fmt: skip
    counts = np.diff(plan.bounds).astype(np.float64)
    # From sums of Y X to sums of Y (X - reference).
    cross[:, 1:] -= values[:, 0, :, None] * reference[plan.keep]
    cross[:, 0] -= counts[:, None] * reference[plan.keep]
    correlation, error, mean, std, area_mean, area_std = _finish(counts, values, cross, squares)
    area = 1.0 / (float(plan.n_pos) * plan.n_neg)
    return SimulatedCorrelation(
        correlation=correlation[plan.column][:, :, plan.order],
        standard_error=error[plan.column][:, :, plan.order],
        metrics=plan.metrics,
        ks=plan.ks,
        m=plan.ms,
        metric_mean=plan.scale * (mean + shift)[plan.column],
        metric_std=plan.scale * std[plan.column],
        opauc_mean=area * (area_mean + reference[plan.keep])[plan.order],
        opauc_std=area * area_std[plan.order],
        n_pos=plan.n_pos,
        n_neg=plan.n_neg,
        n_rankings=plan.n_rankings,
        alpha=plan.alpha,
        seed=seed,
        groups=plan.groups,
    )


def _pilot(plan: Plan, seed: int, table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Approximate means of the metrics and of X_m from a few rankings of a separate stream."""
    columns, n_neg = plan.codes.size, plan.n_neg
    values, cross, squares = np.zeros((1, 2, columns)), np.zeros((1, columns + 1, n_neg)), np.zeros((1, n_neg))
    everything, zero = np.arange(n_neg), np.zeros(n_neg)
    group_sums(
        seed ^ _PILOT_STREAM, np.array([0, _PILOT]), *plan.sizes, table, plan.codes, plan.which, plan.cuts, plan.gains,
        np.zeros(columns), zero, everything, values, cross, squares,
    )  # fmt: skip
    return values[0, 0] / _PILOT, cross[0, 0] / _PILOT


def _finish(
    counts: NDArray[np.float64], values: NDArray[np.float64], cross: NDArray[np.float64], squares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Correlation, jackknife standard error, and mean and standard deviation of both sides, from the groups' sums."""
    n, groups = counts.sum(), counts.size
    all_values, all_cross, all_squares = values.sum(axis=0), cross.sum(axis=0), squares.sum(axis=0)
    correlation = _pearson(n, all_values, all_cross, all_squares)
    total = np.zeros_like(correlation)
    total_squares = np.zeros_like(correlation)
    for g in range(groups):
        without = _pearson(n - counts[g], all_values - values[g], all_cross - cross[g], all_squares - squares[g])
        change = without - correlation
        total += change
        total_squares += change * change
    error = np.sqrt((groups - 1) / groups * np.maximum(total_squares - total**2 / groups, 0.0))
    mean, area_mean = all_values[0] / n, all_cross[0] / n
    std, area_std = np.sqrt(_variance(all_values[1] / n, mean)), np.sqrt(_variance(all_squares / n, area_mean))
    return correlation, error, mean, std, area_mean, area_std


def _pearson(
    n: float, values: NDArray[np.float64], cross: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    mean, area_mean = values[0] / n, cross[0] / n
    variance = _variance(values[1] / n, mean)
    area_variance = _variance(squares / n, area_mean)
    covariance = cross[1:] / n - mean[:, None] * area_mean
    scale = variance[:, None] * area_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        value = covariance / np.sqrt(scale)
    return np.where((variance[:, None] > 0.0) & (area_variance > 0.0), np.clip(value, -1.0, 1.0), np.nan)


def _variance(mean_square: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance about a centre near the mean; 0 where the difference is no more than rounding (a constant sample)."""
    variance = mean_square - mean**2
    return np.where(variance > 1e-13 * mean_square, variance, 0.0)


def _bar(steps: range, progress: bool) -> Iterable[int]:
    if not progress:
        return steps
    from tqdm import tqdm

    return tqdm(steps, desc="rankings", unit="part")
