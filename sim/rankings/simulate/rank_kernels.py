"""Kernels of correlation coefficients of stored values, with each observation's share in them.

A coefficient is C / sqrt(A B): C from both variables, A and B from one each. Observation i adds ``cross_i`` to C and
``own_i`` to A (its projection: what changes in the sum when i is reweighted), so that the coefficient's influence
function is a combination of the three. Variables come as levels 0 .. L - 1 in increasing order; equal values share one.
"""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel

__all__ = ["column_sums", "pair_sums", "rank_levels"]

PEARSON, SPEARMAN, KENDALL = range(3)


@kernel(parallel=True)
def rank_levels(values, order, level, counts, n_levels):
    """Per row of ``values`` (rows, n): indices in increasing order, the level of each entry, and entries per level."""
    for row in numba.prange(values.shape[0]):
        x = values[row]
        order[row] = np.argsort(x)
        at = -1
        for q in range(x.size):
            i = order[row, q]
            if q == 0 or x[i] > x[order[row, q - 1]]:
                at += 1
                counts[row, at] = 0
            level[row, i] = at
            counts[row, at] += 1
        n_levels[row] = at + 1


@kernel(inner=True)
def mid_ranks(counts, out):
    """Centred mid-rank of each level over n: mean over all j of sign(x - x_j) / 2."""
    n = counts.sum()
    below = 0
    for q in range(counts.size):
        out[q] = (below + 0.5 * counts[q]) / n - 0.5
        below += counts[q]


@kernel()
def tails(sums, n):
    """Replace sums by level with the mean over all j of sign(x_j - x) / 2 times j's summand, for summands of sum 0."""
    below = 0.0
    for q in range(sums.size):
        here = sums[q]
        sums[q] = -(below + 0.5 * here) / n
        below += here


@kernel(parallel=True)
def column_sums(method, columns, bounds, spread, own):
    """A of each row, and the group sums of its projections, scaled so that they add up to n times their degree.

    ``columns`` is (values, order, level, counts, n_levels), as :func:`rank_levels` makes them; for Pearson the values
    come centred, and the rest is not used.
    """
    values, _, level, counts, n_levels = columns
    n = values.shape[1]
    for row in numba.prange(values.shape[0]):
        size = counts[row, : n_levels[row]]
        share = np.zeros(n if method == PEARSON else size.size)
        total = 0.0
        if method == PEARSON:
            for i in range(n):
                share[i] = values[row, i] ** 2
                total += share[i]
        elif method == SPEARMAN:
            ranks = np.zeros(size.size)
            mid_ranks(size, ranks)
            share[:] = size * ranks
            tails(share, n)
            for q in range(size.size):
                share[q] = ranks[q] ** 2 + 2.0 * share[q]
                total += size[q] * ranks[q] ** 2
        else:
            for q in range(size.size):
                share[q] = 2.0 * (n - size[q])
                total += size[q] * (n - size[q])
        spread[row] = total
        for g in range(bounds.size - 1):
            part = 0.0
            for i in range(bounds[g], bounds[g + 1]):
                part += share[i] if method == PEARSON else share[level[row, i]]
            own[g, row] = part * n / total if total > 0.0 else 0.0


@kernel(inner=True)
def spearman_cross(x_level, x_counts, y_level, y_counts, cross):
    """Projections of sum u v, u and v the centred mid-ranks; returns that sum."""
    n = x_level.size
    u = np.zeros(x_counts.size)
    v = np.zeros(y_counts.size)
    mid_ranks(x_counts, u)
    mid_ranks(y_counts, v)
    v_at = np.zeros(x_counts.size)
    u_at = np.zeros(y_counts.size)
    total = 0.0
    for i in range(n):
        v_at[x_level[i]] += v[y_level[i]]
        u_at[y_level[i]] += u[x_level[i]]
        total += u[x_level[i]] * v[y_level[i]]
    tails(v_at, n)
    tails(u_at, n)
    for i in range(n):
        cross[i] = u[x_level[i]] * v[y_level[i]] + v_at[x_level[i]] + u_at[y_level[i]]
    return total


@kernel(inline=True)
def below(tree, q):
    """Entries of a Fenwick tree at levels under ``q``."""
    total = 0
    while q > 0:
        total += tree[q]
        q &= q - 1
    return total


@kernel(inner=True)
def kendall_cross(order, x_level, y_level, y_counts, cross):
    """Concordant less discordant partners of each observation; returns their sum. Time O(n log L)."""
    n = order.size
    tree = np.zeros(y_counts.size + 1, dtype=np.int64)
    seen = np.zeros(y_counts.size, dtype=np.int64)
    less = np.zeros(y_counts.size, dtype=np.int64)
    for q in range(1, y_counts.size):
        less[q] = less[q - 1] + y_counts[q - 1]
    total = 0
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and x_level[order[stop]] == x_level[order[start]]:
            stop += 1
        for q in range(start, stop):  # partners of smaller x
            y = y_level[order[q]]
            lower = below(tree, y)
            cross[order[q]] = 2 * lower + seen[y] - start
        for q in range(start, stop):
            y = y_level[order[q]]
            seen[y] += 1
            at = y + 1
            while at <= y_counts.size:
                tree[at] += 1
                at += at & -at
        for q in range(start, stop):  # partners of larger x: all less those of x up to this one
            y = y_level[order[q]]
            lower = less[y] - below(tree, y)
            equal = y_counts[y] - seen[y]
            cross[order[q]] += (n - stop) - 2 * lower - equal
            total += np.int64(cross[order[q]])
        start = stop
    return np.float64(total)


@kernel(parallel=True)
def pair_sums(method, x_columns, y_columns, bounds, total, out):
    """C of every pair (``total`` (rows of y, rows of x)), and the sums of its projections over each group (``out``).

    The columns are as in :func:`column_sums`.
    """
    x, x_order, x_level, x_counts, x_levels = x_columns
    y, _, y_level, y_counts, y_levels = y_columns
    n = x.shape[1]
    for a in numba.prange(x.shape[0]):
        cross = np.zeros(n)
        at = x_counts[a, : x_levels[a]]
        for c in range(y.shape[0]):
            to = y_counts[c, : y_levels[c]]
            if method == SPEARMAN:
                total[c, a] = spearman_cross(x_level[a], at, y_level[c], to, cross)
            elif method == KENDALL:
                total[c, a] = kendall_cross(x_order[a], x_level[a], y_level[c], to, cross)
            else:
                whole = 0.0
                for i in range(n):
                    cross[i] = x[a, i] * y[c, i]
                    whole += cross[i]
                total[c, a] = whole
            for g in range(bounds.size - 1):
                part = 0.0
                for i in range(bounds[g], bounds[g + 1]):
                    part += cross[i]
                out[g, c, a] = part
