"""Independent tasks on processes, threads or a dask cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from typing import Any

from ..core.signals import end_with_parent
from .options import Options

__all__ = ["in_parallel"]

PATIENCE = 10
"""Seconds to wait for a scheduler, and then for its first worker."""


def in_parallel(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], options: Options) -> Iterator[Any]:
    """``function(*task)`` of every task, as they are done, by ``options``' backend.

    Raises
    ------
    ConnectionError
        If the scheduler does not answer, has no worker, or is lost.
    ChildProcessError
        If a worker process was killed; a cluster tries such tasks again a few times first.
    """
    if options.backend == "dask":
        yield from _on_cluster(function, tasks, options)
        return
    from joblib import Parallel, delayed

    if options.backend == "threading":
        import numba

        # its plainest layer aborts the process
        numba.config.THREADING_LAYER = "threadsafe"  # type: ignore[attr-defined]
    jobs = min(options.jobs, len(tasks))
    processes = options.backend == "loky" and jobs > 1
    more: dict[str, Any] = {"initializer": end_with_parent, "initargs": (os.getpid(),)} if processes else {}
    work = Parallel(n_jobs=jobs, backend=options.backend, return_as="generator_unordered", **more)
    try:
        yield from work(delayed(function)(*task) for task in tasks)
    except BrokenExecutor:
        raise ChildProcessError("a worker process was killed, perhaps for want of memory: try fewer jobs") from None


def _on_cluster(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], options: Options) -> Iterator[Any]:
    """By dask itself: joblib's backend for it waits for ever for a task whose workers were killed again and again."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise ValueError("backend 'dask' needs more packages: pip install 'hns-opauc[dask]'") from None
    if options.scheduler is None:
        client = Client(n_workers=options.jobs, threads_per_worker=1, dashboard_address=None, set_as_default=False)
    else:
        _try_to_reach(options.scheduler)
        client = Client(options.scheduler, timeout=PATIENCE, set_as_default=False)
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            reason = f"none in {PATIENCE} s"
            raise ConnectionError(f"scheduler must have a worker, got {options.scheduler}: {reason}") from None
        futures = [client.submit(function, *task, pure=False) for task in tasks]
        try:
            for done in as_completed(futures, loop=client.loop):
                yield done.result()
        except KilledWorker:
            raise ChildProcessError("a task's worker was killed again and again, perhaps for want of memory") from None
        except CancelledError:
            raise ConnectionError(f"scheduler {options.scheduler} was lost: start again when it is back") from None


def _try_to_reach(address: str) -> None:
    """ConnectionError unless a scheduler answers; a client that could not connect would take long to go away."""
    from distributed import Security
    from distributed.comm.core import connect

    async def knock() -> None:
        comm = await connect(address, **Security().get_connection_args("client"))
        await comm.close()

    try:
        asyncio.run(asyncio.wait_for(knock(), PATIENCE))
    except Exception as error:  # another kind of server may answer anything
        reason = str(error).partition("\n")[0] or f"no answer in {PATIENCE} s"
        raise ConnectionError(f"scheduler must be a running one, got {address}: {reason}") from None
