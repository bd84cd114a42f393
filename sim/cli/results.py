"""The command ``hns results``: what the store of training runs holds, as a list or as tidy CSV."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import is_stdout
from ..core.terminal import check_target, say
from .command import Command
from .surroundings import add_parents
from .table import show_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COMMAND", "results"]

_EPILOG = """\
examples
  hns results                                         every setting in the store, at its last epoch
  hns results grid.toml --metrics ndcg@20 recall@50   those of a sweep
  hns results grid.toml --metrics ndcg@20 opauc@0.05 --csv grid.csv
  hns results --data gowalla --csv all.csv --add      more runs for a table that was begun elsewhere

Metrics: recall, precision, ndcg, ap, mrr, hit at any K; opauc at any beta in (0, 1], divided by beta (opauc@1 is AUC).
The CSV has a row per run, kept epoch and metric, and a column for every setting that varies in it. Damaged files are
named and passed over; delete them, and the sweep computes them again. `hns reproduce --reuse grid.csv` takes from such
a table the means that it needs.
"""


def _declare(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", type=Path, nargs="?", metavar="FILE.toml", help="only the runs of this sweep")
    p.add_argument("--data", metavar="NAME", help="only the runs on this data set")
    p.add_argument("--metrics", nargs="+", default=["ndcg@20"], metavar="METRIC", help="like recall@50 (ndcg@20)")
    p.add_argument("--csv", type=Path, metavar="FILE", help="write them there, every kept epoch")
    add_parents(p)
    p.add_argument("--add", action="store_true", help="keep the rows of the CSV that the store does not have")
    p.add_argument("--results", type=Path, metavar="DIR", help="the store (default: HNS_RESULTS_DIR, results)")


def results(options: argparse.Namespace) -> tuple[str, list[str], list[list[Any]]]:
    """Title, columns and rows of the list; writes the CSV if asked to, and names on stderr what is no result."""
    from ..core.files import write_text
    from ..runs.options import results_dir
    from ..runs.store import CellStore
    from ..runs.sweep import read_sweep

    check_target("--csv", options.csv, parents=options.parents)
    if options.data is not None and not Path(options.data).name.strip("."):
        raise ValueError(f"data must be the name of a data set, got {options.data!r}")
    folder = options.results or results_dir()
    keys = None if options.file is None else [cell.key for cell in read_sweep(options.file)]
    store = CellStore(folder, keys, options.data)
    table = store.table(options.metrics, last=options.csv is None)
    if options.csv is not None:
        if options.add and options.csv.is_file():
            table = _added(options.csv, table)
        write_text(options.csv, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
    for path, why in store.damaged.items():
        say(f"passed over {path}: {why}", error=True)
    for why in store.failed.values():
        say(f"failed: {why}", error=True)
    if options.data is not None and not (store.cells or store.failed or store.damaged):
        known = sorted(path.name for path in folder.glob("[!.]*") if path.is_dir())
        there = f"there are {', '.join(known)}" if known else "it has none"
        raise ValueError(f"data must be one of those with runs in {folder}, got {options.data!r}: {there}")
    title = f"{table.key.nunique()} runs in {folder}"
    if options.csv is not None:
        return f"{title}, {len(table)} rows written to {options.csv}", [], []
    return title, *_levels(table, options.metrics)


def _levels(table: pd.DataFrame, metrics: Sequence[str]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: a row a setting, its means over seeds, the best of a data set first and marked.

    What is the same in all rows is said by a line above, not in a column.
    """
    if table.empty:
        return [], []
    settings = [c for c in table.columns if c not in ("key", "split", "bits", "seed", "metric", "value", "users")]
    groups = table.groupby(settings, dropna=False, sort=False)
    levels = groups.seed.nunique().rename("seeds").to_frame()
    for metric in metrics:
        values = table[table.metric == metric].groupby(settings, dropna=False, sort=False).value
        levels[metric] = values.mean()
    levels = levels.reset_index()
    first = metrics[0]
    levels = levels.sort_values(["data", "held_out", first], ascending=[True, True, False], kind="stable")
    several = len(levels) > 1
    varying = [c for c in settings if several and levels[c].nunique(dropna=False) > 1] or ["data", "sampler"]
    same = {_short(c): levels[c].iloc[0] for c in settings if c not in varying and levels[c].notna().iloc[0]}
    said = [f"{name} {value}" for name, value in same.items() if value or name not in ("hidden", "shielded")]
    say("in all rows: " + ", ".join(said))
    tops = levels.groupby(["data", "held_out"])[first].transform("max")
    best = ["best" if several and value == top else "" for value, top in zip(levels[first], tops)]
    shown = levels[[*varying, "seeds", *metrics]].astype(object)
    rows = [[*row, mark] for row, mark in zip(shown.where(shown.notna(), "").to_numpy().tolist(), best)]
    return [*map(_short, varying), "seeds", *metrics, ""], rows


def _short(column: str) -> str:
    """A setting as the grid's file calls it."""
    return column.rpartition(".")[2].replace("_", " ")


def _added(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a CSV that ``table`` lacks, then ``table``."""
    import pandas as pd

    from ..runs.means import read_table

    both = pd.concat([read_table("csv", path), table]).drop_duplicates(["key", "epoch", "metric"], keep="last")
    mixed = both.groupby("data").split.nunique()
    if (mixed > 1).any():
        raise ValueError(f"csv must be of one content of {mixed.idxmax()}, got another in {path}: write a new file")
    return both


def _run(options: argparse.Namespace) -> int:
    title, columns, rows = results(options)
    if options.csv is None:
        show_table(title, columns, rows)
    elif not is_stdout(options.csv):
        say(title)
    return 0


COMMAND = Command("results", "list or export finished training runs", _declare, _run, _EPILOG)
