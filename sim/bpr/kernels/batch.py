"""Kernels of the trainer: start values, shuffled batches, and the two sides of a batch. Arrays in, arrays changed.

A batch has two sides. The users' (see :mod:`sim.bpr.kernels.user`) draws, scores and weighs the pools against the
items' table as it stood before the batch, takes the users' steps, and leaves a list of (item, coefficient, user row)
for the items' side, which sums the gradients of a block of items in the cache and takes their steps at once. All
threads run :func:`run_batches`, take tasks from counters, and wait for each other between the sides.

Determinism. Every pair has its own random stream; the pairs of a user, and the entries of an item, are summed in pair
order by one thread. So the bits do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from ...core.jit import kernel
from ...core.random import bounded, normal, stream
from ...core.simd import prefetch_row, prefetch_write, row_axpy
from ...core.threads import barrier, next_task
from .optimizer import flatten, step_block, step_of
from .structs import Dealt, Own, Weigher
from .user import distribute, local_entries, pairs_of_task, pool_buffers, user_task

__all__ = [
    "POOLS", "REFRESH", "SHUFFLE", "START", "block_shift", "deal_batches", "fill_normal", "item_block",
    "random_batches", "run_batches", "task_pairs",
]  # fmt: skip

START, SHUFFLE, POOLS, REFRESH = 0, 1, 2, 3
"""Names of the random streams: start values of a table; order, pools, and refreshment of the sampler, of an epoch."""

_TASK_PAIRS, _TASK_ENTRIES, _TASKS = 64, 384, 16  # see task_pairs
_BLOCK_BYTES = 2**18  # gradients of one block of items
_MIN_BLOCKS = 16
_AHEAD = 16  # swaps of a shuffle


def block_shift(n_items: int, row_bytes: int, batch_size: int) -> int:
    """The items' blocks are ``2**shift`` rows: their gradients fit the L2 cache, and there are enough to share.

    A row of a batch and one of a block must fit into 32 bits together.
    """
    most = min(_BLOCK_BYTES // row_bytes, n_items // _MIN_BLOCKS, 2**32 // batch_size)
    return max(most, 1).bit_length() - 1


@kernel(inner=True)
def task_pairs(batch_size, entries_a_pair):
    """Pairs of a task of the users' side: at least 64; more where they leave few entries for each block of items.

    But a batch is then at least 16 tasks.
    """
    return max(_TASK_PAIRS, min(_TASK_ENTRIES // entries_a_pair, batch_size // _TASKS))


@kernel()
def fill_normal(key, scale, width, out):
    """Start values: ``out[row, :width]`` normal with standard deviation ``scale``, the padding columns zero."""
    for row in range(out.shape[0]):
        own = stream(key, row)
        for k in range(out.shape[1]):
            out[row, k] = scale * normal(own, k) if k < width else 0.0


@kernel()
def random_batches(key, batch_size, batch):
    """``batch[k]`` becomes the batch of the k-th of the pairs (or users): all batches full but the last.

    The shuffle is :func:`sim.core.random.permute`'s; it draws positions ahead of their turn and asks for their lines.
    """
    for k in range(batch.size):
        batch[k] = k // batch_size
    top, drawn = batch.size - 1, np.empty(_AHEAD, np.int64)
    for i in range(top + _AHEAD, 0, -1):
        slot, ahead = i % _AHEAD, i - _AHEAD
        if i <= top:
            j = drawn[slot]
            batch[i], batch[j] = batch[j], batch[i]
        if ahead > 0:
            drawn[slot] = bounded(key, ahead, ahead + 1)
            prefetch_write(batch, drawn[slot])


@kernel()
def deal_batches(key, batch_size, batch, pairs, pair_user, indices, dealt):
    """Put every pair into a random batch; ``dealt`` lists pairs, users and items, batch by batch, pairs rising in each.

    Pairs of one user are then neighbours, sums over a batch have a canonical order, and the batches are read from
    front to back. ``batch`` is scratch.
    """
    order, users, items = dealt
    random_batches(key, batch_size, batch)
    place = np.arange(0, order.size, batch_size)
    for k in range(pairs.size):
        b = batch[k]
        pair, at = pairs[k], place[b]
        order[at], users[at], items[at] = pair, pair_user[pair], indices[pair]
        place[b] = at + 1


@kernel(counted=False, inner=True)
def item_block(block, tasks, shared, work, me, step):
    """The items' side of a batch for one block of rows: the sum of the gradients in pair order, then the step."""
    old, entries, offsets, shift, sparse = shared.old, shared.entries, shared.offsets, work.shift, work.flags.sparse
    G, hit = work.scratch.gradients[me], work.scratch.touched[me]
    V, mV, vV = work.tables.V, work.tables.mV, work.tables.vV
    coefficients = entries.view(old.dtype)  # see distribute
    within = (np.uint32(1) << shift) - np.uint32(1)
    a = block << shift
    b = min((block + 1) << shift, V.shape[0])
    one, two = np.uint64(1), np.uint64(2)
    for task in range(tasks):
        e, end = np.uint64(offsets[task, block]), np.uint64(offsets[task, block + 1])
        if sparse:  # a loop of its own: the flags would cost the other as much as the sums do
            while e < end:
                place = entries[two * e]
                i = place & within
                if hit[i] == 0:
                    prefetch_row(V, a + i)
                    hit[i] = 1
                row_axpy(coefficients[two * e + one], old, place >> shift, G, i)
                e += one
        while e < end:
            place = entries[two * e]
            row_axpy(coefficients[two * e + one], old, place >> shift, G, place & within)
            e += one
    step_block(V[a:b], mV[a:b], vV[a:b], G[: b - a], hit[: b - a], sparse, step_of(work.optimizer, step))


@kernel()
def run_batches(me, threads, shared, first, last, batch_size, dealt, work, losses):
    """Train on the batches first..last-1 of an epoch, as thread ``me`` of those that run this at the same time.

    Parameters
    ----------
    me, threads : int
    shared : Shared
        What the users' side leaves for the items'.
    first, last, batch_size : int
    dealt : Dealt
        Batch by batch, see :func:`deal_batches`.
    work : Work
        All else, see :mod:`.structs`.
    losses : (n_batches,)
        Takes the sum of the pairs' losses of each batch.
    """
    blocks, entries_a_pair = shared.offsets.shape[1] - 1, work.pool.width + 1
    w = work.weigher
    weigher = Weigher(w.params.copy(), w.kernel, w.rank_based, w.by_score, w.corrected, w.sees_positive)
    buffers = pool_buffers(shared.old, work.pool, work.proposal, w.corrected)
    own = Own(weigher, flatten(work.tables.U, work.tables.mU, work.tables.vU), buffers, work.scratch.masks[me])
    size = task_pairs(batch_size, entries_a_pair)
    local = local_entries(2 * size * entries_a_pair, shared.old)
    if not barrier(shared.counters, shared.counters.size - 2, threads):  # want of memory shows before this
        return
    for b in range(first, last):
        begin, end = b * batch_size, min((b + 1) * batch_size, dealt.pairs.size)
        batch = Dealt(dealt.pairs[begin:end], dealt.users[begin:end], dealt.items[begin:end])
        tasks = (end - begin + size - 1) // size
        counter = 3 * (b - first)
        task = next_task(shared.counters, counter)
        while task < tasks:
            start, stop = pairs_of_task(batch.users, task * size), pairs_of_task(batch.users, (task + 1) * size)
            if (stop - start) * entries_a_pair > local.items.size:
                local = local_entries((stop - start) * entries_a_pair, shared.old)
            n, shared.task_losses[task] = user_task(start, stop, batch, work, own, shared.old, local, b)
            distribute(n, work.shift, local, start * entries_a_pair, shared.entries, shared.offsets[task])
            task = next_task(shared.counters, counter)
        if not barrier(shared.counters, counter + 2, threads):
            return
        if me == 0:
            losses[b] = shared.task_losses[:tasks].sum()
        block = next_task(shared.counters, counter + 1)
        while block < blocks:
            item_block(block, tasks, shared, work, me, b)
            block = next_task(shared.counters, counter + 1)
        if not barrier(shared.counters, counter + 2, threads):
            return
