"""Small interactions: one whose right answer is known, one with every odd kind of user."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def checkerboard() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Two groups of users with six items each; one pair of every user's is kept for the test."""
    full = np.kron(np.eye(2), np.ones((30, 6)))
    held = np.zeros_like(full)
    for u in range(60):
        held[u, 6 * (u // 30) + u % 6] = 1
    return sparse.csr_matrix(full - held), sparse.csr_matrix(held)


def random_pairs(seed: int = 3) -> sparse.csr_matrix:
    """Some users have everything, nothing, or a single pair."""
    dense = np.random.default_rng(seed).random((40, 33)) < 0.15
    dense[3], dense[5], dense[7] = False, True, False
    dense[7, 2] = True
    return sparse.csr_matrix(dense.astype(np.float32))
