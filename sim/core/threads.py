"""Threads that share a kernel: an atomic counter and a barrier, for passes too short for a parallel region each.

Numba's ``prange`` wakes its threads for every region, which costs as much as a short pass takes, and compiles a body
several times over. Here each thread runs one compiled function from beginning to end (:func:`run_threads`); inside, the
threads take numbered tasks from a counter and meet at a barrier, which lets all go if one of them fails. Which thread
takes which task is left to chance, so a task must write only what is its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from .jit import JIT_ENABLED, check_fork, kernel

__all__ = ["barrier", "next_task", "run_threads"]

_SPINS = 2000  # looks at the counter before the core is offered to others
_YIELD = "sched_yield" if hasattr(os, "sched_yield") else "SwitchToThread"


def _pointer(context, builder, signature, args):  # type: ignore[no-untyped-def]
    return builder.gep(context.make_array(signature.args[0])(context, builder, args[0]).data, [args[1]])


@intrinsic
def _next_task(typingctx, counters, i):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, signature, args)
        return builder.atomic_rmw("add", pointer, ir.Constant(pointer.type.pointee, 1), "seq_cst")

    return types.int64(counters, types.intp), codegen


@intrinsic
def _look(typingctx, counters, i):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load_atomic(_pointer(context, builder, signature, args), "seq_cst", 8)

    return types.int64(counters, types.intp), codegen


@intrinsic
def _offer_core(typingctx):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, _YIELD), [])
        return context.get_dummy_value()

    return types.none(), codegen


def _plain_next_task(counters, i):  # type: ignore[no-untyped-def]
    counters[i] += 1
    return counters[i] - 1


next_task = _next_task if JIT_ENABLED else _plain_next_task
next_task.__doc__ = "The value of ``counters[i]`` (int64), which is raised by one, in one indivisible step."


@kernel()
def _wait(counters, i, value):
    spins, failed = 0, counters.size - 1
    while _look(counters, i) < value and _look(counters, failed) == 0:
        spins += 1
        if spins > _SPINS:
            _offer_core()
    return _look(counters, failed) == 0


def _barrier(counters, i, threads):  # type: ignore[no-untyped-def]
    place = next_task(counters, i)
    return _wait(counters, i, (place // threads + 1) * threads)


def _plain_barrier(counters, i, threads):  # type: ignore[no-untyped-def]
    counters[i] += 1
    return True


barrier = kernel()(_barrier) if JIT_ENABLED else _plain_barrier
barrier.__doc__ = """Wait until all ``threads`` are here; ``counters[i]`` counts arrivals and is never reset.

False if a thread has failed, which the last counter says: the others must then return at once.
"""


def run_threads(
    function: Callable[..., Any], threads: int, *args: Any, counters: NDArray[np.int64] | None = None
) -> None:
    """Call ``function(me, threads, *args)`` in so many threads at once, ``me`` = 0 in this one, and wait for all.

    Parameters
    ----------
    function : callable
        Compiled, releasing the GIL, and called with arguments of these types before: so that compiling is no part of
        what a thread may fail at.
    threads : int
        Without JIT one thread does it all.
    counters : ndarray of int64, optional
        Those among ``args`` at whose :func:`barrier` the function waits; the last one must be kept for failures.

    Raises
    ------
    OSError
        If the system refuses a thread: none begins before all are there, and nothing is done.
    BaseException
        What the function raised in any thread, such as MemoryError, once all have ended.
    """
    check_fork()
    threads = threads if JIT_ENABLED else 1
    begin, all_there = threading.Event(), False
    errors: list[BaseException] = []

    def work(me: int) -> None:
        try:
            if begin.wait() and all_there:
                function(me, threads, *args)
        except BaseException as error:
            errors.append(error)
            if counters is not None:
                counters[-1] = 1

    others: list[threading.Thread] = []
    try:
        for me in range(1, threads):
            other = threading.Thread(target=work, args=(me,))
            other.start()
            others.append(other)
        all_there = True
        begin.set()
        work(0)
    except RuntimeError as error:
        raise OSError(f"threads must be <= {len(others) + 1} here, got {threads}: {error}") from None
    finally:
        begin.set()
        try:
            _join(others)
        except BaseException:  # a second Ctrl-C: nobody may wait for what will not come
            if counters is not None:
                counters[-1] = 1
            _join(others)
            raise
    if errors:
        raise errors[0]


def _join(others: list[threading.Thread]) -> None:
    for other in others:
        other.join()
