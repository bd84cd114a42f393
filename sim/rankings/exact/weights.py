"""Weighted areas under random rankings: the best weights over negative ranks, and the score of any (claim G2).

A sampler that puts probability w_j on the j-th hardest negative minimises a surrogate of the weighted area
sum_j w_j P_j, P_j the number of positives above that negative. How well that area follows a metric is exact here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.validation import check_choice, check_finite
from .lattice import LATTICE_METRICS, lattice_moments
from .moments import LINEAR_METRICS, bridge_scale, rank_covariance, sizes, weights_argument

__all__ = ["optimal_weights", "weights_correlation"]

_ENOUGH = 1e-10
"""The search for falling weights stops where no cut has a larger cosine with what is left of the target."""


def optimal_weights(
    n_pos: int,
    n_neg: int,
    metric: str | None = None,
    k: int | None = None,
    *,
    position_weights: ArrayLike | None = None,
    falling: bool = False,
) -> tuple[NDArray[np.float64], float]:
    """Weights over negative ranks whose weighted area sum_j w_j P_j correlates most with a metric, and that ceiling.

    The best weights are Sigma^-1 Cov(R, P) with the tridiagonal Sigma^-1 of the bridge: minus the second difference of
    Cov(R, P_j). They are exactly 0 beyond rank K, where that covariance is linear in j.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    metric : {"recall", "precision", "dcg", "ndcg", "ap", "mrr", "hit"}, optional
        Metric, with its cut-off ``k``.
    k : int, optional
        K, in 1..N_+ + N_-.
    position_weights : array_like, optional
        Any other metric linear in the positions instead, as in :func:`exact_moments`.
    falling : bool
        Only weights that are non-negative and do not rise with the rank, as those of every sampler that prefers harder
        negatives: mixtures of OPAUC(m/N_-).

    Returns
    -------
    weights : ndarray, shape (n_neg,)
        Hardest negative first, scaled to sum to 1 (free weights may have both signs; if their sum is 0, they are
        scaled to a sum of absolute values of 1).
    correlation : float
        The highest correlation any such weights reach.

    Raises
    ------
    TypeError, ValueError
        As in :func:`peak`; with ``falling`` also where no such weights correlate positively with the metric.

    Examples
    --------
    >>> weights, ceiling = optimal_weights(200, 800, "recall", 20)
    >>> round(ceiling, 4), round(float(weights[:20].sum()), 12)
    (0.9684, 1.0)

    No sampler that prefers harder negatives follows Recall@K better than a hard cut (DNS) at the right M:

    >>> from sim.rankings import peak
    >>> round(optimal_weights(200, 800, "recall", 20, falling=True)[1] - peak(200, 800, "recall", 20).correlation, 5)
    0.0
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    covariance, mass, metric_var = _metric_side(n_pos, n_neg, metric, k, position_weights)
    steps = np.diff(np.concatenate(([0.0], covariance, [0.0])))
    unit = math.sqrt(bridge_scale(n_pos, n_neg) * (n_neg + 1) * metric_var)
    if falling:
        weights, length = _falling(steps)
        return weights / weights.sum(), min(length / unit, 1.0)
    ceiling = math.sqrt(float(steps @ steps)) / unit
    if mass is None:  # the second difference itself; the metric looks at K positions only
        weights = np.where(np.arange(n_neg) < int(k or 0), -np.diff(steps), 0.0)
    else:  # the same without cancellation
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
) -> Any:
    """Exact correlation of a metric with the weighted area sum_j w_j P_j for given weights over negative ranks.

    Scores any sampler's rank distribution (DNS(M), DNS(M,N), softmax) against the ceiling of :func:`optimal_weights`.

    Parameters
    ----------
    weights : array_like, shape (..., n_neg)
        Finite weights over negative ranks, hardest first; not all 0.
    n_pos, n_neg, metric, k, position_weights
        As in :func:`optimal_weights`.

    Returns
    -------
    float, or ndarray of shape (...)
        One value for each row of weights.

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
    given = check_finite("weights", np.asarray(weights, dtype=np.float64))
    if given.ndim == 0 or given.shape[-1] != n_neg:
        raise ValueError(f"weights must have shape ({n_neg},), or be rows of it, got {given.shape}")
    if not given.any(axis=-1).all():
        raise ValueError("weights must not all be 0, got zeros only")
    covariance, _, metric_var = _metric_side(n_pos, n_neg, metric, k, position_weights)
    tails = np.cumsum(given[..., ::-1], axis=-1)[..., ::-1]  # the tail at N_- + 1 is 0
    centre = tails.sum(axis=-1) / (n_neg + 1)
    spread = np.einsum("...j,...j->...", tails, tails) - (n_neg + 1) * centre**2
    scale = np.sqrt(bridge_scale(n_pos, n_neg) * (n_neg + 1) * spread * metric_var)
    value = np.clip(given @ covariance / scale, -1.0, 1.0)
    return float(value) if given.ndim == 1 else value


def _metric_side(
    n_pos: int, n_neg: int, metric: Any, k: Any, position_weights: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, float]:
    """Cov(R, P_j) for j = 1..N_-, the mass behind it for a metric linear in the positions, and Var R > 0."""
    mass: NDArray[np.float64] | None = None
    if metric is None or position_weights is not None or metric in LINEAR_METRICS:
        linear = weights_argument(n_pos, n_neg, metric, k, position_weights)
        covariance, mass, _, variance = rank_covariance(n_pos, n_neg, linear)
    else:
        check_choice("metric", metric, LATTICE_METRICS)
        moments = lattice_moments(n_pos, n_neg, metric, k)  # type: ignore[arg-type]
        covariance = np.diff(moments.covariance, prepend=0.0) * (float(n_pos) * n_neg)
        variance = moments.metric_var
    if variance == 0.0:
        raise ValueError("the metric must differ between rankings, got one that is the same for all of them")
    return covariance, mass, variance


def _falling(steps: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Non-negative, non-increasing weights whose tails are nearest to ``steps``, and the length of that projection.

    The tails T_j = w_j + ... + w_n of such weights are the convex falling sequences, the cone spanned by the hinges
    max(m - i, 0) of the cuts at m; the correlation is the cosine between centred tails and ``steps``. Cuts enter one by
    one, the one with the largest cosine with what is left, and leave when their weight falls to 0 (Lawson-Hanson, with
    all cosines from two cumulative sums).
    """
    from scipy.optimize import nnls

    n = steps.size - 1
    m = np.arange(1.0, n + 1.0)
    first, second = m * (m + 1) / 2, m * (m + 1) * (2 * m + 1) / 6  # sums of 1..m and of their squares
    norm = np.sqrt(second - first**2 / (n + 1))
    target = np.cumsum(np.cumsum(steps))[:n] / norm
    size = math.sqrt(float(steps @ steps))
    cuts = np.zeros(0, dtype=np.int64)
    share = np.zeros(0)
    left = target
    while left.max() > _ENOUGH * size and int(left.argmax()) not in cuts:
        cuts = np.sort(np.append(cuts, int(left.argmax())))
        low, high = np.minimum.outer(cuts, cuts), np.maximum.outer(cuts, cuts)
        product = second[low] + (high - low) * first[low] - first[low] * first[high] / (n + 1)
        root = np.linalg.cholesky(product / np.outer(norm[cuts], norm[cuts]))
        share, _ = nnls(root.T, np.linalg.solve(root, target[cuts]))
        cuts, share = cuts[share > 0.0], share[share > 0.0]
        heights = np.zeros(n + 1)
        np.add.at(heights, cuts, share / norm[cuts])
        slopes = np.cumsum(heights[::-1])[::-1]  # minus the slope of the fitted tails, which is the weight
        tails = np.cumsum(slopes[::-1])[::-1]
        left = np.cumsum(np.cumsum(steps - (tails - tails.mean())))[:n] / norm
    if not cuts.size:
        raise ValueError("the metric must rise with an area, got one that no falling weights correlate with")
    return slopes[:n], math.sqrt(float(share @ target[cuts]))
