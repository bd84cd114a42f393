"""Cells: one training run each, its result one small file named by the hash of its full configuration.

A run skips the cells that exist, so a sweep can be killed at any moment and resumed, by several processes and on
several machines that share the folder. A cell keeps the ranks of all held-out positives, not a few metrics: every
Top-K metric and every OPAUC(beta) can be computed from it later.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bpr import BPRMF, LightGCN, Ranks, rank_positives
from ..bpr._schedule import Settings
from ..bpr._store import read_npz, write_npz
from ..data import Dataset, load
from ..data._kernels import split_rows
from ..sampling import Sampler
from ._options import Options
from ._output import versions
from ._realised import realised_hardness

__all__ = ["SCHEMA", "Cell", "Result", "curve", "observed", "read_cell", "run_cells"]

SCHEMA = 2
"""Version of the cells' meaning, part of their names, so that versions are never mixed: raise it when a default of
:class:`sim.bpr.BPRMF` changes, or when the same settings give other results."""


@dataclass(frozen=True)
class Cell:
    """One training run.

    Parameters
    ----------
    data : str
        Registry name of the data set, or a file; split by seed 0.
    sampler : Sampler
        The negative sampler.
    seed : int
        Seed of the training.
    model : dict
        Other arguments of :class:`sim.bpr.BPRMF`, ``epochs`` included; with ``layers`` among them, those of
        :class:`sim.bpr.LightGCN`.
    held_out : {"valid", "test"}
        "valid": train on the train part, rank the validation part. "test": train on train and validation together,
        rank the test part.
    every : int
        Keep the ranks after every so many epochs; the last epoch's are always kept.
    hidden : float
        Share of each user's train pairs, at random and at most all but one, that the training is not shown: positives
        that its pools take for negatives. The ranking leaves them out as it does the other train pairs.
    shielded : bool
        Keep those pairs out of the pools too: less data, but no false negatives from it.
    """

    data: str
    sampler: Sampler
    seed: int
    model: dict[str, Any] = field(default_factory=dict)
    held_out: str = "test"
    every: int = 10**9
    hidden: float = 0.0
    shielded: bool = False

    def build(self, n_threads: int | None = None) -> BPRMF:
        """The model, not fitted."""
        kind = LightGCN if "layers" in self.model else BPRMF
        return kind(sampler=self.sampler, rng=self.seed, n_threads=n_threads, **self.model)

    def config(self) -> dict[str, Any]:
        """Everything that decides the result, as plain JSON values."""
        defaults = Settings().as_dict()
        # what is at its default is left out, so that a new option does not rename old cells
        changed = {k: v for k, v in self.build().settings.as_dict().items() if v != defaults.get(k)}
        return {
            "schema": SCHEMA, "data": self.data, "held_out": self.held_out, "every": self.every, "seed": self.seed,
            "sampler": {"name": type(self.sampler).__name__, **self.sampler.get_params()}, "model": changed,
            **({"hidden": self.hidden, "shielded": self.shielded} if self.hidden else {}),
        }  # fmt: skip

    @property
    def key(self) -> str:
        """Name of the cell: 20 hexadecimal digits of the SHA-256 of :meth:`config`."""
        text = json.dumps(self.config(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def path(self, results: Path) -> Path:
        """Where its result is kept."""
        return results / Path(self.data).name / f"{self.key}.npz"


@dataclass(frozen=True)
class Result:
    """What a cell found: the ranks of the held-out positives after some epochs.

    Attributes
    ----------
    meta : dict
        ``config``, ``epochs`` (when ranks were kept), ``loss`` and ``seconds`` per epoch, ``versions``, ``split`` (hash
        of the data), and for test cells of samplers of uniform pools ``hardness``
        (:func:`~sim.experiments._realised.realised_hardness`).
    indptr, n_candidates : ndarray
        As in :class:`sim.bpr.Ranks`.
    ranks : ndarray of shape (len(epochs), n_positives)
    """

    meta: dict[str, Any]
    indptr: NDArray[np.int64]
    n_candidates: NDArray[np.int64]
    ranks: NDArray[np.int32]

    def at(self, position: int = -1) -> Ranks:
        """Ranks at the ``position``-th kept epoch (default: the last)."""
        return Ranks(self.indptr, np.ascontiguousarray(self.ranks[position]), self.n_candidates)


def run_cells(cells: Iterable[Cell], options: Options, *, label: str = "cells") -> list[Result]:
    """Results of all cells, computing those that are missing with ``options.jobs`` processes.

    Parameters
    ----------
    cells : iterable of Cell
        Equal cells are computed once.
    options : Options
        Profile's surroundings: jobs, progress, folders.
    label : str
        Name on the progress bar.

    Returns
    -------
    list of Result
        In the order of ``cells``.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    wanted = list(cells)
    distinct = {cell.key: cell for cell in wanted}.values()
    missing = [cell for cell in distinct if not cell.path(options.results).exists()]
    if missing:
        load(missing[0].data, data_dir=options.data_dir)  # fail, or fill the cache, before the processes start
        longest_first = sorted(missing, key=_cost, reverse=True)
        jobs = min(options.jobs, len(missing))
        work = Parallel(n_jobs=jobs, return_as="generator_unordered")(
            delayed(_compute)(cell, options, jobs) for cell in longest_first
        )
        for _ in tqdm(work, total=len(missing), desc=label, unit="cell", disable=not options.progress):
            pass
    return [read_cell(c, options.results) for c in wanted]


def read_cell(cell: Cell, results: Path) -> Result:
    """The stored result of a cell; FileNotFoundError if there is none, ValueError if the file is damaged."""
    meta, arrays = read_npz(cell.path(results))
    return Result(meta, arrays["indptr"], arrays["n_candidates"], arrays["ranks"])


def _cost(cell: Cell) -> float:
    """Rough relative cost, to start the longest cells first."""
    pair = cell.sampler.N + 4.0 * cell.sampler.width + 200.0 * cell.model.get("layers", 0)
    return cell.model.get("epochs", Settings().epochs) * pair


_loaded: dict[str, Dataset] = {}


def _compute(cell: Cell, options: Options, jobs: int) -> None:
    """Train one cell and write its file; runs in a worker process."""
    if cell.data not in _loaded:
        _loaded[cell.data] = load(cell.data, data_dir=options.data_dir)
    data = _loaded[cell.data]
    train = data.train if cell.held_out == "valid" else data.fit
    truth = data.valid if cell.held_out == "valid" else data.test
    kept: list[Ranks] = []
    epochs: list[int] = []

    model = cell.build(n_threads=1 if jobs > 1 else None)

    def keep(fitted: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] % cell.every == 0 or record["epoch"] == fitted.settings.epochs:
            kept.append(rank_positives(fitted.user_factors, fitted.item_factors, truth, exclude=train))
            epochs.append(record["epoch"])

    start = time.perf_counter()
    shown = observed(train, cell.hidden)
    model.fit(shown, ignore=train - shown if cell.shielded else None, callbacks=(keep,))
    meta = {
        "config": cell.config(), "epochs": epochs, "loss": [round(h["loss"], 6) for h in model.history_],
        "wall_seconds": round(time.perf_counter() - start, 3), "split": data.sha256, "versions": versions(),
    }  # fmt: skip
    sampler = cell.sampler
    if cell.held_out == "test" and sampler.proposal == "uniform" and not (sampler.by_score or sampler.adaptive):
        meta["hardness"] = realised_hardness(sampler, model, shown)
    arrays: dict[str, NDArray[Any]] = {
        "indptr": kept[0].indptr, "n_candidates": kept[0].n_candidates, "ranks": np.stack([r.ranks for r in kept]),
    }  # fmt: skip
    write_npz(cell.path(options.results), meta, arrays, compressed=True)


def observed(train: Any, hidden: float) -> Any:
    """The train pairs less the share ``hidden`` of each user's, the same ones for every seed of the training."""
    if hidden == 0.0:
        return train
    counts = np.diff(train.indptr)
    n_hidden = np.minimum(np.floor(counts * hidden + 0.5).astype(np.int64), counts - 1)
    shown = train.copy()
    shown.data = np.where(split_rows(counts, n_hidden, np.zeros_like(counts), np.uint64(0)) == 0, shown.data, 0)
    shown.eliminate_zeros()
    return shown


def curve(results: Sequence[Result], metric: str) -> Iterator[NDArray[np.float64]]:
    """For each result, the mean over users of ``metric`` ("ndcg@20") at every kept epoch."""
    name, _, k = metric.partition("@")
    for result in results:
        yield np.array([result.at(i).top_k([int(k)])[f"{name}@{k}"].mean() for i in range(len(result.ranks))])
