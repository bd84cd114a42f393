"""Kernels of the full ranking: scores, and what is read off them, in strips that never leave the nearest cache.

A task is a block of users. Items come in strips of panels; a strip of the item table stays in the second cache while
the block's users take their scores of it, a few users at a time, into a buffer for the first cache. There excluded
items are struck out, and the ranks are counted or the best items collected. Nothing longer than a strip is kept.
"""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel
from .areas import select_largest
from .rank_simd import ROWS, chain, count_above, tile

__all__ = ["pack_items", "positive_ranks", "top_items"]

_BLOCK = 64  # users of a task, a multiple of ROWS
_CANDIDATES = 1 << 17  # of a task's users together, in the search for the best items
_STRIP = 16  # panels: 64 KiB of the item table with 32 factors, 16 KiB of scores


@kernel(parallel=True)
def pack_items(V, panels):
    """``panels[p, k, c] = V[p * width + c, k]``, zero beyond the last item."""
    n_panels, d, width = panels.shape
    for p in numba.prange(n_panels):
        for c in range(width):
            item = p * width + c
            for k in range(d):
                panels[p, k, c] = V[item, k] if item < V.shape[0] else V.dtype.type(0)


@kernel(inner=True)
def _score_strip(block, row, panels, first, last, scores):
    """Scores of ROWS users from ``row`` on for the items of the panels first..last-1."""
    for p in range(first, last):
        tile(block, row, panels, p, scores, (p - first) * panels.shape[2])


@kernel(inner=True)
def _strike_out(scores, row, base, stop, n_columns, gone, e, end):
    """-inf for the items ``gone[e:end]`` below ``stop`` and the columns beyond it; the entries left begin there."""
    while e < end and gone[e] < stop:
        scores[row, gone[e] - base] = -np.inf
        e += 1
    for c in range(stop - base, n_columns):
        scores[row, c] = -np.inf
    return e


@kernel(inner=True)
def _rank_block(users, U, panels, n_items, indptr, indices, gone_indptr, gone_indices, ranks):
    """The task of :func:`positive_ranks` for a block of users."""
    n_panels, d, width = panels.shape
    block = np.zeros((_BLOCK, d), U.dtype)
    scores = np.empty((ROWS, _STRIP * width), U.dtype)
    cursor = np.empty(users.size, np.int64)
    offset = np.empty(users.size, np.int64)  # of a user's entries in bounds
    total = 0
    for b in range(users.size):
        u = users[b]
        block[b] = U[u]
        cursor[b] = gone_indptr[u]
        offset[b] = total - indptr[u]
        total += indptr[u + 1] - indptr[u]
    bounds = np.empty(total, U.dtype)
    for b in range(users.size):
        for e in range(indptr[users[b]], indptr[users[b] + 1]):
            score = chain(block, b, panels, indices[e] // width, indices[e] % width)
            bounds[offset[b] + e] = np.nextafter(score, U.dtype.type(-np.inf))
            ranks[e] = 1
    for first in range(0, n_panels, _STRIP):
        last = min(first + _STRIP, n_panels)
        base, stop, n_columns = first * width, min(last * width, n_items), (last - first) * width
        for b in range(users.size):
            u, row = users[b], b % ROWS
            if row == 0:
                _score_strip(block, b, panels, first, last, scores)
            cursor[b] = _strike_out(scores, row, base, stop, n_columns, gone_indices, cursor[b], gone_indptr[u + 1])
            for e in range(indptr[u], indptr[u + 1]):
                item = indices[e]
                if base <= item < stop:
                    score = scores[row, item - base]
                    bounds[offset[b] + e] = score
                    for c in range(item - base):
                        ranks[e] += scores[row, c] == score
                ranks[e] += count_above(scores, row, 0, n_columns, bounds[offset[b] + e])
    for b in range(users.size):
        ranks[indptr[users[b]] : indptr[users[b] + 1]].sort()


@kernel(parallel=True)
def positive_ranks(users, U, panels, n_items, indptr, indices, gone_indptr, gone_indices, ranks):
    """Ascending ranks of each user's positives among the items that are not gone; equal scores by item number.

    A rank is 1 + the items above the positive's score + those of the same score and a lower number. Up to the strip
    of the positive "at least its score" is asked as "above the next lower number"; after it, "above its score".
    """
    for task in numba.prange((users.size + _BLOCK - 1) // _BLOCK):
        mine = users[task * _BLOCK : min((task + 1) * _BLOCK, users.size)]
        _rank_block(mine, U, panels, n_items, indptr, indices, gone_indptr, gone_indices, ranks)


@kernel(inner=True)
def _keep_best(ids, values, size, n, scratch):
    """Cut ``size`` candidates, ascending in number, down to the best n in their order; returns the n-th best value."""
    scratch[:size] = values[:size]
    bar = select_largest(scratch, size, n)
    spare = n
    for k in range(size):
        spare -= values[k] > bar
    kept = 0
    for k in range(size):
        equal = values[k] == bar
        if values[k] > bar or (equal and spare > 0):
            spare -= equal
            ids[kept], values[kept] = ids[k], values[k]
            kept += 1
    return bar


@kernel(inner=True)
def _top_block(start, size, room, U, panels, n_items, gone_indptr, gone_indices, ids, best):
    """The task of :func:`top_items` for the rows start..start+size-1, with ``room`` for candidates of each."""
    n_panels, d, width = panels.shape
    n = ids.shape[1]
    block = np.zeros((_BLOCK, d), U.dtype)
    scores = np.empty((ROWS, _STRIP * width), U.dtype)
    cursor = np.empty(size, np.int64)
    found_ids = np.empty((size, room), np.int32)
    found = np.empty((size, room), U.dtype)
    count = np.zeros(size, np.int64)
    bar = np.full(size, -np.inf, U.dtype)
    scratch = np.empty(room, U.dtype)
    for b in range(size):
        block[b] = U[start + b]
        cursor[b] = gone_indptr[start + b]
    for first in range(0, n_panels, _STRIP):
        last = min(first + _STRIP, n_panels)
        base, stop, n_columns = first * width, min(last * width, n_items), (last - first) * width
        for b in range(size):
            row, end = b % ROWS, gone_indptr[start + b + 1]
            if row == 0:
                _score_strip(block, b, panels, first, last, scores)
            cursor[b] = _strike_out(scores, row, base, stop, n_columns, gone_indices, cursor[b], end)
            for column in range(0, n_columns, width):
                if count_above(scores, row, column, column + width, bar[b]) > 0:
                    at = count[b]
                    for c in range(column, column + width):  # without a branch: the outcome cannot be predicted
                        found_ids[b, at], found[b, at] = base + c, scores[row, c]
                        at += scores[row, c] > bar[b]
                    count[b] = at
                    if at + width > room and at > n:
                        bar[b] = _keep_best(found_ids[b], found[b], at, n, scratch)
                        count[b] = n
    for b in range(size):
        if count[b] > n:
            _keep_best(found_ids[b], found[b], count[b], n, scratch)
            count[b] = n
        order = np.argsort(-found[b, : count[b]], kind="mergesort")  # stable
        for k in range(n):
            inside = k < count[b]
            ids[start + b, k] = found_ids[b, order[k]] if inside else -1
            best[start + b, k] = found[b, order[k]] if inside else -np.inf


@kernel(parallel=True)
def top_items(U, panels, n_items, gone_indptr, gone_indices, ids, best):
    """The best items of each row of ``U``, best first, ties by item number; -1 and -inf where fewer are left.

    Items above the n-th best so far are collected, and cut down to n whenever there are about 2n of them.
    """
    room = min(2 * ids.shape[1], n_items) + panels.shape[2]
    rows = max(ROWS, min(_BLOCK, _CANDIDATES // room // ROWS * ROWS))
    for task in numba.prange((U.shape[0] + rows - 1) // rows):
        start = task * rows
        size = min(rows, U.shape[0] - start)
        _top_block(start, size, room, U, panels, n_items, gone_indptr, gone_indices, ids, best)
