"""Kernels of the trainer: one mini-batch of pools, gradients and an optimiser step. Arrays in, arrays changed in place.

Determinism. Pairs of a batch are sorted, every pair has its own random stream, each pair writes its own rows of the
buffers, and the items' gradients are summed in pair order by whichever thread owns the item. So the bits do not depend
on the number of threads.

Memory. A pair's pool lives in small buffers that stay in the L1 cache: scores are never written to memory. Rows are
asked for before they are needed.
"""

from __future__ import annotations

import numba
import numpy as np

from .._fastmath import sigmoid_softplus
from .._jit import kernel
from .._random import normal, stream2
from .._simd import LANES, prefetch_row, row_axpy, row_dot, row_dots, rows_sum
from ..sampling._kernels import select
from ..sampling._pool_kernels import clear_bit, draw_pool, set_bit
from ._optimizer_kernels import catch_up_users, step_items, step_users

__all__ = ["fill_normal", "gather_items", "group_users", "pool_pass", "run_batches", "sort_batches"]

_CHUNK = 32  # pairs a task
_AHEAD = 16  # rows asked for before they are needed


@kernel(parallel=True)
def fill_normal(seed, table, scale, width, out):
    """Start values: ``out[row, :width]`` normal with standard deviation ``scale``, the padding columns zero."""
    for row in numba.prange(out.shape[0]):
        key = stream2(seed, table, row)
        for k in range(out.shape[1]):
            out[row, k] = scale * normal(key, k) if k < width else 0.0


@kernel(parallel=True)
def sort_batches(order, batch_size):
    """Sort the pair numbers inside each batch: pairs of one user become neighbours, sums get a canonical order."""
    n = order.size
    for b in numba.prange((n + batch_size - 1) // batch_size):
        order[b * batch_size : min((b + 1) * batch_size, n)].sort()


@kernel()
def _margins(U, u, V, pool, size, score, out):
    """``out[j] = U[u] @ V[pool[j]] - score``; ``pool`` and ``out`` have room for a last block beyond ``size``."""
    for j in range(min(_AHEAD, size)):
        prefetch_row(V, pool[j])
    for j in range(0, size, LANES):
        for k in range(j + _AHEAD, j + _AHEAD + LANES):
            prefetch_row(V, pool[k])
        row_dots(U, u, V, pool, j, out)
    for j in range(size):
        out[j] -= score


@kernel(parallel=True)
def pool_pass(
    pairs, pair_user, indptr, indices, U, V, kind, params, rank_based, pool_size, exclude, replace, summed, seed, epoch,
    ids, coefficients, user_gradient, loss,
):  # fmt: skip
    """Draw, score and weigh one pool per pair; write what the gradients need.

    For pair p: ``ids[p]`` are the touched items (the positive first, then the kept negatives, -1 when unused) and
    ``coefficients[p]`` the factors of the user's row in their gradients; ``user_gradient[p]`` is the gradient for the
    user's row; ``loss[p]`` the weighted loss. ``summed`` multiplies by the number of kept negatives (the published
    program sums over the M negatives of DNS where the paper averages).
    """
    n_items = V.shape[0]
    width = ids.shape[1]
    everywhere = not rank_based or 4 * width > pool_size  # losses of the whole pool, or only of the kept entries
    tasks = (pairs.size + _CHUNK - 1) // _CHUNK
    for task in numba.prange(tasks):
        mask = np.zeros((n_items + 63) // 64, np.uint64)
        pool = np.zeros(pool_size + _AHEAD + LANES, np.int32)  # read ahead, zeros at the end
        margins = np.empty(pool_size + LANES, V.dtype)
        losses = np.empty(pool_size, V.dtype)
        slopes = np.empty(pool_size, V.dtype)
        idx = np.empty(pool_size, np.int64)
        w = np.empty(pool_size, V.dtype)
        marked = -1
        first, last = task * _CHUNK, min((task + 1) * _CHUNK, pairs.size)
        for p in range(first, last):  # ask for all rows of the task at once
            prefetch_row(U, pair_user[pairs[p]])
            prefetch_row(V, indices[pairs[p]])
        for p in range(first, last):
            pair = pairs[p]
            u = pair_user[pair]
            positive = indices[pair]
            excluded = 0
            if exclude:
                excluded = indptr[u + 1] - indptr[u]
                if marked != u:
                    if marked >= 0:
                        for e in range(indptr[marked], indptr[marked + 1]):
                            clear_bit(mask, indices[e])
                    for e in range(indptr[u], indptr[u + 1]):
                        set_bit(mask, indices[e])
                    marked = u
            size = draw_pool(stream2(seed, epoch, pair), n_items, excluded, pool_size, replace, mask, pool)
            _margins(U, u, V, pool, size, row_dot(U, u, V, positive), margins)
            if everywhere:
                for j in range(size):  # vectorised
                    slopes[j], losses[j] = sigmoid_softplus(margins[j])
            count = 0
            if size > 0:
                count = select(kind, margins[:size] if rank_based else losses[:size], params, idx, w)
            if not everywhere:
                for k in range(count):
                    slopes[idx[k]], losses[idx[k]] = sigmoid_softplus(margins[idx[k]])
            scale = V.dtype.type(count) if summed else V.dtype.type(1)
            total = V.dtype.type(0)
            pair_loss = V.dtype.type(0)
            for k in range(count):
                j = idx[k]
                c = scale * w[k] * slopes[j]
                pair_loss += scale * w[k] * losses[j]
                total += c
                ids[p, k + 1] = pool[j]
                coefficients[p, k + 1] = c
            ids[p, 0] = positive
            coefficients[p, 0] = -total
            loss[p] = pair_loss
            rows_sum(coefficients[p], V, ids[p], count + 1, user_gradient, p)
            for k in range(count + 1, width):
                ids[p, k] = -1


@kernel(parallel=True)
def gather_items(pairs, pair_user, ids, coefficients, U, shards, G, touched):
    """``G[i] += c * U[u]`` for every entry of the batch, in pair order; shard s owns the items with i % shards == s."""
    width = ids.shape[1]
    for s in numba.prange(shards):
        mine = np.empty(width, np.int64)
        for p in range(pairs.size):
            u = pair_user[pairs[p]]
            count = 0
            for k in range(width):  # without a branch: the outcome cannot be predicted
                i = ids[p, k]
                mine[count] = k
                count += (i >= 0) & (i % shards == s)
            for m in range(count):
                prefetch_row(G, ids[p, mine[m]])
            for m in range(count):
                k = mine[m]
                touched[ids[p, k]] = 1
                row_axpy(coefficients[p, k], U, u, G, ids[p, k])


@kernel()
def group_users(pairs, pair_user, users, starts):
    """Distinct users of a batch sorted by pair, and where their pairs start; returns their number."""
    count = 0
    for p in range(pairs.size):
        u = pair_user[pairs[p]]
        if count == 0 or users[count - 1] != u:
            users[count] = u
            starts[count] = p
            count += 1
    starts[count] = pairs.size
    return count


@kernel()
def run_batches(
    first, last, batch_size, order, pair_user, indptr, indices, tables, sampler, pool_size, width, flags, seed, epoch,
    shards, done, rule, hyper, step_size, root_correction,
):  # fmt: skip
    """Train on the batches first..last-1 of an epoch and return the sum of the pairs' losses.

    ``tables`` are (U, mU, vU, V, mV, vV, G, touched); ``sampler`` is (kind, params, rank_based); ``flags`` are
    (exclude, replace, sum over negatives, mean over the batch, sparse); ``hyper`` is (lr, decay, beta1, beta2, eps).
    """
    U, mU, vU, V, mV, vV, G, touched = tables
    kind, params, rank_based = sampler
    exclude, replace, summed, averaged, sparse = flags
    one = U.dtype.type(1)
    ids = np.empty((batch_size, width + 1), np.int32)
    coefficients = np.empty((batch_size, width + 1), U.dtype)
    user_gradient = np.empty((batch_size, U.shape[1]), U.dtype)
    loss = np.empty(batch_size, np.float64)
    users = np.empty(batch_size, np.int32)
    starts = np.empty(batch_size + 1, np.int64)
    total = 0.0
    for b in range(first, last):
        pairs = order[b * batch_size : min((b + 1) * batch_size, order.size)]
        n = pairs.size
        scale = one / U.dtype.type(n) if averaged else one
        groups = group_users(pairs, pair_user, users, starts)
        if not sparse:
            catch_up_users(rule, users[:groups], b, done, U, mU, vU, hyper, step_size, root_correction)
        pool_pass(
            pairs, pair_user, indptr, indices, U, V, kind, params, rank_based, pool_size, exclude, replace, summed,
            seed, epoch, ids[:n], coefficients[:n], user_gradient[:n], loss[:n],
        )  # fmt: skip
        gather_items(pairs, pair_user, ids[:n], coefficients[:n], U, shards, G, touched)
        step_items(rule, sparse, touched, V, mV, vV, G, scale, hyper, step_size[b], root_correction[b])
        step_users(
            rule, users[:groups], starts, b, done, user_gradient[:n], scale, U, mU, vU, hyper, step_size,
            root_correction,
        )  # fmt: skip
        total += loss[:n].sum()
    return total
