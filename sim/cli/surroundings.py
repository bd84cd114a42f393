"""Options that several commands share: where and how cells are computed, and folders of files to write."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runs.options import Options

__all__ = ["add_parents", "add_surroundings", "surroundings"]


def add_surroundings(p: argparse.ArgumentParser) -> None:
    """Declare the options that say where and how cells are computed."""
    p.add_argument(
        "--results", type=Path, metavar="DIR", help="finished training runs (default: HNS_RESULTS_DIR, results)"
    )
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="training runs at a time (default: 2)")
    p.add_argument("--backend", choices=("loky", "threading", "dask"), help="what the jobs are (default: loky)")
    p.add_argument("--scheduler", metavar="ADDRESS", help="of a running dask cluster; default: one is started here")
    p.add_argument("--data-dir", type=Path, metavar="DIR", help="local copies of data sets (default: HNS_DATA_DIR)")
    p.add_argument("--quiet", action="store_true", help="no progress bars")


def add_parents(p: argparse.ArgumentParser) -> None:
    """Declare the option of every command that writes a file where it is told to."""
    p.add_argument("--parents", action="store_true", help="make the folder of a file to write if it is not there")


def surroundings(options: argparse.Namespace, **more: Any) -> Options:
    """What :func:`add_surroundings` was told."""
    from ..runs.options import Options, results_dir

    backend = options.backend or ("loky" if options.scheduler is None else "dask")
    return Options(
        jobs=options.jobs, progress=not options.quiet, data_dir=options.data_dir,
        results=options.results or results_dir(), backend=backend, scheduler=options.scheduler, **more,
    )  # fmt: skip
