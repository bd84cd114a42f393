"""Threads that share a kernel: an atomic counter and a barrier, for passes too short for a parallel region each.

Numba's ``prange`` wakes its threads for every region, which costs as much as a short pass takes, and compiles a body
several times over. Here each thread runs one compiled function from beginning to end (:func:`run_threads`); inside, the
threads take numbered tasks from a counter and meet at a barrier. Which thread takes which task is left to chance, so a
task must write only what is its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import JIT_ENABLED, kernel

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
    spins = 0
    while _look(counters, i) < value:
        spins += 1
        if spins > _SPINS:
            _offer_core()


def _barrier(counters, i, threads):  # type: ignore[no-untyped-def]
    place = next_task(counters, i)
    _wait(counters, i, (place // threads + 1) * threads)


def _plain_barrier(counters, i, threads):  # type: ignore[no-untyped-def]
    counters[i] += 1


barrier = kernel()(_barrier) if JIT_ENABLED else _plain_barrier
barrier.__doc__ = "Wait until all ``threads`` are here; ``counters[i]`` counts arrivals and is never reset."


def run_threads(function: Callable[..., Any], threads: int, *args: Any) -> None:
    """Call ``function(me, threads, *args)`` in so many threads at once, ``me`` = 0 in this one, and wait for all.

    The function must be compiled, release the GIL, and have been called with arguments of these types before: a
    thread that fails to start its work would be waited for in vain. No thread begins before all are there: where the
    system refuses one, RuntimeError is raised and nothing is done. Without JIT one thread does it all.
    """
    threads = threads if JIT_ENABLED else 1
    begin, all_there = threading.Event(), False

    def work(me: int) -> None:
        begin.wait()
        if all_there:
            function(me, threads, *args)

    others: list[threading.Thread] = []
    try:
        for me in range(1, threads):
            other = threading.Thread(target=work, args=(me,))
            other.start()
            others.append(other)
        all_there = True
        begin.set()
        function(0, threads, *args)
    finally:
        begin.set()
        for other in others:
            other.join()
