"""Threads that share a kernel: every task is taken once, and nobody passes a barrier before all are there."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF
from sim.bpr import epoch as _training
from sim.core.jit import JIT_ENABLED, kernel
from sim.core.threads import barrier, next_task, run_threads


@kernel(cache=False)
def rounds(me, threads, counters, taken, sums):
    """In each round take tasks, meet, and add up what all have done; the sum is right only if all are done."""
    for r in range(sums.shape[0]):
        task = next_task(counters, 2 * r)
        while task < taken.shape[1]:
            taken[r, task] += 1
            task = next_task(counters, 2 * r)
        barrier(counters, 2 * r + 1, threads)
        sums[r, me] = taken[r].sum()


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_task_once_and_nobody_early(threads: int) -> None:
    n_rounds, tasks = 2000, 37
    taken, sums = np.zeros((n_rounds, tasks), np.int64), np.zeros((n_rounds, 8), np.int64)
    rounds(0, 1, np.zeros(2, np.int64), taken[:0], sums[:0])
    run_threads(rounds, threads, np.zeros(2 * n_rounds + 1, np.int64), taken, sums)
    assert (taken == 1).all()
    assert (sums[:, : threads if JIT_ENABLED else 1] == tasks).all()


@pytest.mark.nojit
def test_one_thread_without_jit() -> None:
    taken, sums = np.zeros((3, 5), np.int64), np.zeros((3, 8), np.int64)
    run_threads(rounds, 1, np.zeros(7, np.int64), taken, sums)
    assert (taken == 1).all() and (sums[:, 0] == 5).all()


def test_where_the_system_refuses_a_thread_nothing_is_done_and_nothing_hangs(monkeypatch):
    start, calls = threading.Thread.start, iter(range(9))

    def refused(thread):
        if next(calls) == 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    before, taken, sums = threading.active_count(), np.zeros((3, 40), np.int64), np.zeros((3, 8), np.int64)
    rounds(0, 1, np.zeros(2, np.int64), taken[:0], sums[:0])  # compile
    with pytest.raises(OSError, match="threads must be <= 2 here, got 3: can't start new thread"):
        run_threads(rounds, 3, np.zeros(7, np.int64), taken, sums)
    assert threading.active_count() == before and not taken.any()


@kernel(cache=False)
def fails(me, threads, counters, who, at, size, seen):
    """Thread ``who`` fails before the barrier of round ``at``: by want of memory, or by an error of its own."""
    for r in range(counters.size - 1):
        if me == who and r == at:
            if size == 0:
                raise ValueError("no size")
            seen[me] = np.empty(size).size
        if not barrier(counters, r, threads):
            return
        seen[me] += 1


@pytest.mark.skipif(not JIT_ENABLED, reason="there is one thread")
@pytest.mark.parametrize("who", [0, 1, 2])
@pytest.mark.parametrize("at", [0, 5, 9])
@pytest.mark.parametrize(("size", "kind"), [(2**58, MemoryError), (0, ValueError)])
def test_a_thread_that_fails_lets_the_others_go_and_is_heard(who, at, size, kind):
    before, counters, seen = threading.active_count(), np.zeros(11, np.int64), np.zeros(3, np.int64)
    fails(0, 1, np.zeros(1, np.int64), -1, 0, 1, seen)
    with pytest.raises(kind):
        run_threads(fails, 3, counters, who, at, size, seen, counters=counters)
    assert threading.active_count() == before
    assert counters[-1] == 1 and seen.max() <= at and seen[who] == at
    counters[:] = 0  # and the next call is as the first
    run_threads(fails, 3, counters, -1, 0, 1, seen, counters=counters)
    assert counters.tolist() == [3] * 10 + [0]


def test_an_error_of_the_calling_thread_alone_is_not_lost():
    def plain(me, threads):
        if me == 0:
            raise MemoryError("none")

    with pytest.raises(MemoryError, match="none"):
        run_threads(plain, 2)


@pytest.mark.skipif(not JIT_ENABLED, reason="there is one thread")
@pytest.mark.parametrize("who", [0, 1])
def test_want_of_memory_in_one_thread_of_a_training(who, monkeypatch):
    real = _training.kernels.run_batches

    def run_batches(me, threads, common, first, last, *rest):
        if me == who and last > first:
            raise MemoryError("Allocation failed (probably too large).")
        real(me, threads, common, first, last, *rest)

    X = sparse.random(20, 30, 0.2, format="csr", random_state=0)
    model = BPRMF(4, epochs=2, batch_size=30, rng=0, n_threads=2)
    with monkeypatch.context() as patch:
        patch.setattr(_training.kernels, "run_batches", run_batches)
        with pytest.raises(MemoryError, match="Allocation failed"):
            model.fit(X)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert np.isfinite(model.fit(X).history_[-1]["loss"])
