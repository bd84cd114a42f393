"""What the file of a cell may say: every field and every rank is looked at before it is used."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bpr.saved import MOST_EPOCHS, entry

__all__ = ["check_meta", "check_ranks"]

_REAL = (int, float)


def check_meta(path: str | os.PathLike[str], meta: dict[str, Any]) -> dict[str, Any]:
    """``meta`` if it is that of a cell: settings, kept epochs, seconds, hash of the data; else a ValueError."""
    config = entry(path, meta, "config", dict)
    for name, kind in (("schema", int), ("data", str), ("held_out", str), ("every", int), ("seed", int)):
        entry(path, config, name, kind)
    entry(path, config, "hidden", _REAL, 0.0)
    entry(path, config, "shielded", bool, False)
    entry(path, entry(path, config, "sampler", dict), "name", str)
    entry(path, config, "model", dict)
    entry(path, meta, "split", str)
    if not 0 <= entry(path, meta, "wall_seconds", _REAL) < math.inf:
        raise ValueError(f"{path} must hold wall_seconds as a finite number >= 0, got {meta['wall_seconds']}")
    entry(path, meta, "loss", list)
    epochs = entry(path, meta, "epochs", list)
    whole = all(type(e) is int and 1 <= e <= MOST_EPOCHS for e in epochs)
    if not whole or not epochs or sorted(set(epochs)) != epochs:
        raise ValueError(f"{path} must hold epochs as ascending numbers from 1, got {str(epochs)[:60]}")
    return meta


def check_ranks(path: str | os.PathLike[str], n_epochs: int, arrays: dict[str, NDArray[Any]]) -> None:
    """ValueError unless the arrays are ranks after ``n_epochs`` epochs: ascending in 1..n_candidates for every user."""
    for name, kind, ndim in (("indptr", np.int64, 1), ("n_candidates", np.int64, 1), ("ranks", np.int32, 2)):
        array = arrays.get(name)
        if array is None or array.dtype != kind or array.ndim != ndim:
            got = "none" if array is None else f"{array.dtype} of shape {array.shape}"
            raise ValueError(f"{path} must hold {name} as {np.dtype(kind)} with {ndim} axes, got {got}")
    indptr, candidates, ranks = (arrays[name] for name in ("indptr", "n_candidates", "ranks"))
    counts = np.diff(indptr)
    if indptr.size != candidates.size + 1 or indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        raise ValueError(f"{path} must hold indptr as ascending from 0, one more than n_candidates")
    if ranks.shape != (n_epochs, indptr[-1]):
        raise ValueError(f"{path} must hold ranks of shape {(n_epochs, int(indptr[-1]))}, got {ranks.shape}")
    if not indptr[-1]:
        raise ValueError(f"{path} must hold the ranks of at least one positive, got none")
    first = indptr[:-1][counts > 0]
    most = np.repeat(candidates, counts)
    for row in ranks:
        rising = np.ones(row.size, bool)
        np.greater(row[1:], row[:-1], out=rising[1:])
        rising[first] = True
        if row.min() < 1 or (row > most).any() or not rising.all():
            raise ValueError(f"{path} must hold ranks that ascend in 1..n_candidates for every user, got others")
