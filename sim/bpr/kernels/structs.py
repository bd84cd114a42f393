"""What the trainer's kernels are given, by name: numba takes a NamedTuple as it takes its fields.

``flags.exclude`` reads a field and ``flags._replace(sparse=True)``, in Python, makes a changed copy. A kernel compiled
without counting references may build such tuples and take them apart freely; elsewhere each array in one is counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "Buffers", "Dealt", "Flags", "Flat", "Group", "Groups", "Hyper", "Interactions", "Local", "Objective", "Optimizer",
    "Own", "Pool", "Scratch", "Shared", "Step", "Tables", "Weigher", "Work",
]  # fmt: skip


class Dealt(NamedTuple):
    """The pairs of an epoch, batch by batch: three arrays (n_pairs,) int32, see :func:`.batch.deal_batches`."""

    pairs: Any
    users: Any
    items: Any


class Interactions(NamedTuple):
    """The train pairs by user: user u's items are ``indices[indptr[u] : indptr[u + 1]]``; ``pair_user`` their users."""

    indptr: Any
    indices: Any
    pair_user: Any


class Tables(NamedTuple):
    """Factors and the optimiser's two moments, and the number of steps of this epoch that each user has taken."""

    U: Any
    mU: Any
    vU: Any
    V: Any
    mV: Any
    vV: Any
    done: Any


class Weigher(NamedTuple):
    """A sampler's kernel, by its address, what it is given, and when; see :class:`sim.sampling.Sampler`."""

    params: Any
    kernel: Any
    rank_based: bool
    by_score: bool
    corrected: bool
    sees_positive: bool


class Pool(NamedTuple):
    """The size N of a pool, and at most how many of its entries get a weight."""

    size: int
    width: int


class Objective(NamedTuple):
    """The loss and its numbers, see :mod:`.loss`: margin, 1 / temperature, and the share of the best positives."""

    loss: int
    margin: Any
    sharpness: Any
    share: float


class Flags(NamedTuple):
    """Keep positives out of pools; draw with replacement; sum over a rank-based sampler's negatives; sparse steps."""

    exclude: bool
    replace: bool
    summed: bool
    sparse: bool


class Optimizer(NamedTuple):
    """The update rule of an epoch, see :mod:`.optimizer`.

    ``hyper`` is the array (lr, decay, beta1, beta2, eps); for step s of the epoch Adam's ``step_size[s]`` is
    lr / (1 - beta1^t), ``root_correction[s]`` is 1 / sqrt(1 - beta2^t); ``constant`` is the column of the users' rows
    that stays 1, the place of the items' biases, or -1.
    """

    rule: int
    hyper: Any
    step_size: Any
    root_correction: Any
    constant: int


class Hyper(NamedTuple):
    """The numbers of ``Optimizer.hyper``."""

    lr: Any
    decay: Any
    beta1: Any
    beta2: Any
    eps: Any


class Step(NamedTuple):
    """One step: the rule with its numbers, Adam's two of this step, and what a gradient is multiplied by."""

    rule: int
    hyper: Hyper
    size: Any
    correction: Any


class Flat(NamedTuple):
    """A table and its two moments as one-dimensional arrays, and the width of a row."""

    P: Any
    m: Any
    v: Any
    width: int


class Scratch(NamedTuple):
    """A block's gradients, flags of touched rows, and a bit an item, for each thread; all zero before and after."""

    gradients: Any
    touched: Any
    masks: Any


class Shared(NamedTuple):
    """What the users' side of a batch leaves for the items'.

    Rows of users as they were; the entries, see :func:`.user.distribute`, and where each block's begin by task; sums of
    losses by task; and counters, all zero: three a batch (tasks, blocks, arrivals), from the first batch on; then one
    for arrivals before the first, and one for failures, at which all threads return.
    """

    old: Any
    entries: Any
    offsets: Any
    task_losses: Any
    counters: Any


class Local(NamedTuple):
    """The entries of one task before they are distributed: items, coefficients, rows of ``Shared.old``."""

    items: Any
    coefficients: Any
    rows: Any


class Buffers(NamedTuple):
    """A thread's scratch for the pairs of a task.

    The pools drawn ahead, their sizes and the proposal's numbers of their entries (rings); margins, losses and slopes
    of one pool, the kept positions and their weights; gradients of a user and of a pair, and a gradient of zeros.
    """

    pools: Any
    sizes: Any
    q: Any
    margins: Any
    losses: Any
    slopes: Any
    idx: Any
    w: Any
    gradient: Any
    pair_gradient: Any
    nothing: Any


class Groups(NamedTuple):
    """Pairs that share pools: at most how many pairs of a batch are in a group, and the users' gradients by pair."""

    share: int
    gradients: Any


class Group(NamedTuple):
    """A thread's scratch for a group of pairs.

    The pool; copies of its rows, side by side, and their numbers 0, 1, ...; coefficients by pair and place, none where
    single entries of pairs are left, and those of one place; the group's pairs; a bit an item that the pool holds, all
    zero before and after; and the places at which a pair's pool differs.
    """

    ids: Any
    rows: Any
    numbers: Any
    coefficients: Any
    column: Any
    pairs: Any
    held: Any
    places: Any


class Own(NamedTuple):
    """What a thread has for itself: a copy of the weigher, the users' tables flat, buffers, and a bit an item."""

    weigher: Weigher
    flat: Flat
    buffers: Buffers
    mask: Any


class Work(NamedTuple):
    """All that the batches of an epoch have in common.

    ``proposal`` is that of :mod:`sim.sampling.kernels.proposals`, ``key`` the random stream of the epoch's pools, and
    the items' blocks are ``2**shift`` rows.
    """

    data: Interactions
    tables: Tables
    weigher: Weigher
    pool: Pool
    proposal: Any
    objective: Objective
    flags: Flags
    optimizer: Optimizer
    scratch: Scratch
    shift: Any
    key: Any
