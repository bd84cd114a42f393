"""Simulation of samplers as estimators: one stream a pair, group sums added up in order, so threads change no bit."""

from __future__ import annotations

import math

import numba
import numpy as np

from ..core.jit import kernel
from ..core.random import stream2, uniform
from ..objectives.kernels import sigmoid, softplus
from ..rankings.models.sample_kernels import draw_score
from ..sampling.kernels.pools import draw_pool

__all__ = ["population_pools", "sample_pools"]


@kernel()
def _divergence(w, n):
    """KL(w || uniform on n), with 0 log 0 = 0."""
    total = 0.0
    for k in range(w.size):
        if w[k] > 0.0:
            total += w[k] * math.log(n * w[k])
    return total


@kernel(parallel=True)
def population_pools(
    weigh, params, pool_size, blocks, n_pairs, seed, pos_kind, pos_p, pos_pool, neg_kind, neg_p, neg_pool, share, sums
):
    """Draw a positive and ``blocks`` disjoint pools for every pair, all fresh from their laws; weigh, and add up.

    ``sums`` (groups, 7) holds, for the value and the slope, the sum over pairs of the mean over blocks, of its square,
    and of the mean over blocks of squares, then the sum of the divergence. Equal seeds and equal blocks * pool_size
    mean equal draws, whatever the sampler.
    """
    groups = sums.shape[0]
    for g in numba.prange(groups):
        losses = np.empty(pool_size)
        slopes = np.empty(pool_size)
        idx = np.empty(pool_size, np.int64)
        w = np.empty(pool_size)
        for pair in range(g * n_pairs // groups, (g + 1) * n_pairs // groups):
            positive = draw_score(pos_kind, pos_p, pos_pool, stream2(seed, pair, 0), 0)
            key = stream2(seed, pair, 1)
            coins = stream2(seed, pair, 2)
            first = np.zeros(3)
            second = np.zeros(2)
            for block in range(blocks):
                for j in range(pool_size):
                    i = block * pool_size + j
                    if share > 0.0 and uniform(coins, i) < share:
                        t = draw_score(pos_kind, pos_p, pos_pool, key, i) - positive
                    else:
                        t = draw_score(neg_kind, neg_p, neg_pool, key, i) - positive
                    losses[j] = softplus(t)
                    slopes[j] = -sigmoid(t)
                count = weigh(losses, params, idx, w)
                value = 0.0
                slope = 0.0
                for k in range(count):
                    value += w[k] * losses[idx[k]]
                    slope += w[k] * slopes[idx[k]]
                first[0] += value
                first[1] += slope
                first[2] += _divergence(w[:count], pool_size)
                second[0] += value * value
                second[1] += slope * slope
            for q in range(2):
                sums[g, q] += first[q] / blocks
                sums[g, 2 + q] += (first[q] / blocks) ** 2
                sums[g, 4 + q] += second[q] / blocks
            sums[g, 6] += first[2] / blocks


@kernel(parallel=True)
def sample_pools(weigh, params, pos, neg, pool_size, replace, n_runs, seed, sums, gradients):
    """Estimate one user's objective and its gradient ``n_runs`` times, with a pool from ``neg`` for every positive.

    ``sums`` (groups, 6) holds the sums over runs of the value, the slope, their squares, the squared length of the
    gradient and the mean divergence; ``gradients`` (groups, n_pos + n_neg) the sum of the gradients.
    """
    groups = sums.shape[0]
    n_pos = pos.size
    n_neg = neg.size
    for g in numba.prange(groups):
        mask = np.zeros((n_neg + 63) // 64, np.uint64)
        ids = np.empty(pool_size, np.int32)
        losses = np.empty(pool_size)
        idx = np.empty(pool_size, np.int64)
        w = np.empty(pool_size)
        gradient = np.zeros(n_pos + n_neg)
        for run in range(g * n_runs // groups, (g + 1) * n_runs // groups):
            gradient[:] = 0.0
            value = 0.0
            divergence = 0.0
            for i in range(n_pos):
                draw_pool(stream2(seed, run, i), n_neg, 0, pool_size, replace, mask, ids)
                for j in range(pool_size):
                    losses[j] = softplus(neg[ids[j]] - pos[i])
                count = weigh(losses, params, idx, w)
                for k in range(count):
                    item = ids[idx[k]]
                    slope = w[k] * sigmoid(neg[item] - pos[i]) / n_pos
                    gradient[i] -= slope
                    gradient[n_pos + item] += slope
                    value += w[k] * losses[idx[k]] / n_pos
                divergence += _divergence(w[:count], pool_size) / n_pos
            slope = 0.0
            for i in range(n_pos):
                slope += gradient[i]
            length = 0.0
            for i in range(n_pos + n_neg):
                length += gradient[i] * gradient[i]
                gradients[g, i] += gradient[i]
            sums[g, 0] += value
            sums[g, 1] += slope
            sums[g, 2] += value * value
            sums[g, 3] += slope * slope
            sums[g, 4] += length
            sums[g, 5] += divergence
