"""Training without sampling: the exact gradient of BPR's loss over all of a user's negatives.

A batch holds all pairs of its users, so that a user's scores and their exponentials are computed once: a sigmoid costs
a division, and a loss a product. The users' pass writes one row of coefficients per user over the whole catalogue, the
items' pass multiplies them by the users' rows, block by block. All sums run in one fixed order.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.fastmath import exp, mantissa_exponent, sigmoid_softplus
from ...core.jit import kernel
from ...core.simd import LANES, row_axpy, row_dots, rows_sum
from .optimizer import catch_up_row, flatten, step_block, step_of, step_row
from .structs import Interactions, Optimizer, Tables

__all__ = ["run_full_batches"]

_PIECE = 256  # items worked on at a time, in the L1 cache
_NEVER = -1e30  # score of what is no negative: its loss and slope are 0
_WIDE = 20.0  # exp(_WIDE)**4 is finite in float32
_FAR = -40.0  # a sigmoid below exp(_FAR) does not count


@kernel(inner=True)
def _wide_sums(scores, positives, row, drawn):
    """As :func:`_sums`, for any scores."""
    loss = 0.0
    for p in range(positives.size):
        for j in range(row.size):
            slope, value = sigmoid_softplus(scores[j] - positives[p])
            row[j] += slope
            drawn[p] += slope
            loss += value
    return loss


@kernel(inner=True)
def _sums(scores, positives, row, drawn):
    """Adds sigmoid(s_j - s_p), over p to row[j] and over j to drawn[p]; returns the sum of log(1 + exp(s_j - s_p)).

    With x_j = exp(s_j - c) and a_p = exp(c - s_p), a sigmoid is t / (1 + t), t = x_j a_p; two positives share a
    division. Losses are added by multiplying 1 + t: the logarithm is taken of 32 items' products, whose exponents are
    counted apart.
    """
    one, far = row.dtype.type(1), row.dtype.type(_FAR)
    lowest = positives.min()
    if scores[: row.size].max() - lowest > _WIDE:
        return _wide_sums(scores, positives, row, drawn)
    slopes, ones = np.empty((LANES, _PIECE), row.dtype), np.ones((1, _PIECE), row.dtype)
    x, sums, products = np.empty((3, _PIECE), row.dtype)
    each, totals = np.arange(LANES).astype(np.int32), np.empty(LANES, row.dtype)
    factors = np.zeros(positives.size + 1, row.dtype)  # a last one that adds nothing to an odd number
    for p in range(positives.size):
        factors[p] = exp(max(lowest - positives[p], far))
    exponents, loss = 0, 0.0
    for a in range(0, row.size, _PIECE):
        n = min(_PIECE, row.size - a)
        for j in range(n):
            x[j] = exp(max(scores[a + j] - lowest, far))
        x[n:], sums[:], products[:] = 0, 0, 1
        for p in range(0, positives.size, 2):
            k = p % LANES
            first, second, f, g = slopes[k], slopes[k + 1], factors[p], factors[p + 1]
            for j in range(_PIECE):
                s, t = x[j] * f, x[j] * g
                both = (one + s) * (one + t)
                inverse = one / both
                v, w = s * (one + t) * inverse, t * (one + s) * inverse
                sums[j] += v + w
                products[j] *= both
                first[j] = v
                second[j] = w
            last = p + 2 >= positives.size
            if p % 4 == 2 or last:
                for j in range(_PIECE):
                    products[j], more = mantissa_exponent(products[j])
                    exponents += more
            if k == LANES - 2 or last:
                row_dots(ones, 0, slopes, each, 0, totals)
                for q in range(p - k, min(p + 2, positives.size)):
                    drawn[q] += totals[q - p + k]
        row[a : a + n] += sums[:n]
        for j in range(LANES, _PIECE, LANES):
            for lane in range(LANES):
                products[lane] *= products[j + lane]
        for lane in range(LANES):
            loss += math.log(products[lane])
    return loss + exponents * math.log(2.0)


@kernel(inner=True)
def _user(pairs, data, tables, optimizer, flags, ids, old, s, coefficients, step):
    """One user's coefficients over all items, and the user's step; returns the sum of the pairs' losses."""
    V, (exclude, is_sparse) = tables.V, flags
    u = data.pair_user[pairs[0]]
    n_items = V.shape[0]
    row = coefficients[s]
    row[:] = 0
    flat = flatten(tables.U, tables.mU, tables.vU)
    if not is_sparse:
        catch_up_row(u, step, tables.done, np.zeros(flat.width, V.dtype), flat, optimizer)
    old[s] = tables.U[u]
    loss = 0.0
    own = data.indices[data.indptr[u] : data.indptr[u + 1]]
    negatives = n_items - own.size if exclude else n_items
    gradient = np.zeros((1, V.shape[1]), V.dtype)
    if negatives > 0:
        scores = np.empty(ids.size, V.dtype)
        for j in range(0, n_items, LANES):
            row_dots(old, s, V, ids, j, scores)
        positive = scores[own]
        if exclude:
            for i in own:
                scores[i] = _NEVER
        trained = np.empty(pairs.size, np.int64)
        for k in range(pairs.size):
            trained[k] = pairs[k] - data.indptr[u]
        drawn = np.zeros(pairs.size)
        share = V.dtype.type(1.0 / negatives)
        loss = _sums(scores, positive[trained], row, drawn) / negatives
        for j in range(n_items):
            row[j] *= share
        if exclude:
            row[own] = 0
        for k in range(pairs.size):
            row[own[trained[k]]] -= drawn[k] / negatives
        rows_sum(row, V, ids, n_items, gradient, 0)
    step_row(u, gradient[0], flat, step_of(optimizer, step), optimizer.constant)
    tables.done[u] = step + 1
    return loss


@kernel(parallel=True)
def _user_pass(pairs, bounds, work, ids, old, coefficients, step):
    n = bounds.size - 1
    losses = np.zeros(n)  # added up outside: in here the sum would be split among the threads
    d, t, o, flags = work.data, work.tables, work.optimizer, (work.flags.exclude, work.flags.sparse)
    data, tables = (d.indptr, d.indices, d.pair_user), (t.U, t.mU, t.vU, t.V, t.mV, t.vV, t.done)
    optimizer = (o.rule, o.hyper, o.step_size, o.root_correction, o.constant)  # prange takes no named tuples
    for s in numba.prange(n):
        losses[s] = _user(
            pairs[bounds[s] : bounds[s + 1]], Interactions(*data), Tables(*tables), Optimizer(*optimizer), flags, ids,
            old, s, coefficients, step,
        )  # fmt: skip
    return losses


@kernel(parallel=True)
def _item_pass(n_users, old, coefficients, work, step):
    V, mV, vV, shift, sparse = work.tables.V, work.tables.mV, work.tables.vV, work.shift, work.flags.sparse
    gradients, touched, o = work.scratch.gradients, work.scratch.touched, work.optimizer
    optimizer = (o.rule, o.hyper, o.step_size, o.root_correction, o.constant)
    for block in numba.prange((V.shape[0] + (1 << shift) - 1) >> shift):
        a = block << shift
        b = min(a + (1 << shift), V.shape[0])
        G, hit = gradients[numba.get_thread_id()], touched[numba.get_thread_id()]
        for s in range(n_users):
            for i in range(a, b):
                row_axpy(coefficients[s, i], old, s, G, i - a)
        hit[: b - a] = 1
        one = step_of(Optimizer(*optimizer), step)
        step_block(V[a:b], mV[a:b], vV[a:b], G[: b - a], hit[: b - a], sparse, one)


@kernel()
def run_full_batches(first, last, starts, order, work, losses):
    """As :func:`~sim.bpr.kernels.batch.run_batches`, over pairs ``order[starts[b] : starts[b + 1]]`` of whole users."""
    pair_user, U, V = work.data.pair_user, work.tables.U, work.tables.V
    ids = np.arange(V.shape[0] + LANES).astype(np.int32)
    for k in range(V.shape[0], ids.size):  # row_dots reads whole vectors
        ids[k] = 0
    for b in range(first, last):
        pairs = order[starts[b] : starts[b + 1]]
        bounds = np.empty(pairs.size + 1, np.int64)
        n_users = 0
        for k in range(pairs.size):
            if k == 0 or pair_user[pairs[k]] != pair_user[pairs[k - 1]]:
                bounds[n_users] = k
                n_users += 1
        bounds[n_users] = pairs.size
        old = np.empty((n_users, U.shape[1]), U.dtype)
        coefficients = np.empty((n_users, V.shape[0]), U.dtype)
        losses[b] = _user_pass(pairs, bounds[: n_users + 1], work, ids, old, coefficients, b).sum()
        _item_pass(n_users, old, coefficients, work, b)
