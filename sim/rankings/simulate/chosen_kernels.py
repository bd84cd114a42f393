"""Kernels for a few chosen areas: their values, or the sums of them, in a time that hardly depends on N_-."""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel
from ...core.random import stream
from ..kernels import draw_ranking, metric_values, ranking_room

__all__ = ["areas_at", "chosen_sums", "fill_values"]

BLOCK = 64
"""Rankings whose scratch arrays are shared in :func:`fill_values`."""


@kernel(inner=True)
def areas_at(b, n_top, m, out):
    """X at each of the increasing ``m``: sum of max(m - b_i, 0) over the ``n_top`` best positives."""
    i = 0
    above = 0
    for a in range(m.size):
        while i < n_top and b[i] < m[a]:
            above += b[i]
            i += 1
        out[a] = i * m[a] - above


@kernel(inner=True)
def chosen_sum(
    seed, first, stop, n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, m, reference,
    values_sum, cross, squares,
):  # fmt: skip
    """One group of :func:`chosen_sums`: the rankings first .. stop - 1."""
    bits, levels = ranking_room(n_pos + n_neg)
    b = np.zeros(n_pos, dtype=np.int64)
    hits = np.zeros(ks.size)
    dcg = np.zeros(ks.size)
    ap = np.zeros(ks.size)
    row = np.zeros(codes.size)
    area = np.zeros(m.size)
    for r in range(first, stop):
        draw_ranking(stream(seed, r), n_pos, n_neg, table, bits, levels, b)
        metric_values(b, n_pos, n_neg, codes, which, ks, gains, hits, dcg, ap, row)
        areas_at(b, n_top, m, area)
        for a in range(m.size):
            x = area[a] - reference[a]
            area[a] = x
            cross[0, a] += x
            squares[a] += x * x
        for c in range(codes.size):
            y = row[c] - shift[c]
            values_sum[0, c] += y
            values_sum[1, c] += y * y
            for a in range(m.size):
                cross[c + 1, a] += y * area[a]


@kernel(parallel=True)
def chosen_sums(
    seed, bounds, n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, m, reference,
    out_values, out_cross, out_squares,
):  # fmt: skip
    """As :func:`~sim.rankings.kernels.group_sums`, for the areas at the increasing ``m`` only."""
    for g in numba.prange(bounds.size - 1):
        chosen_sum(
            seed, bounds[g], bounds[g + 1], n_pos, n_neg, n_top, table, codes, which, ks, gains, shift, m, reference,
            out_values[g], out_cross[g], out_squares[g],
        )  # fmt: skip


@kernel(parallel=True)
def fill_values(seed, n_pos, n_neg, n_top, table, codes, which, ks, gains, m, values, areas):
    """Metrics (columns, n) and areas at the increasing ``m`` (m.size, n) of the rankings 0 .. n - 1."""
    n = areas.shape[1]
    for block in numba.prange((n + BLOCK - 1) // BLOCK):
        bits, levels = ranking_room(n_pos + n_neg)
        b = np.zeros(n_pos, dtype=np.int64)
        hits = np.zeros(ks.size)
        dcg = np.zeros(ks.size)
        ap = np.zeros(ks.size)
        row = np.zeros(codes.size)
        area = np.zeros(m.size)
        for r in range(block * BLOCK, min(block * BLOCK + BLOCK, n)):
            draw_ranking(stream(seed, r), n_pos, n_neg, table, bits, levels, b)
            metric_values(b, n_pos, n_neg, codes, which, ks, gains, hits, dcg, ap, row)
            areas_at(b, n_top, m, area)
            values[:, r] = row
            areas[:, r] = area
