"""Counter-based samplers of scores: entry i of a row is a pure function of (seed, row, class, i)."""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.jit import kernel
from ...core.random import normal, stream, stream2, uniform

__all__ = ["fill_scores"]

NORMAL, STUDENT, LOGISTIC, GUMBEL, EXPONENTIAL, BETA, SKEWED, TABLE = range(8)
"""Codes of the laws; the parameters p are listed in :func:`draw_score`."""


@kernel(inner=True)
def gamma_draw(key, shape):
    """Gamma(shape, 1) by Marsaglia and Tsang (2000), with the power of a uniform for shape < 1."""
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    i = 1
    while True:
        z = normal(stream(key, i), 0)
        v = 1.0 + c * z
        if v > 0.0:
            v = v * v * v
            if math.log(uniform(stream(key, i), 2)) < 0.5 * z * z + d - d * v + d * math.log(v):
                break
        i += 1
    g = d * v
    if shape < 1.0:
        g *= uniform(key, 0) ** (1.0 / shape)
    return g


@kernel(inner=True)
def draw_score(kind, p, pool, key, i):
    """Draw ``i`` of the stream ``key`` from the law ``kind``.

    NORMAL p = (mean, sd); STUDENT (location, scale, degrees of freedom); LOGISTIC, GUMBEL (location, scale);
    EXPONENTIAL (rate); BETA (a, b); SKEWED (rate of the exponential, sd of the normal, shift); TABLE: a uniform entry
    of ``pool``.
    """
    if kind == NORMAL:
        return p[0] + p[1] * normal(key, i)
    u = uniform(key, 2 * i)
    if kind == STUDENT:  # Bailey (1994): polar form with one radius
        radius = math.sqrt(p[2] * math.expm1(-2.0 / p[2] * math.log(u)))
        return p[0] + p[1] * radius * math.cos(2.0 * math.pi * uniform(key, 2 * i + 1))
    if kind == LOGISTIC:
        return p[0] + p[1] * (math.log(u) - math.log1p(-u))
    if kind == GUMBEL:
        return p[0] - p[1] * math.log(-math.log(u))
    if kind == EXPONENTIAL:
        return -math.log(u) / p[0]
    if kind == BETA:
        x = gamma_draw(stream2(key, i, 0), p[0])
        y = gamma_draw(stream2(key, i, 1), p[1])
        return x / (x + y)
    if kind == SKEWED:
        return p[2] - math.log(u) / p[0] + p[1] * normal(stream(key, i), 0)
    return pool[min(np.int64(u * pool.size), pool.size - 1)]


@kernel(parallel=True)
def fill_scores(seed, side, share, kind, p, pool, other_kind, other_p, other_pool, out, hidden):
    """Fill ``out`` (rows, n) with draws of the first law; each entry is of the other law with probability ``share``.

    ``hidden`` (rows, n) is set where the other law was used; give it no rows where ``share`` is 0.
    """
    for row in numba.prange(out.shape[0]):
        key = stream2(seed, row, side)
        coins = stream2(seed, row, side + 2)
        for i in range(out.shape[1]):
            if share > 0.0 and uniform(coins, i) < share:
                hidden[row, i] = True
                out[row, i] = draw_score(other_kind, other_p, other_pool, key, i)
            else:
                out[row, i] = draw_score(kind, p, pool, key, i)
