"""Readers of the file formats: tables, sparse matrices, zips with a fixed split. Each gives :class:`Raw` rows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._fetch import DataError
from ._interactions import Raw
from ._matrices import from_matrix, read_mat, read_npz
from ._tables import encode, read_table

__all__ = ["FORMATS", "read"]

FORMATS = (".csv", ".tsv", ".txt", ".inter", ".dat", ".data", ".parquet", ".npz", ".mat", ".zip")
"""Suffixes of readable files; text tables may also end in ``.gz``."""


def read(path: Path, kind: str | None, name: str, columns: Mapping[str, str | int] | None = None) -> Raw:
    """Rows of the file at ``path``; ``kind`` is a registry kind, or None to go by the suffix.

    Raises
    ------
    DataError
        If the file is empty, truncated, not in its format, or holds values that are not allowed.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{name} is empty: {path} has 0 bytes")
    suffix = path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
    suffix = suffix.lower()
    if kind is None and suffix not in FORMATS:
        raise ValueError(f"name must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    if columns is not None and (kind not in (None, "table") or suffix in (".npz", ".mat", ".zip")):
        raise ValueError(f"columns must be None for {path.name!r}: only tables have columns to name")
    if kind == "mat" or (kind is None and suffix == ".mat"):
        return from_matrix(read_mat(path, name), name)
    if kind == "split-zip" or (kind is None and suffix == ".zip"):
        return _read_split_zip(path, name)
    if kind is None and suffix == ".npz":
        return from_matrix(read_npz(path, name), name)
    return read_table(path, name, suffix == ".parquet", columns)


def _read_split_zip(path: Path, name: str) -> Raw:
    """A zip of train.tsv and test.tsv (header, user and item per line), and perhaps lists of original ids."""
    import pandas as pd

    tables = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in ("train.tsv", "test.tsv", "user_list.tsv", "item_list.tsv"):
                if member in archive.namelist():
                    with archive.open(member) as file:
                        dtype = {"user_orgid": str, "item_orgid": str}
                        tables[member] = pd.read_csv(file, sep="\t", dtype=dtype, keep_default_na=False)
                elif member.startswith("t"):
                    raise DataError(f"{name}: {path} must hold train.tsv and test.tsv, {member} is missing")
    except (zipfile.BadZipFile, EOFError, OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{name}: {path} is not a readable zip of tables ({type(error).__name__})") from None
    train, test = tables["train.tsv"], tables["test.tsv"]
    if train.shape[1] < 2 or test.shape[1] < 2 or not len(train):
        raise DataError(f"{name}: train.tsv and test.tsv must have a user and an item column and train rows")
    both = pd.concat([train.iloc[:, :2], test.iloc[:, :2].set_axis(train.columns[:2], axis=1)], ignore_index=True)
    user, users = encode(both.iloc[:, 0], name, "user")
    item, items = encode(both.iloc[:, 1], name, "item")
    part = np.repeat(np.array([0, 2], dtype=np.uint8), [len(train), len(test)])
    return Raw(
        user=user,
        item=item,
        users=_original(users, tables.get("user_list.tsv"), name),
        items=_original(items, tables.get("item_list.tsv"), name),
        part=part,
    )


def _original(ids: np.ndarray, table: Any, name: str) -> np.ndarray:
    """Original labels of running ids, by a table of (original, running) columns; the ids themselves without one."""
    if table is None:
        return ids
    original = table.iloc[:, 0].to_numpy(dtype=str)
    position = {int(running): row for row, running in enumerate(table.iloc[:, 1])}
    try:
        return original[[position[int(i)] for i in ids]]
    except (KeyError, ValueError):
        raise DataError(f"{name}: its list of original ids lacks some of the ids in train.tsv or test.tsv") from None
