"""Drawing a pool from a proposal that is not uniform over the items.

A :class:`Proposal` is one of

========  ===========================================================================================================
ITEMS     ``weights`` (n_items,), not normalised, by their alias table, packed in ``slots``: the upper half of an entry
          is the probability of the slot's own item in units of 2**-32, the lower half is its alias
CACHE     uniformly from the user's row of ``table`` (n_users, C), which never holds an excluded item; where the cache
          was drawn by weights, ``numbers`` (n_users, C) holds those of its entries
FACTORS   a factor f by |row_f| * ``numbers[0, f]``, then a rank by the geometric law of scale ``numbers[1, 0]`` in
          ``table[f]``, the items by falling entry of factor f, read backwards where row_f < 0
========  ===========================================================================================================

Excluded items are rejected, so an item's law is the proposal's given that it is admissible. After many rejections it
is drawn by going through all items instead: from the same law for ITEMS, uniformly for FACTORS.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...core.jit import kernel
from ...core.random import bounded, mix, uniform, word
from .pools import clear_bit, has_bit, set_bit

__all__ = ["CACHE", "FACTORS", "ITEMS", "UNIFORM", "Proposal", "alias_table", "correct", "draw_proposed"]

UNIFORM, ITEMS, CACHE, FACTORS = 0, 1, 2, 3


class Proposal(NamedTuple):
    """A law of items, see above; what its kind does not need is empty."""

    kind: int
    weights: Any
    slots: Any
    table: Any
    numbers: Any


_TRIES = 50  # rejections per wanted item before all items are gone through
_LOW32 = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)


@kernel()
def alias_table(weights, accept, alias):
    """Vose's alias table of ``weights``, which are not all zero: probabilities ``accept``, other outcomes ``alias``."""
    n = weights.size
    scale = n / weights.sum()
    small, large = np.empty(n, np.int32), np.empty(n, np.int32)
    n_small = n_large = 0
    heaviest = 0
    for i in range(n):
        accept[i], alias[i] = weights[i] * scale, i
        if weights[i] > weights[heaviest]:
            heaviest = i
        if accept[i] < 1.0:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small > 0 and n_large > 0:
        s, b = small[n_small - 1], large[n_large - 1]
        n_small -= 1
        alias[s] = b
        accept[b] -= 1.0 - accept[s]
        if accept[b] < 1.0:
            n_large -= 1
            small[n_small] = b
            n_small += 1
    for k in range(n_large):
        accept[large[k]] = 1.0
    for k in range(n_small):  # left over by rounding
        if weights[small[k]] > 0.0:
            accept[small[k]] = 1.0
        else:
            alias[small[k]] = heaviest


@kernel(inline=True, inner=True)
def _by_alias(key, draw, slots):
    """One item: the upper half of a word picks the slot, the lower half takes its own item or the alias."""
    bits = word(key, draw)
    i = ((bits >> _S32) * np.uint64(slots.size)) >> _S32
    slot = slots[i]
    return np.int64(i if (bits & _LOW32) < (slot >> _S32) else slot & _LOW32)


@kernel(inner=True)
def _by_factor(key, draw, row, table, numbers):
    """One item of the adaptive oversampling of Rendle and Freudenthaler (2014)."""
    d, n = table.shape
    total = 0.0
    for f in range(d):
        total += abs(row[f]) * numbers[0, f]
    left = uniform(key, 2 * draw) * total
    f = 0
    while f + 1 < d and left >= abs(row[f]) * numbers[0, f]:
        left -= abs(row[f]) * numbers[0, f]
        f += 1
    scale = numbers[1, 0]
    u = uniform(key, 2 * draw + 1)
    rank = min(np.int64(-scale * math.log1p(u * math.expm1(-n / scale))), n - 1)
    return np.int64(table[f, rank if row[f] >= 0 else n - 1 - rank])


@kernel(inner=True)
def _propose(key, draw, proposal, user, row):
    kind, _, slots, table, numbers = proposal
    if kind == ITEMS:
        return _by_alias(key, draw, slots)
    if kind == CACHE:
        return np.int64(table[user, bounded(key, draw, table.shape[1])])
    return _by_factor(key, draw, row, table, numbers)


@kernel(inner=True)
def _by_scan(u, proposal, n_items, mask):
    """The admissible item at quantile ``u``, -1 where none has a weight."""
    kind, weights = proposal[0], proposal[1]
    total = 0.0
    for i in range(n_items):
        if not has_bit(mask, i):
            total += weights[i] if kind == ITEMS else 1.0
    left = u * total
    last = -1
    for i in range(n_items):
        w = weights[i] if kind == ITEMS else 1.0
        if w > 0.0 and not has_bit(mask, i):
            last = i
            if left < w:
                break
            left -= w
    return last


@kernel()
def draw_proposed(key, proposal, user, row, n_items, n_excluded, size, replace, mask, ids, q):
    """Write a pool into ``ids``, and its items' weights under the proposal into ``q`` if that has room.

    Returns the pool's length.

    ``mask`` marks the ``n_excluded`` items that must not be drawn; it is left as it was found. Without replacement
    items are drawn one after the other, each from the proposal restricted to those left, and the pool is cut to the
    number of admissible items with a weight. Caches hold items more than once, and are always drawn from with
    replacement.
    """
    kind = proposal[0]
    left = n_items - n_excluded
    if left <= 0:
        return 0
    distinct = not replace and kind != CACHE
    if distinct:
        size = min(size, left)
    draw = size
    end = size + _TRIES * size
    drawn = 0
    if kind == ITEMS:
        for j in range(size):  # no branch
            ids[j] = _by_alias(key, j, proposal[2])
    else:
        for j in range(size):
            ids[j] = _propose(key, j, proposal, user, row)
    for j in range(size):
        i = np.int64(ids[j])
        while kind != CACHE and has_bit(mask, i):
            if draw == end:
                i = np.int64(_by_scan(uniform(mix(key), j), proposal, n_items, mask))
                break
            i = _propose(key, draw, proposal, user, row)
            draw += 1
        if i < 0:
            break
        ids[j] = i
        drawn += 1
        if distinct:
            set_bit(mask, i)
    if q.size > 0:
        for j in range(drawn):
            if kind == ITEMS:
                q[j] = proposal[1][ids[j]]
            elif kind == CACHE and proposal[4].size > 0:
                q[j] = proposal[4][user, bounded(key, j, proposal[3].shape[1])]
            else:
                q[j] = 1.0
    if distinct:
        for j in range(drawn):
            clear_bit(mask, ids[j])
    return drawn


@kernel(counted=False)
def correct(count, idx, w, q):
    """Divide the weights of the kept entries by the proposal's and make them sum to one again."""
    total = 0.0
    for k in range(count):
        total += w[k] / q[idx[k]]
    if total > 0:
        for k in range(count):
            w[k] = w[k] / (q[idx[k]] * total)
