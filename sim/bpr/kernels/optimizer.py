"""Kernels of the optimisers: the update rules, applied to a user's row or to a block of items.

Dense rules apply to every row at every step, as in the published program, where the L2 term alone moves the rows that a
batch does not touch. For users those steps are postponed and made up, one by one with the same arithmetic, when the
user is next needed: the same numbers for a fraction of the memory traffic. With ``sparse`` untouched rows stay as they
are.

``optimizer`` is (rule, hyper, step_size, root_correction, constant): ``hyper`` is the array (lr, decay, beta1, beta2,
eps); for step s of the epoch Adam's step_size[s] = lr / (1 - beta1^t), root_correction[s] = 1 / sqrt(1 - beta2^t); and
``constant`` is the column of the users' rows that stays 1, the place of the items' biases, or -1.
"""

from __future__ import annotations

import math

import numpy as np

from ...core.jit import ZERO, kernel

__all__ = ["ADAGRAD", "ADAM", "ADAMW", "SGD", "catch_up", "catch_up_row", "numbers", "step_block", "step_row"]

ADAM, ADAMW, SGD, ADAGRAD = 0, 1, 2, 3


@kernel(inline=True, inner=True)
def _update(rule, hyper, p, m, v, at, g, g_at, size, scale, step_size, root_correction):
    """One step on ``size`` entries of flat tables from ``at`` on, whose gradients are ``g[g_at:]``.

    Positions and numbers, no slices or tuples of arrays: these count references in a shared place, for which the
    threads would wait. Positions are unsigned, or numba looks out for negative ones and the loops are not vectorised.
    """
    at, g_at, size = np.uint64(at), np.uint64(g_at), np.uint64(size)
    lr, decay, beta1, beta2, eps = hyper
    one = p.dtype.type(1)
    if rule == ADAM:
        for k in range(size):
            i = at + k
            grad = scale * g[g_at + k] + decay * p[i]
            m[i] = beta1 * m[i] + (one - beta1) * grad
            v[i] = beta2 * v[i] + (one - beta2) * (grad * grad)
            p[i] -= step_size * (m[i] / (math.sqrt(v[i]) * root_correction + eps))
    elif rule == ADAMW:
        for k in range(size):
            i = at + k
            grad = scale * g[g_at + k]
            m[i] = beta1 * m[i] + (one - beta1) * grad
            v[i] = beta2 * v[i] + (one - beta2) * (grad * grad)
            p[i] -= lr * decay * p[i] + step_size * (m[i] / (math.sqrt(v[i]) * root_correction + eps))
    elif rule == SGD:
        for k in range(size):
            i = at + k
            p[i] -= lr * (scale * g[g_at + k] + decay * p[i])
    else:
        for k in range(size):
            i = at + k
            grad = scale * g[g_at + k] + decay * p[i]
            v[i] += grad * grad
            p[i] -= lr * (grad / (math.sqrt(v[i]) + eps))


@kernel(inline=True, inner=True)
def step_row(u, gradient, width, scale, P, m, v, rule, hyper, step_size, root_correction, constant):
    """One step on a user's row; the tables are flat."""
    _update(rule, hyper, P, m, v, u * width, gradient, ZERO, width, scale, step_size, root_correction)
    if constant >= 0:
        P[u * width + constant] = 1


@kernel(counted=False, inner=True)
def catch_up_row(u, step, done, nothing, width, P, m, v, rule, hyper, step_sizes, root_corrections, constant):
    """Bring a user's row to the state before step ``step``: the steps it missed, with ``nothing`` as the gradient."""
    if done[u] < step:
        for s in range(done[u], step):
            _update(
                rule, hyper, P, m, v, u * width, nothing, ZERO, width, P.dtype.type(0), step_sizes[s],
                root_corrections[s],
            )  # fmt: skip
        if constant >= 0:
            P[u * width + constant] = 1
        done[u] = step


@kernel(counted=False)
def numbers(hyper):
    """The array ``hyper`` as numbers."""
    return hyper[0], hyper[1], hyper[2], hyper[3], hyper[4]


@kernel()
def catch_up(me, threads, step, done, P, m, v, optimizer):
    """:func:`catch_up_row` for this thread's share of the rows."""
    rows, width = P.shape
    rule, hyper, step_sizes, root_corrections, constant = optimizer
    nothing = np.zeros(width, P.dtype)
    flat_P, flat_m, flat_v, constants = P.ravel(), m.ravel(), v.ravel(), numbers(hyper)
    for u in range(me * rows // threads, (me + 1) * rows // threads):
        catch_up_row(
            u, step, done, nothing, width, flat_P, flat_m, flat_v, rule, constants, step_sizes, root_corrections,
            constant,
        )  # fmt: skip


@kernel(inner=True)
def step_block(P, m, v, G, touched, sparse, scale, step, optimizer):
    """One step on a block of rows; the gradients ``G`` and the flags ``touched`` are used up (set to zero)."""
    rule, hyper, step_sizes, root_corrections, _ = optimizer
    rows = np.empty(sparse * (touched.size + 1), np.uint32)
    _step_rows(
        P.ravel(), m.ravel(), v.ravel(), G.ravel(), P.shape[1], touched, rows, sparse, scale, rule, numbers(hyper),
        step_sizes[step], root_corrections[step],
    )  # fmt: skip


@kernel(counted=False)
def _step_rows(P, m, v, G, width, touched, rows, sparse, scale, rule, hyper, step_size, root_correction):
    """:func:`step_block` on flat tables; ``rows`` is scratch, one longer than ``touched``."""
    if not sparse:
        _update(rule, hyper, P, m, v, ZERO, G, ZERO, P.size, scale, step_size, root_correction)
        G[:] = 0
        touched[:] = 0
        return
    count, width = np.uint64(0), np.uint64(width)
    for i in range(np.uint64(touched.size)):  # without branches: which rows were touched cannot be foreseen
        rows[count] = i
        count += np.uint64(touched[i])
        touched[i] = 0
    for e in range(count):
        at = rows[e] * width
        _update(rule, hyper, P, m, v, at, G, at, width, scale, step_size, root_correction)
        for k in range(at, at + width):
            G[k] = 0
