"""Kernels of the graph: sums over neighbours, and the optimiser's step on what the last of them gives.

With A the bipartite graph's adjacency matrix, S = D^(-1/2) and the normalised matrix S A S, one hop of

    H <- E + S A S H

is, for Z = S H instead of H, ``Z[r] <- s[r] E[r] + s[r]^2 sum of Z over r's neighbours``: plain sums of rows, no weight
is read for an edge. A hop reads a row an edge; the sum of a row stays in registers. The processor looks far enough
ahead by itself: asking for rows early, as the users' side of a batch does, made one thread a quarter slower on Gowalla.

A side (users or items) is (indptr, neighbours, bounds, own, near): its adjacency, the rows where tasks of about equal
work begin and end, and two coefficients a row. A row is summed by one thread in the order of its neighbours, so the
bits do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel
from ...core.simd import rows_sum
from .optimizer import step_block, step_of
from .structs import Optimizer

__all__ = ["hop", "hop_and_step", "scale_rows"]

_BLOCK = 64  # rows whose gradients stay in the L1 cache until their step


@kernel(inner=True)
def _hop_rows(a, b, side, ones, base, source, out):
    """``out[r - a] = own[r] * base[r] + near[r] * (sum of source over r's neighbours)`` for the rows a..b-1."""
    indptr, neighbours, _, own, near = side
    for r in range(a, b):
        first, last = indptr[r], indptr[r + 1]
        rows_sum(ones, source, neighbours[first:], last - first, out, r - a)
        row, mine, x, y = out[r - a], base[r], own[r], near[r]  # by name: the loop is vectorised better
        for k in range(row.size):
            row[k] = x * mine[k] + y * row[k]


@kernel(parallel=True)
def hop(users, items, ones, base, source, out):
    """One hop for both sides; ``base``, ``source`` and ``out`` are pairs of tables (of users, of items).

    ``out = own * base + near * (sum of the other side's source over the neighbours)``, row by row. ``ones`` has as many
    entries as the largest neighbourhood.
    """
    tasks = users[2].size - 1
    for task in numba.prange(tasks + items[2].size - 1):
        if task < tasks:
            a, b = users[2][task], users[2][task + 1]
            _hop_rows(a, b, users, ones, base[0], source[1], out[0][a:b])
        else:
            a, b = items[2][task - tasks], items[2][task - tasks + 1]
            _hop_rows(a, b, items, ones, base[1], source[0], out[1][a:b])


@kernel(inner=True)
def _step_rows(a, b, side, ones, base, source, tables, step, optimizer):
    """:func:`_hop_rows` a block at a time, each followed by the step with it as the gradient."""
    P, m, v = tables
    gradient = np.empty((_BLOCK, P.shape[1]), P.dtype)
    touched = np.ones(_BLOCK, np.uint8)
    for c in range(a, b, _BLOCK):
        d = min(c + _BLOCK, b)
        block = gradient[: d - c]
        _hop_rows(c, d, side, ones, base, source, block)
        base[c:d] = 0
        step_block(P[c:d], m[c:d], v[c:d], block, touched[: d - c], False, step_of(optimizer, step))


@kernel(parallel=True)
def hop_and_step(users, items, ones, base, source, user_tables, item_tables, step, optimizer):
    """Take the optimiser's step on all rows with the result of a hop as their gradients; ``base`` is used up (zero)."""
    tasks, o = users[2].size - 1, optimizer
    plain = (o.rule, o.hyper, o.step_size, o.root_correction, o.constant)  # prange takes no named tuples
    for task in numba.prange(tasks + items[2].size - 1):
        if task < tasks:
            a, b = users[2][task], users[2][task + 1]
            _step_rows(a, b, users, ones, base[0], source[1], user_tables, step, Optimizer(*plain))
        else:
            a, b = items[2][task - tasks], items[2][task - tasks + 1]
            _step_rows(a, b, items, ones, base[1], source[0], item_tables, step, Optimizer(*plain))


@kernel(parallel=True)
def scale_rows(factors, table, out):
    """``out[r] = factors[r] * table[r]``."""
    for r in numba.prange(table.shape[0]):
        for k in range(table.shape[1]):
            out[r, k] = factors[r] * table[r, k]
