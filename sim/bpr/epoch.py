"""The parts of a training run: its tables, one epoch, threads and interruptions."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.jit import MAX_THREADS, check_fork
from ..core.memory import check_memory
from ..core.pairs import clean_pairs
from ..core.random import stream2
from ..core.signals import Terminated, heard
from ..core.simd import LANES, aligned_zeros
from ..core.threads import run_threads
from ..sampling import NonSampling, Refresh, Sampler
from ..sampling.kernels.pools import mask_words
from ..sampling.proposals import item_weights, proposal_arrays
from .kernels import batch as kernels
from .kernels.full import run_full_batches
from .kernels.optimizer import catch_up
from .kernels.shared import deal_groups, group_rows, run_shared_batches
from .kernels.structs import (
    Dealt,
    Flags,
    Groups,
    Interactions,
    Objective,
    Optimizer,
    Pool,
    Scratch,
    Shared,
    Tables,
    Weigher,
    Work,
)  # fmt: skip
from .settings import BETA1, BETA2, EPS, LOSSES, RULES, Settings

if TYPE_CHECKING:
    from .model import BPRMF

__all__ = [
    "BITS", "STATE", "TABLES", "Diverged", "Epoch", "Interrupt", "interactions", "start_tables", "table_shapes",
    "threads", "trainable", "training_bytes",
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
        self.dealt = Dealt(self.order, np.empty_like(self.order), np.empty_like(self.order))
        if self.whole_users:  # of all their pairs; about as many batches
            users = np.unique(self.pair_user[self.pairs]).size
            self.batch_size = -(-users // self.n_batches)
            self.n_batches = -(-users // self.batch_size)
        self.done = np.zeros(train.shape[0], dtype=np.int32)
        sampler = model.sampler
        counts = np.bincount(train.indices[self.pairs], minlength=train.shape[1]).astype(np.float64)
        self.adaptive, self.counts = sampler if sampler.adaptive else None, counts
        self.state = model._tables
        n_items, width = model._tables["V"].shape
        rows = self.batch_size + self._groups(sampler)[1]
        shift = kernels.block_shift(n_items, width * np.dtype(s.dtype).itemsize, rows)
        real = np.dtype(s.dtype).type
        self.work = Work(
            data=Interactions(train.indptr, train.indices, self.pair_user),
            tables=Tables(**{name: model._tables[name] for name in TABLES}, done=self.done),
            weigher=Weigher(
                sampler.params_array(), sampler.compiled(s.dtype), sampler.rank_based, sampler.by_score,
                bool(sampler.corrected), sampler.sees_positive,
            ),
            pool=Pool(sampler.N, sampler.width),
            proposal=proposal_arrays("uniform" if sampler.adaptive else sampler.proposal, counts),
            objective=Objective(LOSSES[s.loss], real(s.margin), real(1 / s.temperature), float(s.share)),
            flags=Flags(s.exclude_positives, s.replace, s.sum_negatives, s.sparse),
            optimizer=self._optimizer(0),
            scratch=Scratch(
                aligned_zeros((MAX_THREADS, 1 << shift, width), s.dtype),
                np.zeros((MAX_THREADS, 1 << shift), np.uint8),
                np.zeros((MAX_THREADS, mask_words(n_items)), np.uint64),
            ),
            shift=np.uint32(shift),
            key=np.uint64(0),
        )  # fmt: skip
        self.loop = run_full_batches if self.whole_users else self._sampling_loop(sampler)
        self.slice = 1

    def _groups(self, sampler: Sampler) -> tuple[int, int, int]:
        """Groups of a batch whose pairs share pools; rows for the sums over them; room for a group's entries."""
        count = deal_groups(self.batch_size, self.s.pairs_per_pool) if self.s.pairs_per_pool > 1 else 0
        room, sums = group_rows(self.s.pairs_per_pool, sampler.width, sampler.N)
        return count, count * sums, room

    def _sampling_loop(self, sampler: Sampler) -> Callable[..., None]:
        """The loop over batches, with what its two sides share."""
        entries_a_pair = sampler.width + 1
        groups, rows, room = self._groups(sampler)
        tasks = groups or -(-self.batch_size // kernels.task_pairs(self.batch_size, entries_a_pair))
        U, V = self.work.tables.U, self.work.tables.V
        entries = groups * room if groups else self.batch_size * entries_a_pair
        shared = Shared(
            old=aligned_zeros((self.batch_size + rows, U.shape[1]), U.dtype),
            entries=aligned_zeros(2 * entries, np.uint32 if U.itemsize == 4 else np.uint64),
            offsets=np.zeros((tasks, -(-len(V) >> int(self.work.shift)) + 1), np.uint32),
            task_losses=np.zeros(tasks),
            counters=np.zeros(0, np.int64),
        )
        run, a_batch = kernels.run_batches, 3
        more: tuple[Groups, ...] = ()
        if groups:
            gradients = aligned_zeros((self.batch_size, U.shape[1]), U.dtype)
            run, more, a_batch = run_shared_batches, (Groups(self.s.pairs_per_pool, gradients),), 5

        def loop(first: int, last: int, *rest: Any) -> None:
            counters = np.zeros(a_batch * (last - first) + 2, np.int64)
            common = shared._replace(counters=counters)
            alone = shared._replace(counters=np.zeros(2, np.int64))
            run(0, 1, alone, *more, first, first, *rest)  # without a batch it only compiles
            run_threads(run, numba.get_num_threads(), common, *more, first, last, *rest, counters=counters)

        return loop

    def run(self, epoch: int, first: int, tick: Callable[[int], Any], stop: Callable[[], bool]) -> tuple[int, float]:
        """Train on the pairs of the batches from ``first`` on, to the end of the epoch or until ``stop()``.

        Returns the number of batches done since the epoch's start, and the sum of the losses of the pairs of this
        call. ``tick`` is told the pairs done. The tables are then as after that batch, whatever was postponed.
        """
        batches = self._deal(self.key(kernels.SHUFFLE, epoch))
        self.work = self.work._replace(optimizer=self._optimizer(epoch), key=self.key(kernels.POOLS, epoch))
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
            self.loop(first, last, batches, self.order if self.whole_users else self.dealt, self.work, losses)
            pace = (time.perf_counter() - start) / (last - first)
            self.slice = max(1, int(_SLICE_SECONDS / max(pace, 1e-9)))
            tick(self._pairs_before(last, batches) - self._pairs_before(first, batches))
            first, going = last, not stop()
        if not self.s.sparse:
            run_threads(catch_up, numba.get_num_threads(), first, self.work.tables, self.work.optimizer)
        return first, math.fsum(losses)

    def _deal(self, key: np.uint64) -> Any:
        """Put the pairs into random batches; returns the size of a batch, or where batches start.

        Without sampling a user's pairs are kept together.
        """
        if not self.whole_users:
            scratch = np.empty_like(self.order)
            kernels.deal_batches(
                key, self.batch_size, scratch, self.pairs, self.pair_user, self.train.indices, self.dealt
            )
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
            data = self.work.data
            sampler.refresh(Refresh(U, V, data.indptr, data.indices, self.s.exclude_positives, self.counts, key), state)
            if not all(np.isfinite(array).all() for array in state.values()):
                raise Diverged(f"{type(sampler).__name__}'s state is not finite: use a smaller rate or lr")
            self.state.update({STATE + name: array for name, array in state.items()})
        self.work = self.work._replace(proposal=sampler.adaptive_proposal(state))

    def factors(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The tables whose products are the scores."""
        return self.work.tables.U, self.work.tables.V

    def _optimizer(self, epoch: int) -> Optimizer:
        """The update rule in an epoch."""
        hyper = np.array([self.s.lr_at(epoch), self.s.weight_decay, BETA1, BETA2, EPS], self.s.dtype)
        constant = self.s.factors if self.s.item_bias else -1
        return Optimizer(RULES[self.s.optimizer], hyper, *self.s.steps(epoch, self.n_batches), constant)

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


def start_tables(shape: tuple[int, int], s: Settings, seed: int) -> dict[str, NDArray[Any]]:
    """The tables before the first epoch: normal factors, moments of zero."""
    tables = {name: aligned_zeros(size, s.dtype) for name, size in table_shapes(shape, s).items()}
    scale = np.dtype(s.dtype).type(s.init_scale)
    for number, name in enumerate("UV"):
        key = np.uint64(stream2(np.uint64(seed), kernels.START, number))
        kernels.fill_normal(key, scale, s.factors, tables[name])
    if s.item_bias:
        tables["U"][:, s.factors] = 1
    return tables


def training_bytes(pairs: sparse.csr_matrix, model: BPRMF) -> int:
    """About the memory that a training on these pairs holds, besides the pairs themselves."""
    s, sampler = model.settings, model.sampler
    size = np.dtype(s.dtype).itemsize
    width = -(-s.columns // LANES) * LANES
    tables = (8 if getattr(s, "layers", 0) else 6) * sum(pairs.shape) * width * size
    batch = min(s.batch_size, pairs.nnz)
    entries = 0 if isinstance(sampler, NonSampling) else batch * (width + 2 * (sampler.width + 1)) * size
    if s.pairs_per_pool > 1:
        sums = deal_groups(batch, s.pairs_per_pool) * group_rows(1, sampler.width, sampler.N)[1]
        a_thread = sampler.N * (width + s.pairs_per_pool) + 3 * s.pairs_per_pool * (sampler.width + 1)
        entries += (batch * width + sums * (width + 2) + a_thread * min(MAX_THREADS, numba.get_num_threads())) * size
    caches = pairs.shape[0] * int(getattr(sampler, "C", 0)) * 8
    pools = min(MAX_THREADS, numba.get_num_threads()) * 24 * int(sampler.N)
    return int(tables + entries + caches + pools + 24 * pairs.nnz)


def interactions(user_items: Any) -> sparse.csr_matrix:
    """The observed pairs, at least one."""
    csr = clean_pairs("user_items", user_items)
    if csr.nnz == 0:
        raise ValueError(f"user_items must have at least one observed pair, got none in shape {csr.shape}")
    return csr


def trainable(csr: sparse.csr_matrix, model: BPRMF) -> None:
    """A ValueError if the model cannot be trained on these pairs."""
    if not model.settings.replace and csr.shape[1] < model.sampler.N:
        raise ValueError(f"N must be <= {csr.shape[1]} items to draw pools without replacement, got {model.sampler.N}")
    s, sampler = model.settings, model.sampler
    if s.pairs_per_pool > 1 and (isinstance(sampler, NonSampling) or sampler.adaptive or sampler.proposal != "uniform"):
        raise ValueError(f"pairs_per_pool must be 1 for {sampler}, whose pools are not uniform, got {s.pairs_per_pool}")
    if isinstance(sampler, NonSampling):
        if s.loss != "bpr":
            raise ValueError(f"loss must be 'bpr' for training without sampling, got {s.loss!r}")
    elif min(s.batch_size, csr.nnz) * (sampler.width + 1) >= 1 << 31:
        most = ((1 << 31) - 1) // (sampler.width + 1)
        if most == 0:
            raise ValueError(f"{sampler} keeps too many negatives of a pair: less than {1 << 31} can be")
        raise ValueError(f"batch_size must be <= {most} for {sampler}, got {s.batch_size}")
    check_memory(training_bytes(csr, model), None, "use fewer factors, a smaller batch_size or a smaller N")
    if sampler.proposal != "uniform":
        item_weights(sampler.proposal, np.bincount(csr.indices, minlength=csr.shape[1]).astype(np.float64))
