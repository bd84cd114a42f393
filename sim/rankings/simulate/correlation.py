"""Monte Carlo correlation of Top-K metrics with OPAUC(beta) and LLPAUC(alpha, beta) over many rankings (claim F6).

For Pearson's coefficient the sums are streamed: memory does not depend on the number of rankings. Every group of
rankings is a fixed range of counter-based streams, so the result is bit-identical for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.random import to_seed
from ...core.validation import MOST_SIZE, check_choice, check_fraction, check_int
from ..models.base import Floats, ScoreModel, roc_table
from .estimate import estimate
from .plan import GROUPS, MAX_BYTES, METRICS, make_plan
from .rank_correlation import fisher_interval, group_error

__all__ = ["METRICS", "SimulatedCorrelation", "SimulatedPeaks", "simulate_correlation"]


@dataclass(frozen=True)
class SimulatedPeaks:
    """Where simulated correlation curves are highest, with confidence intervals.

    Attributes
    ----------
    m, m_low, m_high : ndarray, shape (n_metrics, n_ks)
        Number of hardest negatives at the peak, among the reported ones, and its interval.
    correlation, correlation_low, correlation_high : ndarray, shape (n_metrics, n_ks)
        Height of the peak and its interval. All are NaN where a curve has no correlation; the intervals also where the
        standard error there is NaN.
    n_neg : int
    level : float
        Confidence level of the intervals.
    """

    m: Floats
    m_low: Floats
    m_high: Floats
    correlation: Floats
    correlation_low: Floats
    correlation_high: Floats
    n_neg: int
    level: float

    @property
    def beta(self) -> Floats:
        """m / N_-."""
        return self.m / self.n_neg


@dataclass(frozen=True)
class SimulatedCorrelation:
    """Result of :func:`simulate_correlation`.

    Attributes
    ----------
    correlation, standard_error : ndarray, shape (n_metrics, n_ks, n_ms)
        Correlation of metric@K with the area at m negatives, and its standard error (jackknife over ``groups`` groups
        of rankings). NaN where the metric or the area was the same in every ranking; the error also where one of them
        was the same in all rankings but those of one group.
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
    method : str
        Coefficient: pearson, spearman or kendall.
    seed : int
        Seed of the streams; passing it as ``rng`` gives the same bits again.
    groups : int
        Groups of the jackknife: intervals use Student's t with ``groups - 1`` degrees of freedom.
    """

    correlation: Floats
    standard_error: Floats
    metrics: tuple[str, ...]
    ks: tuple[int, ...]
    m: NDArray[np.int64]
    metric_mean: Floats
    metric_std: Floats
    opauc_mean: Floats
    opauc_std: Floats
    n_pos: int
    n_neg: int
    n_rankings: int
    alpha: float
    method: str
    seed: int
    groups: int
    _influence: Floats = field(repr=False)
    _column: NDArray[np.int64] = field(repr=False)
    _order: NDArray[np.int64] = field(repr=False)

    @property
    def beta(self) -> Floats:
        """m / N_-."""
        return self.m / self.n_neg

    def curve(self, metric: str, k: int) -> tuple[Floats, Floats]:
        """Correlation and standard error along m of one metric and K.

        Raises
        ------
        ValueError
            If the metric or K was not simulated.
        """
        at = self._at(metric, k)
        return self.correlation[at], self.standard_error[at]

    def influence(self, metric: str, k: int) -> Floats:
        """What each group of rankings adds to the curve, shape (groups, n_ms); the sum over groups is 0.

        The standard error is sqrt(sum influence^2 / (groups (groups - 1))). Runs of the same seed, sizes and model see
        the same rankings, so the error of a difference of their correlations follows from the difference of this.

        Raises
        ------
        ValueError
            If the metric or K was not simulated.
        """
        return self._influence[:, self._column[self._at(metric, k)]][:, self._order]

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Two-sided confidence limits of the given level, Student's t on Fisher's z scale."""
        return fisher_interval(self.correlation, self.standard_error, self.groups, level)

    def peaks(self, level: float = 0.95, n_resamples: int = 1000) -> SimulatedPeaks:
        """Place and height of every curve's peak, with percentile intervals of a bootstrap over groups of rankings.

        Each resample adds the groups' influence with independent normal multipliers (the multiplier bootstrap), so that
        its variance at each m is that of the standard error; neighbouring m move together, as they do in the sample.

        Parameters
        ----------
        level : float
            Confidence level in (0, 1].
        n_resamples : int
            At least 100.

        Returns
        -------
        SimulatedPeaks

        Raises
        ------
        TypeError, ValueError
            For a level or number of resamples out of range.
        """
        level, n_resamples = (
            check_fraction("level", level),
            check_int("n_resamples", n_resamples, low=100, most=MOST_SIZE),
        )
        tail = 0.5 * (1.0 - level)
        multipliers = np.random.default_rng(self.seed).standard_normal((n_resamples, self.groups))
        multipliers /= np.sqrt(self.groups * (self.groups - 1.0))
        found = np.full((6, *self.metric_mean.shape), np.nan)
        for i, metric in enumerate(self.metrics):
            for j, k in enumerate(self.ks):
                curve = np.where(np.isnan(self.correlation[i, j]), -np.inf, self.correlation[i, j])
                best = int(np.argmax(curve))
                if curve[best] == -np.inf:
                    continue
                found[[0, 3], i, j] = self.m[best], curve[best]
                moves = self.influence(metric, k)
                known = np.flatnonzero(np.isfinite(moves).all(axis=0))
                if best in known:
                    # einsum, not BLAS: the same bits for any number of threads
                    redrawn = curve[known] + np.einsum("rg,gm->rm", multipliers, moves[:, known])
                    places = self.m[known][redrawn.argmax(axis=1)]
                    found[1:3, i, j] = np.quantile(places, (tail, 1.0 - tail), method="nearest")
                    found[4:, i, j] = np.quantile(redrawn.max(axis=1), (tail, 1.0 - tail))
        found[4:] = np.clip(found[4:], -1.0, 1.0)
        m, m_low, m_high, top, low, high = found
        return SimulatedPeaks(m, m_low, m_high, top, low, high, self.n_neg, level)

    def _at(self, metric: str, k: int) -> tuple[int, int]:
        return (
            self.metrics.index(check_choice("metric", metric, self.metrics)),
            self.ks.index(check_choice("k", k, self.ks)),
        )


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
    method: str = "pearson",
    groups: int = GROUPS,
    max_bytes: int = MAX_BYTES,
    progress: bool = False,
) -> SimulatedCorrelation:
    """Correlation of metric@K with OPAUC(m/N_-), all m, all K and all metrics in one pass (Fig 6).

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
        The m to report, in 1..N_-; all of them if None. A few are much cheaper than all where N_- is large.
    method : {"pearson", "spearman", "kendall"}
        Coefficient; Kendall's is tau-b. The rank coefficients keep the values of every ranking, as many areas at a time
        as ``max_bytes`` allows (the rankings are drawn again for the next ones), and cost O(n log n) for every curve
        and m: name the ``ms``.
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
    The standard error is the jackknife over groups of rankings: it assumes nothing about the joint law of metric and
    area (Fisher's (1 - r^2)/sqrt(n) assumes a bivariate normal, which a metric with few values is not) and costs one
    pass. Sums are centred near the means by a pilot of 256 rankings from a stream of its own, so squares do not cancel.
    Metrics and areas are bounded, so that the coefficients exist for scores without a variance too; only a metric or
    area that is the same in every ranking has none (NaN).

    Examples
    --------
    >>> result = simulate_correlation(20, 80, metrics=["recall", "hit"], ks=[5], n_rankings=2000, rng=1)
    >>> result.correlation.shape
    (2, 1, 80)
    >>> from sim.rankings import exact_correlation
    >>> exact = exact_correlation(20, 80, "recall", 5)
    >>> bool(np.all(np.abs(result.correlation[0, 0] - exact) < 6 * result.standard_error[0, 0]))
    True
    >>> peaks = result.peaks()
    >>> bool(peaks.m_low[0, 0] <= exact.argmax() + 1 <= peaks.m_high[0, 0])
    True
    """
    plan = make_plan(n_pos, n_neg, metrics, ks, n_rankings, alpha, ms, method, groups, max_bytes)
    seed = to_seed(rng)
    found = estimate(plan, seed, roc_table(score_model), progress)
    area = 1.0 / (float(plan.n_pos) * plan.n_neg)
    return SimulatedCorrelation(
        correlation=found.value[plan.column][:, :, plan.order],
        standard_error=group_error(found.influence)[plan.column][:, :, plan.order],
        metrics=plan.metrics,
        ks=plan.ks,
        m=plan.ms,
        metric_mean=plan.scale * found.mean[plan.column],
        metric_std=plan.scale * found.std[plan.column],
        opauc_mean=area * found.area_mean[plan.order],
        opauc_std=area * found.area_std[plan.order],
        n_pos=plan.n_pos,
        n_neg=plan.n_neg,
        n_rankings=plan.n_rankings,
        alpha=plan.alpha,
        method=plan.method,
        seed=seed,
        groups=plan.groups,
        _influence=found.influence,
        _column=plan.column,
        _order=plan.order,
    )
