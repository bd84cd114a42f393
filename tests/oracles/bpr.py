"""The training step and the evaluation in plain NumPy and float64, every row updated at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from oracles import sampling as oracle
from sim.sampling import DNS, WARP, Sampler, Softmax, SoftmaxExact, SoftmaxV, TopKOptimal

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def weights_of(sampler: Sampler, losses: np.ndarray) -> np.ndarray:
    """The slow definition of a built-in sampler's weights on BPR's losses, from which the margins follow."""
    margins = list(np.log(np.expm1(losses)))
    if isinstance(sampler, Softmax):
        return oracle.softmax_weights(margins, sampler.tau)
    if isinstance(sampler, WARP):
        return oracle.warp_weights(margins, sampler.margin, sampler.n_neg)
    if isinstance(sampler, TopKOptimal):
        return oracle.ranked_weights(margins, sampler.params)
    if isinstance(sampler, DNS):
        return np.array(oracle.dns_weights(list(losses), sampler.M))
    if isinstance(sampler, SoftmaxExact):
        return oracle.softmax_exact_weights(losses, sampler.rho)
    if isinstance(sampler, SoftmaxV):
        return oracle.softmax_v_weights(losses, sampler.rho)
    return np.full(losses.size, 1 / losses.size)


def start_value(seed: int, table: int, rows: int, factors: int, scale: float) -> np.ndarray:
    """N(0, scale^2) from the stream (start values, table, row)."""
    streams = [oracle.Stream(oracle.key_of(seed, 0, table, row)) for row in range(rows)]
    return np.array([[scale * stream.normal(k) for k in range(factors)] for stream in streams])


def pair_gradients(
    U: np.ndarray, V: np.ndarray, u: int, i: int, pool: list[int], p: np.ndarray, factor: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """factor * sum_j p_j l(r_ui - r_uj) and its gradients in U and V, with p held constant."""
    gU, gV, loss = np.zeros_like(U), np.zeros_like(V), 0.0
    for j, weight in zip(pool, p):
        margin = U[u] @ V[i] - U[u] @ V[j]
        loss += factor * weight * np.log1p(np.exp(-margin))
        slope = -factor * weight / (1 + np.exp(margin))
        gU[u] += slope * (V[i] - V[j])
        gV[i] += slope * U[u]
        gV[j] -= slope * U[u]
    return loss, gU, gV


@dataclass
class Run:
    """What the oracle's training leaves."""

    U: np.ndarray
    V: np.ndarray
    losses: list[float]
    lr: list[float]


def train(
    user_items: Any,
    sampler: Sampler,
    seed: int,
    *,
    factors: int,
    lr: float,
    weight_decay: float,
    epochs: int,
    batch_size: int,
    exclude_positives: bool = True,
    replace: bool = True,
    sum_negatives: bool = False,
    lr_decay: float = 0.95,
    lr_decay_every: int = 5,
    init_scale: float = 0.1,
    optimizer: str = "adam",
    sparse_updates: bool = False,
    item_bias: bool = False,
    pairs_per_pool: int = 1,
    weigh: Callable[[Sampler, np.ndarray], np.ndarray] = weights_of,
) -> Run:
    """The whole of BPRMF.fit, one pair after the other."""
    dense = sparse.csr_matrix(user_items).toarray() > 0
    n_users, n_items = dense.shape
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if dense[u, i]]
    positives = [set(np.flatnonzero(row).tolist()) for row in dense]
    U = start_value(seed, 0, n_users, factors, init_scale)
    V = start_value(seed, 1, n_items, factors, init_scale)
    if item_bias:
        U, V = np.hstack([U, np.ones((n_users, 1))]), np.hstack([V, np.zeros((n_items, 1))])
    state = [[np.zeros_like(U), np.zeros_like(U)], [np.zeros_like(V), np.zeros_like(V)]]
    t, run = 0, Run(U, V, [], [])
    for epoch in range(epochs):
        rate = lr * lr_decay ** (epoch // lr_decay_every)
        run.lr.append(rate)
        labels = [k // batch_size for k in range(len(pairs))]
        labels = oracle.Stream(oracle.key_of(seed, 1, epoch)).shuffled(labels)
        total = 0.0
        for label in range(max(labels) + 1):
            batch = [number for number in range(len(pairs)) if labels[number] == label]
            gradients, touched = [np.zeros_like(U), np.zeros_like(V)], [set(), set()]  # type: ignore[var-annotated]
            n_groups = -(-len(batch) // pairs_per_pool)
            for place, number in enumerate(batch):
                u, i = pairs[number]
                excluded = positives[u] if exclude_positives else set()
                key, rest = oracle.key_of(seed, 2, epoch, number), (n_items, excluded, sampler.N, replace)
                if pairs_per_pool == 1:
                    pool = oracle.pool(key, *rest)
                else:
                    group = oracle.key_of(seed, 2, epoch, label, place % n_groups)
                    pool = oracle.shared_pool(group, key, *rest)
                losses = np.array([np.log1p(np.exp(U[u] @ V[j] - U[u] @ V[i])) for j in pool])
                p = weigh(sampler, losses) if pool else np.zeros(0)
                factor = min(sampler.width, len(pool)) if sum_negatives and sampler.rank_based else 1.0
                loss, gU, gV = pair_gradients(U, V, u, i, pool, p, factor)
                gradients[0] += gU
                gradients[1] += gV
                total += loss
                touched[0].add(u)
                touched[1] |= {i, *(j for j, weight in zip(pool, p) if weight > 0)}
            t += 1
            for table, g, (m, v), rows in zip((U, V), gradients, state, touched):
                chosen = sorted(rows) if sparse_updates else np.arange(len(table))
                table[chosen], m[chosen], v[chosen] = step(
                    optimizer, table[chosen], m[chosen], v[chosen], g[chosen], t, rate, weight_decay
                )
            if item_bias:
                U[:, -1] = 1
        run.losses.append(total / len(pairs))
    return run


def step(
    rule: str, x: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, t: int, lr: float, decay: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of an optimiser as its paper writes it."""
    g = g + decay * x
    if rule == "sgd":
        return x - lr * g, m, v
    m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g**2
    return x - lr * (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPS), m, v


def rankings(
    U: np.ndarray, V: np.ndarray, test: np.ndarray, exclude: np.ndarray
) -> dict[int, tuple[list[int], list[int]]]:
    """For every user with test items: the items best first, ties by number, without excluded ones, and their labels."""
    out = {}
    for u in range(len(U)):
        if test[u].any():
            scores = U[u] @ V.T
            items = sorted((i for i in range(len(V)) if not exclude[u, i]), key=lambda i: (-scores[i], i))
            out[u] = items, [int(test[u, i]) for i in items]
    return out
