"""Readers of the file formats: tables, sparse matrices, zips with a fixed split. Each gives :class:`Raw` rows."""

from __future__ import annotations

from pathlib import Path

from ._fetch import DataError
from ._interactions import Raw
from ._matrices import from_matrix, read_mat, read_npz
from ._split_zip import read_split_zip
from ._tables import read_parquet, read_text
from ._text import Options

__all__ = ["FORMATS", "read"]

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
        return from_matrix(read_mat(path, name), name)
    if kind == "split-zip" or (kind is None and suffix == ".zip"):
        return read_split_zip(path, name)
    if kind is None and suffix == ".npz":
        return from_matrix(read_npz(path, name), name)
    return read_parquet(path, name, options) if suffix == ".parquet" else read_text(path, name, options)
