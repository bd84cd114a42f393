"""Argument checks shared by every public function: one line with the argument, what was given, what is allowed."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from scipy import sparse

from .names import hint

__all__ = [
    "MOST_CELLS", "MOST_EPOCHS", "MOST_FACTORS", "MOST_JOBS", "MOST_LAYERS", "MOST_POOL", "MOST_RANKINGS", "MOST_SEED",
    "MOST_SIZE", "check_choice", "check_finite", "check_fraction", "check_int", "check_real",
    "check_sparse", "losses_array",
]  # fmt: skip

MOST_SIZE = 2**31 - 1
"""Largest number of users, items, pairs, rankings, cut-offs or pairs of a batch: indices have 32 bits."""

MOST_POOL = 2**28
"""Largest pool N, number M of kept negatives, and cache C."""

MOST_FACTORS, MOST_LAYERS, MOST_EPOCHS = 2**16, 1000, 10**6
MOST_JOBS, MOST_RANKINGS = 1024, 10**10
MOST_CELLS = 100_000
"""Largest number of cells of a grid."""

MOST_SEED = 2**63 - 1


def check_int(
    name: str, value: Any, *, low: int | None = None, high: int | None = None, most: int | None = None
) -> int:
    """``value`` as an int in [low, high]; bools and floats are refused.

    ``most`` is the largest value that makes sense at all, one of those above: only who exceeds it is told.

    Examples
    --------
    >>> check_int("K", 5, low=1)
    5
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(f"{name} must be {_range(low, high)}, got {_shown(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be <= {most}, got {_shown(number)}")
    return number


def _shown(number: int) -> str:
    """An integer in few characters: Python refuses to write very long ones."""
    return str(number) if abs(number) < 10**40 else f"an integer of about {int(number.bit_length() * 0.30103)} digits"


def check_real(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open_low: bool = False
) -> float:
    """``value`` as a finite float in [low, high], or (low, high] with ``open_low``."""
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        raise ValueError(f"{name} must be finite, got a number beyond the largest float") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    if number < low or number > high or (open_low and number == low):
        left = f"{'(' if open_low else '['}{low:g}" if low > -math.inf else "(-inf"
        right = f"{high:g}]" if high < math.inf else "inf)"
        raise ValueError(f"{name} must be in {left}, {right}, got {number:g}")
    return number


def check_fraction(name: str, value: Any) -> float:
    """``value`` as a float in (0, 1], the range of an FPR or TPR limit."""
    return check_real(name, value, low=0.0, high=1.0, open_low=True)


def check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """``value`` if it is one of ``allowed``."""
    if value not in allowed:
        near = hint(value, allowed, everything=False)
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}{near and ': '}{near}")
    return value


def check_finite(name: str, array: np.ndarray) -> np.ndarray:
    """``array`` if it holds no NaN and no infinity."""
    if array.size and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite values")
    return array


def check_sparse(name: str, matrix: Any) -> Any:
    """``matrix`` if it is a scipy sparse matrix whose parts fit together, so that unchecked code may read it.

    Lengths, row pointers and the range of every index are looked at, before any conversion and without a copy:
    scipy's constructors look at few of them, and its conversions and our kernels trust them all.

    Examples
    --------
    >>> bad = sparse.csr_matrix(([1.0], [7], [0, 1]), shape=(1, 3))
    >>> check_sparse("user_items", bad)
    Traceback (most recent call last):
    ValueError: user_items must be a whole sparse matrix, got csr of shape (1, 3) with indices in 7..7, not 0..2
    """
    if not sparse.issparse(matrix):
        raise TypeError(f"{name} must be a scipy sparse matrix, got {type(matrix).__name__}")
    check = {"csr": _compressed, "csc": _compressed, "bsr": _compressed, "coo": _coordinates, "dok": _keys}
    try:
        fault = check.get(matrix.format, _others)(matrix)
    except (AttributeError, IndexError, TypeError, ValueError) as error:  # a part is missing or of another kind
        fault = f"broken parts ({error})".splitlines()[0]
    if fault:
        raise ValueError(
            f"{name} must be a whole sparse matrix, got {matrix.format} of shape {matrix.shape} with {fault}"
        )
    return matrix


def losses_array(losses: Any, name: str = "losses") -> np.ndarray:
    """``losses`` as a finite float64 array with a last axis of at least one entry."""
    array = np.asarray(losses, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one entry along its last axis, got shape {array.shape}")
    return check_finite(name, array)


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return f">= {low}"
    if low is None:
        return f"<= {high}"
    return f"in {low}..{high}"


def _compressed(matrix: Any) -> str:
    """What is wrong with row pointers and indices (CSR, CSC, BSR), or nothing."""
    indptr, indices, data = matrix.indptr, matrix.indices, matrix.data
    block = data.shape[1:] if matrix.format == "bsr" else (1, 1)
    rows, columns = (1, *matrix.shape)[-2:]
    if rows % block[0] or columns % block[1]:
        return f"blocks of shape {block}"
    major, minor = rows // block[0], columns // block[1]
    if matrix.format == "csc":
        major, minor = minor, major
    for part, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or array.dtype.kind != "i":
            return f"{part} of dtype {array.dtype} and shape {array.shape}"
    if indptr.size != major + 1:
        return f"{indptr.size} row pointers, not {major + 1}"
    if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        return "row pointers that do not ascend from 0"
    if not indptr[-1] <= indices.size == len(data):
        return f"{indptr[-1]} entries by its row pointers, {indices.size} indices and {len(data)} values"
    return _beyond("indices", indices[: indptr[-1]], minor)


def _coordinates(matrix: Any) -> str:
    """What is wrong with a COO matrix, or nothing."""
    for size, part in zip(matrix.shape, matrix.coords, strict=True):
        if part.ndim != 1 or part.dtype.kind != "i" or part.size != matrix.data.size:
            return f"coordinates of dtype {part.dtype} and shape {part.shape} for {matrix.data.size} values"
        if fault := _beyond("coordinates", part, size):
            return fault
    return ""


def _keys(matrix: Any) -> str:
    """What is wrong with the keys of a DOK matrix, or nothing."""
    keys = np.array(list(matrix.keys()), dtype=np.int64).reshape(matrix.nnz, -1)
    return next(filter(None, (_beyond("keys", keys[:, axis], n) for axis, n in enumerate(matrix.shape))), "")


def _others(matrix: Any) -> str:
    """What is wrong with a LIL or DIA matrix, or nothing."""
    if matrix.format == "dia":
        offsets = matrix.offsets
        fits = offsets.ndim == 1 and offsets.dtype.kind == "i" and len(offsets) == len(matrix.data)
        return "" if fits and matrix.data.ndim == 2 else f"{offsets.shape} offsets for values of {matrix.data.shape}"
    if len(matrix.rows) != matrix.shape[0] or [*map(len, matrix.rows)] != [*map(len, matrix.data)]:
        return "rows of other lengths than their values"
    return _beyond("indices", np.array([j for row in matrix.rows for j in row], dtype=np.int64), matrix.shape[1])


def _beyond(part: str, indices: np.ndarray, size: int) -> str:
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        return f"{part} in {indices.min()}..{indices.max()}, not 0..{size - 1}"
    return ""
