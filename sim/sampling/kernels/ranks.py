"""Exact laws over the ranks of all negatives."""

from __future__ import annotations

import numpy as np

from ...core.jit import kernel

__all__ = ["kept_by_rank"]


@kernel()
def kept_by_rank(n, pool_size, m, out):
    """Share of the weight that DNS(m, pool_size) puts on each rank of n negatives, pools without replacement.

    A pooled item is kept where fewer than m harder ones are in the pool with it. Their number is followed rank by rank
    (Polya's urn without replacement): all terms are non-negative, so every entry has full relative precision.
    """
    law = np.zeros(m)
    law[0] = 1.0
    for rank in range(n):
        out[rank] = law.sum() * pool_size / (np.float64(n) * m)
        left = n - 1.0 - rank
        if left > 0.0:
            for h in range(m - 1, 0, -1):
                law[h] = (law[h] * max(left - (pool_size - 1 - h), 0.0) + law[h - 1] * (pool_size - h)) / left
            law[0] *= max(left - (pool_size - 1), 0.0) / left
