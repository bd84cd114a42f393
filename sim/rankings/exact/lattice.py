r"""Closed forms for every metric and for LLPAUC under uniformly random rankings, by dynamic programming (claim F6).

A uniformly random ranking is a lattice path: after p positives and q negatives the next item is a positive with
probability (N_+ - p)/(N - p - q). Each metric here is a sum over the positives of a gain that depends on (p, q) alone,
and N_+ N_- LLPAUC(a/N_+, m/N_-) = sum over j <= m of min(P_j, a), with P_j positives above the j-th negative, is a sum
over the negatives of another. So first and second moments, joint ones too, follow exactly in N_+ N_- steps: also for
metrics that are not linear in the positions (AP, MRR, hit rate), which :func:`sim.rankings.exact_moments` cannot treat.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.validation import MOST_SIZE, check_choice, check_fraction, check_int
from ..kernels import AP, DCG, HIT, MRR, RECALL
from .lattice_kernels import lattice_sums
from .moments import Moments

__all__ = ["LATTICE_METRICS", "lattice_moments"]

_CODES = {"recall": RECALL, "precision": RECALL, "dcg": DCG, "ndcg": DCG, "ap": AP, "mrr": MRR, "hit": HIT}

LATTICE_METRICS: tuple[str, ...] = tuple(_CODES)
"""Metrics that are a sum over the positives of a gain that depends on how many of each class stand above."""

MAX_STATES = 10**10  # about two minutes


def lattice_moments(n_pos: int, n_neg: int, metric: str, k: int, *, alpha: float = 1.0) -> Moments:
    """Exact moments of any metric@K and of LLPAUC(alpha, m/N_-), m = 1..N_-, for uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1, with N_+ N_- at most 10^10 (the number of steps).
    metric : {"recall", "precision", "dcg", "ndcg", "ap", "mrr", "hit"}
        The metric; AP is over min(N_+, K), MRR is 0 without a hit in the top K.
    k : int
        K, in 1..N_+ + N_-.
    alpha : float
        Share of the best positives that count in the area, in (0, 1] with alpha N_+ an integer; 1 is OPAUC.

    Returns
    -------
    Moments
        ``opauc_mean``, ``opauc_var`` and ``covariance`` are of LLPAUC(alpha, m/N_-).

    Raises
    ------
    TypeError, ValueError
        For sizes, K or alpha out of range or an unknown metric.

    Examples
    --------
    >>> curve = lattice_moments(200, 800, "ap", 20).correlation
    >>> int(curve.argmax()) + 1, round(float(curve.max()), 4)
    (16, 0.9518)
    >>> both = lattice_moments(200, 800, "recall", 20, alpha=0.05).correlation
    >>> int(both.argmax()) + 1, round(float(both.max()), 4)
    (24, 0.9388)
    """
    n_pos, n_neg = check_int("n_pos", n_pos, low=1, most=MOST_SIZE), check_int("n_neg", n_neg, low=1, most=MOST_SIZE)
    if n_pos * n_neg > MAX_STATES:
        raise ValueError(f"n_pos * n_neg must be <= {MAX_STATES:.0e}, got {n_pos} * {n_neg}; use simulate_correlation")
    check_choice("metric", metric, LATTICE_METRICS)
    k = check_int("k", k, low=1, high=n_pos + n_neg)
    n_top = top_positives(alpha, n_pos)
    gains = 1.0 / np.log2(np.arange(2.0, k + 2.0))
    if metric == "ndcg":
        gains /= gains[: min(n_pos, k)].sum()
    area, squares, cross = np.zeros(n_neg), np.zeros(n_neg), np.zeros(n_neg)
    mean, variance = lattice_sums(n_pos, n_neg, n_top, _CODES[metric], k, gains, area, squares, cross)
    factor = n_pos / k if metric == "precision" else 1.0
    scale = 1.0 / (float(n_pos) * n_neg)
    return Moments(
        n_pos=n_pos,
        n_neg=n_neg,
        metric_mean=factor * mean,
        metric_var=factor**2 * variance if variance > 1e-14 * mean**2 else 0.0,
        opauc_mean=scale * area,
        opauc_var=scale**2 * np.maximum(squares - area**2, 0.0),
        covariance=factor * scale * cross,
    )


def top_positives(alpha: Any, n_pos: int) -> int:
    """The number alpha N_+ of best positives, an integer >= 1."""
    alpha = check_fraction("alpha", alpha)
    n_top = round(alpha * n_pos)
    if n_top < 1 or abs(alpha * n_pos - n_top) > 1e-9 * n_pos:
        raise ValueError(f"alpha must make alpha * n_pos an integer >= 1, got {alpha:g} * {n_pos}")
    return n_top
