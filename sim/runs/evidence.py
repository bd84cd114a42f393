"""Tables of means as evidence: the runs that they stand for, and a sample of them trained anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import Cell, cost, run_cells
from .means import Means, read_table
from .options import Options
from .sweep import expand

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "committed_runs", "retrain", "stratified"]


@dataclass(frozen=True)
class Run:
    """A training run that a table of ``hns results --csv`` stands for.

    Attributes
    ----------
    cell : Cell
        What was trained, rebuilt from the table's columns; its key is the table's.
    means : DataFrame
        The table's rows of it: epoch, metric, value as text, to the last digit that was kept.
    """

    cell: Cell
    means: pd.DataFrame

    @property
    def family(self) -> tuple[str, str]:
        """Sampler and model."""
        return type(self.cell.sampler).__name__, "LightGCN" if "layers" in self.cell.model else "BPRMF"

    @property
    def cost(self) -> float:
        """Rough relative cost, without the size of the data set."""
        return cost(self.cell)


def committed_runs(path: Path) -> dict[str, Run]:
    """The runs of a table by key.

    Raises
    ------
    ValueError
        If a row's columns do not lead to the cell that its key names.
    """
    import pandas as pd

    table = read_table("table", path)
    text = pd.read_csv(path, dtype=str, usecols=["value"]).value
    table = table.assign(value=text)
    found = {}
    for key, rows in table.groupby("key", sort=False):
        first = rows.iloc[0].dropna().to_dict()
        found[str(key)] = Run(_cell(str(key), first, sorted(set(rows.epoch)), path), rows[["epoch", "metric", "value"]])
    return found


def _cell(key: str, row: Mapping[str, Any], epochs: Sequence[int], path: Path) -> Cell:
    """The cell of a row; how often ranks were kept is told by the epochs."""

    def part(prefix: str) -> dict[str, Any]:
        named = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
        return {name: _plain(value) for name, value in named.items()}

    names = ("data", "seed", "held_out", "hidden", "shielded")
    about = {name: _plain(row[name]) for name in names if name in row}
    grid = about | {"model": part("model."), "sampler": {"name": row["sampler"], **part("sampler.")}}
    for every in (epochs[0], 10**9):
        (cell,) = expand(grid | {"every": int(every)})
        if cell.key == key:
            return cell
    raise ValueError(f"{path} must hold runs whose keys follow from their columns, got {key}: {cell}")


def _plain(value: Any) -> Any:
    """A value of a column as the option that it was: columns with gaps make whole numbers floats."""
    if isinstance(value, (float, np.floating)):
        return int(value) if float(value).is_integer() else float(value)
    return value.item() if isinstance(value, np.generic) else value


def stratified(runs: Mapping[str, Run], n: int, seed: int, most: float = math.inf) -> list[str]:
    """Keys of ``n`` runs at random: one of every sampler and model, the hardest; then the softest ones; then any.

    The softest ones begin with the sampler of the most levels of hardness.

    Parameters
    ----------
    runs : mapping of str to Run
    n : int
        All of them if there are no more.
    seed : int
        Of the draw.
    most : float
        Runs of a larger :attr:`Run.cost` are left out, but for the cheapest of a sampler and model that has no other.
    """
    rng = np.random.default_rng(seed)
    keys = list(runs)
    rng.shuffle(keys)
    families: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        families.setdefault(runs[key].family, []).append(key)
    hardest, softest = [], []
    for own in families.values():
        cheap = [key for key in own if runs[key].cost <= most] or [min(own, key=lambda key: runs[key].cost)]
        ranked = sorted(cheap, key=lambda key: _hardness(runs[key].cell))
        hardest.append(ranked[0])
        softest.append((len({_hardness(runs[key].cell) for key in ranked}), ranked[-1]))
    soft = [key for levels, key in sorted(softest, key=lambda end: -end[0]) if levels > 1]
    rest = [key for key in keys if runs[key].cost <= most]
    return list(dict.fromkeys([*hardest, *soft, *rest]))[:n]


def _hardness(cell: Cell) -> float:
    """Orders the settings of one sampler by their hardness, hardest first, where it has one."""
    values = cell.sampler.get_params()
    if "M" in values:
        return float(values["M"] / values["N"])
    for name, sign in (("rho", -1.0), ("tau", 1.0), ("lam", 1.0)):
        if name in values:
            return sign * float(values[name])
    return 0.0


def retrain(runs: Sequence[Run], options: Options, label: str = "runs") -> list[pd.DataFrame]:
    """Train runs anew; for each its means with the columns ``anew`` and ``deviation`` beside, relative to the value."""
    import pandas as pd

    results = run_cells([run.cell for run in runs], options, label=label)
    found = []
    for run, result in zip(runs, results):
        metrics = list(dict.fromkeys(run.means.metric))
        means = Means.of(result, metrics)
        made = {(e, m): f"{v:.10g}" for m in metrics for e, v in zip(means.epochs.tolist(), means.values[m])}
        anew = pd.Series([made[e, m] for e, m in zip(run.means.epoch, run.means.metric)], run.means.index)
        old, new = run.means.value.astype(float), anew.astype(float)
        off = (new - old).abs() / old.abs().where(old != 0, 1.0)
        found.append(run.means.assign(anew=anew, deviation=off.where(anew != run.means.value, 0.0)))
    return found
