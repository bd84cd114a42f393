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

import numba
import numpy as np

from .._jit import kernel

__all__ = ["ADAGRAD", "ADAM", "ADAMW", "SGD", "catch_up", "catch_up_row", "step_block", "step_row"]

ADAM, ADAMW, SGD, ADAGRAD = 0, 1, 2, 3

_ROWS = 256  # rows a task


@kernel(inline=True)
def _update(p, m, v, g, scale, step, optimizer):
    """One step on the entries of ``p``."""
    rule, hyper, step_sizes, root_corrections, _ = optimizer
    lr, decay, beta1, beta2, eps = hyper[0], hyper[1], hyper[2], hyper[3], hyper[4]
    step_size, root_correction = step_sizes[step], root_corrections[step]
    one = p.dtype.type(1)
    if rule == ADAM:
        for k in range(p.size):
            grad = scale * g[k] + decay * p[k]
            m[k] = beta1 * m[k] + (one - beta1) * grad
            v[k] = beta2 * v[k] + (one - beta2) * (grad * grad)
            p[k] -= step_size * (m[k] / (math.sqrt(v[k]) * root_correction + eps))
    elif rule == ADAMW:
        for k in range(p.size):
            grad = scale * g[k]
            m[k] = beta1 * m[k] + (one - beta1) * grad
            v[k] = beta2 * v[k] + (one - beta2) * (grad * grad)
            p[k] -= lr * decay * p[k] + step_size * (m[k] / (math.sqrt(v[k]) * root_correction + eps))
    elif rule == SGD:
        for k in range(p.size):
            p[k] -= lr * (scale * g[k] + decay * p[k])
    else:
        for k in range(p.size):
            grad = scale * g[k] + decay * p[k]
            v[k] += grad * grad
            p[k] -= lr * (grad / (math.sqrt(v[k]) + eps))


@kernel()
def step_row(u, gradient, scale, step, P, m, v, optimizer):
    """One step on a user's row."""
    _update(P[u], m[u], v[u], gradient, scale, step, optimizer)
    if optimizer[4] >= 0:
        P[u, optimizer[4]] = 1


@kernel()
def catch_up_row(u, step, done, P, m, v, optimizer):
    """Bring a user's row to the state before step ``step`` by making up the steps it missed."""
    if done[u] < step:
        nothing = np.zeros(P.shape[1], P.dtype)
        for s in range(done[u], step):
            _update(P[u], m[u], v[u], nothing, P.dtype.type(0), s, optimizer)
        if optimizer[4] >= 0:
            P[u, optimizer[4]] = 1
        done[u] = step


@kernel(parallel=True)
def catch_up(step, done, P, m, v, optimizer):
    """:func:`catch_up_row` for all rows."""
    for task in numba.prange((P.shape[0] + _ROWS - 1) // _ROWS):
        for u in range(task * _ROWS, min((task + 1) * _ROWS, P.shape[0])):
            catch_up_row(u, step, done, P, m, v, optimizer)


@kernel()
def step_block(P, m, v, G, touched, sparse, scale, step, optimizer):
    """One step on a block of rows; the gradients ``G`` and the flags ``touched`` are used up (set to zero)."""
    if not sparse:
        _update(P.ravel(), m.ravel(), v.ravel(), G.ravel(), scale, step, optimizer)
        G[:] = 0
        touched[:] = 0
        return
    for i in range(P.shape[0]):
        if touched[i]:
            _update(P[i], m[i], v[i], G[i], scale, step, optimizer)
            G[i] = 0
            touched[i] = 0
