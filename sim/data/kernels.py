"""Kernels of the splits: arrays in, arrays out."""

from __future__ import annotations

import numpy as np

from ..core.jit import kernel
from ..core.random import permute, stream2


@kernel()
def split_rows(counts, n_test, n_valid, seed):
    """Random parts of the pairs of each user, in CSR order: 0 train, 1 validation, 2 test.

    User ``u`` has ``counts[u]`` pairs, of which ``n_test[u]`` become test and ``n_valid[u]`` validation. A user's draw
    depends on the seed and on ``u`` only.
    """
    part = np.zeros(counts.sum(), np.uint8)
    start = 0
    for u in range(counts.size):
        n = counts[u]
        order = np.arange(n)
        permute(stream2(seed, 0x5EED, u), order)
        for j in range(n_test[u]):
            part[start + order[j]] = 2
        for j in range(n_test[u], n_test[u] + n_valid[u]):
            part[start + order[j]] = 1
        start += n
    return part
