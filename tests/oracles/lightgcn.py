"""LightGCN with dense matrices in plain NumPy and float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from oracles import sampling
from oracles.bpr import Run, pair_gradients, start_value, step, weights_of
from sim.sampling import Sampler


def adjacency(user_items: Any) -> np.ndarray:
    """The normalised adjacency matrix of users and items, a_ui = 1 / sqrt(deg u * deg i) for every pair."""
    dense = sparse.csr_matrix(user_items).toarray() > 0
    n_users, n_items = dense.shape
    matrix = np.zeros((n_users + n_items,) * 2)
    for u, i in np.argwhere(dense):
        weight = 1 / np.sqrt(dense[u].sum() * dense[:, i].sum())
        matrix[u, n_users + i] = matrix[n_users + i, u] = weight
    return matrix


def mean_propagation(user_items: Any, layers: int) -> np.ndarray:
    """P = (I + A + ... + A^K) / (K + 1)."""
    A = adjacency(user_items)
    return sum(np.linalg.matrix_power(A, k) for k in range(layers + 1)) / (layers + 1)


def train(
    user_items: Any,
    sampler: Sampler,
    seed: int,
    *,
    factors: int,
    layers: int,
    lr: float,
    weight_decay: float,
    epochs: int,
    batch_size: int,
    refresh: int = 1,
    optimizer: str = "adam",
    lr_decay: float = 0.95,
    lr_decay_every: int = 5,
    init_scale: float = 0.1,
) -> Run:
    """The whole of LightGCN.fit; the final embeddings, not the parameters, are returned."""
    csr = sparse.csr_matrix(user_items)
    n_users, n_items = csr.shape
    P = mean_propagation(csr, layers)
    E = np.vstack([start_value(seed, k, n, factors, init_scale) for k, n in enumerate(csr.shape)])
    m, v = np.zeros_like(E), np.zeros_like(E)
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if csr[u, i] > 0]
    positives = [{i for w, i in pairs if w == u} for u in range(n_users)]
    t, losses, rates = 0, [], []
    for epoch in range(epochs):
        rates.append(lr * lr_decay ** (epoch // lr_decay_every))
        labels = sampling.Stream(sampling.key_of(seed, 1, epoch)).shuffled([k // batch_size for k in range(len(pairs))])
        total = 0.0
        for label in range(max(labels) + 1):
            if label % refresh == 0:
                F = P @ E
            U, V, G = F[:n_users], F[n_users:], np.zeros_like(F)
            for number, (u, i) in enumerate(pairs):
                if labels[number] != label:
                    continue
                pool = sampling.pool(sampling.key_of(seed, 2, epoch, number), n_items, positives[u], sampler.N, True)
                p = weights_of(sampler, np.array([np.log1p(np.exp(U[u] @ V[j] - U[u] @ V[i])) for j in pool]))
                loss, gU, gV = pair_gradients(U, V, u, i, pool, p, 1.0)
                G += np.vstack([gU, gV])
                total += loss
            t += 1
            E, m, v = step(optimizer, E, m, v, P @ G, t, rates[-1], weight_decay)
        losses.append(total / len(pairs))
    F = P @ E
    return Run(F[:n_users], F[n_users:], losses, rates)
