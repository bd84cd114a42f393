r"""The correlations of :mod:`sim.rankings.exact.moments` for every cut-off K at once (claims F6-2, F6-3, F6-law).

With w_t the weights of DCG or of hits, W_K their sum and G_tj = Pr(H_t <= j - 1), the formula of
:mod:`sim.rankings.exact.moments` for weights that end at K is a difference of two running sums over t,

.. math:: \sum_{t\le K} \frac{w_t + W_t/(N-t)}{N-t+1} G_{tj} - W_K \sum_{t\le K} \frac{G_{tj}}{(N-t)(N-t+1)},

so all K cost no more than one matrix of shape (N, N_-).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from ...core.validation import check_choice, check_int
from ..models.base import Floats
from .moments import LINEAR_METRICS, bridge_scale, sizes

__all__ = ["correlation_by_cutoff"]

MAX_ENTRIES = 5 * 10**7
"""N N_-: the matrices take 8 bytes an entry each."""


def correlation_by_cutoff(n_pos: int, n_neg: int, metric: str, k_max: int | None = None) -> Floats:
    """Exact correlation of metric@K with OPAUC(m/N_-) for K = 1..k_max and all m, uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1; (N_+ + N_-) N_- at most 5e7.
    metric : {"recall", "precision", "dcg", "ndcg"}
    k_max : int, optional
        The largest K, in 1..N_+ + N_-; N_+ + N_- - 1 by default, the last one at which Recall@K varies.

    Returns
    -------
    ndarray, shape (k_max, n_neg)
        Entry (K - 1, m - 1); NaN where the metric is the same for every ranking. Precise to 1e-10 or better.

    Raises
    ------
    TypeError, ValueError
        For sizes or k_max out of range, or an unknown metric.

    Examples
    --------
    Two peaks of NDCG@8, near the end of a list of nine:

    >>> correlation_by_cutoff(1, 8, "ndcg")[7].round(3).tolist()
    [0.778, 0.859, 0.88, 0.882, 0.88, 0.879, 0.884, 0.904]
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    check_choice("metric", metric, LINEAR_METRICS)
    n = n_pos + n_neg
    if n * n_neg > MAX_ENTRIES:
        raise ValueError(
            f"(n_pos + n_neg) * n_neg must be <= {MAX_ENTRIES:.0e}, got {n * n_neg}; use exact_correlation"
        )
    top = max(n - 1, 1) if k_max is None else check_int("k_max", k_max, low=1, high=n)
    t = np.arange(1.0, top + 1.0)
    weights = 1.0 / np.log2(t + 1.0) if metric in ("dcg", "ndcg") else np.ones(top)
    total = np.cumsum(weights)
    after = n - t
    last = after == 0.0
    mean_after = np.divide(total, after, out=np.zeros(top), where=~last)
    rate = np.divide(1.0, after * (after + 1.0), out=np.zeros(top), where=~last)
    below = _below(n_pos, n_neg, top)
    covariance = np.cumsum(((weights + mean_after) / (after + 1.0))[:, None] * below, axis=0)
    covariance -= total[:, None] * np.cumsum(rate[:, None] * below, axis=0)
    j = np.arange(1.0, n_neg + 1.0)
    covariance = np.cumsum(covariance * (n_pos * (n_neg + 1.0 - j) / (n_neg + 1.0)), axis=1)
    area = bridge_scale(n_pos, n_neg) * j * (j + 1) / 12.0 * (2.0 * (n_neg + 1) * (2 * j + 1) - 3.0 * j * (j + 1))
    spread = np.cumsum(weights**2) - total**2 / n
    spread[last & (weights == weights[0]).all()] = 0.0
    variance = n_pos * n_neg / (n * (n - 1.0)) * spread
    scale = np.sqrt(variance[:, None] * area)
    return np.clip(np.divide(covariance, scale, out=np.full_like(scale, np.nan), where=scale > 0.0), -1.0, 1.0)


def _below(n_pos: int, n_neg: int, top: int) -> Floats:
    """Pr(H_t <= j - 1), H_t the marked ones of t - 1 draws from N items of which N_- + 1 are marked."""
    log_factorial = gammaln(np.arange(n_pos + n_neg + 1) + 1.0)

    def log_choose(a: int, b: np.ndarray) -> Floats:
        inside = np.clip(b, 0, a)
        value = log_factorial[a] - log_factorial[inside] - log_factorial[a - inside]
        return np.where(inside == b, value, -np.inf)

    draws, h = np.arange(top)[:, None], np.arange(n_neg)
    log_mass = log_choose(n_neg + 1, h) + log_choose(n_pos - 1, draws - h) - log_choose(n_pos + n_neg, draws)
    return np.cumsum(np.exp(log_mass), axis=1)
