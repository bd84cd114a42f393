"""Independent tasks on processes, threads or a dask cluster, through joblib."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import Any

from ._options import Options

__all__ = ["in_parallel"]

PATIENCE = 10
"""Seconds to wait for a scheduler, and then for its first worker."""


def in_parallel(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], options: Options) -> Iterator[Any]:
    """``function(*task)`` of every task, as they are done, by ``options``' backend.

    Raises
    ------
    ConnectionError
        If the scheduler does not answer, or has no worker.
    ChildProcessError
        If a worker process was killed; a cluster tries such tasks again a few times first.
    """
    from joblib import Parallel, delayed, parallel_config

    with _backend(options, len(tasks)) as config, _plain_errors(options):
        with parallel_config(**config):
            work = Parallel(return_as="generator_unordered")
        yield from work(delayed(function)(*task) for task in tasks)


@contextmanager
def _backend(options: Options, n_tasks: int) -> Iterator[dict[str, Any]]:
    """Arguments of :func:`joblib.parallel_config`, with a connection that is open inside."""
    if options.backend != "dask":
        if options.backend == "threading":
            import numba

            # its plainest layer aborts the process
            numba.config.THREADING_LAYER = "threadsafe"  # type: ignore[attr-defined]
        yield {"backend": options.backend, "n_jobs": min(options.jobs, n_tasks)}
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("backend 'dask' needs more packages: pip install 'hns-opauc[dask]'") from None
    try:
        if options.scheduler is None:
            client = Client(n_workers=options.jobs, threads_per_worker=1, dashboard_address=None, set_as_default=False)
        else:
            client = Client(options.scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConnectionError(f"scheduler must be a running one, got {options.scheduler}: {reason}") from None
    with client:
        yield {"backend": "dask", "client": client, "wait_for_workers_timeout": PATIENCE}


@contextmanager
def _plain_errors(options: Options) -> Iterator[None]:
    """What happens to workers, in one line each."""
    try:
        yield
    except BrokenExecutor:
        raise ChildProcessError("a worker process was killed, perhaps for want of memory: try fewer jobs") from None
    except TimeoutError:
        raise ConnectionError(f"scheduler must have a worker, got {options.scheduler}: none in {PATIENCE} s") from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # of distributed, which may not be installed
            raise ChildProcessError("a task's worker was killed again and again, perhaps for want of memory") from None
        raise
