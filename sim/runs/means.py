"""Means over users of the metrics of cells, from tables of earlier runs where these have them, else computed.

Choosing on validation and Tables 2 and 3 need no more than that. So a table that ``hns results --csv`` wrote, a few
hundred kilobytes, stands for days of training: it can be kept with the figures, added to, and checked by computing any
of its cells again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..bpr import Ranks
from .cells import Cell, Result, measure, mixed_bits, run_cells
from .options import Options

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Means", "means_of", "per_user", "read_table"]

_COLUMNS = ("key", "data", "split", "epoch", "metric", "value", "users")


@dataclass(frozen=True)
class Means:
    """Means over users of a cell's ranks.

    Attributes
    ----------
    epochs : ndarray of shape (n_epochs,)
        When the ranks were kept.
    values : dict of str to ndarray of shape (n_epochs,)
        Metric (see :func:`~sim.runs.cells.measure`) to its mean over users at each of them.
    users : int
        Users with held-out positives.
    split : str
        Hash of the content of the data set.
    bits : int or None
        Version of the arithmetic, None where it was not recorded.
    """

    epochs: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    users: int
    split: str
    bits: int | None = None

    @classmethod
    def of(cls, result: Result, metrics: Iterable[str]) -> Means:
        """Those of a result."""
        ranks = [result.at(i) for i in range(len(result.ranks))]
        values = {m: np.array([np.nanmean(measure(r, m)) for r in ranks]) for m in metrics}
        meta = result.meta
        return cls(np.array(meta["epochs"]), values, ranks[0].users.size, meta["split"], meta.get("bits"))


def per_user(ranks: Ranks, metrics: Sequence[str]) -> NDArray[np.float64]:
    """Top-K metrics such as "ndcg@20", shape (users with held-out positives, len(metrics))."""
    values = ranks.top_k(sorted({int(metric.partition("@")[2]) for metric in metrics}))
    return np.stack([values[metric] for metric in metrics], axis=1)


def means_of(cells: Iterable[Cell], metrics: Sequence[str], options: Options, *, label: str = "cells") -> list[Means]:
    """Means of every cell, in their order; only cells that the tables in ``options.reuse`` lack are computed.

    Raises
    ------
    ValueError
        If such a table is none of ``hns results --csv``, or cells of one data set are of different contents of it.
    CellsFailed
        As in :func:`~sim.runs.cells.run_cells`.
    """
    wanted = list(cells)
    known: dict[str, Means] = {}
    for path in options.reuse:
        known |= _read(path, metrics)
    missing = [cell for cell in wanted if cell.key not in known]
    for cell, result in zip(missing, run_cells(missing, options, label=label)):
        known[cell.key] = Means.of(result, metrics)
    found = [known[cell.key] for cell in wanted]
    contents = {cell.data: means.split for cell, means in zip(wanted, found)}
    for cell, means in zip(wanted, found):
        if means.split != contents[cell.data]:
            raise ValueError(f"cells of {cell.data} must be of one content of it: leave out the older table of --reuse")
    if mixed := mixed_bits(means.bits for means in found):
        warnings.warn(f"{label}: {mixed}", stacklevel=2)
    return found


def read_table(name: str, path: Path) -> pd.DataFrame:
    """What ``hns results --csv`` wrote; for another file a ValueError about the argument ``name``."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"key": str, "split": str, "value": float}, low_memory=False)
        if missing := [column for column in _COLUMNS if column not in table]:
            raise ValueError(f"it has no {', '.join(missing)}")
    except (OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error).partition("\n")[0].lower()
        raise ValueError(f"{name} must be a table of 'hns results --csv', got {path}: {why}") from None
    return table


def _read(path: Path, metrics: Sequence[str]) -> dict[str, Means]:
    """The cells of a table that it has all ``metrics`` of, by key."""
    table, found = read_table("reuse", path), {}
    for key, rows in table[table.metric.isin(metrics)].groupby("key", sort=False):
        wide = rows.pivot(index="epoch", columns="metric", values="value").sort_index()
        if set(metrics) <= set(wide.columns) and wide.notna().all(axis=None):
            values = {m: wide[m].to_numpy() for m in metrics}
            users, split = int(rows.users.iloc[0]), str(rows.split.iloc[0])
            bits = rows.bits.iloc[0] if "bits" in rows else np.nan
            found[str(key)] = Means(wide.index.to_numpy(), values, users, split, None if np.isnan(bits) else int(bits))
    return found
