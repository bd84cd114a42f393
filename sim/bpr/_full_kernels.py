"""Training without sampling: the exact gradient of BPR's loss over all of a user's negatives.

A batch holds all pairs of its users, so that a user's scores are computed once. The users' pass writes one row of
coefficients per user over the whole catalogue, the items' pass multiplies them by the users' rows, block by block. All
sums run in one fixed order.
"""

from __future__ import annotations

import numba
import numpy as np

from .._fastmath import sigmoid_softplus
from .._jit import kernel
from .._simd import LANES, row_axpy, row_dots, rows_sum
from ._optimizer_kernels import catch_up_row, numbers, step_block, step_row

__all__ = ["run_full_batches"]

_PIECE = 256  # losses worked on at a time, in the L1 cache
_NEVER = -1e30  # score of what is no negative: its loss and slope are 0


@kernel()
def _row(scores, positive_score, negatives, slopes, row):
    """Add one positive's slopes to ``row``; returns the sums of its slopes and losses over ``negatives``."""
    total, loss = 0.0, 0.0
    share = scores.dtype.type(1.0 / negatives)
    for a in range(0, row.size, _PIECE):
        b = min(a + _PIECE, row.size)
        for j in range(a, b):
            slopes[0, j - a], slopes[1, j - a] = sigmoid_softplus(scores[j] - positive_score)
        for j in range(a, b):
            row[j] += share * slopes[0, j - a]
        slopes[:, b - a :] = 0
        sums = slopes[:, :LANES].copy()  # lane by lane: vectorised
        for j in range(LANES, _PIECE, LANES):
            for lane in range(LANES):
                sums[0, lane] += slopes[0, j + lane]
                sums[1, lane] += slopes[1, j + lane]
        total += sums[0].sum()
        loss += sums[1].sum()
    return total / negatives, loss / negatives


@kernel()
def _user(pairs, data, tables, ids, exclude, sparse, scale, step, optimizer, old, s, coefficients):
    """One user's coefficients over all items, and the user's step; returns the sum of the pairs' losses."""
    pair_user, indptr, indices = data
    U, mU, vU, V, _, _, done = tables
    u = pair_user[pairs[0]]
    n_items = V.shape[0]
    row = coefficients[s]
    row[:] = 0
    rule, hyper, step_sizes, root_corrections, constant = optimizer
    constants, columns = numbers(hyper), V.shape[1]
    flat_U, flat_mU, flat_vU = U.ravel(), mU.ravel(), vU.ravel()
    if not sparse:
        catch_up_row(
            u, step, done, np.zeros(columns, V.dtype), columns, flat_U, flat_mU, flat_vU, rule, constants, step_sizes,
            root_corrections, constant,
        )  # fmt: skip
    old[s] = U[u]
    loss = 0.0
    own = indices[indptr[u] : indptr[u + 1]]
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
        slopes = np.empty((2, _PIECE), V.dtype)
        drawn = np.zeros(own.size)
        for p in pairs:
            e = p - indptr[u]
            drawn[e], value = _row(scores, positive[e], negatives, slopes, row)
            loss += value
        for e in range(own.size):
            row[own[e]] = (0.0 if exclude else row[own[e]]) - drawn[e]
        rows_sum(row, V, ids, n_items, gradient, 0)
    step_row(
        u, gradient[0], columns, scale, flat_U, flat_mU, flat_vU, rule, constants, step_sizes[step],
        root_corrections[step], constant,
    )  # fmt: skip
    done[u] = step + 1
    return loss


@kernel(parallel=True)
def _user_pass(pairs, bounds, data, tables, ids, exclude, sparse, scale, step, optimizer, old, coefficients):
    n = bounds.size - 1
    losses = np.zeros(n)
    for s in numba.prange(n):
        losses[s] = _user(
            pairs[bounds[s] : bounds[s + 1]], data, tables, ids, exclude, sparse, scale, step, optimizer, old, s,
            coefficients,
        )  # fmt: skip
    return losses.sum()


@kernel(parallel=True)
def _item_pass(n_users, shift, old, coefficients, tables, sparse, scale, step, optimizer, gradients, touched):
    V, mV, vV = tables[3:6]
    for block in numba.prange((V.shape[0] + (1 << shift) - 1) >> shift):
        a = block << shift
        b = min(a + (1 << shift), V.shape[0])
        G = gradients[numba.get_thread_id()]
        hit = touched[numba.get_thread_id()]
        for s in range(n_users):
            for i in range(a, b):
                row_axpy(coefficients[s, i], old, s, G, i - a)
        hit[: b - a] = 1
        step_block(V[a:b], mV[a:b], vV[a:b], G[: b - a], hit[: b - a], sparse, scale, step, optimizer)


@kernel()
def run_full_batches(
    first, last, starts, order, data, tables, sampler, pool, proposal, objective, flags, key, shift, optimizer,
    scratch, losses,
):  # fmt: skip
    """As :func:`sim.bpr._kernels.run_batches`, over the pairs ``order[starts[b] : starts[b + 1]]`` of whole users."""
    pair_user = data[0]
    U, V = tables[0], tables[3]
    gradients, touched, _ = scratch
    exclude, _, _, averaged, sparse = flags
    one = U.dtype.type(1)
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
        scale = one / U.dtype.type(pairs.size) if averaged else one
        losses[b] = _user_pass(
            pairs, bounds[: n_users + 1], data, tables, ids, exclude, sparse, scale, b, optimizer, old, coefficients
        )
        _item_pass(n_users, shift, old, coefficients, tables, sparse, scale, b, optimizer, gradients, touched)
