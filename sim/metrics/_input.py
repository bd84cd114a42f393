"""Checks of labels, scores and excluded items, shared by the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..core.validation import check_int, check_sparse

__all__ = ["check_ks", "encode"]

EXCLUDED = 2


def _zero_one(name: str, array: Any, shape: tuple[int, ...]) -> np.ndarray:
    """``array`` (dense or sparse, of zeros and ones) as a uint8 array of the given shape."""
    if sparse.issparse(array):
        if check_sparse(name, array).shape != shape:
            raise ValueError(f"{name} must have the shape {shape} of y_score, got {array.shape}")
        csr = (array.reshape((1, -1)) if array.ndim == 1 else array).tocsr()
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        data = csr.data
        bad = (data != 0) & (data != 1)
        if bad.any():
            raise ValueError(
                f"{name} must hold 0 and 1 only, each pair stored once, got {data[bad][0]} in {int(bad.sum())} entries"
            )
        dense = np.zeros(csr.shape, np.uint8)
        rows = np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr))
        dense[rows, csr.indices] = data
        return dense.reshape(shape)
    array = np.asarray(array)
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape} of y_score, got {array.shape}")
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold booleans or the numbers 0 and 1, got dtype {array.dtype}")
    out = array.astype(np.uint8) if array.dtype.kind in "iu" else (array == 1).view(np.uint8)
    if not np.array_equal(out, array) or out.max(initial=0) > 1:
        bad = array[(array != 0) & (array != 1)]
        raise ValueError(f"{name} must hold 0 and 1 only, got {bad[0]} in {bad.size} entries")
    return out


def encode(y_true: Any, y_score: Any, exclude: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels coded 0, 1, 2 (negative, positive, excluded) and float32 or float64 scores, both 1-D or 2-D.

    Scores must be finite, except those of excluded items, which may be anything.
    """
    scores = np.asarray(y_score)
    if scores.ndim not in (1, 2) or scores.shape[-1] == 0:
        raise ValueError(f"y_score must be 1-D or 2-D with at least one item, got shape {scores.shape}")
    if scores.dtype.kind not in "iufb":
        raise TypeError(f"y_score must hold real numbers, got dtype {scores.dtype}")
    if scores.dtype != np.float32:
        scores = scores.astype(np.float64, copy=False)
    labels = _zero_one("y_true", y_true, scores.shape)
    if exclude is None:
        bad = ~np.isfinite(scores)
    else:
        out = _zero_one("exclude", exclude, scores.shape) == 1
        labels = np.where(out, np.uint8(EXCLUDED), labels)
        bad = ~np.isfinite(scores) & ~out
    if bad.any():
        raise ValueError(
            f"y_score must be finite for every item that is not excluded, got {int(bad.sum())} NaN or infinite values"
        )
    return np.ascontiguousarray(labels), np.ascontiguousarray(scores)


def check_ks(k: Any, n_items: int) -> tuple[np.ndarray, bool]:
    """``k`` as an int64 array of cut-offs in 1..n_items, and whether it was a single integer."""
    single = np.ndim(k) == 0
    values = [k] if single else list(k)
    if not values:
        raise ValueError("k must hold at least one cut-off, got an empty sequence")
    return np.array([check_int("k", v, low=1, high=n_items) for v in values], np.int64), single
