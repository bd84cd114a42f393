"""The users' side of a batch: pools, losses, weights, the user's gradient and step, and the entries for the items.

A task is a run of neighbouring pairs that holds whole users. A pair's pool lives in small buffers that stay in the L1
cache: scores are never written to memory. Rows are asked for before they are needed, pools ahead of their turn.
"""

from __future__ import annotations

import numpy as np

from ...core.fastmath import sigmoid_softplus
from ...core.jit import ZERO, kernel
from ...core.random import stream
from ...core.simd import LANES, array_sum, prefetch_read, prefetch_row, prefetch_write, row_dot, row_dots, rows_sum
from ...sampling.kernels.pools import clear_bit, draw_pool, set_bit
from ...sampling.kernels.proposals import FACTORS, UNIFORM, correct, draw_proposed
from .loss import (
    BCE,
    BPR,
    INFONCE,
    LLPAUC,
    add_positive,
    pair_loss,
    place_factor,
    set_entries,
    square_positive,
)
from .optimizer import SGD, catch_up_row, numbers, step_row

__all__ = ["distribute", "local_entries", "pairs_of_task", "pool_buffers", "user_task"]

_AHEAD = 16  # rows asked for before they are needed
_NOBODY = ZERO - 1
_APART = 32  # elements between the scratch of two threads, or they would write to the same cache lines
_FAR, _LAST = np.uint32(16), np.uint32(7)  # entries asked for before they are written; entries a line, less one


@kernel(counted=False, inner=True)
def pairs_of_task(users, first):
    """The first pair from ``first`` on that begins a new user: tasks hold whole users."""
    while 0 < first < users.size and users[first] == users[first - 1]:
        first += 1
    return min(first, users.size)


@kernel(inline=True, inner=True)
def _margins(rows, u, V, pool, size, score, out):
    """``out[j] = rows[u] @ V[pool[j]] - score``; ``pool`` and ``out`` have room for blocks beyond ``size``."""
    for j in range(0, size, LANES):
        if j + _AHEAD < size:
            for k in range(j + _AHEAD, j + _AHEAD + LANES):
                prefetch_row(V, pool[k])
        row_dots(rows, u, V, pool, j, out)
    for j in range(size):
        out[j] -= score


@kernel(inline=True, inner=True)
def _losses(margins, size, slopes, losses):
    """log(1 + exp(margin)) and its derivative; a loop of its own, so that it is vectorised."""
    for j in range(size):
        slopes[j], losses[j] = sigmoid_softplus(margins[j])


@kernel(inline=True, inner=True)
def _entries(count, size, idx, w, factor, ids, slopes, losses, items, coefficients, scratch):
    """The kept negatives of a pool and their coefficients, after the positive's in front; returns the pair's loss."""
    whole = count == size  # and in order: no look-ups then, so that all is vector code
    for k in range(count if whole else 0):
        whole &= idx[k] == k
    if whole:
        for k in range(count):
            coefficients[k + 1] = factor * w[k] * slopes[k]
        for k in range(count):
            scratch[k] = factor * w[k] * losses[k]
        for k in range(count):
            items[k + 1] = ids[k]
        coefficients[0] = -array_sum(coefficients[1:], count)
        return array_sum(scratch, count)
    total, loss = w.dtype.type(0), w.dtype.type(0)
    for k in range(count):
        j = np.uint64(idx[k])  # unsigned: see distribute
        c = factor * w[k]
        loss += c * losses[j]
        c *= slopes[j]
        total += c
        items[k + 1] = ids[j]
        coefficients[k + 1] = c
    coefficients[0] = -total
    return loss


@kernel(counted=False)
def _mark(mask, user, marked, indptr, indices):
    """Make ``mask`` hold the items of ``user`` instead of those of ``marked``; -1 is nobody."""
    if marked >= 0:
        for e in range(indptr[marked], indptr[marked + 1]):
            clear_bit(mask, indices[e])
    if user >= 0:
        for e in range(indptr[user], indptr[user + 1]):
            set_bit(mask, indices[e])


@kernel(inner=True)
def distribute(count, shift, local, base, entries, offsets):
    """Copy ``count`` local entries to those from ``base`` on, sorted by the item's block, pair order kept within.

    An entry is two words of ``entries``: the row, with the item's place in its block in the lowest ``shift`` bits; and
    the bits of the coefficient.
    """
    items, coefficients, rows = local  # unsigned indices below: numba then leaves out the test for negative ones
    words = coefficients.view(entries.dtype)
    within = (np.uint32(1) << shift) - np.uint32(1)
    offsets[:] = 0
    for e in range(np.uint64(count)):
        offsets[(np.uint32(items[e]) >> shift) + np.uint32(1)] += 1
    offsets[0] = base
    for b in range(1, offsets.size):
        offsets[b] += offsets[b - 1]
    place = offsets.copy()
    for e in range(np.uint64(count)):
        item = np.uint32(items[e])
        b = item >> shift
        at = place[b]
        place[b] = at + np.uint32(1)
        first = np.uint64(at) * np.uint64(2)
        entries[first] = np.uint32(rows[e]) << shift | item & within
        entries[first + np.uint64(1)] = words[e]
        if at & _LAST == 0:  # a block's next line: there are too many blocks for the hardware to foresee
            prefetch_write(entries, first + np.uint64(2) * _FAR)


@kernel(inner=True)
def pool_buffers(old, pool, proposal, corrected):
    """Scratch of a thread for :func:`user_task`."""
    pool_size, _ = pool
    real, columns = old.dtype, old.shape[1]
    # pools drawn ahead, so that their rows are on the way; not from proposals that look at the user's row
    ring = 1 if proposal[0] == FACTORS else 1 + max(1, _AHEAD // pool_size)
    room = pool_size + _APART
    return (
        np.zeros((ring, pool_size + _AHEAD + LANES), np.int32),  # read beyond the end
        np.zeros(ring + _APART, np.int64)[:ring],
        np.ones((ring, pool_size if corrected else 0), np.float64),
        np.empty(room, real), np.empty(room, real), np.empty(room, real),
        np.empty(room, np.int64), np.empty(room, real),
        np.zeros(columns + _APART, real), np.empty((3, columns), real), np.zeros(columns, real),
    )  # fmt: skip


@kernel(inner=True)
def local_entries(room, old):
    """Room for so many entries of a task: items, coefficients, rows of ``old``."""
    return np.empty(room, np.int32), np.empty(room, old.dtype), np.empty(room, np.int32)


@kernel(counted=False, inner=True)
def user_task(
    first, last, pairs, users, positives, data, tables, sampler, pool, proposal, objective, flags, key, step, optimizer,
    old, flat, local, buffers, mask,
):  # fmt: skip
    """Train on the pairs first..last-1 of a batch, whose users are no other task's.

    For the items' side it leaves the users' rows as they were (``old``), and in ``local`` what is to be added to which
    item: coefficient times a row of ``old``; see :func:`distribute`. ``flat`` are the users' tables, flat, and
    ``buffers`` those of :func:`pool_buffers`. Returns the number of entries and the sum of the pairs' losses.
    """
    indptr, indices = data
    U, mU, vU, V, _, _, done = tables
    params, weigh, rank_based, by_score, corrected, sees_positive = sampler
    pool_size, width = pool
    exclude, replace, summed, sparse = flags
    batch, scale = step
    rule, hyper, step_sizes, root_corrections, constant = optimizer
    items, coefficients, rows = local
    pools, sizes, q, margins, losses, slopes, idx, w, gradient, pair_gradient, nothing = buffers
    flat_U, flat_mU, flat_vU = flat
    ring, columns, constants = sizes.size, V.shape[1], numbers(hyper)
    real = V.dtype.type
    by_margin = rank_based or by_score
    plain = objective[0] == BPR or objective[0] >= INFONCE  # samplers then see BPR's losses
    everywhere = not by_margin or 4 * width > pool_size  # losses of the whole pool, or only of the kept entries
    loss = 0.0
    n, marked = ZERO, _NOBODY
    start = first
    for ahead in range(first, last + ring - 1):
        if ahead < last:  # draw a pool
            pair, u = pairs[ahead], np.int64(users[ahead])
            excluded = 0
            if ahead == first or u != users[ahead - 1]:
                prefetch_row(U, u)
                if rule != SGD:
                    prefetch_row(mU, u)
                    prefetch_row(vU, u)
            prefetch_row(V, positives[ahead])
            if exclude:
                if ahead + _AHEAD < last:
                    prefetch_read(indices, indptr[users[ahead + _AHEAD]])
                excluded = indptr[u + 1] - indptr[u]
                if marked != u:
                    _mark(mask, u, marked, indptr, indices)
                    marked = u
            slot = ahead % ring
            if proposal[0] == UNIFORM:
                size = draw_pool(stream(key, pair), V.shape[0], excluded, pool_size, replace, mask, pools[slot])
            else:
                if proposal[0] == FACTORS and not sparse:
                    catch_up_row(
                        u, batch, done, nothing, columns, flat_U, flat_mU, flat_vU, rule, constants, step_sizes,
                        root_corrections, constant,
                    )  # fmt: skip
                size = draw_proposed(
                    stream(key, pair), proposal, u, U[u], V.shape[0], excluded, pool_size, replace, mask, pools[slot],
                    q[slot],
                )  # fmt: skip
            sizes[slot] = size
            for j in range(min(_AHEAD, size)):
                prefetch_row(V, pools[slot, j])
        p = ahead - ring + 1
        if p < first:
            continue
        u = np.int64(users[p])
        if p == first or u != users[p - 1]:  # a new user
            start = p
            if not sparse:
                catch_up_row(
                    u, batch, done, nothing, columns, flat_U, flat_mU, flat_vU, rule, constants, step_sizes,
                    root_corrections, constant,
                )  # fmt: skip
            for k in range(columns):
                old[p, k] = U[u, k]
                gradient[k] = 0
        slot = p % ring
        size = sizes[slot]
        ids = pools[slot]
        positive = positives[p]
        score = row_dot(old, start, V, positive)
        _margins(old, start, V, ids, size, score, margins)
        if everywhere:
            if plain:
                _losses(margins, size, slopes, losses)
            else:
                for j in range(size):
                    slopes[j], losses[j] = pair_loss(objective, margins[j], score)
        count = 0
        if size > 0:
            if sees_positive:
                params[-1] = score
            count = min(weigh(margins[:size] if by_margin else losses[:size], params, idx, w), width)
            if corrected:
                correct(count, idx, w, q[slot])
        if not everywhere:
            for k in range(count):
                slopes[idx[k]], losses[idx[k]] = pair_loss(objective, margins[idx[k]], score)
        items[n] = positive
        if objective[0] < INFONCE:
            factor = real(count) if summed and rank_based else real(1)
            if objective[0] == LLPAUC:
                factor *= real(place_factor(old, start, V, indices[indptr[u] : indptr[u + 1]], score, objective[3]))
            loss += _entries(count, size, idx, w, factor, ids, slopes, losses, items[n:], coefficients[n:], margins)
            if objective[0] == BCE and count > 0:
                loss += add_positive(score, coefficients[n:])
            if objective[0] == LLPAUC:
                square_positive(score, factor, count, idx, w, losses, coefficients[n:])
        else:
            n_negatives = V.shape[0] - (indptr[u + 1] - indptr[u] if exclude else 0)
            loss += set_entries(count, idx, w, objective, n_negatives, ids, margins, items[n:], coefficients[n:])
        rows[n : n + count + 1] = start
        rows_sum(coefficients[n:], V, items[n:], count + 1, pair_gradient, 0)
        for k in range(columns):
            gradient[k] += pair_gradient[0, k]
        n += count + 1
        if p + 1 == last or users[p + 1] != u:
            step_row(
                u, gradient, columns, scale, flat_U, flat_mU, flat_vU, rule, constants, step_sizes[batch],
                root_corrections[batch], constant,
            )  # fmt: skip
            done[u] = batch + 1
    if exclude:
        _mark(mask, _NOBODY, marked, indptr, indices)
    return n, loss
