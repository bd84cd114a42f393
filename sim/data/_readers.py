"""Readers of the file formats: tables, sparse matrices, zips with a fixed split. Each gives :class:`Raw` rows."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._fetch import DataError
from ._interactions import Raw
from ._split_zip import read_split_zip
from ._tables import read_parquet, read_text
from ._text import Options

__all__ = ["FORMATS", "from_matrix", "read"]

FORMATS = (".csv", ".tsv", ".txt", ".inter", ".dat", ".data", ".parquet", ".npz", ".mat", ".zip")
"""Suffixes of readable files; text tables may also end in ``.gz``."""


def read(path: Path, kind: str | None, name: str, options: Options | None = None) -> Raw:
    """Rows of the file at ``path``; ``kind`` is a registry kind, or None to go by the suffix.

    Raises
    ------
    DataError
        If the file is empty, truncated, not in its format, or holds values that are not allowed.
    """
    options = Options() if options is None else options
    if path.stat().st_size == 0:
        raise DataError(f"{name} is empty: it has 0 bytes")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else path.suffix.lower()
    if kind is None and suffix not in FORMATS:
        raise ValueError(f"name must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    text = kind in (None, "table") and suffix not in (".parquet", ".npz", ".mat", ".zip")
    if options.columns is not None and not text and suffix != ".parquet":
        raise ValueError(f"columns must be None for {path.name!r}: only tables have columns to name")
    if not text and (options.format is not None or options.separator is not None):
        given = "format" if options.format is not None else "separator"
        raise ValueError(f"{given} must be None for {path.name!r}: it is for text files")
    if kind == "mat" or (kind is None and suffix == ".mat"):
        return from_matrix(_read_mat(path, name), name)
    if kind == "split-zip" or (kind is None and suffix == ".zip"):
        return read_split_zip(path, name)
    if kind is None and suffix == ".npz":
        return from_matrix(_read_npz(path, name), name)
    return read_parquet(path, name, options) if suffix == ".parquet" else read_text(path, name, options)


def _read_mat(path: Path, name: str) -> Any:
    from scipy.io import loadmat

    try:
        # Plain arrays only: loadmat runs no code from the file (no pickles; objects and functions stay opaque).
        kinds = {"spmatrix": False} if "spmatrix" in inspect.signature(loadmat).parameters else {}
        content = loadmat(path, verify_compressed_data_integrity=True, **kinds)
    except NotImplementedError:
        raise DataError(f"{name}: {path} is a MATLAB 7.3 (HDF5) file; save it with -v7") from None
    except Exception as error:  # a broken file raises nearly anything
        raise DataError(f"{name}: {path} is not a readable .mat file ({type(error).__name__})") from None
    matrices = {k: v for k, v in content.items() if sp.issparse(v)}
    if "data" in matrices:
        return matrices["data"]
    if len(matrices) != 1:
        raise DataError(
            f"{name}: {path} must hold one sparse matrix, or one named 'data'; it has {sorted(matrices) or 'none'}"
        )
    return next(iter(matrices.values()))


def _read_npz(path: Path, name: str) -> Any:
    try:
        with open(path, "rb") as file:
            return sp.load_npz(file)  # allow_pickle is off inside
    except Exception as error:
        raise DataError(
            f"{name}: {path} is not a scipy.sparse .npz file ({type(error).__name__}: {str(error)[:80]})"
        ) from None


def from_matrix(matrix: Any, name: str) -> Raw:
    """Rows of a users x items matrix: one per entry > 0, its value the rating; labels are the indices.

    Raises
    ------
    DataError
        For NaN, infinite or negative entries, or a matrix without entries.
    """
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
