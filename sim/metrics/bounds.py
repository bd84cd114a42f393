"""Theorem 3: what OPAUC(K / n_neg) says about the Top-K metrics, in exact integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.validation import check_choice, check_int
from .kernels.areas import x_counts

__all__ = ["hits_at_k_from_labels", "isqrt", "ndcg_bounds_from_opauc", "opauc_count", "topk_bounds_from_opauc"]

_MAX_SUM = 3_000_000_000  # (n_pos + k)**2 must fit into 63 bits


def isqrt(x: np.ndarray) -> np.ndarray:
    """floor(sqrt(x)) of int64 entries in 0..9e18, exact at and around perfect squares.

    Examples
    --------
    >>> isqrt(np.array([0, 24, 25, 9 * 10**18 - 1])).tolist()
    [0, 4, 5, 2999999999]
    """
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)  # off by one at most
    root -= root * root > x
    return root + ((root + 1) * (root + 1) <= x)


def _integers(name: str, value: Any, hint: str = "") -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers{hint}, got dtype {array.dtype}")
    return array.astype(np.int64)


def _check(name: str, array: np.ndarray, low: Any, high: Any, words: str) -> None:
    bad = (array < low) | (array > high)
    if bad.any():
        top = (
            f", up to {np.broadcast_to(high, bad.shape)[bad][0]} here"
            if isinstance(high, (np.ndarray, np.generic))
            else ""
        )
        raise ValueError(f"{name} must be {words}{top}, got {np.broadcast_to(array, bad.shape)[bad][0]}")


def _sizes(n_pos: Any, n_neg: Any, k: Any, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four as int64 arrays of one shape, checked."""
    values = [_integers("n_pos", n_pos), _integers("n_neg", n_neg), _integers("k", k)]
    values.append(_integers("x", x, " (n_pos * n_neg * OPAUC, see opauc_count)"))
    try:
        p, n, cut, counts = np.broadcast_arrays(*values)
    except ValueError:
        shapes = ", ".join(str(v.shape) for v in values)
        raise ValueError(f"n_pos, n_neg, k and x must broadcast to one shape, got shapes {shapes}") from None
    _check("n_pos", p, 1, _MAX_SUM, f"in 1..{_MAX_SUM}")
    _check("n_neg", n, 1, np.iinfo(np.int64).max, ">= 1")
    _check("k", cut, 1, n, "in 1..n_neg")
    _check("n_pos + k", p + np.minimum(cut, _MAX_SUM), 2, _MAX_SUM, f"<= {_MAX_SUM}")
    _check("x", counts, 0, cut * p, "in 0..k * n_pos")
    return p, n, cut, counts


def topk_bounds_from_opauc(n_pos: Any, n_neg: Any, k: Any, x: Any, *, form: str = "sharp") -> tuple[Any, Any]:
    r"""Bounds on the positives among the first k from the OPAUC at beta = k / n_neg (Theorem 3, claim T3).

    With X = n_pos n_neg OPAUC(k / n_neg), S = n_pos + k and i = n_pos Recall@k = k Precision@k, every ranking has
    i**2 <= X <= i (S - i). Solved for i, in the two forms

    - "sharp": ceil((S - sqrt(S**2 - 4 X)) / 2) <= i <= min(floor(sqrt X), k, n_pos). Every integer between the two is
      attained by some ranking, so the bounds cannot be improved.
    - "paper": floor((S - sqrt(S**2 - 4 X)) / 2) <= i <= ceil(sqrt X), as printed.

    Both are computed with integer square roots; floating point is wrong at perfect squares.

    Parameters
    ----------
    n_pos, n_neg : int or array_like of int, >= 1
        Numbers of positives and negatives. All four numbers broadcast.
    k : int or array_like of int in 1..n_neg
        The cut-off; i**2 <= X needs k <= n_neg. That n_pos exceeds k is not needed.
    x : int or array_like of int in 0..k * n_pos
        X, the number of pairs in the right order among the k best negatives, see :func:`opauc_count`.
    form : {"sharp", "paper"}

    Returns
    -------
    lo, hi : int, or ndarrays of int64 of the common shape

    Raises
    ------
    ValueError
        For sizes or ``x`` out of range, or an unknown ``form``.
    TypeError
        For sizes or ``x`` that are not integers.

    Examples
    --------
    >>> topk_bounds_from_opauc(20, 80, 5, 90)
    (5, 5)
    >>> topk_bounds_from_opauc(20, 80, 5, 90, form="paper")
    (4, 10)
    """
    positives, _, cut, counts = _sizes(n_pos, n_neg, k, x)
    check_choice("form", form, ("sharp", "paper"))
    s = positives + cut
    square = s * s - 4 * counts
    root = isqrt(square)
    if form == "sharp":
        lo = (s - root + 1) // 2
        hi = np.minimum(isqrt(counts), np.minimum(cut, positives))
    else:
        lo = (s - root - (root * root < square)) // 2
        hi = isqrt(counts)
        hi = hi + (hi * hi < counts)
    return (int(lo), int(hi)) if counts.ndim == 0 else (lo, hi)


def _extreme_dcg(discount_sums: np.ndarray, k: int, i: np.ndarray, c: np.ndarray, spread: bool) -> np.ndarray:
    """Largest (``spread``) or smallest DCG of i positives among k positions with c inversions.

    c counts the (positive, negative) pairs within the k positions that are in the right order, 0 <= c <= i (k - i).
    The positions then have a fixed sum, and the discount is convex in the position: the sum of discounts is largest
    where positions are spread out as far as they can be (a run at the top, one on its way, a run at the bottom) and
    smallest where they are bunched (one run with at most one gap). Elsewhere two of them could still be moved apart,
    or together, by one step each.
    """
    free = k - i
    safe = np.maximum(free, 1)
    if spread:
        done, rest = c // safe, c % safe
        moving = (rest > 0).astype(np.int64)
        at = np.where(moving == 1, free + done + 1 - rest, 1)
        bottom = i - done - moving
        value = discount_sums[done] + discount_sums[k] - discount_sums[k - bottom]
        value = value + moving * (discount_sums[at] - discount_sums[at - 1])
    else:
        shift, rest = c // np.maximum(i, 1), c % np.maximum(i, 1)
        low = free - shift  # the run is at positions low + 1 .. low + i, its first `rest` members one higher
        ahead = low - (rest > 0)
        value = discount_sums[ahead + rest] - discount_sums[ahead] + discount_sums[low + i] - discount_sums[low + rest]
    return np.where(free == 0, discount_sums[k], value)


def ndcg_bounds_from_opauc(n_pos: int, n_neg: int, k: int, x: Any) -> tuple[Any, Any]:
    """Smallest and largest NDCG@k of the rankings with X = n_pos n_neg OPAUC(k / n_neg) = ``x``.

    Goes beyond the paper, which bounds recall and precision only. For every number of hits i that ``x`` allows
    (:func:`topk_bounds_from_opauc`), the k best negatives below the top k contribute between i**2 and i n_pos to X,
    any integer in between; the rest is decided within the top k. There the DCG grows with the share of X, so its
    extremes are at the ends of the range of that share. Both bounds are attained.

    Parameters
    ----------
    n_pos, n_neg, k : int
        As in :func:`topk_bounds_from_opauc`, one size for all of ``x``.
    x : int or array_like of int in 0..k * n_pos

    Returns
    -------
    lo, hi : float, or ndarrays with the shape of ``x``

    Raises
    ------
    ValueError, TypeError
        As :func:`topk_bounds_from_opauc`.

    Examples
    --------
    >>> lo, hi = ndcg_bounds_from_opauc(2, 4, 2, 2)
    >>> round(lo, 6), round(hi, 6)
    (0.386853, 0.613147)
    """
    n_pos = check_int("n_pos", n_pos, low=1)
    n_neg = check_int("n_neg", n_neg, low=1)
    k = check_int("k", k, low=1, high=n_neg)
    counts = _sizes(n_pos, n_neg, k, x)[3]
    lo_hits, hi_hits = topk_bounds_from_opauc(n_pos, n_neg, k, counts)
    lo_hits, hi_hits = np.asarray(lo_hits), np.asarray(hi_hits)
    sums = np.concatenate(([0.0], np.cumsum(1.0 / np.log2(np.arange(2.0, k + 2.0)))))
    low = np.full(counts.shape, np.inf)
    high = np.full(counts.shape, -np.inf)
    for i in range(int(lo_hits.min(initial=k)), int(hi_hits.max(initial=0)) + 1):
        hits = np.full(counts.shape, i)
        inside = i * (k - i)
        most = np.minimum(counts - i * i, inside)
        least = np.maximum(counts - i * n_pos, 0)
        valid = (lo_hits <= i) & (i <= hi_hits)
        most, least = np.where(valid, most, 0), np.where(valid, least, 0)
        high = np.where(valid, np.maximum(high, _extreme_dcg(sums, k, hits, most, True)), high)
        low = np.where(valid, np.minimum(low, _extreme_dcg(sums, k, hits, least, False)), low)
    ideal = sums[min(k, n_pos)]
    low, high = low / ideal, high / ideal
    return (float(low), float(high)) if counts.ndim == 0 else (low, high)


def _labels(labels: Any) -> np.ndarray:
    array = np.asarray(labels)
    if array.ndim not in (1, 2) or array.shape[-1] == 0:
        raise ValueError(f"labels must be 1-D or 2-D with at least one item, got shape {array.shape}")
    if array.dtype.kind not in "biuf" or not ((array == 0) | (array == 1)).all():
        raise ValueError("labels must hold booleans or 0 and 1 only, best item first, got other values")
    return array.astype(np.bool_)


def hits_at_k_from_labels(labels: Any, k: int) -> Any:
    """Positives among the first k of a ranking given by its labels, best item first.

    Parameters
    ----------
    labels : array_like of bool, shape (n_items,) or (n_lists, n_items)
    k : int in 1..n_items

    Returns
    -------
    int, or ndarray of int64 of shape (n_lists,)

    Raises
    ------
    ValueError, TypeError
        For labels other than 0 and 1, or ``k`` out of range or not an integer.

    Examples
    --------
    >>> hits_at_k_from_labels([1, 0, 1, 0], 3)
    2
    """
    array = _labels(labels)
    k = check_int("k", k, low=1, high=array.shape[-1])
    hits = array[..., :k].sum(axis=-1, dtype=np.int64)
    return int(hits) if hits.ndim == 0 else hits


def opauc_count(labels: Any, m: int) -> Any:
    """X_m = n_pos n_neg OPAUC(m / n_neg), exactly: pairs in the right order among the m best negatives, eq. (8).

    Parameters
    ----------
    labels : array_like of bool, shape (n_items,) or (n_lists, n_items)
        A ranking without ties, best item first.
    m : int >= 1, at most the number of negatives of every list

    Returns
    -------
    int, or ndarray of int64 of shape (n_lists,)

    Raises
    ------
    ValueError, TypeError
        For labels other than 0 and 1, or ``m`` out of range or not an integer.

    Examples
    --------
    >>> opauc_count([1, 0, 1, 0, 0], 2)  # P_1 + P_2 = 1 + 2
    3
    """
    array = _labels(labels)
    n_neg = int((~array).sum(axis=-1).min(initial=array.shape[-1]))
    m = check_int("m", m, low=1, high=n_neg)
    rows = np.atleast_2d(array)
    counts = np.empty((rows.shape[0], m), np.int64)
    for r in range(rows.shape[0]):
        x_counts(rows[r], counts[r])
    return int(counts[0, -1]) if array.ndim == 1 else counts[:, -1].copy()
