"""Drawing a pool: N uniform candidates, with or without replacement, avoiding a set of excluded items.

The excluded set is a bit mask, one bit an item: for catalogues of up to some 250,000 items it stays in the L1 cache.
"""

from __future__ import annotations

import numpy as np

from ...core.jit import kernel
from ...core.random import bounded, mix, permute, uniform

__all__ = ["clear_bit", "draw_pool", "has_bit", "mask_words", "set_bit"]

_ONE = np.uint64(1)
_63 = np.uint64(63)
_SPARSE = 16  # with fewer than one admissible item in this many, list the admissible ones instead of rejecting


def mask_words(n_items: int) -> int:
    """Number of uint64 words of a mask over ``n_items``."""
    return (n_items + 63) // 64


@kernel(inline=True, inner=True)
def has_bit(mask, i):
    return (mask[i >> 6] >> (np.uint64(i) & _63)) & _ONE != 0


@kernel(inline=True)
def set_bit(mask, i):
    mask[i >> 6] |= _ONE << (np.uint64(i) & _63)


@kernel(inline=True, inner=True)
def clear_bit(mask, i):
    mask[i >> 6] &= ~(_ONE << (np.uint64(i) & _63))


@kernel(inline=True, inner=True)
def draw_pool(key, n_items, n_excluded, size, replace, mask, ids):
    """Write a uniform pool into ``ids`` and return its length.

    ``mask`` marks the ``n_excluded`` items that must not be drawn; it is left as it was found. Without replacement
    the pool is cut to the number of admissible items. The order of the pool is exchangeable. Returns 0 if nothing is
    admissible.
    """
    left = n_items - n_excluded
    if left <= 0:
        return 0
    if replace:
        if n_excluded > 0 and left * _SPARSE < n_items:
            return _draw_listed(key, n_items, left, size, mask, ids)
        for j in range(size):  # no branch: vectorised
            ids[j] = bounded(key, j, n_items)
        if n_excluded > 0:
            redraw = size
            for j in range(size):
                i = ids[j]
                while has_bit(mask, i):
                    i = bounded(key, redraw, n_items)
                    redraw += 1
                ids[j] = i
        return size
    if 2 * size > left:
        return _draw_dense(key, n_items, left, min(size, left), mask, ids)
    for j in range(size):
        ids[j] = bounded(key, j, n_items)
    redraw = size
    for j in range(size):
        i = ids[j]
        while has_bit(mask, i):
            i = bounded(key, redraw, n_items)
            redraw += 1
        ids[j] = i
        set_bit(mask, i)
    for j in range(size):
        clear_bit(mask, ids[j])
    return size


@kernel(inner=True)
def _draw_listed(key, n_items, left, size, mask, ids):
    """With replacement, from a list of the admissible items."""
    admissible = np.empty(left, np.int32)
    k = 0
    for i in range(n_items):
        if not has_bit(mask, i):
            admissible[k] = i
            k += 1
    for j in range(size):
        ids[j] = admissible[bounded(key, j, left)]
    return size


@kernel(inner=True)
def _draw_dense(key, n_items, left, size, mask, ids):
    """Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S), then a shuffle to make the order exchangeable."""
    taken = 0
    for i in range(n_items):
        if has_bit(mask, i):
            continue
        if uniform(key, i) * left < size - taken:
            ids[taken] = i
            taken += 1
            if taken == size:
                break
        left -= 1
    permute(mix(key), ids[:taken])
    return taken
