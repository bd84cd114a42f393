"""The parts of a training run: one epoch, the watch on validation, the checkpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._jit import rebind
from .._random import permute, stream2
from .._validation import check_int
from . import _kernels as kernels
from ._optimizer_kernels import catch_up_users
from ._pairs import clean_pairs
from ._schedule import BETA1, BETA2, EPS, RULES
from ._store import read_npz, write_npz
from .evaluate import METRICS, evaluate

if TYPE_CHECKING:
    from .model import BPRMF

__all__ = ["TABLES", "Checkpoint", "Epoch", "Watch", "interactions"]

TABLES = ("U", "mU", "vU", "V", "mV", "vV")
"""Names of the state: factors and Adam's two moments, of users and of items."""

_SLICE_SECONDS = 0.3  # Python looks at the clock, the progress bar and Ctrl-C this often


class Epoch:
    """Runs the batches of one epoch in slices, so that the progress bar moves and Ctrl-C is heard."""

    def __init__(self, model: BPRMF, train: sparse.csr_matrix) -> None:
        s = model.settings
        if not s.replace and train.shape[1] < model.sampler.N:
            raise ValueError(
                f"N must be <= {train.shape[1]} items to draw pools without replacement, got {model.sampler.N}"
            )
        self.s, self.train, self.seed = s, train, np.uint64(model.seed_)
        self.pair_user = np.repeat(np.arange(train.shape[0], dtype=np.int32), np.diff(train.indptr))
        self.order = np.empty(train.nnz, dtype=np.int32)
        self.n_batches = -(-train.nnz // s.batch_size)
        self.batch_size = min(s.batch_size, train.nnz)
        touched = np.zeros(train.shape[1], dtype=np.uint8)
        self.tables = (*(model._tables[name] for name in TABLES), np.zeros_like(model._tables["V"]), touched)
        self.sampler = (model.sampler.kind, model.sampler.params_array(), model.sampler.rank_based)
        self.pool = (model.sampler.N, model.sampler.width)
        self.flags = (s.exclude_positives, s.replace, s.sum_negatives, s.mean_batch, s.sparse)
        self.rule = RULES[s.optimizer]
        self.done = np.zeros(train.shape[0], dtype=np.int32)
        pool_pass = model.sampler.bind(kernels.pool_pass)
        builtin = pool_pass is kernels.pool_pass
        self.loop = kernels.run_batches if builtin else rebind(kernels.run_batches, pool_pass=pool_pass)
        self.slice = 1

    def run(self, epoch: int, tick: Callable[[int], Any]) -> float:
        """Train on every pair once; returns the sum of the pairs' losses. ``tick`` is told the pairs done."""
        self.order[:] = np.arange(self.order.size)
        permute(np.uint64(stream2(self.seed, 2, epoch)), self.order)
        kernels.sort_batches(self.order, self.s.batch_size)
        steps = self.s.steps(epoch, self.n_batches)
        real = np.dtype(self.s.dtype).type
        hyper = tuple(real(h) for h in (self.s.lr_at(epoch), self.s.weight_decay, BETA1, BETA2, EPS))
        self.done[:] = 0
        total, first = 0.0, 0
        while first < self.n_batches:
            last = min(first + self.slice, self.n_batches)
            start = time.perf_counter()
            total += self.loop(
                first, last, self.batch_size, self.order, self.pair_user, self.train.indptr, self.train.indices,
                self.tables, self.sampler, *self.pool, self.flags, self.seed, epoch, numba.get_num_threads(),
                self.done, self.rule, hyper, *steps,
            )  # fmt: skip
            pace = (time.perf_counter() - start) / (last - first)
            self.slice = max(1, int(_SLICE_SECONDS / max(pace, 1e-9)))
            tick(min(last * self.s.batch_size, self.order.size) - first * self.s.batch_size)
            first = last
        if not self.s.sparse:
            everyone = np.arange(self.done.size, dtype=np.int32)
            catch_up_users(self.rule, everyone, self.n_batches, self.done, *self.tables[:3], hyper, *steps)
        return total


class Watch:
    """Validation: best factors so far and when to stop."""

    def __init__(self, metric: str, every: int, patience: int | None, train: sparse.csr_matrix, valid: Any) -> None:
        self.metric, self.train, self.valid = metric, train, valid
        self.every = check_int("evaluate_every", every, low=1)
        self.patience = None if patience is None else check_int("patience", patience, low=1)
        if self.patience is not None and valid is None:
            raise ValueError("valid must be given when patience is set")
        name, _, k = metric.partition("@")
        if name not in METRICS or not k.isdigit():
            raise ValueError(f"metric must look like 'ndcg@20', got {metric!r}")
        self.k = check_int("metric's K", int(k), low=1)
        self.best, self.best_epoch, self.misses = -np.inf, 0, 0
        self.tables: dict[str, NDArray[Any]] = {}
        self.shown: dict[str, str] = {}

    @property
    def stopped(self) -> bool:
        """Patience is used up."""
        return self.patience is not None and self.misses >= self.patience

    def look(self, model: BPRMF, record: dict[str, Any]) -> bool:
        """Validate if it is time; keep the factors if they are the best. True: stop."""
        if self.valid is None or (record["epoch"] % self.every and record["epoch"] != model.settings.epochs):
            return False
        values = evaluate(model, self.valid, exclude=self.train, ks=(self.k,))
        record["valid"] = values
        self.shown = {self.metric: f"{values[self.metric]:.4f}"}
        if values[self.metric] > self.best:
            self.best, self.best_epoch, self.misses = values[self.metric], record["epoch"], 0
            self.tables = {name: model._tables[name].copy() for name in "UV"}
        else:
            self.misses += 1
        return self.stopped

    def restore(self, model: BPRMF) -> None:
        """Give the model the best factors seen."""
        if self.tables:
            model._tables.update({name: table.copy() for name, table in self.tables.items()})


class Checkpoint:
    """The whole state of a run on disk."""

    def __init__(self, path: str | os.PathLike[str], minutes: float, identity: dict[str, Any]) -> None:
        self.path, self.seconds, self.identity = Path(path), 60 * minutes, identity
        self.written = time.monotonic()

    def resume(self, tables: dict[str, NDArray[Any]], watch: Watch) -> tuple[int, list[dict[str, Any]]]:
        """Load the state into ``tables`` and ``watch``; epochs done and history, (0, []) without a file."""
        if not self.path.exists():
            return 0, []
        meta, arrays = read_npz(self.path)
        theirs = meta.get("identity", {})
        differs = [k for k in self.identity if k != "epochs" and theirs.get(k) != self.identity[k]]
        if differs:
            k = differs[0]
            raise ValueError(
                f"checkpoint {self.path} is of another run: {k} is {theirs.get(k)!r} there, {self.identity[k]!r} here"
            )
        for name in tables:
            tables[name][:] = arrays[name]
        watch.best, watch.best_epoch, watch.misses = meta["best"]
        if meta["best"][1]:
            watch.tables = {name: arrays[f"best_{name}"] for name in "UV"}
        return meta["epoch"], meta["history"]

    def save_if_due(self, model: BPRMF, watch: Watch, *, final: bool) -> None:
        """Write the state if the last time was long ago, or if this is the end."""
        if not final and time.monotonic() - self.written < self.seconds:
            return
        meta = {
            "kind": "checkpoint", "identity": self.identity, "epoch": model._epoch, "history": model.history_,
            "best": [watch.best, watch.best_epoch, watch.misses],
        }  # fmt: skip
        write_npz(self.path, meta, model._tables | {f"best_{n}": t for n, t in watch.tables.items()})
        self.written = time.monotonic()


def interactions(user_items: Any) -> sparse.csr_matrix:
    """The observed pairs, at least one."""
    csr = clean_pairs("user_items", user_items)
    if csr.nnz == 0:
        raise ValueError(f"user_items must have at least one observed pair, got none in shape {csr.shape}")
    return csr
