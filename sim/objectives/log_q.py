r"""Sampled softmax with corrected logits, and its bias, exactly (claim Q1).

The softmax over a catalogue has the gradient P_j - 1(j = positive) in the score of item j, P_j = e_j / Z, e_j =
exp(s_j), Z the sum of the e_j. Pools of N items drawn by a proposal q estimate it by weights w_j in the denominator:

- ``"usual"``: log-Q correction, s_j - log q_j for the pool and for the positive, which always stands in the
  denominator: D = e_0 / q_0 + sum over the pool of e_j / q_j, with pools of all items. Its mean is N Z + e_0 / q_0, not
  N Z.
- ``"once"``: the positive counts once as it is, the pool holds negatives only: D = e_0 + (1 / N) sum e_j / q_j. Its
  mean is Z.
- ``"self-normalised"``: the same with the pool's weights scaled to sum to the number n_- of negatives, D = e_0 +
  n_- sum (e_j / q_j) / sum (1 / q_j): what the trainer does for the loss sampled-softmax with ``corrected=True``.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from ..core.validation import check_choice, check_finite, check_int

__all__ = ["CORRECTIONS", "expected_softmax", "log_q_softmax"]

CORRECTIONS = ("usual", "once", "self-normalised")
MAX_POOLS = 10**6


def log_q_softmax(
    scores: ArrayLike, pool: ArrayLike, proposal: ArrayLike, correction: str = "usual"
) -> NDArray[np.float64]:
    """Estimate of the softmax over all items from one pool; item 0 is the positive.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Scores of all items, n >= 2; the positive's first.
    pool : array_like of int, shape (N,)
        Items drawn, N >= 1, repeats allowed; for all corrections but "usual" negatives only (1..n-1).
    proposal : array_like, shape (n,)
        Positive weights of the items, in any scale; "usual" draws from all items, the others from the negatives.
    correction : {"usual", "once", "self-normalised"}

    Returns
    -------
    ndarray, shape (n,)
        Estimated probabilities, which sum to 1; items outside the pool get 0. Minus 1 at the positive it is the
        gradient of the loss in the scores.

    Raises
    ------
    ValueError
        For arrays of other shapes, scores that are not finite, weights that are not positive, or items out of range.

    Examples
    --------
    >>> log_q_softmax(np.log([2.0, 1.0, 3.0]), [1, 2], [1.0, 1.0, 1.0], "once").round(4).tolist()
    [0.3333, 0.1667, 0.5]
    """
    s, q = _items(scores, proposal, correction)
    ids = np.asarray(pool)
    low = 0 if correction == "usual" else 1
    if ids.ndim != 1 or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"pool must be a non-empty list of items, got {pool!r}")
    if ids.min() < low or ids.max() >= s.size:
        raise ValueError(f"pool must hold items in {low}..{s.size - 1}, got {ids[(ids < low) | (ids >= s.size)][0]}")
    counts = np.bincount(ids, minlength=s.size).astype(np.float64)
    return _estimate(s, q, counts[None, :], correction)[0]


def expected_softmax(
    scores: ArrayLike, proposal: ArrayLike, n_sampled: int, correction: str = "usual"
) -> NDArray[np.float64]:
    """Mean of :func:`log_q_softmax` over all pools of N draws with replacement, exactly.

    Parameters
    ----------
    scores, proposal, correction
        As in :func:`log_q_softmax`.
    n_sampled : int
        N, at least 1; the number of different pools must not exceed 1e6.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    TypeError, ValueError
        As in :func:`log_q_softmax`, or for too many pools.

    Examples
    --------
    Three items, P_0 = 1/3, one draw: far off in the usual way, near with the positive counted once.

    >>> scores, q = np.log([2.0, 1.0, 3.0]), [0.2, 0.4, 0.4]
    >>> for correction in CORRECTIONS:
    ...     print(correction, expected_softmax(scores, q, 1, correction)[0].round(3))
    usual 0.749
    once 0.375
    self-normalised 0.375
    """
    s, q = _items(scores, proposal, correction)
    n = check_int("n_sampled", n_sampled, low=1)
    members = np.arange(0 if correction == "usual" else 1, s.size)
    pools = comb(members.size + n - 1, n)
    if pools > MAX_POOLS:
        raise ValueError(
            f"n_sampled must give at most {MAX_POOLS} different pools of {members.size} items, got {pools}"
        )
    counts = np.zeros((pools, s.size))
    for row, pool in zip(counts, combinations_with_replacement(members.tolist(), n), strict=True):
        np.add.at(row, list(pool), 1.0)
    log_p = counts @ np.log(q) + gammaln(n + 1.0) - gammaln(counts + 1.0).sum(axis=1)
    return np.exp(log_p) @ _estimate(s, q, counts, correction)


def _items(scores: ArrayLike, proposal: ArrayLike, correction: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores, and the proposal scaled to sum to one over the items that it draws (the positive's entry 1 if not)."""
    check_choice("correction", correction, CORRECTIONS)
    s = check_finite("scores", np.asarray(scores, dtype=np.float64))
    q = check_finite("proposal", np.asarray(proposal, dtype=np.float64))
    if s.ndim != 1 or s.size < 2 or q.shape != s.shape:
        raise ValueError(f"scores and proposal must be lists of the same length >= 2, got {s.shape} and {q.shape}")
    if q.min() <= 0.0:
        raise ValueError(f"proposal must be > 0, got {q.min():g}")
    if correction == "usual":
        return s, q / q.sum()
    scaled = q / q[1:].sum()
    scaled[0] = 1.0
    return s, scaled


def _estimate(
    s: NDArray[np.float64], q: NDArray[np.float64], counts: NDArray[np.float64], correction: str
) -> NDArray[np.float64]:
    """Estimated softmax for pools given by how often each item was drawn, shape (pools, n)."""
    e = np.exp(s - s.max())
    weights = counts / q
    if correction == "usual":
        weights[:, 0] += 1.0 / q[0]
    else:
        sizes = counts.sum(axis=1, keepdims=True)
        weights *= (s.size - 1.0) / weights.sum(axis=1, keepdims=True) if correction != "once" else 1.0 / sizes
        weights[:, 0] = 1.0
    terms = weights * e
    return terms / terms.sum(axis=1, keepdims=True)
