"""The parts of a training run: its tables, one epoch, threads and interruptions."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.jit import MAX_THREADS, check_fork
from ..core.pairs import clean_pairs
from ..core.random import stream2
from ..core.signals import Terminated, heard
from ..core.simd import LANES, aligned, aligned_zeros
from ..core.threads import run_threads
from ..sampling import NonSampling, Refresh, Sampler
from ..sampling.kernels.pools import mask_words
from ..sampling.proposals import item_weights, proposal_arrays
from .kernels import batch as kernels
from .kernels.full import run_full_batches
from .kernels.optimizer import catch_up
from .settings import BETA1, BETA2, EPS, LOSSES, RULES, Settings

if TYPE_CHECKING:
    from .model import BPRMF

__all__ = [
    "BITS", "TABLES", "Diverged", "Epoch", "Interrupt", "checked_tables", "interactions", "table_shapes", "threads",
]  # fmt: skip

TABLES = ("U", "mU", "vU", "V", "mV", "vV")
"""Names of the state: factors and Adam's two moments, of users and of items."""

BITS = 3
"""Version of the arithmetic, part of a checkpoint: raise it when the same settings give other bits than before."""

STATE = "state_"
"""Begins the names of the arrays that a sampler with a memory keeps among the tables."""

_SLICE_SECONDS = 0.3  # Python looks at the clock, the progress bar and Ctrl-C this often


class Diverged(ArithmeticError):
    """Training produced NaN or infinite factors, or such whose products are; they are left for inspection."""


class Epoch:
    """Runs the batches of one epoch in slices, so that the progress bar moves and Ctrl-C is heard."""

    def __init__(self, model: BPRMF, train: sparse.csr_matrix) -> None:
        s = model.settings
        self.s, self.train, self.seed = s, train, np.uint64(model.seed_)
        self.pair_user = np.repeat(np.arange(train.shape[0], dtype=np.int32), np.diff(train.indptr))
        self.pairs = np.flatnonzero(train.data).astype(np.int32)  # ignored pairs, stored as zeros, are not trained on
        self.order = np.empty_like(self.pairs)
        self.n_batches = -(-self.order.size // s.batch_size)
        self.batch_size = min(s.batch_size, self.order.size)
        self.whole_users = isinstance(model.sampler, NonSampling)
        by_user = (train.indptr, train.indices)
        self.data = (self.pair_user, *by_user) if self.whole_users else by_user
        self.dealt = self.order if self.whole_users else (self.order, *(np.empty_like(self.order) for _ in by_user))
        if self.whole_users:  # of all their pairs; about as many batches
            users = np.unique(self.pair_user[self.pairs]).size
            self.batch_size = -(-users // self.n_batches)
            self.n_batches = -(-users // self.batch_size)
        self.done = np.zeros(train.shape[0], dtype=np.int32)
        self.tables = (*(model._tables[name] for name in TABLES), self.done)
        sampler = model.sampler
        self.sampler = (
            sampler.params_array(), sampler.compiled(s.dtype), sampler.rank_based, sampler.by_score,
            bool(sampler.corrected), sampler.sees_positive,
        )  # fmt: skip
        self.pool = (sampler.N, sampler.width)
        counts = np.bincount(train.indices[self.pairs], minlength=train.shape[1]).astype(np.float64)
        self.adaptive, self.counts = sampler if sampler.adaptive else None, counts
        self.proposal = proposal_arrays("uniform" if sampler.adaptive else sampler.proposal, counts)
        self.state = model._tables
        real = np.dtype(s.dtype).type
        self.objective = (LOSSES[s.loss], real(s.margin), real(1 / s.temperature), float(s.share))
        self.flags = (s.exclude_positives, s.replace, s.sum_negatives, s.mean_batch, s.sparse)
        n_items, width = model._tables["V"].shape
        shift = kernels.block_shift(n_items, width * np.dtype(s.dtype).itemsize, self.batch_size)
        self.shift = np.uint32(shift)
        self.scratch = (
            aligned_zeros((MAX_THREADS, 1 << shift, width), s.dtype),
            np.zeros((MAX_THREADS, 1 << shift), np.uint8),
            np.zeros((MAX_THREADS, mask_words(n_items)), np.uint64),
        )
        self.loop = run_full_batches if self.whole_users else self._sampling_loop(sampler)
        self.slice = 1

    def _sampling_loop(self, sampler: Sampler) -> Callable[..., None]:
        """The loop over batches, with what its two sides share."""
        entries_a_pair = sampler.width + 1
        tasks = -(-self.batch_size // kernels.task_pairs(self.batch_size, entries_a_pair))
        U, V = self.tables[0], self.tables[3]
        shared = (
            aligned_zeros((self.batch_size, U.shape[1]), U.dtype),
            aligned_zeros(2 * self.batch_size * entries_a_pair, np.uint32 if U.itemsize == 4 else np.uint64),
            np.zeros((tasks, -(-len(V) >> int(self.shift)) + 1), np.uint32),
            np.zeros(tasks),
        )

        def loop(first: int, last: int, *rest: Any) -> None:
            counters = np.zeros(3 * (last - first) + 1, np.int64)
            common = (*shared, counters)
            kernels.run_batches(0, 1, common, first, first, *rest)  # no batch: compile
            run_threads(kernels.run_batches, numba.get_num_threads(), common, first, last, *rest, counters=counters)

        return loop

    def run(self, epoch: int, first: int, tick: Callable[[int], Any], stop: Callable[[], bool]) -> tuple[int, float]:
        """Train on the pairs of the batches from ``first`` on, to the end of the epoch or until ``stop()``.

        Returns the number of batches done since the epoch's start, and the sum of the losses of the pairs of this
        call. ``tick`` is told the pairs done. The tables are then as after that batch, whatever was postponed.
        """
        batches = self._deal(self.key(kernels.SHUFFLE, epoch))
        key = self.key(kernels.POOLS, epoch)
        hyper = np.array([self.s.lr_at(epoch), self.s.weight_decay, BETA1, BETA2, EPS], self.s.dtype)
        constant = self.s.factors if self.s.item_bias else -1
        optimizer = (RULES[self.s.optimizer], hyper, *self.s.steps(epoch, self.n_batches), constant)
        if stop():
            return first, 0.0
        if self.adaptive is not None:
            self._refresh(self.adaptive, first, self.key(kernels.REFRESH, epoch))
        losses = np.zeros(self.n_batches)
        self.done[:] = first
        going = True  # for a slice at least: an epoch whose sampler was refreshed has begun
        while first < self.n_batches and going:
            last = min(first + self.slice, self.n_batches)
            start = time.perf_counter()
            self.loop(
                first, last, batches, self.dealt, self.data, self.tables, self.sampler, self.pool,
                self.proposal, self.objective, self.flags, key, self.shift, optimizer, self.scratch, losses,
            )  # fmt: skip
            pace = (time.perf_counter() - start) / (last - first)
            self.slice = max(1, int(_SLICE_SECONDS / max(pace, 1e-9)))
            tick(self._pairs_before(last, batches) - self._pairs_before(first, batches))
            first, going = last, not stop()
        if not self.s.sparse:
            run_threads(catch_up, numba.get_num_threads(), first, self.done, *self.tables[:3], optimizer)
        return first, math.fsum(losses)

    def _deal(self, key: np.uint64) -> Any:
        """Put the pairs into random batches; returns the size of a batch, or where batches start.

        Without sampling a user's pairs are kept together.
        """
        if not self.whole_users:
            scratch = np.empty_like(self.order)
            kernels.deal_batches(key, self.batch_size, scratch, self.pairs, self.pair_user, self.data[1], self.dealt)
            return self.batch_size
        users, row = np.unique(self.pair_user[self.pairs], return_inverse=True)
        batch = np.empty(users.size, np.int32)
        kernels.random_batches(key, self.batch_size, batch)
        self.order[:] = self.pairs[np.argsort(batch[row], kind="stable")]
        return np.searchsorted(np.sort(batch[row]), np.arange(self.n_batches + 1))

    def _pairs_before(self, batch: int, batches: Any) -> int:
        return int(batches[batch]) if self.whole_users else min(batch * self.batch_size, self.order.size)

    def _refresh(self, sampler: Sampler, first: int, key: np.uint64) -> None:
        """Bring a sampler's state up to date at the start of an epoch; in its midst, only look it up."""
        state = {name[len(STATE) :]: array for name, array in self.state.items() if name.startswith(STATE)}
        if first == 0 or not state:
            U, V = self.factors()
            *_, indptr, indices = self.data
            sampler.refresh(Refresh(U, V, indptr, indices, self.s.exclude_positives, self.counts, key), state)
            if not all(np.isfinite(array).all() for array in state.values()):
                raise Diverged(f"{type(sampler).__name__}'s state is not finite: use a smaller rate or lr")
            self.state.update({STATE + name: array for name, array in state.items()})
        self.proposal = sampler.adaptive_proposal(state)

    def factors(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The tables whose products are the scores."""
        return self.tables[0], self.tables[3]

    def key(self, name: int, epoch: int) -> np.uint64:
        """Random stream ``name`` of an epoch."""
        return np.uint64(stream2(self.seed, name, epoch))


class Interrupt:
    """Ctrl-C inside: noted, to be heard between batches and at the end. A second one is raised at once.

    So is SIGTERM where it would be heard as Ctrl-C. Only handlers of the main thread that raise KeyboardInterrupt are
    replaced.
    """

    def __enter__(self) -> Interrupt:
        self.pending = False
        self._kind: type[KeyboardInterrupt] = KeyboardInterrupt
        self._before = {number: signal.signal(number, self._note) for number in heard()}
        return self

    def _note(self, number: int, frame: Any) -> None:
        self._kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if self.pending:
            raise self._kind
        self.pending = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.pending and (kind is None or kind is KeyboardInterrupt is not self._kind):
            raise self._kind(*error.args if error else ()) from None


@contextlib.contextmanager
def threads(limit: int | None) -> Iterator[None]:
    """At most ``limit`` threads for the kernels inside, and never more than numba may use in this process."""
    check_fork()
    before = numba.get_num_threads()
    numba.set_num_threads(before if limit is None else min(limit, MAX_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def table_shapes(shape: tuple[int, int], settings: Settings) -> dict[str, tuple[int, int]]:
    """Shapes of the tables by name: a row a user or item, its columns padded with zeros to whole vectors."""
    width = -(-settings.columns // LANES) * LANES
    return {name: (shape[0] if name.endswith("U") else shape[1], width) for name in TABLES}


def checked_tables(
    path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]], prefix: str, shape: tuple[int, int], s: Settings
) -> dict[str, NDArray[Any]]:
    """The tables that a file keeps under ``prefix``; all of them, of the right shapes and type, or a ValueError."""
    tables = {name: arrays.get(prefix + name) for name in TABLES}
    for name, wanted in table_shapes(shape, s).items():
        found = tables[name]
        if found is None or found.shape != wanted or found.dtype != s.dtype:
            got = "none" if found is None else f"{found.dtype} of shape {found.shape}"
            raise ValueError(f"{path} must hold {prefix}{name} as {s.dtype} of shape {wanted}, got {got}")
    state = {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix + STATE)}
    return {name: aligned(table) for name, table in (tables | state).items()}


def interactions(user_items: Any, model: BPRMF) -> sparse.csr_matrix:
    """The observed pairs, at least one, if the model can be trained on them."""
    csr = clean_pairs("user_items", user_items)
    if csr.nnz == 0:
        raise ValueError(f"user_items must have at least one observed pair, got none in shape {csr.shape}")
    if not model.settings.replace and csr.shape[1] < model.sampler.N:
        raise ValueError(f"N must be <= {csr.shape[1]} items to draw pools without replacement, got {model.sampler.N}")
    s, sampler = model.settings, model.sampler
    if isinstance(sampler, NonSampling):
        if s.loss != "bpr":
            raise ValueError(f"loss must be 'bpr' for training without sampling, got {s.loss!r}")
    elif min(s.batch_size, csr.nnz) * (sampler.width + 1) >= 1 << 31:
        raise ValueError(f"batch_size must be < {(1 << 31) // (sampler.width + 1)} for {sampler}, got {s.batch_size}")
    if sampler.proposal != "uniform":
        item_weights(sampler.proposal, np.bincount(csr.indices, minlength=csr.shape[1]).astype(np.float64))
    return csr
