"""Sparse matrices of user-item pairs as the kernels want them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy import sparse

from .validation import check_sparse

__all__ = ["clean_pairs", "fingerprint", "with_ignored"]

_MOST = 2**31 - 1  # users, items and pairs are numbered by int32


def clean_pairs(name: str, matrix: Any, shape: tuple[int, int] | None = None) -> sparse.csr_matrix:
    """The entries above zero as a CSR with sorted columns, no duplicates, int64 row pointers, int32 columns.

    The caller's matrix is left as it is, and may be read-only. A matrix whose parts do not fit together, and negative,
    NaN or infinite entries are an error.
    """
    if not sparse.issparse(matrix):
        raise TypeError(f"{name} must be a scipy sparse matrix, got {type(matrix).__name__}{_advice(matrix)}")
    check_sparse(name, matrix)
    if matrix.ndim != 2 or (shape is not None and matrix.shape != shape):
        raise ValueError(f"{name} must have shape {shape or '(n_users, n_items)'}, got {matrix.shape}")
    if max(matrix.shape) > _MOST or matrix.nnz > _MOST:
        raise ValueError(f"{name} must have < 2^31 rows, columns and entries, got shape {matrix.shape}")
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


def _advice(given: Any) -> str:
    """What to do instead with what is often given in the place of a sparse matrix."""
    if hasattr(given, "train") and hasattr(given, "describe"):
        return ": give the data set's matrix, data.train, or data.fit for train and validation together"
    if hasattr(given, "columns"):
        return ": make one by sim.data.from_pairs(frame.user, frame.item).fit, with your columns of users and items"
    return ": make one by scipy.sparse.csr_matrix" if isinstance(given, (np.ndarray, list)) else ""


def with_ignored(pairs: sparse.csr_matrix, ignore: Any) -> sparse.csr_matrix:
    """Clean pairs together with those of ``ignore``, which are stored as zeros: not trained on, nor drawn."""
    others = clean_pairs("ignore", ignore, pairs.shape)
    if both := others.multiply(pairs).nnz:
        raise ValueError(f"ignore must not contain pairs of user_items, got {both} of them")
    union = 2 * pairs.astype(np.int8) + others.astype(np.int8)
    union.sort_indices()
    union.data = union.data == 2
    union.indptr, union.indices = union.indptr.astype(np.int64), union.indices.astype(np.int32)
    return union


def fingerprint(pairs: sparse.csr_matrix) -> str:
    """Shape and hash of clean pairs."""
    ignored = b"" if pairs.data.all() else pairs.data.tobytes()
    return f"{pairs.shape} {hashlib.sha256(pairs.indptr.tobytes() + pairs.indices.tobytes() + ignored).hexdigest()}"
