"""Readers of users x items matrices: .npz of scipy.sparse and .mat of MATLAB, level 5. Nothing in a file is believed.

scipy's readers trust the sizes inside the file, and a changed byte ends them in a signal. Those
here read the little that is needed, and look at every size before they ask for memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..core.archive import UNFOLDED, check_plain, read_arrays
from ..core.validation import check_sparse
from ._fetch import DataError
from ._interactions import Raw

__all__ = ["from_matrix", "read_mat", "read_npz"]

_FREE, _PER_ENTRY = 1 << 23, 64
"""A matrix may have so many rows or columns, or so many for each entry: labels take memory for empty ones too."""


def read_npz(path: Path, name: str) -> Any:
    """The matrix in a file of :func:`scipy.sparse.save_npz`."""
    try:
        return _from_parts(read_arrays(path))
    except (ValueError, TypeError, OSError) as error:
        raise DataError(f"{name}: {path} is not a scipy.sparse .npz file: {str(error)[:120]}") from None


def _from_parts(parts: dict[str, NDArray[Any]]) -> Any:
    kinds: dict[str, tuple[str, ...]] = dict.fromkeys(("csr", "csc", "bsr"), ("data", "indices", "indptr"))
    kinds |= {"dia": ("data", "offsets"), "coo": ("data", "row", "col")}
    if not {"format", "shape", "data"} <= set(parts) or parts["format"].shape != ():
        raise ValueError("it lacks format, shape or data")
    kind = parts["format"].item()
    kind = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
    if kind not in kinds or not set(kinds[kind]) <= set(parts):
        raise ValueError(f"it has format {kind!r}" + (" without its parts" if kind in kinds else ""))
    data, *indices = (parts[part] for part in kinds[kind])
    shape = parts["shape"]
    if shape.shape != (2,) or any(array.dtype.kind != "i" or array.ndim != 1 for array in (shape, *indices)):
        raise ValueError("its shape must be two integers, its indices integers")
    make = getattr(sp, f"{kind}_matrix")
    size = (int(shape[0]), int(shape[1]))
    place = (data, (indices[0], indices[1])) if kind == "coo" else (data, *indices)
    return check_sparse("it", make(place, shape=size))


_NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_MATRIX, _COMPRESSED, _SPARSE = 14, 15, 5
_COMPLEX = 8  # the flag in the second byte of an array's flags


def read_mat(path: Path, name: str) -> Any:
    """The sparse matrix in a .mat file of level 5 (MATLAB's -v6 and -v7): the only one, or the one named "data"."""
    try:
        found = dict(_sparse_variables(path))
    except (ValueError, TypeError, OSError, OverflowError, zlib.error) as error:
        raise DataError(f"{name}: {path} is not a readable .mat file: {str(error)[:120]}") from None
    if "data" in found:
        return found["data"]
    if len(found) != 1:
        raise DataError(
            f"{name}: {path} must hold one sparse matrix, or one named 'data'; it has {sorted(found) or 'none'}"
        )
    return next(iter(found.values()))


def _sparse_variables(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of every sparse variable."""
    size = check_plain(path)
    content = memoryview(path.read_bytes())
    if size < 128:
        raise ValueError("it is shorter than a header")
    if 0 in content[:4].tolist():
        raise ValueError("MATLAB 4's format; save it with -v7")
    mark, version = bytes(content[126:128]), bytes(content[124:126])
    if mark not in (b"IM", b"MI"):
        raise ValueError("it has no header")
    order = "<" if mark == b"IM" else ">"
    number = int(np.frombuffer(version, order + "u2")[0])
    if number >> 8 == 2:
        raise ValueError("a MATLAB 7.3 (HDF5) file; save it with -v7")
    if number >> 8 != 1:
        raise ValueError(f"it has version {number:#06x}")
    most = max(UNFOLDED[0], UNFOLDED[1] * size)
    for kind, element in _elements(content[128:], order):
        if kind == _COMPRESSED:
            kind, element = _unfold(element, order, most)
            most -= len(element)
        if kind == _MATRIX:
            variable = _sparse(element, order)
            if variable is not None:
                yield variable


def _elements(content: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of every element: small ones of up to 4 bytes have both in one word."""
    at = 0
    while at < len(content):
        if len(content) - at < 8:
            raise ValueError("it ends in the midst of an element")
        kind, size = (int(n) for n in np.frombuffer(content[at : at + 8], order + "u4"))
        if kind >> 16:
            kind, size, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("a small element has more than 4 bytes")
        else:
            start = at + 8
            after = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if size > len(content) - start:
            raise ValueError("an element ends after the file")
        yield kind, content[start : start + size]
        at = after


def _unfold(packed: memoryview, order: str, most: int) -> tuple[int, memoryview]:
    """The one element in a compressed one."""
    stream = zlib.decompressobj()
    head = stream.decompress(packed, 8)
    if len(head) < 8:
        raise ValueError("a compressed element is empty")
    kind, size = (int(n) for n in np.frombuffer(head, order + "u4"))
    if size > most:
        raise ValueError(f"it would unfold to more than {UNFOLDED[1]} times its size")
    element = stream.decompress(stream.unconsumed_tail, size) if size else b""
    rest = stream.decompress(stream.unconsumed_tail, 8)  # the check sum is at the very end
    if len(element) != size or rest or not stream.eof:
        raise ValueError("a compressed element is not as long as it says")
    return kind, memoryview(element)


def _sparse(element: memoryview, order: str) -> tuple[str, Any] | None:
    """Name and content of a variable if it is sparse: flags, dimensions, name, row indices, column pointers, values."""
    parts = _elements(element, order)

    def array() -> NDArray[Any]:
        kind, content = next(parts, (0, memoryview(b"")))
        if kind not in _NUMBERS or len(content) % int(_NUMBERS[kind][1]):
            raise ValueError("a variable lacks a part")
        values = np.frombuffer(content, order + _NUMBERS[kind])
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    flags = array()
    if flags.size < 2 or flags.dtype.kind != "u":
        raise ValueError("a variable has no flags")
    if int(flags[0]) & 0xFF != _SPARSE:
        return None
    shape, name = array(), bytes(array().astype(np.uint8)).decode("latin-1")
    rows, pointers, values = array(), array(), array()
    if int(flags[0]) >> 8 & _COMPLEX:
        raise ValueError(f"{name!r} has complex entries")
    if shape.size != 2 or any(a.dtype.kind != "i" for a in (shape, rows, pointers)) or shape.min() < 0:
        raise ValueError(f"{name!r} has no two sizes, or indices that are no integers")
    used = int(pointers[-1]) if pointers.size else 0
    if not 0 <= used <= min(rows.size, values.size):  # the writer may have reserved more
        raise ValueError(f"{name!r} has {used} entries by its pointers, {rows.size} by its rows")
    size = (int(shape[0]), int(shape[1]))
    matrix = sp.csc_matrix((values[:used], rows[:used], pointers), shape=size)
    return name, check_sparse(repr(name), matrix)


def from_matrix(matrix: Any, name: str) -> Raw:
    """Rows of a users x items matrix: one per entry > 0, its value the rating; labels are the indices.

    Raises
    ------
    DataError
        For NaN, infinite or negative entries, a matrix without entries, or one that is nearly all empty rows.
    """
    if sp.issparse(matrix):
        check_sparse(name, matrix)
    if np.ndim(matrix) != 2:
        raise ValueError(f"{name} must have two dimensions, users and items, got shape {np.shape(matrix)}")
    entries = matrix.nnz if sp.issparse(matrix) else np.size(matrix)
    if max(np.shape(matrix)) > max(_FREE, _PER_ENTRY * entries):  # before a conversion asks for the memory
        raise DataError(
            f"{name} must have at most {_FREE:,} rows and columns or {_PER_ENTRY} for each entry, got shape "
            f"{np.shape(matrix)} with {entries:,} entries: leave out what is empty"
        )
    coo = sp.coo_matrix(matrix)
    values = np.asarray(coo.data)
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold real numbers, got {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{name} must be finite, got {int((~np.isfinite(values)).sum())} NaN or infinite entries")
    if values.size and values.min() < 0:
        raise DataError(f"{name} must have entries >= 0, got {int((values < 0).sum())} negative ones")
    stored = values > 0
    if not stored.any():
        raise DataError(f"{name} is empty: a {coo.shape[0]} x {coo.shape[1]} matrix without an entry > 0")
    return Raw(
        user=coo.row[stored].astype(np.int64),
        item=coo.col[stored].astype(np.int64),
        users=np.arange(coo.shape[0]),
        items=np.arange(coo.shape[1]),
        rating=values[stored].astype(np.float64),
    )
