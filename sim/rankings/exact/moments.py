r"""Closed forms for uniformly random rankings (Fig 6 without noise, claims F6 and G2).

A ranking of N = N_+ + N_- items is uniform; P_j is the number of positives above the j-th negative (hardest first) and
X_m = P_1 + ... + P_m = N_+ N_- OPAUC(m/N_-), eq. (8). A metric linear in positions is
R = sum_t w_t 1(position t is positive). Then, for every j,

.. math:: Cov(R, P_j) = \frac{N_+ (N_- + 1 - j)}{N_- + 1} \sum_t v_t \Pr(H_t \le j - 1), \qquad
          v_t = \frac{w_t - \bar w_{>t}}{N - t + 1},

with H_t hypergeometric (t - 1 draws from N items of which N_- + 1 are marked) and w-bar the mean weight of the
positions after t. For weights that do not increase with the position every term is non-negative, so nothing cancels;
the cost is O(K sqrt(K) + N_-). The covariance of the P_j is that of a discrete Brownian bridge,
Cov(P_j, P_l) = N_+ (N + 1) j (N_- + 1 - l) / ((N_- + 1)^2 (N_- + 2)) for j <= l.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.validation import check_choice, check_finite, check_int
from ..kernels import rank_mass

__all__ = [
    "LINEAR_METRICS",
    "Moments",
    "Peak",
    "exact_correlation",
    "exact_moments",
    "metric_position_weights",
    "peak",
    "scaling_law",
]

LINEAR_METRICS: tuple[str, ...] = ("recall", "precision", "dcg", "ndcg")
"""Metrics that are linear in the positions of the positives."""

MAX_ITEMS = 10**8  # the arrays over N_- take 8 bytes an entry


@dataclass(frozen=True)
class Moments:
    """First and second moments of a metric and of OPAUC(m/N_-), m = 1..N_-, under uniformly random rankings.

    Attributes
    ----------
    n_pos, n_neg : int
        N_+ and N_-.
    metric_mean, metric_var : float
        Mean and variance of the metric.
    opauc_mean, opauc_var, covariance : ndarray, shape (n_neg,)
        Mean and variance of OPAUC(m/N_-) as in eq. (8), not normalised by beta, and its covariance with the metric.
    """

    n_pos: int
    n_neg: int
    metric_mean: float
    metric_var: float
    opauc_mean: NDArray[np.float64]
    opauc_var: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Pearson correlation for m = 1..N_-; NaN where the metric is constant."""
        if self.metric_var == 0.0:
            return np.full(self.n_neg, np.nan)
        return np.clip(self.covariance / np.sqrt(self.metric_var * self.opauc_var), -1.0, 1.0)


@dataclass(frozen=True)
class Peak:
    """Where a correlation curve is highest: ``m`` negatives, ``beta = m / N_-``, and the ``correlation`` there."""

    m: int
    beta: float
    correlation: float


def metric_position_weights(n_pos: int, n_neg: int, metric: str, k: int) -> NDArray[np.float64]:
    """Weights w_1..w_K with which a linear metric counts a positive at positions 1..K.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    metric : {"recall", "precision", "dcg", "ndcg"}
        Recall@K counts 1/N_+, Precision@K 1/K, DCG@K 1/log2(position + 1), NDCG@K the same over the ideal DCG of
        min(N_+, K) positives.
    k : int
        K, in 1..N_+ + N_-.

    Returns
    -------
    ndarray, shape (k,)

    Examples
    --------
    >>> metric_position_weights(4, 6, "recall", 3)
    array([0.25, 0.25, 0.25])
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    check_choice("metric", metric, LINEAR_METRICS)
    k = check_int("k", k, low=1, high=n_pos + n_neg)
    if metric == "recall":
        return np.full(k, 1.0 / n_pos)
    if metric == "precision":
        return np.full(k, 1.0 / k)
    gains = 1.0 / np.log2(np.arange(2.0, k + 2.0))
    return gains if metric == "dcg" else gains / gains[: min(n_pos, k)].sum()


def exact_moments(
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
) -> Moments:
    """Exact moments of a linear metric and of OPAUC(m/N_-) for uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    metric : {"recall", "precision", "dcg", "ndcg"}, optional
        Metric, with its cut-off ``k``.
    k : int, optional
        K, in 1..N_+ + N_-.
    position_weights : array_like, shape (n_positions,), optional
        Any other weights w_1, w_2, ... instead of ``metric`` and ``k``; at most N_+ + N_- finite numbers, positions
        beyond them weigh 0.

    Returns
    -------
    Moments

    Raises
    ------
    TypeError, ValueError
        For sizes below 1, an unknown metric, K out of range, weights that are not finite or too many, or both or
        neither of ``metric`` and ``position_weights``.

    Examples
    --------
    >>> moments = exact_moments(200, 800, "recall", 20)
    >>> round(moments.metric_mean, 12), round(float(moments.opauc_mean[-1]), 12)
    (0.02, 0.5)
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    weights = weights_argument(n_pos, n_neg, metric, k, position_weights)
    covariance_p, _, metric_mean, metric_var = rank_covariance(n_pos, n_neg, weights)
    m = np.arange(1.0, n_neg + 1.0)
    scale = 1.0 / (float(n_pos) * n_neg)
    area_var = bridge_scale(n_pos, n_neg) * m * (m + 1) / 12.0 * (2.0 * (n_neg + 1) * (2 * m + 1) - 3.0 * m * (m + 1))
    return Moments(
        n_pos=n_pos,
        n_neg=n_neg,
        metric_mean=metric_mean,
        metric_var=metric_var,
        opauc_mean=scale * n_pos * m * (m + 1) / (2.0 * (n_neg + 1)),
        opauc_var=scale**2 * area_var,
        covariance=scale * np.cumsum(covariance_p),
    )


def exact_correlation(
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Exact Pearson correlation of metric@K with OPAUC(m/N_-), m = 1..N_-, for uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg, metric, k, position_weights
        As in :func:`exact_moments`.

    Returns
    -------
    ndarray, shape (n_neg,)
        Entry m - 1 is the correlation with OPAUC(m/N_-). All NaN where the metric is the same for every ranking
        (for example Recall@K at K = N_+ + N_-): a correlation does not exist then.

    Raises
    ------
    TypeError, ValueError
        As in :func:`exact_moments`.

    Notes
    -----
    The normalisation of OPAUC, eq. (10)-(11), does not change a Pearson correlation. Recall@K and Precision@K have the
    same curve, and so have DCG@K and NDCG@K, as N_+ is fixed.

    Examples
    --------
    >>> curve = exact_correlation(200, 800, "recall", 20)
    >>> int(curve.argmax()) + 1, round(float(curve.max()), 4), round(float(curve[-1]), 4)
    (24, 0.9362, 0.2425)
    """
    return exact_moments(n_pos, n_neg, metric, k, position_weights=position_weights).correlation


def peak(
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
) -> Peak:
    """The m, beta = m/N_- and correlation at the peak of :func:`exact_correlation` (guideline G2).

    Parameters
    ----------
    n_pos, n_neg, metric, k, position_weights
        As in :func:`exact_moments`.

    Returns
    -------
    Peak
        The smallest m among ties.

    Raises
    ------
    TypeError, ValueError
        As in :func:`exact_moments`; also where the metric is constant, as there is no correlation.

    Examples
    --------
    >>> best = peak(200, 800, "ndcg", 20)
    >>> best.m, round(best.beta, 4), round(best.correlation, 4)
    (18, 0.0225, 0.945)
    """
    curve = exact_correlation(n_pos, n_neg, metric, k, position_weights=position_weights)
    if np.isnan(curve).any():
        raise ValueError("the metric must differ between rankings, got one that is the same for all of them")
    best = int(np.argmax(curve))
    return Peak(m=best + 1, beta=(best + 1) / n_neg, correlation=float(curve[best]))


def scaling_law(x: ArrayLike) -> NDArray[np.float64]:
    """Limit of corr(Recall@K, OPAUC(m/N_-)) for K << N and both classes large, at x = m N / (K N_-).

    Brownian motion at time 1 against its integral up to x: sqrt(3x)/2 for x <= 1 and (x - 1/2) / sqrt(x^3/3) for
    x >= 1. The peak is at x = 3/2, that is beta* = 1.5 K/N, with height 2 sqrt(2)/3 = 0.9428.

    Parameters
    ----------
    x : array_like
        Finite numbers >= 0.

    Returns
    -------
    ndarray of the shape of ``x``

    Raises
    ------
    ValueError
        If an entry is negative or not finite.

    Examples
    --------
    >>> scaling_law([0.5, 1.0, 1.5]).round(4)
    array([0.6124, 0.866 , 0.9428])
    """
    values = check_finite("x", np.asarray(x, dtype=np.float64))
    if values.size and values.min() < 0.0:
        raise ValueError(f"x must be >= 0, got {values.min():g}")
    late = np.maximum(values, 1.0)
    return np.where(values < 1.0, np.sqrt(0.75 * values), (late - 0.5) / np.sqrt(late**3 / 3.0))


def sizes(n_pos: Any, n_neg: Any) -> tuple[int, int]:
    n_pos = check_int("n_pos", n_pos, low=1, high=MAX_ITEMS)
    return n_pos, check_int("n_neg", n_neg, low=1, high=MAX_ITEMS)


def weights_argument(n_pos: int, n_neg: int, metric: Any, k: Any, position_weights: Any) -> NDArray[np.float64]:
    if (metric is None) == (position_weights is None):
        given = "neither" if metric is None else "both"
        raise ValueError(f"give either metric and k or position_weights, got {given}")
    if position_weights is None:
        return metric_position_weights(n_pos, n_neg, metric, k)
    if k is not None:
        raise ValueError(f"k must be None when position_weights are given, got {k!r}")
    weights = check_finite("position_weights", np.asarray(position_weights, dtype=np.float64))
    if weights.ndim != 1 or not 1 <= weights.size <= n_pos + n_neg:
        raise ValueError(f"position_weights must be 1-D with 1..{n_pos + n_neg} entries, got shape {weights.shape}")
    return weights


def bridge_scale(n_pos: int, n_neg: int) -> float:
    return n_pos * (n_pos + n_neg + 1.0) / ((n_neg + 1.0) ** 2 * (n_neg + 2.0))


def _increments(n_pos: int, n_neg: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """v_t of the module's formula for t = 1..weights.size."""
    n_items = n_pos + n_neg
    t = np.arange(1.0, weights.size + 1.0)
    later = np.append(np.cumsum(weights[::-1])[::-1][1:], 0.0)
    return (weights - later / np.maximum(n_items - t, 1.0)) / (n_items - t + 1.0)


def rank_covariance(
    n_pos: int, n_neg: int, weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
    """Cov(R, P_j) for j = 1..N_-, the mass behind it, and mean and variance of R."""
    n_items = n_pos + n_neg
    mass = rank_mass(n_pos, n_neg, _increments(n_pos, n_neg, weights))
    j = np.arange(1.0, n_neg + 1.0)
    covariance = n_pos * (n_neg + 1.0 - j) / (n_neg + 1.0) * np.cumsum(mass)
    total = math.fsum(weights)
    share = n_pos / n_items
    average = total / n_items
    if weights.size == n_items and (weights == weights[0]).all():
        squares = 0.0
    else:
        squares = float(((weights - average) ** 2).sum()) + (n_items - weights.size) * average**2
    metric_var = share * (1.0 - share) * n_items / (n_items - 1.0) * squares
    return covariance, mass, share * total, metric_var
