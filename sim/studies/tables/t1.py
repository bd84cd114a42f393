"""Table 1: the data sets, ours beside the paper's."""

from __future__ import annotations

import pandas as pd

from ...core.validation import check_choice
from ...data import FetchError, load
from ...runs.options import Options
from ..study import Findings, Study
from ..words import counted, listed

STUDY = Study.of(__name__, "T1", "The data sets", 40, made="trained", split_by=("data",))

PAPER = {
    "gowalla": (29_858, 40_988, 822_358, 205_106, 0.999160),
    "yelp": (77_277, 45_638, 1_684_846, 419_049, 0.999403),
    "amazon-book": (130_380, 128_939, 1_934_404, 481_246, 0.999856),
}
"""Users, items, train pairs, test pairs, sparsity as printed in the paper."""

SETS = {
    "smoke": ("ml-100k",),
    "default": (
        "ml-100k", *PAPER, "ml-10m", "irb-amazon2014-health", "irb-amazon2014-movie", "irb-amazon2014-movie-temporal",
        "irb-gowalla",
    ),
}  # fmt: skip


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Sizes of the sets that can be had (a local copy or the network), and the paper's numbers where it has them.

    Returns
    -------
    DataFrame
        Columns data, users, items, train (train and validation together), test, sparsity, the same with ``paper_``,
        and status: "loaded", or why not.
    """
    rows = []
    sets = SETS.get(options.profile, SETS["default"])
    for name in options.data:
        check_choice("data", name, sets)
    for name in options.data or sets:
        row: dict[str, object] = {"data": name}
        try:
            s = load(name, data_dir=options.data_dir, progress=options.progress).stats()
            row |= {c: s[c] for c in ("users", "items", "test", "sparsity")} | {"train": s["fit"], "status": "loaded"}
        except FetchError:
            if not options.compute:  # a row of its own is wanted, not that there is none
                raise
            row["status"] = "not available: no network and no local copy (HNS_DATA_DIR)"
        if name in PAPER:
            row |= dict(zip(("paper_users", "paper_items", "paper_train", "paper_test", "paper_sparsity"), PAPER[name]))
        rows.append(row)
    columns = ["data", "users", "items", "train", "test", "sparsity"]
    columns += [f"paper_{c}" for c in columns[1:]] + ["status"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    counts = [c for c in columns if c.split("_")[-1] in ("users", "items", "train", "test")]
    table[counts] = table[counts].astype("Int64")
    return table


def plot(table: pd.DataFrame) -> None:
    """A table has no picture."""


def caption(table: pd.DataFrame) -> str:
    """What stands in the table, with how much data."""
    loaded = int((table.status == "loaded").sum())
    return (
        f"Sizes of {loaded} of {len(table)} data sets as this package splits them (80/20 per user, or the set's own "
        "split), beside the paper's Table 1. Train includes the tenth that is held out for validation while tuning."
    )


def findings(table: pd.DataFrame) -> Findings:
    """The size of every set that could be had, and how it compares with the printed one."""
    loaded = table[table.status == "loaded"]
    said = {"loaded": f"{len(loaded)} of {len(table)} data sets could be had here: {listed(loaded.data)}."}
    for row in loaded.itertuples():
        said[f"{row.data}/size"] = (
            f"{row.data} has {row.users:,.0f} users, {row.items:,.0f} items, {row.train:,.0f} train and "
            f"{row.test:,.0f} test pairs."
        )
    both = loaded[loaded.paper_users.notna()]
    for row in both.itertuples():
        counts = ("users", "items", "train", "test")
        apart = {what: getattr(row, what) - getattr(row, f"paper_{what}") for what in counts}
        differ = [f"{n:+,.0f} {what}" for what, n in apart.items() if n]
        said[f"{row.data}/printed"] = (
            f"{row.data} differs from the paper's Table 1 by {listed(differ)}."
            if differ
            else f"{row.data} is that of the paper's Table 1 to the pair."
        )
    same = sum(f"{name} is that" in said[f"{name}/printed"] for name in both.data)
    said["printed"] = (
        f"Of those that stand in the paper's Table 1, {counted(same, len(both), 'have')} the printed numbers of users, "
        "items, train and test pairs."
    )
    return said
