"""The command ``hns sweep``: a grid of training runs from a TOML file."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from ..core.terminal import printable, say
from .command import Command
from .surroundings import add_surroundings, surroundings
from .table import show_table

__all__ = ["COMMAND", "plan", "words"]

_EPILOG = """\
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


def _declare(p: argparse.ArgumentParser) -> None:
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


def _run(options: argparse.Namespace) -> int:
    from ..runs.cells import compute_cells
    from ..runs.store import CellStore
    from ..runs.sweep import read_sweep

    if options.dry_run:
        show_table(*plan(options))
        return 0
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


COMMAND = Command("sweep", "a grid of training runs from a TOML file", _declare, _run, _EPILOG)
