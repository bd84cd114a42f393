"""What samplers with a memory do between two epochs: fill every user's cache."""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.fastmath import exp, sigmoid_softplus
from ...core.jit import kernel
from ...core.random import bounded, permute, stream, uniform
from ...core.simd import LANES, row_dot, row_dots
from .pools import clear_bit, draw_pool, set_bit
from .proposals import UNIFORM, draw_proposed

__all__ = ["draw_quadratic", "play_generator", "resample_caches"]

_CANDIDATES, _RESAMPLED, _KEPT = 0, 1, 2  # names of a user's streams
_BLOCK = 64  # weights between two cumulative sums that are kept
_TILE = 128  # items whose rows stay in the L1 cache
_USERS = 4  # that share a tile


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


@kernel()
def _room(n_users, V):
    """A row of weights per user, items' numbers for whole vectors, and what :func:`_cumulate` needs."""
    n = V.shape[0]
    edges = np.empty(-(-n // (_BLOCK * LANES)) * LANES)
    ids = np.zeros(n + LANES, np.int32)  # beyond n any item will do
    for j in range(n):
        ids[j] = j
    sums = np.ones((1, _BLOCK), V.dtype), np.arange(edges.size).astype(np.int32), np.empty(LANES, V.dtype)
    return np.empty((n_users, edges.size * _BLOCK), V.dtype), ids, edges, sums


@kernel(inner=True)
def _admissible_scores(U, first, V, indptr, indices, exclude, ids, scores):
    """The scores of all items for the users from ``first`` on, -inf where an item must not be drawn.

    The items' table is read in tiles, each for all users while it is in the L1 cache.
    """
    n = V.shape[0]
    for a in range(0, n, _TILE):
        for s in range(len(scores)):
            row = scores[s]
            for j in range(a, min(a + _TILE, n), LANES):
                row_dots(U, first + s, V, ids, j, row)
    for s in range(len(scores)):
        scores[s, n:] = -np.inf
        if exclude:
            for e in range(indptr[first + s], indptr[first + s + 1]):
                scores[s, indices[e]] = -np.inf


@kernel(inner=True)
def _cumulate(weights, edges, sums):
    """Cumulative sums of the weights at the end of every block; returns the total."""
    ones, numbers, few = sums
    blocks, total = weights.reshape(-1, _BLOCK), 0.0
    for b in range(0, edges.size, LANES):
        row_dots(ones, 0, blocks, numbers[b:], 0, few)
        for lane in range(LANES):
            total += few[lane]
            edges[b + lane] = total
    return total


@kernel(inner=True)
def _at_quantile(weights, edges, u):
    """The first entry whose cumulative weight passes the share ``u`` of all: its block, then the entry in it."""
    edge = min(u, 1 - 1e-15) * edges[-1]  # so that some block passes it
    b = min(np.searchsorted(edges, edge, side="right"), edges.size - 1)
    rest = edge - (edges[b - 1] if b > 0 else 0.0)
    found = b * _BLOCK
    for j in range(b * _BLOCK, (b + 1) * _BLOCK):
        if weights[j] > 0:
            found = j
        rest -= weights[j]
        if rest < 0:
            break
    return found


@kernel(parallel=True)
def draw_quadratic(key, U, V, indptr, indices, exclude, alpha, caches, q):
    """Fill every user's row of ``caches`` with draws in proportion to alpha r_uj^2 + 1, and ``q`` with that weight."""
    n_users = caches.shape[0]
    zero, one, factor, most = V.dtype.type(0), V.dtype.type(1), V.dtype.type(alpha), V.dtype.type(1e30)
    for group in numba.prange(-(-n_users // _USERS)):
        first = np.int64(group) * _USERS
        rows, ids, edges, sums = _room(min(_USERS, n_users - first), V)
        _admissible_scores(U, first, V, indptr, indices, exclude, ids, rows)
        for u in range(first, first + len(rows)):
            weights = rows[u - first]
            for j in range(weights.size):
                s = weights[j]
                weights[j] = min(factor * s * s + one, most) if s > -np.inf else zero
            if not 0 < _cumulate(weights, edges, sums) < np.inf:
                caches[u] = -1
                continue
            for c in range(caches.shape[1]):
                j = _at_quantile(weights, edges, uniform(stream(key, u), c))
                caches[u, c] = j
                q[u, c] = weights[j]


@kernel()
def play_generator(key, GU, GV, U, V, indptr, indices, exclude, tau, rate, caches):
    """One round of the generator, user by user in random order: draw, be rewarded, follow the policy gradient.

    A user's row of ``caches`` is drawn from softmax(GU[u] @ GV / tau); the reward of an item is log(1 + exp(r_uj)),
    less its mean over the draws. With rewards that sum to zero the mean over all items drops out of the gradient of
    log p(j) = score_j / tau - log sum, so only rows of drawn items move.
    """
    size = caches.shape[1]
    rows, ids, edges, sums = _room(1, V)
    weights, rewards, sharpness, zero = rows[0], np.empty(size), V.dtype.type(1 / tau), V.dtype.type(0)
    order = np.arange(U.shape[0])
    permute(key, order)
    for u in order:
        _admissible_scores(GU, u, GV, indptr, indices, exclude, ids, rows)
        top = weights.max()
        for j in range(weights.size):
            s = weights[j]
            weights[j] = exp((s - top) * sharpness) if s > -np.inf else zero
        if not 0 < _cumulate(weights, edges, sums) < np.inf:
            caches[u] = -1
            continue
        mean = 0.0
        for c in range(size):
            caches[u, c] = _at_quantile(weights, edges, uniform(stream(key, u), c))
            _, rewards[c] = sigmoid_softplus(np.float64(row_dot(U, u, V, caches[u, c])))
            mean += rewards[c] / size
        old = GU[u].copy()
        for c in range(size):
            step = GU.dtype.type(rate * (rewards[c] - mean) / (size * tau))
            GU[u] += step * GV[caches[u, c]]
        for c in range(size):
            step = GU.dtype.type(rate * (rewards[c] - mean) / (size * tau))
            GV[caches[u, c]] += step * old
