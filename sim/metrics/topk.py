"""Top-K metrics of ranked lists, with a stated rule for ties."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.validation import check_choice
from ._input import check_ks, encode
from .kernels.topk import METRICS, TIES, topk_of_list, topk_of_lists

__all__ = [
    "average_precision_at_k",
    "hit_at_k",
    "mrr_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
    "topk_metrics",
]

_SHARED = """
    Parameters
    ----------
    y_true, y_score, k, ties, exclude
        As in :func:`topk_metrics`.

    Returns
    -------
    float or ndarray
        In [0, 1]; shape as in :func:`topk_metrics`.

    Raises
    ------
    ValueError, TypeError
        As :func:`topk_metrics`.
"""


def _table(y_true: Any, y_score: Any, k: Any, ties: str, exclude: Any) -> np.ndarray:
    """All metrics: shape (n_lists or nothing, n_ks or nothing, len(METRICS))."""
    check_choice("ties", ties, TIES)
    labels, scores = encode(y_true, y_score, exclude)
    ks, single = check_ks(k, scores.shape[-1])
    cuts, position = (ks, None) if single else np.unique(ks, return_inverse=True)
    discounts = 1.0 / np.log2(np.arange(2.0, cuts[-1] + 2.0))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))
    out = np.empty((*scores.shape[:-1], cuts.size, len(METRICS)))
    if scores.ndim == 1:
        if not (labels == 1).any():
            raise ValueError(f"y_true must hold at least one positive, got 0 among {(labels == 0).sum()} items")
        topk_of_list(labels, scores, cuts, TIES.index(ties), discounts, ideal, out)
    else:
        topk_of_lists(labels, scores, cuts, TIES.index(ties), discounts, ideal, out)
    return out[..., 0, :] if single else out[..., position, :]


def _metric(name: str, y_true: Any, y_score: Any, k: Any, ties: str, exclude: Any) -> Any:
    values = _table(y_true, y_score, k, ties, exclude)[..., METRICS.index(name)]
    return float(values) if values.ndim == 0 else np.ascontiguousarray(values)


def topk_metrics(
    y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None
) -> dict[str, np.ndarray]:
    """Recall, precision, NDCG, average precision, MRR and hit rate at one or several cut-offs, in one pass.

    Parameters
    ----------
    y_true : array_like of 0 and 1, shape (n_items,) or (n_lists, n_items), or a scipy sparse matrix (n_lists, n_items)
        1 marks a positive.
    y_score : array_like of float, shape (n_items,) or (n_lists, n_items)
        Higher is ranked first.
    k : int or sequence of int
        Cut-offs in 1..n_items; ranks start at 1 and rank <= k counts.
    ties : {"stable", "best", "worst", "expected"}
        Order of tied scores: the earlier index first; positives first; negatives first; or the exact expectation of
        the metric over uniformly random orders within every group of ties.
    exclude : same shapes as ``y_true``, optional
        1 marks an item that is taken out of the list, e.g. a train positive; its score may be anything. Where fewer
        than k items are left, precision still divides by k.

    Returns
    -------
    dict of ndarray
        "recall", "precision", "ndcg", "ap", "mrr", "hit"; each of shape () or (n_lists,) for an integer ``k``, with a
        last axis over the cut-offs for a sequence. A list without positives has no value: NaN in a batch.

    Raises
    ------
    ValueError
        For a single list without positives, NaN or infinite scores, labels other than 0 and 1 (also through pairs
        that are stored twice), unequal shapes, ``k`` outside 1..n_items, an unknown ``ties``.
    TypeError
        For a ``k`` that is not an integer, or scores or labels that are not numbers.

    Examples
    --------
    >>> topk_metrics([0, 1, 1, 0], [4, 3, 2, 1], [1, 2])["precision"].tolist()
    [0.0, 0.5]
    """
    table = _table(y_true, y_score, k, ties, exclude)
    return {name: np.array(table[..., i], order="C") for i, name in enumerate(METRICS)}


def recall_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """Recall@K: positives among the first k, divided by the number of positives.

    Examples
    --------
    >>> recall_at_k([0, 1, 1, 0], [4, 3, 2, 1], 2)
    0.5
    >>> recall_at_k([0, 1], [1, 1], 1, ties="expected")
    0.5
    """
    return _metric("recall", y_true, y_score, k, ties, exclude)


def precision_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """Precision@K: positives among the first k, divided by k.

    Examples
    --------
    >>> precision_at_k([0, 1, 1, 0], [4, 3, 2, 1], [1, 3]).round(3).tolist()
    [0.0, 0.667]
    """
    return _metric("precision", y_true, y_score, k, ties, exclude)


def ndcg_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """NDCG@K: gains 1 / log2(rank + 1), ranks from 1, divided by the ideal over min(n_pos, k).

    Examples
    --------
    >>> round(ndcg_at_k([0, 1, 1, 0], [4, 3, 2, 1], 2), 6)
    0.386853
    """
    return _metric("ndcg", y_true, y_score, k, ties, exclude)


def average_precision_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """AP@K: sum of Precision@t over the positives at ranks t <= k, divided by min(n_pos, k).

    Examples
    --------
    >>> round(average_precision_at_k([0, 1, 1, 0], [4, 3, 2, 1], 3), 6)
    0.583333
    """
    return _metric("ap", y_true, y_score, k, ties, exclude)


def mrr_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """MRR@K: 1 / rank of the first positive, 0 where that rank is beyond k.

    Examples
    --------
    >>> mrr_at_k([0, 1, 1, 0], [4, 3, 2, 1], [1, 2]).tolist()
    [0.0, 0.5]
    """
    return _metric("mrr", y_true, y_score, k, ties, exclude)


def hit_at_k(y_true: Any, y_score: Any, k: Any, *, ties: str = "stable", exclude: Any = None) -> Any:
    """Hit@K: 1 where at least one positive is among the first k, else 0.

    Examples
    --------
    >>> hit_at_k([0, 1, 1, 0], [4, 3, 2, 1], [1, 2]).tolist()
    [0.0, 1.0]
    """
    return _metric("hit", y_true, y_score, k, ties, exclude)


for _function in (recall_at_k, precision_at_k, ndcg_at_k, average_precision_at_k, mrr_at_k, hit_at_k):
    if _function.__doc__:  # stripped under python -OO
        _head, _mark, _tail = _function.__doc__.partition("\n    Examples")
        _function.__doc__ = _head + _SHARED + _mark + _tail
