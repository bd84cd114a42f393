"""Kernels of the optimisers: the update rules, applied to a user's row or to a block of items.

Dense rules apply to every row at every step, as in the published program, where the L2 term alone moves the rows that a
batch does not touch. For users those steps are postponed and made up, one by one with the same arithmetic, when the
user is next needed: the same numbers for a fraction of the memory traffic. With ``sparse`` untouched rows stay as they
are.
"""

from __future__ import annotations

import math

import numpy as np

from ...core.jit import ZERO, kernel
from .structs import Flat, Hyper, Step

__all__ = ["ADAM", "SGD", "catch_up", "catch_up_row", "flatten", "step_block", "step_of", "step_row"]

ADAM, SGD = 0, 1


@kernel(inline=True, inner=True)
def step_of(optimizer, s):
    """Step ``s`` of the epoch, in numbers."""
    h = optimizer.hyper
    hyper = Hyper(h[0], h[1], h[2], h[3], h[4])
    return Step(optimizer.rule, hyper, optimizer.step_size[s], optimizer.root_correction[s])


@kernel(inner=True)
def flatten(P, m, v):
    """A table and its moments as one-dimensional arrays."""
    return Flat(P.ravel(), m.ravel(), v.ravel(), P.shape[1])


@kernel(inline=True, inner=True)
def _update(step, flat, at, g, g_at, size):
    """One step on ``size`` entries of flat tables from ``at`` on, whose gradients are ``g[g_at:]``.

    Positions and numbers, no slices: these count references in a shared place, for which the threads would wait.
    Positions are unsigned, or numba looks out for negative ones and the loops are not vectorised.
    """
    at, g_at, size = np.uint64(at), np.uint64(g_at), np.uint64(size)
    p, m, v = flat.P, flat.m, flat.v
    lr, decay, beta1, beta2, eps = step.hyper
    one = p.dtype.type(1)
    if step.rule == ADAM:
        for k in range(size):
            i = at + k
            grad = g[g_at + k] + decay * p[i]
            m[i] = beta1 * m[i] + (one - beta1) * grad
            v[i] = beta2 * v[i] + (one - beta2) * (grad * grad)
            p[i] -= step.size * (m[i] / (math.sqrt(v[i]) * step.correction + eps))
    else:
        for k in range(size):
            i = at + k
            p[i] -= lr * (g[g_at + k] + decay * p[i])


@kernel(inline=True, inner=True)
def step_row(u, gradient, flat, step, constant):
    """One step on a user's row."""
    _update(step, flat, u * flat.width, gradient, ZERO, flat.width)
    if constant >= 0:
        flat.P[u * flat.width + constant] = 1


@kernel(counted=False, inner=True)
def catch_up_row(u, before, done, nothing, flat, optimizer):
    """Bring a user's row to the state before step ``before``: the steps it missed, with ``nothing`` as the gradient."""
    if done[u] < before:
        for s in range(done[u], before):
            step = step_of(optimizer, s)
            _update(step, flat, u * flat.width, nothing, ZERO, flat.width)
        if optimizer.constant >= 0:
            flat.P[u * flat.width + optimizer.constant] = 1
        done[u] = before


@kernel()
def catch_up(me, threads, before, tables, optimizer):
    """:func:`catch_up_row` for this thread's share of the users."""
    rows = tables.U.shape[0]
    nothing, flat = np.zeros(tables.U.shape[1], tables.U.dtype), flatten(tables.U, tables.mU, tables.vU)
    for u in range(me * rows // threads, (me + 1) * rows // threads):
        catch_up_row(u, before, tables.done, nothing, flat, optimizer)


@kernel(inner=True)
def step_block(P, m, v, G, touched, sparse, step):
    """One step on a block of rows; the gradients ``G`` and the flags ``touched`` are used up (set to zero)."""
    rows = np.empty(sparse * (touched.size + 1), np.uint32)
    _step_rows(flatten(P, m, v), G.ravel(), touched, rows, sparse, step)


@kernel(counted=False)
def _step_rows(flat, G, touched, rows, sparse, step):
    """:func:`step_block` on flat tables; ``rows`` is scratch, one longer than ``touched``."""
    if not sparse:
        _update(step, flat, ZERO, G, ZERO, flat.P.size)
        G[:] = 0
        touched[:] = 0
        return
    count, width = np.uint64(0), np.uint64(flat.width)
    for i in range(np.uint64(touched.size)):  # without branches: which rows were touched cannot be foreseen
        rows[count] = i
        count += np.uint64(touched[i])
        touched[i] = 0
    for e in range(count):
        at = rows[e] * width
        _update(step, flat, at, G, at, width)
        for k in range(at, at + width):
            G[k] = 0
