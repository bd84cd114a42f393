"""Sparse matrices of user-item pairs as the kernels want them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["clean_pairs", "fingerprint"]


def clean_pairs(name: str, matrix: Any, shape: tuple[int, int] | None = None) -> sparse.csr_matrix:
    """The entries above zero as a CSR with sorted columns, no duplicates, int64 row pointers, int32 columns.

    The caller's matrix is left as it is. Negative, NaN or infinite entries are an error.
    """
    if not sparse.issparse(matrix):
        raise TypeError(f"{name} must be a scipy sparse matrix, got {type(matrix).__name__}")
    if matrix.ndim != 2 or (shape is not None and matrix.shape != shape):
        raise ValueError(f"{name} must have shape {shape or '(n_users, n_items)'}, got {matrix.shape}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"{name} must have real entries, got dtype {matrix.dtype}")
    csr = sparse.csr_matrix(matrix)
    if csr.data.size and not np.isfinite(csr.data).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite entries")
    if csr.data.size and csr.data.min() < 0:
        raise ValueError(f"{name} must be >= 0, got {csr.data.min()}")
    csr = sparse.csr_matrix((csr.data > 0, csr.indices.copy(), csr.indptr.copy()), shape=csr.shape)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    csr.sort_indices()
    csr.indptr, csr.indices = csr.indptr.astype(np.int64), csr.indices.astype(np.int32)
    return csr


def fingerprint(pairs: sparse.csr_matrix) -> str:
    """Shape and hash of clean pairs."""
    return f"{pairs.shape} {hashlib.sha256(pairs.indptr.tobytes() + pairs.indices.tobytes()).hexdigest()}"
