# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, check-untyped-defs=False
"""Kernels of the Top-K metrics: a bounded heap instead of a full sort, all cut-offs and metrics in one walk.

Labels are coded 0 negative, 1 positive, 2 takes no part. Columns of the result are in the order of ``METRICS``.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .._jit import kernel

__all__ = ["METRICS", "TIES", "topk_of_list", "topk_of_lists"]

METRICS = ("recall", "precision", "ndcg", "ap", "mrr", "hit")
TIES = ("stable", "best", "worst", "expected")
_BEST, _WORST, _EXPECTED = 1, 2, 3


@kernel(inline=True)
def _before(score_a, key_a, score_b, key_b):
    """Whether item a is ranked before item b."""
    return score_a > score_b or (score_a == score_b and key_a < key_b)


@kernel(inline=True)
def _sink(scores, keys, start, size):
    """Restore the heap (its root is the item ranked last) after position ``start`` changed."""
    i = start
    s = scores[i]
    key = keys[i]
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(scores[child], keys[child], scores[child + 1], keys[child + 1]):
            child += 1
        if not _before(s, key, scores[child], keys[child]):
            break
        scores[i] = scores[child]
        keys[i] = keys[child]
        i = child
    scores[i] = s
    keys[i] = key


@kernel()
def _select(labels, scores, k, ties, top_scores, top_labels):
    """Write scores and labels of the first ``k`` items, best first; returns how many there were."""
    n = scores.size
    keys = np.empty(k, np.int64)
    size = 0
    for i in range(n):
        label = labels[i]
        if label == 2:
            continue
        s = scores[i]
        if size == k and s < top_scores[0]:
            continue
        key = i
        if (ties == _BEST and label == 0) or (ties == _WORST and label == 1):
            key += n
        if size < k:
            top_scores[size] = s
            keys[size] = key
            size += 1
            if size == k:
                for j in range(k // 2 - 1, -1, -1):
                    _sink(top_scores, keys, j, k)
        elif _before(s, key, top_scores[0], keys[0]):
            top_scores[0] = s
            keys[0] = key
            _sink(top_scores, keys, 0, k)
    if size < k:
        for j in range(size // 2 - 1, -1, -1):
            _sink(top_scores, keys, j, size)
    for last in range(size - 1, 0, -1):
        top_scores[0], top_scores[last] = top_scores[last], top_scores[0]
        keys[0], keys[last] = keys[last], keys[0]
        _sink(top_scores, keys, 0, last)
    for j in range(size):
        top_labels[j] = labels[keys[j] % n]
    return size


@kernel()
def topk_of_list(labels, scores, ks, ties, discounts, out):
    """Metrics of one list at every cut-off: ``out[j]`` holds ``METRICS`` at ``ks[j]``; NaN without positives.

    ``discounts[t]`` is 1 / log2(t + 2) and at least max(ks) long. With ``ties`` = expected, a group of g tied items, p
    of them positive, is in uniformly random order: each of its positions is positive with probability p / g, two
    given ones both with p (p - 1) / (g (g - 1)), and the first u hold no positive with probability
    C(g - p, u) / C(g, u). Otherwise every item is a group of its own.
    """
    k_max = 0
    for k in ks:
        k_max = max(k_max, k)
    n_pos = 0
    for label in labels:
        if label == 1:
            n_pos += 1
    if n_pos == 0:
        out[:, :] = math.nan
        return
    top_scores = np.empty(k_max, scores.dtype)
    top_labels = np.empty(k_max, np.uint8)
    size = _select(labels, scores, k_max, ties, top_scores, top_labels)

    hits = np.zeros(k_max + 1)  # cumulative over positions 1..t
    dcg = np.zeros(k_max + 1)
    ideal = np.zeros(k_max + 1)
    ap = np.zeros(k_max + 1)
    mrr = np.zeros(k_max + 1)
    hit = np.zeros(k_max + 1)
    miss = 1.0  # probability that no position so far is positive
    before = 0  # positives in the groups above
    start = 0
    while start < size:
        group = 1
        positives = 1 if top_labels[start] == 1 else 0
        if ties == _EXPECTED:
            v = top_scores[start]
            while start + group < size and top_scores[start + group] == v:
                positives += 1 if top_labels[start + group] == 1 else 0
                group += 1
            if start + group == size:  # the group may go on below the last cut-off
                group = 0
                positives = 0
                for i in range(scores.size):
                    if labels[i] != 2 and scores[i] == v:
                        group += 1
                        positives += 1 if labels[i] == 1 else 0
        share = positives / group
        pair = (positives - 1.0) / (group - 1.0) if group > 1 else 0.0
        first = before == 0 and positives > 0  # the first positive of the list lies in this group
        for u in range(min(group, size - start)):
            t = start + u + 1
            hits[t] = hits[t - 1] + share
            dcg[t] = dcg[t - 1] + share * discounts[t - 1]
            ap[t] = ap[t - 1] + share * (before + 1.0 + u * pair) / t
            mrr[t] = mrr[t - 1]
            if first and miss > 0.0:
                here = miss * (positives / (group - u))
                mrr[t] += here / t
                miss -= here
                if group - u <= positives:
                    miss = 0.0
            hit[t] = 1.0 - miss
        start += group
        before += positives
    for t in range(1, k_max + 1):
        if t > size:  # the list ended
            hits[t] = hits[size]
            dcg[t] = dcg[size]
            ap[t] = ap[size]
            mrr[t] = mrr[size]
            hit[t] = hit[size]
        ideal[t] = ideal[t - 1] + (discounts[t - 1] if t <= n_pos else 0.0)
    for j in range(ks.size):
        k = ks[j]
        out[j, 0] = hits[k] / n_pos
        out[j, 1] = hits[k] / k
        out[j, 2] = dcg[k] / ideal[k]
        out[j, 3] = ap[k] / min(n_pos, k)
        out[j, 4] = mrr[k]
        out[j, 5] = hit[k]


@kernel(parallel=True)
def topk_of_lists(labels, scores, ks, ties, discounts, out):
    """:func:`topk_of_list` of every row into ``out`` (n_lists, n_ks, n_metrics); one thread per row."""
    for r in numba.prange(labels.shape[0]):
        topk_of_list(labels[r], scores[r], ks, ties, discounts, out[r])
