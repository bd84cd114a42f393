"""Batches whose pairs share pools: a group of pairs draws one pool, and is scored while its rows are in the cache.

The law of a pair's pool is that of a pool of its own. The group draws N items from the whole catalogue, positives or
not; a pair keeps the places that hold none of its user's positives, and draws the others again from its own stream
until they hold a negative (without replacement: one that it does not hold yet). With replacement the places are
independent and uniform over the negatives, kept or drawn again. Without it those kept are a uniform sample of the
negatives in uniform order, given which places they are, and each drawn again is uniform over what is left. A user with
few negatives, for whom that takes long, draws a pool of its own. So every pair has exactly N negatives where it has so
many.

The pairs of a batch are dealt to the groups like cards, and those of one user, which are neighbours, fall into
different groups. A batch has three parts: the users' rows; the groups; the users' steps, and the items', as in
:mod:`.batch`. Where samplers weigh whole pools the items of a pool get one row of gradients from the group, the sum
over its pairs, in the place of an entry from each pair.
"""

from __future__ import annotations

import numpy as np

from ...core.jit import ZERO, kernel
from ...core.random import bounded, stream, stream2
from ...core.simd import LANES, prefetch_read, prefetch_row, row_dot, row_dots, rows_sum
from ...core.threads import barrier, next_task
from ...sampling.kernels.pools import clear_bit, draw_pool, has_bit, set_bit
from .batch import item_block
from .optimizer import SGD, catch_up_row, flatten, step_of, step_row
from .structs import Dealt, Group, Own, Weigher
from .user import (
    distribute,
    entries_from,
    local_entries,
    mark,
    pair_entries,
    pairs_of_task,
    pool_buffers,
    weigh,
)

__all__ = ["deal_groups", "draw_shared", "group_rows", "run_shared_batches"]

_USERS = 256  # pairs of a task of the users' parts
_AHEAD = 16  # pairs whose users' rows are asked for before their turn
_FEW = 16  # a user whose negatives are fewer than one item in this many draws alone
_NOBODY = ZERO - 1


def deal_groups(pairs: int, share: int) -> int:
    """Groups of a batch: as few as leave none more than ``share`` pairs; group g of G takes the pairs g, g + G, ..."""
    return -(-pairs // share)


def group_rows(share: int, width: int, size: int) -> tuple[int, int]:
    """Room of a group: entries, and sums over its pairs, which whole pools have (a quarter of them, or more)."""
    sums = size if 4 * width > size else 0
    return share * (width + 1) + sums, sums


@kernel(inner=True)
def _scratch(share, work):
    """A thread's scratch for the groups."""
    size, V = work.pool.size, work.tables.V
    whole = 4 * work.pool.width > size
    return Group(
        np.zeros(size + _AHEAD, np.int32), np.zeros((size + LANES, V.shape[1]), V.dtype),
        np.arange(size + LANES).astype(np.int32),
        np.zeros((share if whole else 0, size + LANES), V.dtype), np.zeros(share, V.dtype), np.zeros(share, np.int32),
        np.zeros(work.scratch.masks.shape[1], np.uint64), np.zeros(size, np.int64),
    )  # fmt: skip


@kernel(inline=True, inner=True)
def _margins(rows, p, group, size, score, out):
    """``out[j] = rows[p] @ group.rows[j] - score``; there is room for a block beyond ``size``."""
    for j in range(0, size, LANES):
        row_dots(rows, p, group.rows, group.numbers, j, out)
    for j in range(size):
        out[j] -= score


@kernel(counted=False, inner=True)
def _holds(items, first, last, item):
    """Whether ``item`` is among the rising ``items[first:last]``."""
    while first < last:
        middle = (first + last) >> 1
        if items[middle] < item:
            first = middle + 1
        elif items[middle] > item:
            last = middle
        else:
            return True
    return False


@kernel(counted=False, inner=True)
def _among(ids, size, item):
    """Whether ``item`` is one of the first ``size`` of ``ids``."""
    for j in range(size):
        if ids[j] == item:
            return True
    return False


@kernel(counted=False, inner=True)
def draw_shared(key, group, data, u, n_items, flags, size, mask, ids):
    """Make ``ids``, a copy of the group's pool, the pool of a pair of user ``u``, from the pair's stream ``key``.

    Returns its length, and the number of places that differ, which are then in ``places``; -1: all may.
    """
    first, last = data.indptr[u], data.indptr[u + 1]
    left = n_items - (last - first)
    if not flags.exclude:
        return size, 0
    if left * _FEW < n_items or (not flags.replace and 2 * size > left):
        mark(mask, u, _NOBODY, data.indptr, data.indices)
        size = draw_pool(key, n_items, last - first, size, flags.replace, mask, ids)
        mark(mask, _NOBODY, u, data.indptr, data.indices)
        return size, _NOBODY
    count = ZERO
    for e in range(first, last):
        if has_bit(group.held, data.indices[e]):
            for j in range(size):
                if ids[j] == data.indices[e]:
                    group.places[count] = j
                    count += 1
    draw = ZERO
    for k in range(count):
        item = bounded(key, draw, n_items)
        draw += 1
        while _holds(data.indices, first, last, item) or (not flags.replace and _among(ids, size, item)):
            item = bounded(key, draw, n_items)
            draw += 1
        ids[group.places[k]] = item
    return size, count


@kernel(counted=False, inner=True)
def _pool(key, group, work):
    """Draw a group's pool from the whole catalogue, and put its rows side by side; returns its size."""
    V, ids, rows = work.tables.V, group.ids, group.rows
    size = draw_pool(key, V.shape[0], 0, work.pool.size, work.flags.replace, group.held, ids)
    for j in range(min(_AHEAD, size)):
        prefetch_row(V, ids[j])
    for j in range(size):
        prefetch_row(V, ids[j + _AHEAD])  # beyond the end: of an earlier pool, or 0
        for k in range(np.uint64(V.shape[1])):
            rows[j, k] = V[ids[j], k]
    for j in range(size):
        set_bit(group.held, ids[j])
    return size


@kernel(counted=False, inner=True)
def _pair(t, size, loss, gradients, batch, work, own, group, shared, local):
    """Pair ``t`` of a group whose pool has this size: its gradient of the user, and its entries, in ``local``.

    Returns their number, and ``loss`` with the pair's.
    """
    V, old, buffers, p = work.tables.V, shared.old, own.buffers, np.int64(group.pairs[t])
    slot = p % buffers.sizes.size
    ids, margins = buffers.pools[slot], buffers.margins
    for j in range(size):
        ids[j] = group.ids[j]
    key, u = stream(work.key, batch.pairs[p]), batch.users[p]
    buffers.sizes[slot], changed = draw_shared(key, group, work.data, u, V.shape[0], work.flags, size, own.mask, ids)
    score = row_dot(old, p, V, batch.items[p])
    _margins(old, p, group, size, score, margins)
    for k in range(buffers.sizes[slot] if changed < 0 else changed):
        j = k if changed < 0 else group.places[k]
        margins[j] = row_dot(old, p, V, ids[j]) - score
    count = weigh(p, score, work, own)
    loss = pair_entries(p, p, count, score, loss, old, batch, work, own, local)
    rows_sum(local.coefficients, V, local.items, count + 1, gradients, p)
    if group.coefficients.shape[0] == 0 or changed < 0:
        return count + 1, loss
    mine = group.coefficients[t]
    for k in range(np.uint64(count)):
        mine[np.uint64(buffers.idx[k])] = local.coefficients[k + np.uint64(1)]
    n = ZERO + 1
    for k in range(changed):  # what is the pair's alone
        j = group.places[k]
        if mine[j] != 0:
            local.items[n], local.coefficients[n] = ids[j], mine[j]
            mine[j] = 0
            n += 1
    return n, loss


@kernel(counted=False, inner=True)
def _sum_pool(size, pairs, row, sparse, group, shared, local):
    """The sums over a group's pairs, in the rows of ``shared.old`` from ``row`` on, as an entry for each place."""
    n, column = ZERO, group.column
    for j in range(size):
        for t in range(np.uint64(pairs)):
            column[t] = group.coefficients[t, j]
        if not sparse or column[:pairs].any():  # else no pair touches the item
            rows_sum(column, shared.old, group.pairs, pairs, shared.old, row + j)
            local.items[n], local.coefficients[n], local.rows[n] = group.ids[j], 1, row + j
            n += 1
    return n


@kernel(counted=False, inner=True)
def _group(g, count, groups, batch, work, own, group, shared, local, step):
    """Group ``g`` of ``count``: losses, gradients by pair, and entries; returns their number and the losses' sum."""
    n, loss, pairs, whole = ZERO, 0.0, ZERO, group.coefficients.shape[0] > 0
    size = _pool(stream2(work.key, step, g), group, work)
    group.coefficients[:] = 0
    for p in range(g, batch.pairs.size, count):
        group.pairs[pairs] = p
        pairs += 1
    for t in range(pairs):
        if t + 4 < pairs:
            prefetch_row(work.tables.V, batch.items[group.pairs[t + 4]])
            prefetch_read(work.data.indices, work.data.indptr[batch.users[group.pairs[t + 4]]])
        more, loss = _pair(t, size, loss, groups.gradients, batch, work, own, group, shared, entries_from(local, n))
        n += more
    if whole:
        row = groups.gradients.shape[0] + g * work.pool.size
        n += _sum_pool(size, pairs, row, work.flags.sparse, group, shared, entries_from(local, n))
    for j in range(size):
        clear_bit(group.held, group.ids[j])
    return n, loss


@kernel(counted=False, inner=True)
def _copy_users(first, last, batch, work, own, shared, step):
    """The users' rows before this step, for each of the pairs first..last-1."""
    tables, old, optimizer = work.tables, shared.old, work.optimizer
    for p in range(first, last):
        u = np.int64(batch.users[p])
        if p + _AHEAD < last:
            _ask(batch.users[p + _AHEAD], tables, optimizer)
        if not work.flags.sparse:
            catch_up_row(u, step, tables.done, own.buffers.nothing, own.flat, optimizer)
        for k in range(own.flat.width):
            old[p, k] = tables.U[u, k]


@kernel(counted=False, inner=True)
def _ask(u, tables, optimizer):
    """Ask for the rows of a user."""
    prefetch_row(tables.U, u)
    if optimizer.rule != SGD:
        prefetch_row(tables.mU, u)
        prefetch_row(tables.vU, u)


@kernel(counted=False, inner=True)
def _step_users(first, last, batch, work, own, groups, step):
    """The steps of the users of the pairs first..last-1, whose gradients are summed in pair order."""
    tables, gradient, width = work.tables, own.buffers.gradient, own.flat.width
    for p in range(first, last):
        u = np.int64(batch.users[p])
        if p + _AHEAD < last:
            _ask(batch.users[p + _AHEAD], tables, work.optimizer)
        if p == first or u != batch.users[p - 1]:
            gradient[:] = 0
        for k in range(width):
            gradient[k] += groups.gradients[p, k]
        if p + 1 == last or batch.users[p + 1] != u:
            step_row(u, gradient, own.flat, step_of(work.optimizer, step), work.optimizer.constant)
            tables.done[u] = step + 1


@kernel()
def run_shared_batches(me, threads, shared, groups, first, last, batch_size, dealt, work, losses):
    """As :func:`~sim.bpr.kernels.batch.run_batches`, in groups of pairs that share a pool.

    ``shared.old`` goes on, beyond the batch, with a row for each place of each group's pool, where these are summed
    up. Of ``shared.counters`` a batch has five: tasks of the users' rows, groups, tasks of the users' steps, blocks,
    arrivals.
    """
    blocks = shared.offsets.shape[1] - 1
    w = work.weigher
    weigher = Weigher(w.params.copy(), w.kernel, w.rank_based, w.by_score, w.corrected, w.sees_positive)
    buffers = pool_buffers(shared.old, work.pool, work.proposal, w.corrected)
    own = Own(weigher, flatten(work.tables.U, work.tables.mU, work.tables.vU), buffers, work.scratch.masks[me])
    group = _scratch(groups.share, work)
    sums = work.pool.size if group.coefficients.shape[0] > 0 else 0
    room = groups.share * (work.pool.width + 1) + sums
    local = local_entries(room + work.pool.width, shared.old)
    if not barrier(shared.counters, shared.counters.size - 2, threads):  # want of memory shows before this
        return
    for b in range(first, last):
        begin, end = b * batch_size, min((b + 1) * batch_size, dealt.pairs.size)
        batch = Dealt(dealt.pairs[begin:end], dealt.users[begin:end], dealt.items[begin:end])
        tasks, count = (end - begin + _USERS - 1) // _USERS, (end - begin + groups.share - 1) // groups.share
        counter = 5 * (b - first)
        task = next_task(shared.counters, counter)
        while task < tasks:
            start, stop = pairs_of_task(batch.users, task * _USERS), pairs_of_task(batch.users, (task + 1) * _USERS)
            _copy_users(start, stop, batch, work, own, shared, b)
            task = next_task(shared.counters, counter)
        if not barrier(shared.counters, counter + 4, threads):
            return
        g = next_task(shared.counters, counter + 1)
        while g < count:
            n, shared.task_losses[g] = _group(g, count, groups, batch, work, own, group, shared, local, b)
            distribute(n, work.shift, local, g * room, shared.entries, shared.offsets[g])
            g = next_task(shared.counters, counter + 1)
        if not barrier(shared.counters, counter + 4, threads):
            return
        if me == 0:
            losses[b] = shared.task_losses[:count].sum()
        task = next_task(shared.counters, counter + 2)
        while task < tasks:
            start, stop = pairs_of_task(batch.users, task * _USERS), pairs_of_task(batch.users, (task + 1) * _USERS)
            _step_users(start, stop, batch, work, own, groups, b)
            task = next_task(shared.counters, counter + 2)
        block = next_task(shared.counters, counter + 3)
        while block < blocks:
            item_block(block, count, shared, work, me, b)
            block = next_task(shared.counters, counter + 3)
        if not barrier(shared.counters, counter + 4, threads):
            return
