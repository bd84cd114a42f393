"""Cells: one training run each, its result one small file named by the hash of its full configuration.

A run skips the cells that exist, so a sweep can be killed at any moment and resumed, by several processes and on
several machines that share the folder. A cell keeps the ranks of all held-out positives, not a few metrics: every
Top-K metric and every OPAUC(beta) can be computed from it later. A cell that fails leaves its error in a file beside
its place, and does not stop the others.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import sampling
from ..bpr import BPRMF, LightGCN, Ranks, rank_positives
from ..bpr.epoch import BITS
from ..bpr.evaluate import METRICS
from ..bpr.settings import Settings
from ..core.files import check_writable, not_plain, open_plain, write_text
from ..core.npz import read_npz, write_npz
from ..core.validation import MOST_EPOCHS, MOST_SEED, MOST_SIZE, check_choice, check_int, check_real
from ..data import Dataset, available, load
from ..data.kernels import split_rows
from ..sampling import Sampler
from .lock import lock
from .options import Options
from .output import versions
from .parallel import in_parallel
from .realised import realised_hardness
from .stored import check_meta, check_ranks

__all__ = [
    "FAILED", "SCHEMA", "Cell", "CellsFailed", "CellsMissing", "Result", "compute_cells", "cost",
    "key_of", "measure", "mixed_bits", "observed", "read_cell", "read_result", "run_cells",
]  # fmt: skip

SCHEMA = 2
"""Version of the cells' meaning, part of their names, so that versions are never mixed: raise it when a default of
:class:`sim.bpr.settings.Settings` changes, or when the same settings give other results."""

FAILED = ".error.json"
"""Ends the name of the file that says why a cell has no result."""


class CellsFailed(ChildProcessError):
    """Some of the cells that were asked for could not be computed."""


class CellsMissing(LookupError):
    """Some of the cells that were asked for are not there, and none was to be computed."""


def key_of(config: dict[str, Any]) -> str:
    """Name of the cell of this configuration: 20 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:20]


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

    def __post_init__(self) -> None:
        check_int("seed", self.seed, low=0, most=MOST_SEED)
        check_choice("held_out", self.held_out, ("valid", "test"))
        check_int("every", self.every, low=1, most=MOST_SIZE)
        check_real("hidden", self.hidden, low=0.0, high=1.0)
        check_int("epochs", self.model.get("epochs", 1), low=1, most=MOST_EPOCHS)
        check_choice("shielded", self.shielded, (False, True))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cell:
        """The cell that :meth:`config` describes, of the same name; its sampler must be one of :mod:`sim.sampling`.

        Examples
        --------
        >>> cell = Cell("ml-100k", sampling.DNS(5, 200), seed=1, model={"lr": 0.005, "epochs": 20})
        >>> Cell.from_config(cell.config()) == cell
        True
        """
        check_choice("schema", config["schema"], (SCHEMA,))
        name, arguments = config["sampler"]["name"], {k: v for k, v in config["sampler"].items() if k != "name"}
        check_choice("sampler", name, tuple(sampling.__all__))
        rest = {k: v for k, v in config.items() if k not in ("schema", "sampler")}
        return cls(sampler=getattr(sampling, name)(**arguments), **rest)

    def build(self, n_threads: int | None = None) -> BPRMF:
        """The model, not fitted."""
        kind = LightGCN if "layers" in self.model else BPRMF
        # what a cell leaves out is at the defaults of Settings, never chosen by the data
        plain = {name: getattr(Settings, name) for name in ("lr", "weight_decay", "epochs", "batch_size")}
        return kind(sampler=self.sampler, rng=self.seed, n_threads=n_threads, **(plain | self.model))

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
        """Name of the cell, from :meth:`config`."""
        return key_of(self.config())

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
        of the data), ``bits`` (version of the arithmetic, :data:`sim.bpr.epoch.BITS`; cells of older versions lack it),
        and for test cells of samplers of uniform pools ``hardness``
        (:func:`~sim.runs.realised.realised_hardness`).
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


def mixed_bits(bits: Iterable[int | None]) -> str:
    """One line if cells were computed by different versions of the arithmetic, or by unrecorded ones; else nothing.

    Examples
    --------
    >>> mixed_bits([3, 3]), mixed_bits([3, None, 3])
    ('', 'cells are of different versions of the arithmetic: 3 (2 cells), unrecorded (1): last digits may differ')
    """
    counts = Counter("unrecorded" if one is None else str(one) for one in bits)
    if len(counts) < 2:
        return ""
    (first, n), *others = sorted(counts.items())
    rest = "".join(f", {name} ({count})" for name, count in others)
    return f"cells are of different versions of the arithmetic: {first} ({n} cells){rest}: last digits may differ"


def run_cells(cells: Iterable[Cell], options: Options, *, label: str = "cells") -> list[Result]:
    """Results of all cells, in their order, computing those that are missing by :func:`compute_cells`.

    Raises
    ------
    CellsFailed
        If some could not be computed, after all others have been.
    """
    wanted = list(cells)
    failed = compute_cells(wanted, options, label=label)
    if failed:
        raise CellsFailed(f"{len(failed)} of {len(wanted)} cells failed: {next(iter(failed.values()))}")
    return [read_cell(cell, options.results) for cell in wanted]


def compute_cells(cells: Iterable[Cell], options: Options, *, label: str = "cells") -> dict[str, str]:
    """Fill the store with the results of those cells that it lacks; cells that failed before are tried again.

    Several processes may do so in one folder: a cell is locked while it is computed, see
    :func:`sim.runs.lock.lock`.

    Parameters
    ----------
    cells : iterable of Cell
        Equal cells are computed once.
    options : Options
        Jobs, backend, progress, folders.
    label : str
        Name on the progress bar.

    Returns
    -------
    dict
        Key to a line about the error, for the cells that failed.

    Raises
    ------
    FetchError, DataError, ValueError
        If a data set cannot be had.
    OSError
        If results cannot be written, as on a full disk: no other cell could be either.
    CellsMissing
        If some are missing and ``options.compute`` is False.
    """
    distinct = {cell.key: cell for cell in cells}
    failed: dict[str, str] = {}
    for wait in (False, True):  # first what nobody is at; then wait for the others, and do what they could not
        missing = {k: c for k, c in distinct.items() if k not in failed and not is_done(c.path(options.results))}
        if missing and not options.compute:
            raise CellsMissing(f"{len(missing)} of {len(distinct)} runs are neither stored nor in a table of means")
        if missing:
            failed |= _compute_all(missing, options, label, wait)
    lost = [k for k, c in distinct.items() if k not in failed and not is_done(c.path(options.results))]
    if lost:
        raise CellsFailed(f"results of {len(lost)} cells are not in {options.results}: all workers must share it")
    return failed


def is_done(path: Path) -> bool:
    """Whether there is a result; a truncated file is none, and will be replaced."""
    try:
        with open_plain(path) as stream:
            return zipfile.is_zipfile(stream)
    except OSError:
        return False


def _compute_all(missing: dict[str, Cell], options: Options, label: str, wait: bool) -> dict[str, str]:
    from tqdm import tqdm

    for path in (cell.path(options.results) for cell in missing.values()):
        if what := not_plain(path):
            raise OSError(f"results must hold plain files, got {path}: it is {what}: move it away")
    sources, pairs = {}, {}
    for name, cell in {cell.data: cell for cell in missing.values()}.items():
        # fail, or fill the cache, before the workers start; they may have another working directory
        check_writable(cell.path(options.results), plain=True)
        pairs[name] = load(name, data_dir=options.data_dir).train.nnz
        sources[name] = name if name in available() else str(Path(name).expanduser().resolve())
    costs = {key: cost(cell) * pairs[cell.data] for key, cell in missing.items()}
    longest_first = sorted(missing, key=lambda key: -costs[key])
    far = replace(options, results=options.results.resolve(), data_dir=options.data_dir and options.data_dir.resolve())
    n_threads = None if options.backend != "dask" and min(options.jobs, len(missing)) == 1 else 1
    tasks = [(missing[key], sources[missing[key].data], far, n_threads, wait) for key in longest_first]
    failed: dict[str, str] = {}
    form = "{l_bar}{bar}| {remaining} to go{postfix}"
    with tqdm(total=sum(costs.values()), desc=label, bar_format=form, smoothing=0, disable=not options.progress) as bar:
        for number, (key, error) in enumerate(in_parallel(_compute, tasks, far), 1):
            if error:
                failed[key] = error
            tried = f", {len(failed)} failed" if failed else ""
            bar.set_postfix_str(f"{number} done, {len(missing) - number} left{tried}", refresh=False)
            bar.update(costs[key])
    return failed


def read_cell(cell: Cell, results: Path) -> Result:
    """The stored result of a cell; FileNotFoundError if there is none, ValueError if the file is damaged."""
    return read_result(cell.path(results))


def read_result(path: Path) -> Result:
    """The result in a cell's file; see :func:`read_cell`."""
    meta, arrays = read_npz(path, follow=False)
    check_ranks(path, len(check_meta(path, meta)["epochs"]), arrays)
    return Result(meta, arrays["indptr"], arrays["n_candidates"], arrays["ranks"])


def cost(cell: Cell) -> float:
    """Rough relative cost, to start the longest cells first."""
    pair = cell.sampler.N + 4.0 * cell.sampler.width + 200.0 * cell.model.get("layers", 0)
    if isinstance(cell.sampler, sampling.NonSampling):
        pair += 10_000.0
    return cell.model.get("epochs", Settings().epochs) * pair


_loaded: dict[str, Dataset] = {}


def _compute(cell: Cell, source: str, options: Options, n_threads: int | None, wait: bool) -> tuple[str, str]:
    """Make a cell's file unless another process is at it; the cell's key and what went wrong. Runs in a worker."""
    path = cell.path(options.results)
    failure = path.with_suffix(FAILED)
    with lock(path, wait=wait) as ours:
        if not ours or is_done(path):
            return cell.key, ""
        line = ""
        try:
            if source not in _loaded:
                _loaded[source] = load(source, data_dir=options.data_dir)
            meta, arrays = _train(cell, _loaded[source], n_threads)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            line = f"{cell.sampler} on {cell.data}, seed {cell.seed}: {reason}"
            record = {"config": cell.config(), "error": line, "trace": traceback.format_exc(), "versions": versions()}
        try:
            if line:
                write_text(failure, json.dumps(record, indent=2) + "\n", plain=True)
            else:
                write_npz(path, meta, arrays, compressed=True, plain=True)
                failure.unlink(missing_ok=True)
        except OSError as error:  # not this cell's alone: it stops them all
            raise OSError(f"results must be writable, got {path.parent}: {error.strerror or error}") from None
    return cell.key, line


def _train(cell: Cell, data: Dataset, n_threads: int | None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What the file of a cell holds."""
    train = data.train if cell.held_out == "valid" else data.fit
    truth = data.valid if cell.held_out == "valid" else data.test
    kept: list[Ranks] = []
    epochs: list[int] = []
    model = cell.build(n_threads=n_threads)

    def keep(fitted: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] % cell.every == 0 or record["epoch"] == fitted.settings.epochs:
            kept.append(rank_positives(fitted.user_factors, fitted.item_factors, truth, exclude=train))
            epochs.append(record["epoch"])

    start = time.perf_counter()
    shown = observed(train, cell.hidden)
    model.fit(shown, ignore=train - shown if cell.shielded else None, callbacks=(keep,))
    meta = {
        "config": cell.config(), "epochs": epochs, "loss": [round(h["loss"], 6) for h in model.history_],
        "wall_seconds": round(time.perf_counter() - start, 3), "split": data.sha256, "bits": BITS,
        "versions": versions(),
    }  # fmt: skip
    sampler = cell.sampler
    if cell.held_out == "test" and sampler.proposal == "uniform" and not (sampler.by_score or sampler.adaptive):
        meta["hardness"] = realised_hardness(sampler, model, shown)
    return meta, {
        "indptr": kept[0].indptr, "n_candidates": kept[0].n_candidates, "ranks": np.stack([r.ranks for r in kept]),
    }  # fmt: skip


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


def measure(ranks: Ranks, metric: str) -> NDArray[np.float64]:
    """``metric`` of every user with held-out positives: "ndcg@20", any of :data:`METRICS` at any K, or "opauc@0.05".

    OPAUC(beta) is divided by beta, and NaN for a user without negatives.
    """
    name, _, at = metric.partition("@")
    try:
        if name == "opauc":
            return next(iter(ranks.opauc([float(at)]).values()))
        if name in METRICS:
            return ranks.top_k([int(at)])[f"{name}@{int(at)}"]
    except ValueError:
        pass
    raise ValueError(f"metric must be {', '.join(METRICS)} at a K or opauc at a beta, like ndcg@20, got {metric!r}")
