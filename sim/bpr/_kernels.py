"""Kernels of the trainer: one mini-batch of pools, gradients and an optimiser step. Arrays in, arrays changed in place.

Determinism. Pairs of a batch are sorted, every pair has its own random stream, each pair writes its own rows of the
buffers, and the items' gradients are summed in pair order by whichever thread owns the item. So the bits do not depend
on the number of threads.

Memory. A pair's pool lives in a stack-sized buffer: scores are never written to memory. Adam runs over the items once
a batch, gradient included. Users outside the batch receive only their L2 term, so their steps are postponed and made
up, step by step with the same arithmetic, when the user is next needed: the same numbers for a fraction of the traffic.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .._fastmath import sigmoid_softplus
from .._jit import kernel
from .._random import normal, stream2
from .._simd import LANES, prefetch_row, row_axpy, row_dot, row_dots, rows_sum
from ..sampling._kernels import select
from ..sampling._pool_kernels import clear_bit, draw_pool, set_bit

__all__ = [
    "adam_rows",
    "catch_up_users",
    "fill_normal",
    "gather_items",
    "group_users",
    "pool_pass",
    "run_batches",
    "sort_batches",
    "step_users",
]

_CHUNK = 32  # pairs a task
_ROWS = 256  # table rows a task
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
def gather_items(pairs, pair_user, ids, coefficients, U, shards, G):
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
                row_axpy(coefficients[p, k], U, u, G, ids[p, k])


@kernel(parallel=True)
def adam_rows(P, m, v, G, scale, decay, beta1, beta2, eps, step_size, root_correction):
    """One Adam step with L2 on every row of ``P``; the gradient ``G`` is used up (set to zero).

    g = scale G + decay P; m, v as usual; P -= step_size * m / (sqrt(v) * root_correction + eps), where step_size =
    lr / (1 - beta1^t) and root_correction = 1 / sqrt(1 - beta2^t).
    """
    rows = P.shape[0]
    for task in numba.prange((rows + _ROWS - 1) // _ROWS):
        a = task * _ROWS
        b = min(a + _ROWS, rows)
        p_, m_, v_, g_ = P[a:b].ravel(), m[a:b].ravel(), v[a:b].ravel(), G[a:b].ravel()
        _adam(p_, m_, v_, g_, scale, decay, beta1, beta2, eps, step_size, root_correction)
        g_[:] = 0


@kernel(inline=True)
def _adam(p, m, v, g, scale, decay, beta1, beta2, eps, step_size, root_correction):
    one = p.dtype.type(1)
    for k in range(p.size):
        grad = scale * g[k] + decay * p[k]
        m[k] = beta1 * m[k] + (one - beta1) * grad
        v[k] = beta2 * v[k] + (one - beta2) * (grad * grad)
        p[k] -= step_size * (m[k] / (math.sqrt(v[k]) * root_correction + eps))


@kernel(inline=True)
def _adam_decay(p, m, v, decay, beta1, beta2, eps, step_size, root_correction):
    """:func:`_adam` where the gradient is only the L2 term; gives the same bits."""
    one = p.dtype.type(1)
    for k in range(p.size):
        grad = decay * p[k]
        m[k] = beta1 * m[k] + (one - beta1) * grad
        v[k] = beta2 * v[k] + (one - beta2) * (grad * grad)
        p[k] -= step_size * (m[k] / (math.sqrt(v[k]) * root_correction + eps))


@kernel(parallel=True)
def catch_up_users(users, step, done, U, m, v, decay, beta1, beta2, eps, step_size, root_correction):
    """Bring the rows ``users`` to the state before step ``step`` by making up the steps they missed."""
    for task in numba.prange((users.size + _CHUNK - 1) // _CHUNK):
        for g in range(task * _CHUNK, min((task + 1) * _CHUNK, users.size)):
            u = users[g]
            p_, m_, v_ = U[u], m[u], v[u]
            for s in range(done[u], step):
                _adam_decay(p_, m_, v_, decay, beta1, beta2, eps, step_size[s], root_correction[s])
            done[u] = step


@kernel(parallel=True)
def step_users(
    users, starts, step, done, user_gradient, scale, U, m, v, decay, beta1, beta2, eps, step_size, root_correction
):
    """The Adam step of the batch's users; user g's pairs are ``starts[g]..starts[g+1]`` of the batch."""
    for task in numba.prange((users.size + _CHUNK - 1) // _CHUNK):
        for g in range(task * _CHUNK, min((task + 1) * _CHUNK, users.size)):
            u = users[g]
            total = user_gradient[starts[g]]
            for p in range(starts[g] + 1, starts[g + 1]):
                total += user_gradient[p]
            _adam(U[u], m[u], v[u], total, scale, decay, beta1, beta2, eps, step_size[step], root_correction[step])
            done[u] = step + 1


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
    shards, done, hyper, step_size, root_correction,
):  # fmt: skip
    """Train on the batches first..last-1 of an epoch and return the sum of the pairs' losses.

    ``tables`` are (U, mU, vU, V, mV, vV, G); ``sampler`` is (kind, params, rank_based); ``flags`` are (exclude,
    replace, sum over negatives, mean over the batch); ``hyper`` is (decay, beta1, beta2, eps).
    """
    U, mU, vU, V, mV, vV, G = tables
    kind, params, rank_based = sampler
    exclude, replace, summed, averaged = flags
    decay, beta1, beta2, eps = hyper
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
        catch_up_users(users[:groups], b, done, U, mU, vU, decay, beta1, beta2, eps, step_size, root_correction)
        pool_pass(
            pairs, pair_user, indptr, indices, U, V, kind, params, rank_based, pool_size, exclude, replace, summed,
            seed, epoch, ids[:n], coefficients[:n], user_gradient[:n], loss[:n],
        )  # fmt: skip
        gather_items(pairs, pair_user, ids[:n], coefficients[:n], U, shards, G)
        adam_rows(V, mV, vV, G, scale, decay, beta1, beta2, eps, step_size[b], root_correction[b])
        step_users(
            users[:groups], starts, b, done, user_gradient[:n], scale, U, mU, vU, decay, beta1, beta2, eps, step_size,
            root_correction,
        )  # fmt: skip
        total += loss[:n].sum()
    return total
