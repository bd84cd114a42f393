"""Exact moments over the lattice of partial rankings: a ranking is a path, its metric and area are sums along it."""

from __future__ import annotations

import numpy as np

from ...core.jit import kernel
from ..kernels import AP, DCG, MRR, RECALL

__all__ = ["lattice_sums"]

_NEGLIGIBLE = 1e-40
"""States less likely than this are dropped: together less than N_+ N_- times it, far below rounding."""


@kernel(inline=True)
def gain(code, k, n_pos, gains, p, q):
    """What the metric gains where a positive follows p positives and q negatives; 0 beyond position k."""
    if p + q >= k:
        return 0.0
    if code == RECALL:
        return 1.0 / n_pos
    if code == DCG:
        return gains[p + q]
    if code == AP:
        return (p + 1.0) / ((p + q + 1.0) * min(n_pos, k))
    if p > 0:  # MRR and Hit count the first positive only
        return 0.0
    return 1.0 / (q + 1.0) if code == MRR else 1.0


@kernel()
def lattice_sums(n_pos, n_neg, n_top, code, k, gains, area, squares, cross):
    """Moments of a metric R and of X_m = sum over j <= m of min(P_j, n_top), for m = 1..n_neg.

    Writes E X_m, E X_m^2, Cov(R, X_m) to entry m - 1 and returns E R, Var R. Going from (p, q) positives and negatives
    to the next position, R grows by ``gain`` at a positive and X by min(p, n_top) at a negative; one pass backwards
    gives the gain still expected, one pass forwards the moments so far, of R less its mean.
    """
    n = n_pos + n_neg
    rows, columns = min(k, n_pos), min(k, n_neg)
    future = np.zeros((columns + 2, rows + 2))
    for q in range(columns, -1, -1):
        for p in range(min(rows, k - 1 - q), -1, -1):
            up = (n_pos - p) / (n - p - q)
            hit = gain(code, k, n_pos, gains, p, q) + future[q, p + 1]
            future[q, p] = up * hit + (1.0 - up) * future[q + 1, p]
    mass, x, xx = np.zeros(n_pos + 1), np.zeros(n_pos + 1), np.zeros(n_pos + 1)
    r, rr, rx = np.zeros(n_pos + 1), np.zeros(n_pos + 1), np.zeros(n_pos + 1)
    mean = future[0, 0]
    mass[0], r[0], rr[0] = 1.0, -mean, mean * mean
    for q in range(n_neg + 1):
        total = 0.0
        total_squares = 0.0
        total_cross = 0.0
        for p in range(n_pos + (q < n_neg)):
            if mass[p] < _NEGLIGIBLE:
                mass[p] = x[p] = xx[p] = r[p] = rr[p] = rx[p] = 0.0
                continue
            up = (n_pos - p) / (n - p - q)
            if p < n_pos:
                g = gain(code, k, n_pos, gains, p, q)
                mass[p + 1] += up * mass[p]
                x[p + 1] += up * x[p]
                xx[p + 1] += up * xx[p]
                r[p + 1] += up * (r[p] + g * mass[p])
                rr[p + 1] += up * (rr[p] + g * (2.0 * r[p] + g * mass[p]))
                rx[p + 1] += up * (rx[p] + g * x[p])
            if q < n_neg:
                down = 1.0 - up
                h = np.float64(min(p, n_top))
                xx[p] = down * (xx[p] + h * (2.0 * x[p] + h * mass[p]))
                rx[p] = down * (rx[p] + h * r[p])
                x[p] = down * (x[p] + h * mass[p])
                r[p] *= down
                rr[p] *= down
                mass[p] *= down
                total += x[p]
                total_squares += xx[p]
                total_cross += rx[p]
                if p + q + 1 < k:
                    total_cross += future[q + 1, p] * x[p]
        if q < n_neg:
            area[q] = total
            squares[q] = total_squares
            cross[q] = total_cross
    return mean, rr[n_pos]
