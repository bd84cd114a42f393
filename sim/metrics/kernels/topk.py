# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, check-untyped-defs=False
"""Kernels of the Top-K metrics: only the ranks of positives are found, all cut-offs and metrics in one walk.

The rank of a positive is a count of comparisons, which compiles to a few vector instructions; lists with many positives
are first cut down to the items that can be in the top K, or sorted. Labels are coded 0 negative, 1 positive, 2 takes no
part. Columns of the result are in the order of ``METRICS``.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.jit import kernel
from .areas import select_largest

__all__ = ["METRICS", "TIES", "topk_of_list", "topk_of_lists"]

METRICS = ("recall", "precision", "ndcg", "ap", "mrr", "hit")
TIES = ("stable", "best", "worst", "expected")
_STABLE, _BEST, _WORST, _EXPECTED = 0, 1, 2, 3
_FEW = 12  # up to this many positives a long list is not cut down before counting
_MANY = 256  # beyond this many positives sorting is cheaper than counting


@kernel(inline=True, inner=True)
def _count_ahead(scores, at):
    """Items ranked before item ``at``, the earlier index first among ties."""
    v = scores[at]
    head = scores[:at]
    tail = scores[at + 1 :]
    total = 0
    for j in range(head.size):
        total += head[j] >= v
    for j in range(tail.size):
        total += tail[j] > v
    return total


@kernel(inline=True)
def _count_above(scores, v):
    """Items with a score above ``v``, and items with that score."""
    above = 0
    equal = 0
    for j in range(scores.size):
        above += scores[j] > v
        equal += scores[j] == v
    return above, equal


@kernel(inline=True)
def _mark(above, equal, positives, ties, sizes, hits):
    """Enter a group of ``equal`` tied items, ``positives`` of them positive, below ``above`` items."""
    if ties == _EXPECTED:
        if above < sizes.size:
            sizes[above] = equal
            hits[above] = positives
        return
    start = above if ties == _BEST else above + equal - positives
    for r in range(start, min(start + positives, sizes.size)):
        sizes[r] = 1
        hits[r] = 1


@kernel()
def _rank_by_counting(scores, at, ties, sizes, hits):
    """Enter the positives, found at the indices ``at``."""
    for p in range(at.size):
        if ties == _STABLE:
            r = _count_ahead(scores, at[p])
            if r < sizes.size:
                sizes[r] = 1
                hits[r] = 1
            continue
        v = scores[at[p]]
        above, equal = _count_above(scores, v)
        positives = 1
        if equal > 1:
            positives = 0
            for q in range(at.size):
                positives += scores[at[q]] == v
        _mark(above, equal, positives, ties, sizes, hits)


@kernel()
def _rank_by_sorting(scores, at, ties, sizes, hits):
    """The same by a sort and binary searches: O(n log n) whatever the number of positives and ties."""
    n = scores.size
    ranked = np.sort(scores)
    seen = np.zeros(n, np.int64)  # items (stable) or positives (otherwise) met so far in the group starting there
    p = 0
    for i in range(n):
        positive = p < at.size and at[p] == i
        p += positive
        if not positive and ties != _STABLE:
            continue
        above = n - np.searchsorted(ranked, scores[i], side="right")
        if ties != _STABLE:
            seen[above] += 1
            continue
        r = above + seen[above]
        seen[above] += 1
        if positive and r < sizes.size:
            sizes[r] = 1
            hits[r] = 1
    if ties != _STABLE:
        for above in range(n):
            if seen[above]:
                equal = n - above - np.searchsorted(ranked, ranked[n - 1 - above], side="left")
                _mark(above, equal, seen[above], ties, sizes, hits)


@kernel()
def _candidates(scores, k):
    """Indices, ascending, of all items that are not below the ``k``-th best, and possibly some more."""
    n = scores.size
    kept = np.empty(n, np.int64)
    values = np.empty(n, scores.dtype)
    size = 0
    full = 4 * k + 128
    bar = -math.inf
    for i in range(n):
        if scores[i] < bar:
            continue
        kept[size] = i
        size += 1
        if size == full:
            for j in range(size):
                values[j] = scores[kept[j]]
            bar = select_largest(values, size, k)
            left = 0
            for j in range(size):
                if scores[kept[j]] >= bar:
                    kept[left] = kept[j]
                    left += 1
            size = left
            full = max(full, 2 * size)
    return kept[:size]


@kernel()
def topk_of_list(labels, scores, ks, ties, discounts, ideal, out):
    """Metrics of one list at every cut-off: ``out[j]`` holds ``METRICS`` at ``ks[j]``; NaN without positives.

    ``ks`` ascends; ``discounts[t]`` is 1 / log2(t + 2), ``ideal[t]`` the sum of the first t, both up to ks[-1]. With
    ``ties`` = expected, a group of g tied items, p of them positive, is in uniformly random order: each of its
    positions is positive with probability p / g, two given ones both with p (p - 1) / (g (g - 1)), and the first u hold
    no positive with probability C(g - p, u) / C(g, u). Otherwise every positive is a group of its own.
    """
    n = scores.size
    k_max = ks[ks.size - 1]
    n_pos = 0
    excluded = 0
    for i in range(n):
        n_pos += labels[i] == 1
        excluded += labels[i] == 2
    if n_pos == 0:
        out[:, :] = math.nan
        return
    if excluded:  # at -inf an item is counted before no positive
        masked = np.empty(n, scores.dtype)
        for i in range(n):
            masked[i] = -math.inf if labels[i] == 2 else scores[i]
        scores = masked
    if n_pos > _FEW and n > 8 * k_max + 256:
        kept = _candidates(scores, k_max)
        scores = scores[kept]
        labels = labels[kept]
        n = kept.size
    at = np.empty(n_pos, np.int64)
    p = 0
    for i in range(n):
        if labels[i] == 1:
            at[p] = i
            p += 1
    at = at[:p]
    sizes = np.zeros(k_max, np.int64)
    in_group = np.zeros(k_max, np.int64)
    if p > _MANY:
        _rank_by_sorting(scores, at, ties, sizes, in_group)
    else:
        _rank_by_counting(scores, at, ties, sizes, in_group)

    hits = 0.0
    dcg = 0.0
    ap = 0.0
    mrr = 0.0
    miss = 1.0  # probability that no position so far is positive
    before = 0  # positives in the groups above
    start = 0  # of the current group
    group = 0
    positives = 0
    row = 0
    for t in range(1, k_max + 1):
        u = t - 1 - start
        if u >= group:  # the last group has ended
            before += positives
            positives = in_group[t - 1]
            group = sizes[t - 1]
            start = t - 1
            u = 0
        if positives > 0:
            share = positives / group
            pair = (positives - 1.0) / (group - 1.0) if group > 1 else 0.0
            hits += share
            dcg += share * discounts[t - 1]
            ap += share * (before + 1.0 + u * pair) / t
            if before == 0 and miss > 0.0:
                here = miss * (positives / (group - u))
                mrr += here / t
                miss = miss - here if group - u > positives else 0.0
        if t == ks[row]:
            out[row, 0] = hits / n_pos
            out[row, 1] = hits / t
            out[row, 2] = dcg / ideal[min(n_pos, t)]
            out[row, 3] = ap / min(n_pos, t)
            out[row, 4] = mrr
            out[row, 5] = 1.0 - miss
            row += 1


@kernel(parallel=True)
def topk_of_lists(labels, scores, ks, ties, discounts, ideal, out):
    """:func:`topk_of_list` of every row into ``out`` (n_lists, n_ks, n_metrics); one thread per row."""
    for r in numba.prange(labels.shape[0]):
        topk_of_list(labels[r], scores[r], ks, ties, discounts, ideal, out[r])
