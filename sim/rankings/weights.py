"""Weighted areas under random rankings: the best weights over negative ranks, and the score of any (claim G2)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import check_finite
from .exact import bridge_scale, rank_covariance, sizes, weights_argument

__all__ = ["optimal_weights", "weights_correlation"]


def optimal_weights(
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Weights over negative ranks whose weighted area sum_j w_j P_j correlates most with a metric, and that ceiling.

    The best weights are Sigma^-1 Cov(R, P) with the tridiagonal Sigma^-1 of the bridge: minus the second difference of
    Cov(R, P_j). They are exactly 0 beyond rank K, where that covariance is linear in j.

    Parameters
    ----------
    n_pos, n_neg, metric, k, position_weights
        As in :func:`exact_moments`.

    Returns
    -------
    weights : ndarray, shape (n_neg,)
        Hardest negative first, scaled to sum to 1 (they may have both signs; if their sum is 0, scaled to a sum of
        absolute values of 1).
    correlation : float
        The highest correlation any weights over negative ranks reach.

    Raises
    ------
    TypeError, ValueError
        As in :func:`peak`.

    Examples
    --------
    >>> weights, ceiling = optimal_weights(200, 800, "recall", 20)
    >>> round(ceiling, 4), round(float(weights[:20].sum()), 12)
    (0.9684, 1.0)
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    linear = weights_argument(n_pos, n_neg, metric, k, position_weights)
    covariance, mass, _, metric_var = rank_covariance(n_pos, n_neg, linear)
    if metric_var == 0.0:
        raise ValueError("the metric must differ between rankings, got one that is the same for all of them")
    steps = np.diff(np.concatenate(([0.0], covariance, [0.0])))
    ceiling = math.sqrt(float(steps @ steps) / (bridge_scale(n_pos, n_neg) * (n_neg + 1) * metric_var))
    following = np.append(mass[1:], 0.0)  # the entry at N_- + 1 cancels
    tail = n_neg + 1.0 - np.arange(1.0, n_neg + 1.0)
    weights = tail * (mass - following) + (mass + following)
    total = weights.sum()
    return weights / (total if abs(total) > 1e-12 * np.abs(weights).sum() else np.abs(weights).sum()), min(ceiling, 1.0)


def weights_correlation(
    weights: ArrayLike,
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
) -> float:
    """Exact correlation of a metric with the weighted area sum_j w_j P_j for given weights over negative ranks.

    Scores any sampler's rank distribution (DNS(M), DNS(M,N), softmax) against the ceiling of :func:`optimal_weights`.

    Parameters
    ----------
    weights : array_like, shape (n_neg,)
        Finite weights over negative ranks, hardest first; not all 0.
    n_pos, n_neg, metric, k, position_weights
        As in :func:`exact_moments`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in :func:`peak`; also for weights of another shape, not finite, or all 0.

    Examples
    --------
    >>> import numpy as np
    >>> dns = np.zeros(800)
    >>> dns[:24] = 1 / 24
    >>> round(weights_correlation(dns, 200, 800, "recall", 20), 4)
    0.9362
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    linear = weights_argument(n_pos, n_neg, metric, k, position_weights)
    given = check_finite("weights", np.asarray(weights, dtype=np.float64))
    if given.shape != (n_neg,):
        raise ValueError(f"weights must have shape ({n_neg},), got {given.shape}")
    if not given.any():
        raise ValueError("weights must not all be 0, got zeros only")
    covariance, _, _, metric_var = rank_covariance(n_pos, n_neg, linear)
    if metric_var == 0.0:
        raise ValueError("the metric must differ between rankings, got one that is the same for all of them")
    tails = np.append(np.cumsum(given[::-1])[::-1], 0.0)
    spread = tails - tails.mean()
    variance = bridge_scale(n_pos, n_neg) * (n_neg + 1) * float(spread @ spread)
    return float(np.clip((given @ covariance) / math.sqrt(variance * metric_var), -1.0, 1.0))
