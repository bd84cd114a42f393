"""Kernels of the closed forms and of the Monte Carlo over rankings: arrays in, arrays out, no validation.

A ranking is stored as the increasing vector b of negatives above each positive; the 0-based position of positive i is
b[i] + i. Ranking number r draws from the stream named r, and a group is a fixed range of rankings worked through in
order by one thread, so the sums are bit-identical for any number of threads.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ..core.jit import kernel
from ..core.random import stream, uniform, word

__all__ = ["draw_ranking", "draw_rankings", "group_sums", "metric_values", "rank_mass", "ranking_room"]

LANES = 8
"""Rankings that are accumulated together: one vector of float64."""

TILE = 64
"""Areas of the eight rankings that are squared at a time."""
WIDE = 256
"""Ranks of the eight rankings that are worked on at a time for the cross moments."""

_S32, _LOW32 = np.uint64(32), np.uint64(0xFFFFFFFF)
_ONE, _SIX, _SIXTY_THREE, _S58 = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(58)
_DE_BRUIJN_INT = 0x03F79D71B4CB0A89
_DE_BRUIJN = np.uint64(_DE_BRUIJN_INT)
_LOWEST_BIT = np.zeros(64, dtype=np.uint8)
for _i in range(64):
    _LOWEST_BIT[((_DE_BRUIJN_INT << _i) & (2**64 - 1)) >> 58] = _i

RECALL, DCG, AP, MRR, HIT, AUC = range(6)
"""Codes of the metrics; Precision@K is a multiple of Recall@K, and NDCG@K of DCG@K."""


@kernel(inner=True)
def draw_uniform(key, n_pos, n_neg, bits, b):
    """Uniformly random ranking: a random set of positions drawn by rejection into a bitmap, read in order into ``b``.

    The rarer class is drawn, at most N ln 2 tries on average. ``bits`` comes in all zero and is left so.
    """
    n = np.uint64(n_pos + n_neg)
    fewer = min(n_pos, n_neg)
    got = 0
    i = 0
    while got < fewer:
        w = word(key, i)
        i += 1
        t = ((w >> _S32) * n) >> _S32
        old = bits[t >> _SIX]
        bits[t >> _SIX] = old | (_ONE << (t & _SIXTY_THREE))
        got += 1 - np.int64((old >> (t & _SIXTY_THREE)) & _ONE)
        if got < fewer:
            t = ((w & _LOW32) * n) >> _S32
            old = bits[t >> _SIX]
            bits[t >> _SIX] = old | (_ONE << (t & _SIXTY_THREE))
            got += 1 - np.int64((old >> (t & _SIXTY_THREE)) & _ONE)
    flip = np.uint64(0) if n_pos <= n_neg else ~np.uint64(0)
    found = 0
    for q in range(bits.size):
        w = bits[q] ^ flip
        bits[q] = np.uint64(0)
        base = q * 64
        while w != 0 and found < n_pos:
            low = w & (~w + _ONE)
            b[found] = base + np.int64(_LOWEST_BIT[(low * _DE_BRUIJN) >> _S58]) - found
            found += 1
            w ^= low


@kernel(inline=True)
def roc_inverse(table, u):
    """FPR at which the TPR is ``u``: cubic Hermite interpolation of logit(FPR) over an even grid of logit(TPR).

    ``table`` has rows (logit FPR, slope times step); ``table[-1]`` holds the first knot and the inverse step. Where the
    inverse step is 0 the other rows are the corners (TPR, FPR) of a piecewise linear curve.
    """
    if table[-1, 1] == 0.0:
        low = 0
        high = table.shape[0] - 2
        while high - low > 1:
            middle = (low + high) // 2
            if table[middle, 0] < u:
                low = middle
            else:
                high = middle
        share = (u - table[low, 0]) / (table[high, 0] - table[low, 0])
        return table[low, 1] + share * (table[high, 1] - table[low, 1])
    last = table.shape[0] - 3
    x = (math.log(u) - math.log1p(-u) - table[-1, 0]) * table[-1, 1]
    i = min(max(np.int64(math.floor(x)), 0), last)
    s = min(max(x - i, 0.0), 1.0)
    y0 = table[i, 0]
    d0 = table[i, 1]
    y1 = table[i + 1, 0]
    d1 = table[i + 1, 1]
    rise = y1 - y0
    y = y0 + s * (d0 + s * (3.0 * rise - 2.0 * d0 - d1 + s * (d0 + d1 - 2.0 * rise)))
    if y >= 0.0:
        return 1.0 / (1.0 + math.exp(-y))
    e = math.exp(y)
    return e / (1.0 + e)


@kernel(inner=True)
def draw_model(key, n_pos, n_neg, table, levels, b):
    """Ranking under a score model, in linear time and without sorting.

    In units of the negatives' survival function the negatives are uniform order statistics and the positives are the
    ROC inverse of uniform order statistics; both come sorted, as normalised sums of exponential gaps, and are merged.
    ``levels`` is scratch of at least N + 2 entries.
    """
    total = 0.0
    for i in range(n_pos + 1):
        total -= math.log(uniform(key, i))
        levels[i] = total
    for i in range(n_pos):
        levels[i] = roc_inverse(table, levels[i] / total)
    first = n_pos + 1
    total = 0.0
    for j in range(first, first + n_neg + 1):
        total -= math.log(uniform(key, j))
        levels[j] = total
    above = 0
    i = 0
    for j in range(first, first + n_neg):
        level = levels[j] / total
        while i < n_pos and levels[i] <= level:
            b[i] = above
            i += 1
        if i == n_pos:
            break
        above += 1
    while i < n_pos:
        b[i] = n_neg
        i += 1


@kernel(inner=True)
def ranking_room(n_items):
    """Scratch for :func:`draw_ranking`: a bit an item, all zero, and room for the levels of the scores."""
    return np.zeros((n_items + 63) // 64, dtype=np.uint64), np.empty(n_items + 2)


@kernel()
def draw_ranking(key, n_pos, n_neg, table, bits, levels, b):
    """One ranking into ``b``: uniformly random for an empty ``table``, else under the score model."""
    if table.shape[0] == 0:
        draw_uniform(key, n_pos, n_neg, bits, b)
    else:
        draw_model(key, n_pos, n_neg, table, levels, b)


@kernel()
def metric_values(b, n_pos, n_neg, codes, which, ks, gains, hits, dcg, ap, out):
    """Metrics of one ranking: column c of ``out`` is metric ``codes[c]`` at K = ``ks[which[c]]``, ``ks`` increasing.

    Recall is hits/N_+, DCG sums ``gains``, AP is over min(N_+, K). ``hits``, ``dcg``, ``ap`` are scratch, one per K.
    """
    running = 0.0
    precision = 0.0
    i = 0
    for q in range(ks.size):
        while i < n_pos and b[i] + i < ks[q]:
            position = b[i] + i
            running += gains[position]
            i += 1
            precision += i / (position + 1.0)
        hits[q] = i
        dcg[q] = running
        ap[q] = precision
    for c in range(codes.size):
        code = codes[c]
        q = which[c]
        if code == RECALL:
            out[c] = hits[q] / n_pos
        elif code == DCG:
            out[c] = dcg[q]
        elif code == AP:
            out[c] = ap[q] / min(n_pos, ks[q])
        elif code == MRR:
            out[c] = 1.0 / (b[0] + 1.0) if hits[q] > 0 else 0.0
        elif code == HIT:
            out[c] = 1.0 if hits[q] > 0 else 0.0
        else:
            above = 0
            for r in range(n_pos):
                above += b[r]
            out[c] = 1.0 - above / (np.float64(n_pos) * n_neg)


@kernel(fastmath={"contract"}, inner=True)  # fused multiply-add is at least as accurate as two roundings
def add_cross(counts, values, cross):
    """``cross[c, m] += sum_l values[l, c] * counts[l, m]`` over the eight lanes l."""
    n = cross.shape[1]
    for start in range(0, n, WIDE):  # the counts of one stretch stay in the first-level cache while c runs
        stop = min(start + WIDE, n)
        k0, k1, k2, k3 = counts[0][start:stop], counts[1][start:stop], counts[2][start:stop], counts[3][start:stop]
        k4, k5, k6, k7 = counts[4][start:stop], counts[5][start:stop], counts[6][start:stop], counts[7][start:stop]
        for c in range(cross.shape[0]):
            row = cross[c][start:stop]  # contiguous slices, so that the loop over m is vectorised
            v0, v1, v2, v3 = values[0, c], values[1, c], values[2, c], values[3, c]
            v4, v5, v6, v7 = values[4, c], values[5, c], values[6, c], values[7, c]
            for m in range(row.size):
                total = row[m] + v0 * k0[m]
                total += v1 * k1[m]
                total += v2 * k2[m]
                total += v3 * k3[m]
                total += v4 * k4[m]
                total += v5 * k5[m]
                total += v6 * k6[m]
                total += v7 * k7[m]
                row[m] = total


@kernel(fastmath={"contract"}, inner=True)
def add_squares(counts, reference, area, squares):
    """Add (X_m - reference_m)^2 of eight rankings to ``squares[m]``, X the double cumulative sum of ``counts[lane]``.

    The eight chains of additions run side by side (all values are whole numbers, so exact); the squares then go by
    vectors over m. ``area`` (8, TILE) is scratch that stays in the first-level cache.
    """
    n = reference.size
    k0, k1, k2, k3 = counts[0], counts[1], counts[2], counts[3]
    k4, k5, k6, k7 = counts[4], counts[5], counts[6], counts[7]
    a0, a1, a2, a3 = area[0], area[1], area[2], area[3]
    a4, a5, a6, a7 = area[4], area[5], area[6], area[7]
    p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = 0.0
    x0 = x1 = x2 = x3 = x4 = x5 = x6 = x7 = 0.0
    for start in range(0, n, TILE):
        width = min(TILE, n - start)
        for i in range(width):
            m = start + i
            p0 += k0[m]
            p1 += k1[m]
            p2 += k2[m]
            p3 += k3[m]
            p4 += k4[m]
            p5 += k5[m]
            p6 += k6[m]
            p7 += k7[m]
            x0 += p0
            x1 += p1
            x2 += p2
            x3 += p3
            x4 += p4
            x5 += p5
            x6 += p6
            x7 += p7
            a0[i] = x0
            a1[i] = x1
            a2[i] = x2
            a3[i] = x3
            a4[i] = x4
            a5[i] = x5
            a6[i] = x6
            a7[i] = x7
        mean = reference[start : start + width]
        total = squares[start : start + width]
        for i in range(width):
            mu = mean[i]
            d0, d1, d2, d3 = a0[i] - mu, a1[i] - mu, a2[i] - mu, a3[i] - mu
            d4, d5, d6, d7 = a4[i] - mu, a5[i] - mu, a6[i] - mu, a7[i] - mu
            low = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
            total[i] += low + (d4 * d4 + d5 * d5 + d6 * d6 + d7 * d7)


@kernel(inner=True)
def group_sum(
    seed, first, stop, n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, reference,
    values_sum, out_cross, out_squares,
):  # fmt: skip
    """One group of :func:`group_sums`: the rankings first .. stop - 1."""
    n_columns = codes.size
    bits, levels = ranking_room(n_pos + n_neg)
    b = np.zeros(n_pos, dtype=np.int64)
    hits = np.zeros(ks.size)
    dcg = np.zeros(ks.size)
    ap = np.zeros(ks.size)
    row = np.zeros(n_columns)
    values = np.zeros((LANES, n_columns + 1))
    counts = np.zeros((LANES, n_neg))
    cross = np.zeros((n_columns + 1, n_neg))
    squares = np.zeros(n_neg)
    area = np.empty((LANES, TILE))
    for block in range(first, stop, LANES):
        live = min(LANES, stop - block)
        counts[:] = 0.0
        values[:] = 0.0
        for lane in range(live):
            draw_ranking(stream(seed, block + lane), n_pos, n_neg, table, bits, levels, b)
            metric_values(b, n_pos, n_neg, codes, which, ks, gains, hits, dcg, ap, row)
            values[lane, 0] = 1.0
            for c in range(n_columns):
                y = row[c] - shift[c]
                values[lane, c + 1] = y
                values_sum[0, c] += y
                values_sum[1, c] += y * y
            for i in range(n_top):
                if b[i] < n_neg:
                    counts[lane, b[i]] += 1.0
        add_cross(counts, values, cross)
        if live == LANES:
            add_squares(counts, reference, area, squares)
        else:
            for lane in range(live):
                positives = 0.0
                x = 0.0
                for m in range(n_neg):
                    positives += counts[lane, m]
                    x += positives
                    squares[m] += (x - reference[m]) ** 2
    for c in range(n_columns + 1):
        weight = stop - first if c == 0 else values_sum[0, c - 1]
        positives_sum = 0.0
        area_sum = 0.0
        for m in range(n_neg):
            positives_sum += cross[c, m]
            area_sum += positives_sum
            out_cross[c, m] = area_sum - weight * reference[m]
    out_squares[:] = squares


@kernel(parallel=True)
def group_sums(
    seed, bounds, n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, reference,
    out_values, out_cross, out_squares,
):  # fmt: skip
    """Sums over each group g of the rankings bounds[g] .. bounds[g+1] - 1, for the areas at every m = 1..n_neg.

    With Y = metric - shift and X_m over the ``n_top`` best positives, less reference_m: ``out_values[g]`` =
    (sum Y; sum Y^2), ``out_cross[g, 0]`` = sum X_m, ``out_cross[g, 1 + c]`` = sum Y_c X_m, ``out_squares[g]`` =
    sum X_m^2. An empty ``table`` means uniformly random rankings.
    """
    for g in numba.prange(bounds.size - 1):
        group_sum(
            seed, bounds[g], bounds[g + 1], n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, reference,
            out_values[g], out_cross[g], out_squares[g],
        )  # fmt: skip


@kernel(parallel=True)
def draw_rankings(seed, first, n_pos, n_neg, table, out):
    """Rows of ``out`` (n, n_pos): negatives above each positive for the rankings numbered first, first + 1, ..."""
    for r in numba.prange(out.shape[0]):
        bits, levels = ranking_room(n_pos + n_neg)
        draw_ranking(stream(seed, first + r), n_pos, n_neg, table, bits, levels, out[r])


# Mass below this is dropped at the edges of the window; the total dropped is under 1e-27 for any size below 10**5.
_NEGLIGIBLE = 1e-32


@kernel()
def rank_mass(n_pos, n_neg, v):
    """``g[b] = sum_t v[t-1] Pr(H_t = b)``, b = 0..n_neg-1, with H_t ~ Hypergeometric(N, n_neg + 1 marked, t - 1 draws).

    The law of H_t follows from that of H_{t-1} by one forward step of non-negative terms (no cancellation), kept on a
    sliding window, so the cost is O(K sqrt(K)) for K = v.size.
    """
    n_items = n_pos + n_neg
    marked = n_neg + 1
    k = v.size
    pmf = np.zeros(min(k, marked) + 2)
    mass = np.zeros(n_neg)
    pmf[0] = 1.0
    lo = 0
    hi = 0
    for t in range(1, k + 1):
        weight = v[t - 1]
        for b in range(lo, min(hi, n_neg - 1) + 1):
            mass[b] += weight * pmf[b]
        if t == k:
            break
        left = np.float64(n_items - t + 1)
        if hi < min(t, marked):
            pmf[hi + 1] = 0.0
            hi += 1
        for b in range(hi, lo, -1):
            pmf[b] = (pmf[b] * max(n_pos - t + b, 0) + pmf[b - 1] * (marked - b + 1)) / left
        pmf[lo] = pmf[lo] * max(n_pos - t + lo, 0) / left
        while lo < hi and pmf[lo] < _NEGLIGIBLE:
            pmf[lo] = 0.0
            lo += 1
        while hi > lo and pmf[hi] < _NEGLIGIBLE:
            hi -= 1
    return mass
