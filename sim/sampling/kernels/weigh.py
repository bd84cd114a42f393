"""Selection kernels: which entries of a pool a sampler keeps, and with what weight.

Every kernel has the signature ``(losses, params, idx, w) -> count``: ``losses`` (n,) are the losses of the pool's n
negatives, or their margins for samplers by score; the kernel writes the kept positions into ``idx[:count]`` and their
weights, summing to one, into ``w[:count]``. The trainer, the simulations and :meth:`Sampler.weights` all call these
same kernels, a user's own like the built-in ones: by address, see :meth:`Sampler.compiled`. Ties go to the earlier
position of the pool, which is exchangeable, so no item is favoured.
"""

from __future__ import annotations

import numpy as np

from ...core.jit import ZERO, kernel
from ...core.simd import MASK_LANES, at_least_mask, lowest_bit
from ...metrics.kernels.areas import select_largest
from ...objectives.kernels import kl_temperature_1d, taylor_temperature_1d, tilt_1d

__all__ = [
    "ahns", "dns", "ranked", "softmax", "softmax_exact", "softmax_v", "top_m", "uniform", "warp",
]  # fmt: skip


@kernel(inline=True, inner=True)
def _insert(losses, m, idx, kept, j):
    """Put position j into the list of the best, kept in falling order of loss; returns the list's new length."""
    value = losses[j]
    if kept == m and value <= losses[idx[m - 1]]:
        return kept
    k = kept if kept < m else m - 1
    while k > 0 and losses[idx[k - 1]] < value:
        idx[k] = idx[k - 1]
        k -= 1
    idx[k] = j
    return min(kept + 1, m)


@kernel(counted=False, inner=True)
def _few_largest(losses, m, idx, lanes):
    """:func:`top_m` for m <= 16 <= n / 2; ``lanes`` is scratch.

    The m-th largest of the maxima of 16 interleaved lanes bounds the m-th largest loss from below, and few losses
    reach it: one vectorised pass finds the bound, a second one the few, so that hardly a branch is mispredicted.
    """
    n = losses.size
    whole = n // MASK_LANES * MASK_LANES
    for lane in range(MASK_LANES):
        lanes[lane] = losses[lane]
    for j in range(MASK_LANES, whole, MASK_LANES):
        for lane in range(MASK_LANES):
            lanes[lane] = max(lanes[lane], losses[j + lane])
    kept = ZERO
    for lane in range(MASK_LANES):
        kept = _insert(lanes, m, idx, kept, lane)
    bound = lanes[idx[m - 1]]
    kept = ZERO
    for j in range(0, whole, MASK_LANES):
        bits = at_least_mask(losses, j, bound)
        while bits != 0:
            kept = _insert(losses, m, idx, kept, j + lowest_bit(bits))
            bits &= bits - 1
    for j in range(whole, n):
        kept = _insert(losses, m, idx, kept, j)


@kernel(counted=False)
def _threshold(losses, m, scratch):
    """A value that exactly m < n losses reach, and True; the m-th largest loss and False where ties forbid one.

    Bisection between the least and the greatest loss: a vectorised count is cheaper than a quickselect's branches.
    """
    low, high = losses[0], losses[0]
    for j in range(losses.size):
        low, high = min(low, losses[j]), max(high, losses[j])
    half = losses.dtype.type(0.5)
    while True:
        middle = half * low + half * high
        if not low < middle < high:  # neighbours; or infinite, or NaN
            break
        reached = 0
        for j in range(losses.size):
            reached += losses[j] >= middle
        if reached == m:
            return middle, True
        if reached > m:
            low = middle
        else:
            high = middle
    for j in range(losses.size):
        scratch[j] = losses[j]
    return select_largest(scratch, losses.size, m), False


@kernel(counted=False)
def top_m(losses, m, idx, scratch):
    """Positions of the ``m`` largest losses into ``idx[:m]``; ties go to earlier positions.

    ``idx`` and ``scratch`` have room for n; what ``idx`` holds beyond m is undefined.
    """
    n = losses.size
    if m >= n:
        for j in range(n):
            idx[j] = j
        return
    if m <= MASK_LANES and n >= 2 * MASK_LANES:
        _few_largest(losses, m, idx, scratch)
        return
    threshold, separates = _threshold(losses, m, scratch)
    k = 0
    if separates:
        for j in range(n):  # without a branch: each position is written, the next one over it unless it is kept
            idx[k] = j
            k += losses[j] >= threshold
        return
    ties = m
    for j in range(n):
        ties -= losses[j] > threshold
    for j in range(n):
        if losses[j] > threshold:
            idx[k] = j
            k += 1
        elif losses[j] == threshold and ties > 0:
            idx[k] = j
            k += 1
            ties -= 1
    for j in range(k, m):  # only where NaN stands among the losses: stay inside the pool
        idx[j] = j


@kernel(counted=False)
def uniform(losses, params, idx, w):
    """1 / n each."""
    n = losses.size
    for j in range(n):
        idx[j] = j
        w[j] = 1.0 / n
    return n


@kernel(counted=False)
def dns(losses, params, idx, w):
    """1 / M for each of the M = params[0] largest."""
    m = min(np.int64(params[0]), losses.size)
    top_m(losses, m, idx, w)
    for k in range(m):
        w[k] = 1.0 / m
    return m


@kernel(counted=False)
def softmax_v(losses, params, idx, w):
    """The tilt at the temperature of eq. (25), rho = params[0]."""
    n = losses.size
    # ddof = 1: the unbiased variance, as in the published program
    tilt_1d(losses, taylor_temperature_1d(losses, params[0], 1, w[:n]), w[:n])
    for j in range(n):
        idx[j] = j
    return n


@kernel(counted=False)
def softmax_exact(losses, params, idx, w):
    """The tilt whose divergence is rho = params[0]."""
    n = losses.size
    tilt_1d(losses, kl_temperature_1d(losses, params[0]), w[:n])
    for j in range(n):
        idx[j] = j
    return n


@kernel(counted=False)
def softmax(margins, params, idx, w):
    """The tilt of the margins at the temperature params[0]."""
    n = margins.size
    tilt_1d(margins, params[0], w[:n])
    for j in range(n):
        idx[j] = j
    return n


@kernel(inner=True)
def _sort_falling(losses, idx, m):
    """Put ``idx[:m]`` into falling order of loss, ties into the order of the pool (Shell's sort, Ciura's gaps)."""
    for gap in (701, 301, 132, 57, 23, 10, 4, 1):
        for k in range(gap, m):
            j = idx[k]
            value = losses[j]
            i = k
            while i >= gap:
                before = idx[i - gap]
                if losses[before] > value or (losses[before] == value and before < j):
                    break
                idx[i] = before
                i -= gap
            idx[i] = j


@kernel(counted=False)
def ranked(losses, weights, idx, w):
    """``weights[k]`` for the k-th largest loss; scaled to sum to one on a pool shorter than ``weights``."""
    m = min(weights.size, losses.size)
    top_m(losses, m, idx, w)
    _sort_falling(losses, idx, m)
    total = 0.0
    for k in range(m):
        total += weights[k]
    count = 0
    for k in range(m):
        if weights[k] > 0.0 or total <= 0.0:
            idx[count] = idx[k]
            w[count] = weights[k] / total if total > 0.0 else 1.0 / m
            count += 1
    return count


@kernel(counted=False)
def warp(margins, params, idx, w):
    """The first negative that violates the margin params[0], weighed by the trial it took: params[trial]."""
    for j in range(margins.size):
        if margins[j] > -params[0]:
            idx[0] = j
            w[0] = params[j + 1]
            return 1
    return 0


@kernel(counted=False)
def ahns(margins, params, idx, w):
    """The negative whose score is nearest to beta (r_ci + alpha)^(p + 1); params are (alpha, beta, p, r_ci)."""
    base = params[3] + params[0]
    power = params[2] + 1.0
    if base > 0.0:
        target = params[1] * base**power
    else:  # the limit from above
        target = 0.0 if power > 0.0 else (params[1] if power == 0.0 else np.inf)
    best = 0
    if target == np.inf:
        best = margins.argmax()
    else:
        for j in range(1, margins.size):
            if abs(margins[j] + params[3] - target) < abs(margins[best] + params[3] - target):
                best = j
    idx[0] = best
    w[0] = 1.0
    return 1
