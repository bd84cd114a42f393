"""Threads that share a kernel: every task is taken once, and nobody passes a barrier before all are there."""

from __future__ import annotations

import threading

import numpy as np
import pytest

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
    run_threads(rounds, threads, np.zeros(2 * n_rounds, np.int64), taken, sums)
    assert (taken == 1).all()
    assert (sums[:, : threads if JIT_ENABLED else 1] == tasks).all()


@pytest.mark.nojit
def test_one_thread_without_jit() -> None:
    taken, sums = np.zeros((3, 5), np.int64), np.zeros((3, 8), np.int64)
    run_threads(rounds, 1, np.zeros(6, np.int64), taken, sums)
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
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run_threads(rounds, 3, np.zeros(6, np.int64), taken, sums)
    assert threading.active_count() == before and not taken.any()
