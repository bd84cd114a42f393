"""What samplers with a memory do between two epochs: resample caches, sort the items by factor."""

from __future__ import annotations

import math

import numba
import numpy as np

from .._jit import kernel
from .._random import bounded, stream, uniform
from .._simd import row_dot
from ._pool_kernels import clear_bit, draw_pool, set_bit
from ._proposal_kernels import UNIFORM, draw_proposed

__all__ = ["resample_caches"]

_CANDIDATES, _RESAMPLED, _KEPT = 0, 1, 2  # names of a user's streams


@kernel(parallel=True)
def resample_caches(key, U, V, indptr, indices, exclude, proposal, tau, reuse, masks, caches):
    """Fill every user's row of ``caches`` (n_users, C) by sampling importance resampling; -1 marks an empty row.

    C candidates are drawn from the proposal Q, and C of them are drawn again with replacement in proportion to
    exp(r_uj / tau) / Q(j). In a row that was filled before, an entry instead comes with probability ``reuse`` from the
    old row, uniformly. ``masks`` has a row of zeros, one bit an item, for every thread.
    """
    n_users, size = caches.shape
    n_items = V.shape[0]
    for u in numba.prange(n_users):
        mask = masks[numba.get_thread_id()]
        excluded = 0
        if exclude:
            excluded = indptr[u + 1] - indptr[u]
            for e in range(indptr[u], indptr[u + 1]):
                set_bit(mask, indices[e])
        own = stream(key, u)
        ids, q = np.empty(size, np.int32), np.ones(size)
        if proposal[0] == UNIFORM:
            count = draw_pool(stream(own, _CANDIDATES), n_items, excluded, size, True, mask, ids)
        else:
            count = draw_proposed(
                stream(own, _CANDIDATES), proposal, u, U[u], n_items, excluded, size, True, mask, ids, q
            )
        if exclude:
            for e in range(indptr[u], indptr[u + 1]):
                clear_bit(mask, indices[e])
        if count == 0:
            caches[u] = -1
            continue
        edges = np.empty(count)
        for j in range(count):
            edges[j] = row_dot(U, u, V, ids[j]) / tau - math.log(q[j])
        top = edges.max()
        total = 0.0
        for j in range(count):
            total += math.exp(edges[j] - top)
            edges[j] = total
        old = caches[u].copy()
        for c in range(size):
            if old[0] >= 0 and uniform(stream(own, _KEPT), 2 * c) < reuse:
                caches[u, c] = old[bounded(stream(own, _KEPT), 2 * c + 1, size)]
            else:
                j = np.searchsorted(edges, uniform(stream(own, _RESAMPLED), c) * total, side="right")
                caches[u, c] = ids[min(j, count - 1)]
