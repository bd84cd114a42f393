"""The command ``hns sweep``: a grid of training runs from a TOML file; and what it shares with ``hns reproduce``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.terminal import printable, say

if TYPE_CHECKING:
    from ..studies import Options

__all__ = ["EPILOG", "add_arguments", "add_parents", "add_surroundings", "plan", "run", "surroundings"]

EPILOG = """\
FILE.toml names what is trained; where a list stands, every entry is tried with every entry of the other lists:

  data = "ml-100k"                 # or a file of your own
  seed = [1, 2, 3]
  held_out = "valid"               # train on the train part, rank the validation part (default: "test")
  every = 5                        # keep the ranks after every 5 epochs too
  [model]                          # of BPRMF; with layers, of LightGCN
  lr = 0.005
  weight_decay = [0.03, 0.1]
  epochs = 20
  [[sampler]]                      # classes of sim.sampling with their arguments
  name = "DNS"
  M = [5, 20, 75]
  N = 200
  [[sampler]]
  name = "WARP"
  model = { loss = "hinge" }       # for this one only

Stop it at any moment, with any signal; start it again, here or elsewhere with the results folder, and it goes on. Start
it twice, or on machines that share the folder, and they share the work. A cell that fails is recorded and does not stop
the others; the next run tries it again. See docs/sweeps.md.

examples
  hns sweep grid.toml --dry-run                 how many cells, how many of them done
  hns sweep grid.toml --jobs 8
  hns sweep grid.toml --scheduler tcp://10.0.0.1:8786   on a dask cluster whose workers see the same results folder
  hns results grid.toml --metrics ndcg@20 recall@50 --csv grid.csv
"""


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
    from ..runs.options import results_dir
    from ..studies import Options

    backend = options.backend or ("loky" if options.scheduler is None else "dask")
    return Options(
        jobs=options.jobs, progress=not options.quiet, data_dir=options.data_dir,
        results=options.results or results_dir(), backend=backend, scheduler=options.scheduler, **more,
    )  # fmt: skip


def add_arguments(p: argparse.ArgumentParser) -> None:
    """Declare the options."""
    p.add_argument("file", type=Path, metavar="FILE.toml", help="the grid")
    p.add_argument("--dry-run", action="store_true", help="count the cells and show the first ones, compute nothing")
    add_surroundings(p)


def plan(options: argparse.Namespace) -> tuple[str, list[str], list[list[Any]]]:
    """Title, columns and rows for ``--dry-run``."""
    from ..runs.store import CellStore
    from ..runs.sweep import read_sweep

    cells = read_sweep(options.file)
    done = CellStore(surroundings(options).results, [cell.key for cell in cells]).cells
    rows = [
        [c.data, c.held_out, str(c.sampler), words(c.config()["model"]), c.seed, "yes" if c.key in done else ""]
        for c in cells[:10]
    ]
    title = f"{len(cells)} cells, {len(done)} of them done" + ("; the first ten:" if len(cells) > 10 else ":")
    return title, ["data", "held out", "sampler", "model", "seed", "done"], rows


def run(options: argparse.Namespace) -> int:
    """Compute what is missing; the exit status."""
    from ..runs.cells import compute_cells
    from ..runs.store import CellStore
    from ..runs.sweep import read_sweep

    cells, settings = read_sweep(options.file), surroundings(options)
    done = CellStore(settings.results, [cell.key for cell in cells]).cells
    say(f"{len(cells)} cells, {len(done)} of them done")
    start = time.perf_counter()
    failed = compute_cells(cells, settings, label=printable(options.file.stem))
    say(f"{len(cells) - len(failed)} done in {settings.results} after {time.perf_counter() - start:.0f} s")
    if failed:
        say(f"hns: {len(failed)} of {len(cells)} cells failed: {next(iter(failed.values()))}", error=True)
    return 1 if failed else 0


def words(settings: dict[str, Any]) -> str:
    """Settings in one short line."""
    return " ".join(f"{name}={value}" for name, value in settings.items())
