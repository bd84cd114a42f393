"""Compiled loops around the selection kernels: many pools, many draws, rank distributions by Monte Carlo."""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel
from ...core.random import stream2, uniform
from .pools import draw_pool
from .proposals import UNIFORM, correct, draw_proposed

__all__ = ["draw_many", "pools_by_rank", "weigh_rows"]


@kernel()
def weigh_rows(weigh, params, losses, out):
    """Weights of each row of ``losses`` (pools, n) by a sampler's kernel, into ``out``, which must be zero."""
    n = losses.shape[1]
    idx = np.empty(n, np.int64)
    w = np.empty(n, np.float64)
    for p in range(losses.shape[0]):
        count = weigh(losses[p], params, idx, w)
        for k in range(count):
            out[p, idx[k]] += w[k]


@kernel()
def draw_many(p, seed, out):
    """Independent draws from the probabilities ``p`` into ``out``, by inverse CDF."""
    edges = np.cumsum(p)
    key = stream2(seed, 0, 0)
    for i in range(out.size):
        # side="right" passes over entries of zero probability
        out[i] = min(np.searchsorted(edges, uniform(key, i) * edges[-1], side="right"), p.size - 1)


@kernel(parallel=True)
def pools_by_rank(weigh, params, by_rank, proposal, corrected, pool_size, replace, n_pools, seed, first, second):
    """Weight that falls on each rank, summed over pools: sums into ``first``, sums of squares into ``second``.

    ``by_rank`` (n,) holds the losses of all negatives, hardest first; a ``proposal`` numbers them so. ``first`` and
    ``second`` (blocks, n) must be zero; the caller adds the blocks up in order, so that the sums do not depend on the
    number of threads.
    """
    n = by_rank.size
    blocks = first.shape[0]
    for b in numba.prange(blocks):
        mask = np.zeros((n + 63) // 64, np.uint64)
        ids = np.empty(pool_size, np.int32)
        q = np.ones(pool_size, np.float64)
        losses = np.empty(pool_size, np.float64)
        idx = np.empty(pool_size, np.int64)
        w = np.empty(pool_size, np.float64)
        pool_w = np.zeros(n, np.float64)
        for pool in range(b * n_pools // blocks, (b + 1) * n_pools // blocks):
            if proposal[0] == UNIFORM:
                size = draw_pool(stream2(seed, 1, pool), n, 0, pool_size, replace, mask, ids)
            else:
                size = draw_proposed(
                    stream2(seed, 1, pool), proposal, 0, by_rank, n, 0, pool_size, replace, mask, ids, q
                )
            for j in range(size):
                losses[j] = by_rank[ids[j]]
            count = weigh(losses[:size], params, idx, w)
            if corrected:
                correct(count, idx, w, q)
            for k in range(count):  # a rank can stand in the pool more than once
                pool_w[ids[idx[k]]] += w[k]
            for k in range(count):
                r = ids[idx[k]]
                first[b, r] += pool_w[r]
                second[b, r] += pool_w[r] * pool_w[r]
                pool_w[r] = 0.0
