"""The one place that sets Numba's flags.

Every kernel of the package is declared with :func:`kernel`, so that the flags are the same everywhere: compiled code
is cached on disk, the GIL is released, and floating point keeps IEEE semantics (no ``fastmath``) unless the call site
argues for a relaxation. If no cache directory can be written, kernels are compiled in every process instead.

Numba notices a changed source file but not a changed callee in another file; ``make clean`` empties the caches.
"""

from __future__ import annotations

import contextlib
import functools
import os
import weakref
from collections.abc import Callable
from typing import Any

# GNU OpenMP otherwise spins between parallel regions and starves other processes that share the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba
import numpy as np
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature
from numba.extending import register_jitable
from numba.np.ufunc import parallel as numba_threads

from .code_cache import CodeCache

__all__ = ["JIT_ENABLED", "MAX_THREADS", "ZERO", "by_address", "check_fork", "kernel"]

JIT_ENABLED: bool = not numba.config.DISABLE_JIT
"""False when ``NUMBA_DISABLE_JIT=1``: kernels are then plain Python, slow but debuggable."""

MAX_THREADS: int = numba.config.NUMBA_NUM_THREADS
"""Threads that parallel kernels may use in this process (``NUMBA_NUM_THREADS``, by default the number of cores)."""

ZERO = np.int64(0)
"""For arguments of kernels: a literal in its place would be compiled for as a type of its own."""

_FLAGS = ("fastmath", "error_model", "_nrt")

_parallel: weakref.WeakSet[Any] = weakref.WeakSet()
_forked = False


def check_fork(*_: Any, **__: Any) -> None:
    """RuntimeError in a process that was forked from one in which Numba's threads had run.

    It has none of them, and would wait for them for ever, or be ended by OpenMP.
    """
    if _forked:
        raise RuntimeError(
            "this process was forked from one in which numba's threads had run, and cannot use them: start it by "
            "'spawn', 'forkserver' or loky, or fork before the first use of this package"
        )


def _after_fork() -> None:
    global _forked
    _forked = _forked or numba_threads._is_initialized
    if _forked:
        for compiled in _parallel:  # a call that finds nothing compiled asks for it here
            compiled._reset_overloads()
            compiled._compile_for_args = check_fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def kernel(
    *,
    parallel: bool = False,
    inline: bool = False,
    counted: bool = True,
    inner: bool = False,
    fastmath: bool | set[str] = False,
    cache: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator factory for compiled kernels.

    Parameters
    ----------
    parallel : bool
        Let ``numba.prange`` use threads. Such kernels must give the same bits for any number of threads.
    inline : bool
        Ask LLVM to inline the function into its callers, and count no references in it; for helpers in hot loops.
    counted : bool
        Count references to arrays. Counters are atomic and shared by the threads, which then wait for each other; turn
        it off for kernels called once a pair or a row that make no arrays of their own (views are allowed).
    inner : bool
        Compile the function only as a part of the kernels that call it: without an entry from Python, which would be a
        fifth of all compilation, and with no file of its own on disk. Called from Python it is plain Python.
    fastmath : bool or set of str
        LLVM fast-math flags; leave off unless a comment at the call site says why it is sound.
    cache : bool
        Keep the compiled code on disk. Off only for kernels that are built at run time.

    Examples
    --------
    >>> @kernel(cache=False)
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        flags: dict[str, Any] = {"nogil": True, "parallel": parallel, "fastmath": fastmath, "error_model": "numpy"}
        flags["_nrt"] = counted and not inline  # always said: it would be inherited from the caller
        if inline:
            flags["forceinline"] = True
        flags["no_cfunc_wrapper"] = True  # only by_address needs one
        if inner:
            return register_jitable(**flags)(function)
        compiled = numba.njit(function, **flags)
        if cache and JIT_ENABLED:
            with contextlib.suppress(RuntimeError):  # no writable cache directory: compile in memory
                compiled._cache = CodeCache(function)
        if parallel and JIT_ENABLED:
            _parallel.add(compiled)
        return compiled

    return decorate


@functools.cache
def by_address(function: Any, signature: Any) -> Any:
    """``function``, compiled for one signature, as an argument that other kernels call by its address.

    So these are compiled once, whatever function they are given: a kernel that took the compiled function itself would
    be compiled anew for each. Without JIT it is the function. Not to be put first in a tuple, where Numba looks for a
    tuple of functions, and warns.

    Examples
    --------
    >>> @kernel(cache=False)
    ... def square(x):
    ...     return x * x
    >>> @kernel(cache=False)
    ... def twice(f, x):
    ...     return f(f(x))
    >>> twice(by_address(square, numba.float64(numba.float64)), 3.0)
    81.0
    """
    if not JIT_ENABLED:
        return function
    plain, options = getattr(function, "py_func", function), getattr(function, "targetoptions", {})
    options = {name: value for name, value in options.items() if name in _FLAGS}
    made = CFunc(plain, normalize_signature(signature), locals={}, options=options)
    if hasattr(function, "stats") and function.stats.cache_path is not None:
        made._cache = CodeCache(plain)
    made.compile()
    return made
