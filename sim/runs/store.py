"""What the store of cells holds, as a tidy table."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Iterator, Sequence
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bpr.settings import Settings
from ..core.files import not_plain, open_plain
from ..core.npz import read_meta
from .cells import FAILED, SCHEMA, key_of, measure, mixed_bits, read_result
from .stored import check_meta

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CellStore"]


class CellStore:
    """A folder of cells, looked through without reading the ranks.

    Parameters
    ----------
    results : Path
        The folder.
    keys : collection of str, optional
        Keep only these cells; all are checked.
    data : str, optional
        Look only through this data set's.

    Attributes
    ----------
    cells : dict
        Key of a cell to (file, its ``meta``, see :class:`~sim.runs.cells.Result`).
    failed : dict
        Key of a cell that failed, and has no result, to a line about its error.
    damaged : dict
        File that cannot be read to a line that says why; :meth:`table` may find more of them.

    Raises
    ------
    ValueError
        If a cell is of another :data:`~sim.runs.cells.SCHEMA`, or if cells of one data set were computed from
        different contents of it: such results must not be compared.
    """

    def __init__(self, results: Path, keys: Collection[str] | None = None, data: str | None = None) -> None:
        self.cells: dict[str, tuple[Path, dict[str, Any]]] = {}
        self.failed: dict[str, str] = {}
        self.damaged: dict[Path, str] = {}
        contents: dict[str, tuple[str, Path]] = {}
        for path in self._listed(results, data, ".npz"):
            try:
                meta = _read_meta(path)
                config, split = meta["config"], meta["split"]
                name, schema, key = config["data"], config["schema"], key_of(config)
            except Exception as error:  # damage shows in many ways
                self.damaged[path] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            if schema != SCHEMA:
                raise ValueError(
                    f"results must be cells of schema {SCHEMA}, got {path} of schema {schema}: "
                    "use another folder for this version, or move the old cells away"
                )
            known, first = contents.setdefault(name, (split, path))
            if split != known:
                raise ValueError(
                    f"results of {name} must be of one content of it, got {first} and {path}: move the old ones away"
                )
            if key != path.stem:
                self.damaged[path] = "its name is not that of its content"
            elif keys is None or key in keys:
                self.cells[key] = (path, meta)
        for path in self._listed(results, data, FAILED):
            key = path.name.removesuffix(FAILED)
            if key not in self.cells and (keys is None or key in keys):
                try:
                    with open_plain(path) as stream:
                        self.failed[key] = str(json.load(stream)["error"]).splitlines()[0]
                except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
                    self.damaged[path] = "no record of an error"

    def _listed(self, results: Path, data: str | None, ending: str) -> Iterator[Path]:
        """Plain files of such names in plain folders, in order: others may write here; what is not is `damaged`."""
        name = "*" if data is None else Path(data).name
        if name in ("", ".."):
            raise ValueError(f"data must be the name of a data set or of a file, got {data!r}")
        for folder in sorted(results.glob("*" if data is None else escape(name))):
            if folder.is_symlink():
                self.damaged[folder] = "it is a symbolic link, which is not followed"
                continue
            for path in sorted(folder.glob(f"[!.]*{ending}")):
                if what := not_plain(path):
                    self.damaged[path] = f"it is {what}, no plain file"
                else:
                    yield path

    def table(self, metrics: Sequence[str] = ("ndcg@20",), *, last: bool = False) -> pd.DataFrame:
        """Metrics of the cells, in order of their settings.

        Parameters
        ----------
        metrics : sequence of str
            See :func:`~sim.runs.cells.measure`.
        last : bool
            Only the last epoch of every cell.

        Returns
        -------
        DataFrame
            One row per (cell, kept epoch, metric): columns key, data, split (hash of its content), bits (version of
            the arithmetic, missing where a cell does not tell it), held_out, hidden,
            shielded; sampler, and its arguments as sampler.M and so on; model, and those settings whose default a cell
            changes, as model.lr and so on; seed, epoch, metric, value (mean over users), users.
        """
        import pandas as pd

        if mixed := mixed_bits(meta.get("bits") for _, meta in self.cells.values()):
            warnings.warn(mixed, stacklevel=2)
        changed = sorted({name for _, meta in self.cells.values() for name in meta["config"]["model"]})
        rows = []
        for key, (path, meta) in self.cells.items():
            try:
                result = read_result(path)
            except (ValueError, OSError) as error:
                self.damaged[path] = str(error)
                continue
            about = {"key": key, "split": meta["split"], "bits": meta.get("bits"), **_columns(meta["config"], changed)}
            epochs = meta["epochs"]
            for at in range(len(epochs))[-1 if last else None :]:
                ranks = result.at(at)
                for metric in metrics:
                    value = float(np.nanmean(measure(ranks, metric)))
                    found = {"epoch": epochs[at], "metric": metric, "value": value, "users": ranks.users.size}
                    rows.append(about | found)
        table = pd.DataFrame(rows, columns=None if rows else [*_HEAD, *_TAIL]).astype({"bits": "Int64"})
        middle = sorted(set(table.columns) - {*_HEAD, *_TAIL})
        order = [*_HEAD[1:], *middle, *_TAIL[:2]]
        table = table[[*_HEAD, *middle, *_TAIL]]
        try:
            return table.sort_values(order, kind="stable", ignore_index=True)
        except TypeError:  # one setting of several kinds, by a file that is none of ours
            return table.sort_values(order, kind="stable", ignore_index=True, key=lambda column: column.map(str))


_HEAD = ("key", "data", "split", "bits", "held_out", "hidden", "shielded")
_TAIL = ("seed", "epoch", "metric", "value", "users")
_DEFAULTS = Settings().as_dict()


def _columns(config: dict[str, Any], changed: Sequence[str]) -> dict[str, Any]:
    """The settings of a cell by the names of the table's columns."""
    named = {name: config[name] for name in ("data", "held_out", "seed")}
    hidden = {"hidden": config.get("hidden", 0.0), "shielded": config.get("shielded", False)}
    sampler = {"sampler" if k == "name" else f"sampler.{k}": _plain(v) for k, v in config["sampler"].items()}
    model = {f"model.{k}": _plain(config["model"].get(k, _DEFAULTS.get(k))) for k in changed}
    return {**named, **hidden, **sampler, "model": "LightGCN" if "layers" in config["model"] else "BPRMF", **model}


def _plain(value: Any) -> Any:
    """A value that can be sorted: a list or table as its text."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _read_meta(path: Path) -> dict[str, Any]:
    """The header alone: the ranks may be large."""
    return check_meta(path, read_meta(path, follow=False))
