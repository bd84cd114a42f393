"""Kernels of the optimisers: update rules for rows, and the passes that apply them to the tables.

Dense rules apply to every row at every step, as in the published program, where the L2 term alone moves the rows that a
batch does not touch. For users those steps are postponed and made up, one by one with the same arithmetic, when the
user is next needed: the same numbers for a fraction of the memory traffic. With ``sparse`` untouched rows stay as they
are.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .._jit import kernel

__all__ = ["ADAGRAD", "ADAM", "ADAMW", "SGD", "catch_up_users", "step_items", "step_users"]

ADAM, ADAMW, SGD, ADAGRAD = 0, 1, 2, 3

_CHUNK = 32  # users a task
_ROWS = 256  # item rows a task


@kernel(inline=True)
def _update(rule, p, m, v, g, scale, hyper, step_size, root_correction):
    """One step on the entries of ``p``; ``hyper`` is (lr, decay, beta1, beta2, eps).

    Adam: step_size = lr / (1 - beta1^t), root_correction = 1 / sqrt(1 - beta2^t).
    """
    lr, decay, beta1, beta2, eps = hyper
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


@kernel(parallel=True)
def step_items(rule, sparse, touched, P, m, v, G, scale, hyper, step_size, root_correction):
    """One step on the items; the gradient ``G`` and the flags ``touched`` are used up (set to zero)."""
    rows = P.shape[0]
    for task in numba.prange((rows + _ROWS - 1) // _ROWS):
        a = task * _ROWS
        b = min(a + _ROWS, rows)
        if not sparse:
            g = G[a:b].ravel()
            _update(
                rule, P[a:b].ravel(), m[a:b].ravel(), v[a:b].ravel(), g, scale, hyper, step_size, root_correction
            )  # fmt: skip
            g[:] = 0
        else:
            for i in range(a, b):
                if touched[i]:
                    _update(rule, P[i], m[i], v[i], G[i], scale, hyper, step_size, root_correction)
                    G[i, :] = 0
                    touched[i] = 0


@kernel(parallel=True)
def catch_up_users(rule, users, step, done, U, m, v, hyper, step_size, root_correction):
    """Bring the rows ``users`` to the state before step ``step`` by making up the steps they missed."""
    for task in numba.prange((users.size + _CHUNK - 1) // _CHUNK):
        nothing = np.zeros(U.shape[1], U.dtype)
        for j in range(task * _CHUNK, min((task + 1) * _CHUNK, users.size)):
            u = users[j]
            for s in range(done[u], step):
                _update(rule, U[u], m[u], v[u], nothing, U.dtype.type(0), hyper, step_size[s], root_correction[s])
            done[u] = step


@kernel(parallel=True)
def step_users(rule, users, starts, step, done, gradient, scale, U, m, v, hyper, step_size, root_correction):
    """The step of the batch's users; user j's pairs are rows ``starts[j]..starts[j+1]`` of ``gradient``."""
    for task in numba.prange((users.size + _CHUNK - 1) // _CHUNK):
        for j in range(task * _CHUNK, min((task + 1) * _CHUNK, users.size)):
            u = users[j]
            total = gradient[starts[j]]
            for p in range(starts[j] + 1, starts[j + 1]):
                total += gradient[p]
            _update(rule, U[u], m[u], v[u], total, scale, hyper, step_size[step], root_correction[step])
            done[u] = step + 1
