"""Kernels of the evaluation: metrics from the ranks of positives."""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.jit import kernel

__all__ = ["opauc_from_ranks", "topk_from_ranks"]


@kernel(parallel=True)
def topk_from_ranks(indptr, ranks, users, ks, out):
    """Recall, precision, NDCG, AP, MRR and hit at each k into ``out`` (users, ks, 6)."""
    for b in numba.prange(users.size):
        start, stop = indptr[users[b]], indptr[users[b] + 1]
        n_pos = stop - start
        for i in range(ks.size):
            k = ks[i]
            hits = 0
            dcg = 0.0
            ap = 0.0
            for e in range(start, stop):
                r = ranks[e]
                if r > k:
                    break
                hits += 1
                dcg += 1.0 / math.log2(r + 1.0)
                ap += hits / r
            best = min(n_pos, k)
            ideal = 0.0
            for r in range(1, best + 1):
                ideal += 1.0 / math.log2(r + 1.0)
            out[b, i, 0] = hits / n_pos
            out[b, i, 1] = hits / k
            out[b, i, 2] = dcg / ideal
            out[b, i, 3] = ap / best
            out[b, i, 4] = 1.0 / ranks[start] if hits > 0 else 0.0
            out[b, i, 5] = 1.0 if hits > 0 else 0.0


@kernel(parallel=True)
def opauc_from_ranks(indptr, ranks, n_candidates, users, betas, out):
    """Raw OPAUC(beta), eq. (8), by interpolation of the ROC where beta * n_neg is not an integer, into ``out``."""
    for b in numba.prange(users.size):
        u = users[b]
        start, stop = indptr[u], indptr[u + 1]
        n_pos = stop - start
        n_neg = n_candidates[u] - n_pos
        for i in range(betas.size):
            if n_neg == 0:
                out[b, i] = np.nan
                continue
            limit = betas[i] * n_neg
            area = 0.0
            for e in range(start, stop):
                negatives_above = ranks[e] - (e - start) - 1
                area += max(0.0, limit - negatives_above)
            out[b, i] = area / (n_pos * n_neg)
