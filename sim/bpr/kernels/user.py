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
from .optimizer import SGD, catch_up_row, step_of, step_row
from .structs import Buffers, Local

__all__ = [
    "distribute", "entries_from", "local_entries", "mark", "pair_entries", "pairs_of_task", "pool_buffers",
    "user_task", "weigh",
]  # fmt: skip

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
def _entries(count, size, factor, ids, buffers, items, coefficients):
    """The kept negatives of a pool and their coefficients, after the positive's in front; returns the pair's loss."""
    idx, w, slopes, losses, scratch = buffers.idx, buffers.w, buffers.slopes, buffers.losses, buffers.margins
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
def mark(mask, user, marked, indptr, indices):
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
    items, coefficients, rows = local.items, local.coefficients, local.rows
    # unsigned indices below: numba then leaves out the test for negative ones
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
    real, columns = old.dtype, old.shape[1]
    # pools drawn ahead, so that their rows are on the way; not from proposals that look at the user's row
    ring = 1 if proposal.kind == FACTORS else 1 + max(1, _AHEAD // pool.size)
    room = pool.size + _APART
    return Buffers(
        np.zeros((ring, pool.size + _AHEAD + LANES), np.int32),  # read beyond the end
        np.zeros(ring + _APART, np.int64)[:ring],
        np.ones((ring, pool.size if corrected else 0), np.float64),
        np.empty(room, real), np.empty(room, real), np.empty(room, real),
        np.empty(room, np.int64), np.empty(room, real),
        np.zeros(columns + _APART, real), np.empty((3, columns), real), np.zeros(columns, real),
    )  # fmt: skip


@kernel(inner=True)
def local_entries(room, old):
    """Room for so many entries of a task."""
    return Local(np.empty(room, np.int32), np.empty(room, old.dtype), np.empty(room, np.int32))


@kernel(counted=False, inner=True)
def _draw(p, new_user, look, batch, work, own, step, marked):
    """Draw the pool of pair ``p``, and ask for the rows that it needs; whose positives are in the mask then.

    ``look`` is the pair whose user's positives are asked for, if it is one.
    """
    data, tables, buffers, flags = work.data, work.tables, own.buffers, work.flags
    pair, u, V = batch.pairs[p], np.int64(batch.users[p]), tables.V
    excluded = 0
    if new_user:
        prefetch_row(tables.U, u)
        if work.optimizer.rule != SGD:
            prefetch_row(tables.mU, u)
            prefetch_row(tables.vU, u)
    prefetch_row(V, batch.items[p])
    if flags.exclude:
        if look >= 0:
            prefetch_read(data.indices, data.indptr[batch.users[look]])
        excluded = data.indptr[u + 1] - data.indptr[u]
        if marked != u:
            mark(own.mask, u, marked, data.indptr, data.indices)
            marked = u
    slot = p % buffers.sizes.size
    ids, key = buffers.pools[slot], stream(work.key, pair)
    if work.proposal.kind == UNIFORM:
        size = draw_pool(key, V.shape[0], excluded, work.pool.size, flags.replace, own.mask, ids)
    else:
        if work.proposal.kind == FACTORS and not flags.sparse:
            catch_up_row(u, step, tables.done, buffers.nothing, own.flat, work.optimizer)
        size = draw_proposed(
            key, work.proposal, u, tables.U[u], V.shape[0], excluded, work.pool.size, flags.replace, own.mask, ids,
            buffers.q[slot],
        )  # fmt: skip
    buffers.sizes[slot] = size
    for j in range(min(_AHEAD, size)):
        prefetch_row(V, ids[j])
    return marked


@kernel(counted=False, inner=True)
def weigh(p, score, work, own):
    """Losses, slopes and weights of the pool of pair ``p``, from its margins; how many entries got a weight."""
    objective, weigher, buffers, width = work.objective, own.weigher, own.buffers, work.pool.width
    margins, losses, slopes, idx, w = buffers.margins, buffers.losses, buffers.slopes, buffers.idx, buffers.w
    slot = p % buffers.sizes.size
    size = buffers.sizes[slot]
    by_margin = weigher.rank_based or weigher.by_score
    everywhere = not by_margin or 4 * width > work.pool.size  # losses of the whole pool, or only of the kept entries
    if everywhere:
        if objective.loss == BPR or objective.loss >= INFONCE:  # samplers then see BPR's losses
            _losses(margins, size, slopes, losses)
        else:
            for j in range(size):
                slopes[j], losses[j] = pair_loss(objective, margins[j], score)
    count = 0
    if size > 0:
        if weigher.sees_positive:
            weigher.params[-1] = score
        seen = margins if by_margin else losses
        count = min(weigher.kernel(seen[:size], weigher.params, idx, w), width)
        if weigher.corrected:
            correct(count, idx, w, buffers.q[slot])
    if not everywhere:
        for k in range(count):
            slopes[idx[k]], losses[idx[k]] = pair_loss(objective, margins[idx[k]], score)
    return count


@kernel(counted=False, inner=True)
def pair_entries(p, row, count, score, loss, old, batch, work, own, local):
    """Entries of pair ``p``, the positive's first, for the user's row ``old[row]``; returns ``loss`` and its own."""
    data, V, objective, buffers, flags = work.data, work.tables.V, work.objective, own.buffers, work.flags
    slot, items, coefficients = p % buffers.sizes.size, local.items, local.coefficients
    ids = buffers.pools[slot]
    first, last = data.indptr[batch.users[p]], data.indptr[batch.users[p] + 1]
    items[0] = batch.items[p]
    local.rows[: count + 1] = row
    if objective.loss >= INFONCE:
        n_negatives = V.shape[0] - (last - first if flags.exclude else 0)
        return loss + set_entries(count, objective, n_negatives, ids, buffers, items, coefficients)
    real = V.dtype.type
    factor = real(count) if flags.summed and own.weigher.rank_based else real(1)
    if objective.loss == LLPAUC:
        factor *= real(place_factor(old, row, V, data.indices[first:last], score, objective.share))
    loss += _entries(count, buffers.sizes[slot], factor, ids, buffers, items, coefficients)
    if objective.loss == BCE and count > 0:
        loss += add_positive(score, coefficients)
    if objective.loss == LLPAUC:
        square_positive(score, factor, count, buffers.idx, buffers.w, buffers.losses, coefficients)
    return loss


@kernel(counted=False, inner=True)
def entries_from(local, n):
    """The room for entries from ``n`` on."""
    return Local(local.items[n:], local.coefficients[n:], local.rows[n:])


@kernel(counted=False, inner=True)
def _pair(p, start, n, loss, old, batch, work, own, local):
    """Score and weigh the pool of pair ``p``, leave its entries from ``n`` on; returns ``n`` and ``loss`` with them."""
    V, buffers = work.tables.V, own.buffers
    slot = p % buffers.sizes.size
    score = row_dot(old, start, V, batch.items[p])
    _margins(old, start, V, buffers.pools[slot], buffers.sizes[slot], score, buffers.margins)
    count = weigh(p, score, work, own)
    entries = entries_from(local, n)
    loss = pair_entries(p, start, count, score, loss, old, batch, work, own, entries)
    rows_sum(entries.coefficients, V, entries.items, count + 1, buffers.pair_gradient, 0)
    for k in range(V.shape[1]):
        buffers.gradient[k] += buffers.pair_gradient[0, k]
    return n + count + 1, loss


@kernel(counted=False, inner=True)
def user_task(first, last, batch, work, own, old, local, step):
    """Train on the pairs first..last-1 of a batch, whose users are no other task's.

    For the items' side it leaves the users' rows as they were (``old``), and in ``local`` what is to be added to which
    item: coefficient times a row of ``old``; see :func:`distribute`. Returns the number of entries and the sum of the
    pairs' losses.
    """
    tables, optimizer, buffers, users = work.tables, work.optimizer, own.buffers, batch.users
    ring, loss, n, marked, start = buffers.sizes.size, 0.0, ZERO, _NOBODY, first
    for ahead in range(first, last + ring - 1):
        if ahead < last:
            new_user = ahead == first or users[ahead] != users[ahead - 1]
            look = ahead + _AHEAD if ahead + _AHEAD < last else -1
            marked = _draw(ahead, new_user, look, batch, work, own, step, marked)
        p = ahead - ring + 1
        if p < first:
            continue
        u = np.int64(users[p])
        if p == first or u != users[p - 1]:  # a new user
            start = p
            if not work.flags.sparse:
                catch_up_row(u, step, tables.done, buffers.nothing, own.flat, optimizer)
            for k in range(own.flat.width):
                old[p, k] = tables.U[u, k]
                buffers.gradient[k] = 0
        n, loss = _pair(p, start, n, loss, old, batch, work, own, local)
        if p + 1 == last or users[p + 1] != u:
            step_row(u, buffers.gradient, own.flat, step_of(optimizer, step), optimizer.constant)
            tables.done[u] = step + 1
    if work.flags.exclude:
        mark(own.mask, _NOBODY, marked, work.data.indptr, work.data.indices)
    return n, loss
