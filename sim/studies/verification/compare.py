"""Is a table that was made anew the published one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TOLERANCE", "Agreement", "compare"]

TOLERANCE = 1e-5
"""Two numbers agree if they differ by no more than this, relative to the larger one: the last of six digits."""

TINY = 1e-9
"""What is smaller than this part of the column's largest number is measured against that instead."""


@dataclass(frozen=True)
class Agreement:
    """What a comparison found.

    Attributes
    ----------
    rows : int
        Of the published table.
    made : int
        Of them that were made anew.
    equal : int
        Of these that are the same to the last digit.
    worst : float
        Largest deviation, relative; infinite where words, or the kind or number of rows, differ.
    where : str
        Where that is, empty if all is equal.
    """

    rows: int
    made: int
    equal: int
    worst: float
    where: str = ""

    @property
    def agrees(self) -> bool:
        """Within :data:`TOLERANCE`."""
        return self.worst <= TOLERANCE


def compare(published: pd.DataFrame, made: pd.DataFrame) -> Agreement:
    """Compare two tables row by row, in their order.

    ``made`` may lack rows whose words (its columns of text) stand nowhere in it, such as those of a data set that could
    not be had: they are not compared.

    Examples
    --------
    >>> import pandas as pd
    >>> old = pd.DataFrame({"data": ["a", "a", "b"], "x": [1.0, 2.0, 3.0]})
    >>> compare(old, old.assign(x=[1.0, 2.1, 3.0])[:2])
    Agreement(rows=3, made=2, equal=1, worst=0.04761904761904766, where='x of row 2 (a): published 2, made 2.1')
    """
    if list(published.columns) != list(made.columns):
        other = sorted(set(published.columns) ^ set(made.columns)) or ["in another order"]
        return Agreement(len(published), len(made), 0, np.inf, f"columns differ: {', '.join(other)}")
    words = [name for name in published if not _is_number(published[name])]
    part, made = published, made.reset_index(drop=True)
    numbers = np.arange(1, len(published) + 1)
    if len(made) != len(published) and words:
        known = set(made[words].itertuples(index=False, name=None))
        kept = np.array([row in known for row in published[words].itertuples(index=False, name=None)])
        part, numbers = published[kept].reset_index(drop=True), numbers[kept]
    if len(made) != len(part):
        return Agreement(len(published), len(made), 0, np.inf, f"published {len(part)} rows, made {len(made)}")
    equal, worst, where = np.ones(len(part), bool), 0.0, ""
    for name in part:
        off = _deviations(part[name], made[name], name in words)
        equal &= off == 0
        if off.size and off.max() > worst:
            row = int(off.argmax())
            about = ", ".join(str(part[w].iloc[row]) for w in words[:4])
            worst = float(off[row])
            old, new = (_spelled(table[name].iloc[row]) for table in (part, made))
            where = f"{name} of row {numbers[row]} ({about}): published {old}, made {new}"
    return Agreement(len(published), len(part), int(equal.sum()), worst, where)


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _deviations(old: pd.Series, new: pd.Series, words: bool) -> NDArray[np.float64]:
    """How far entries lie apart, relative; infinite for other words and for a number in place of none."""
    if words or not _is_number(new):
        same = (old.astype(str).to_numpy() == new.astype(str).to_numpy()) | (old.isna() & new.isna()).to_numpy()
        return np.where(same, 0.0, np.inf)
    a, b = old.to_numpy(float), new.to_numpy(float)
    largest = np.nanmax(np.abs(a[np.isfinite(a)]), initial=0.0)
    scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), max(TINY * largest, np.finfo(float).tiny))
    with np.errstate(invalid="ignore"):
        off = np.abs(a - b) / scale
    off[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return np.where(np.isnan(off), np.inf, off)


def _spelled(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, (float, np.floating)) else str(value)
