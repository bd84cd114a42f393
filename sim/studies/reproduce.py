"""Every figure and table with one call: run, draw, write, say what was done and what could not be."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import write_text
from ..data import FetchError
from ..runs.options import PROFILES, Options
from ..runs.output import as_stored, versions, write_figure
from .study import get_study, studies

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outcome", "losses", "make", "reproduce", "reword"]

_MADE = ("profile", "seed", "command", "run")

_EFFORT = ("seeds", "trainings", "n_rankings", "n_pools", "n_pairs", "replicates")
"""Columns that say how much stands behind a row."""


@dataclass(frozen=True)
class Outcome:
    """What became of one study: its files, or the one line why there are none.

    ``kept`` are the data sets, or "data, method", whose rows were not made anew, with the commands that made them.
    """

    id: str
    title: str
    seconds: float
    paths: tuple[Path, ...] = ()
    missing: str = ""
    kept: dict[str, str] = field(default_factory=dict)


def make(name: str, options: Options, folder: Path, *, guard: bool = False) -> Outcome:
    """Run one study and write its files. Data that cannot be had makes an :class:`Outcome` without files.

    A study that can be split by data set keeps the rows of other data sets that ``folder`` has, one that can be split
    by method also those of other methods where methods are named, and the record tells how they were made: so these
    can be done one by one, on several machines.

    Parameters
    ----------
    name : str
    options : Options
    folder : Path
    guard : bool
        Refuse to replace rows by those of fewer seeds, of a smaller budget or of a lower profile.

    Raises
    ------
    ValueError
        If the guard refuses; nothing is written.
    """
    study = get_study(name)
    name = study.id
    for column, named, what in (("data", options.data, "data sets"), ("method", options.methods, "methods")):
        if named and column not in study.split_by:
            able = ", ".join(s.id for s in studies().values() if column in s.split_by)
            raise ValueError(f"{column} must be left out for {name}: only {able} have a choice of {what}")
    start = time.perf_counter()
    try:
        table = study.run(options)
    except FetchError as error:
        return Outcome(name, study.title, time.perf_counter() - start, missing=str(error))
    made = {
        "profile": options.profile, "seed": options.seed, "command": _command(name, options),
        "run": {"seconds": round(time.perf_counter() - start, 1), "versions": versions()},
    }  # fmt: skip
    by = ["data", *(["method"] if options.methods else [])]
    table = as_stored(table, study.zero_below)
    if guard and (lines := losses(folder / f"{name}.csv", table, options.profile, study.split_by)):
        raise ValueError(f"{name} must not be replaced by less (--force to insist): {'; '.join(lines)}")
    table, others = _with_others(folder / f"{name}.csv", table, by) if study.split_by else (table, {})
    figure = study.plot(table)
    info = {
        "title": study.title, "caption": study.caption(table), "findings": study.findings(table), **made,
        **({"zero_below": dict(study.zero_below)} if study.zero_below else {}),
        **({"others": others} if others else {}),
    }  # fmt: skip
    paths = write_figure(folder, name, table, figure, info)
    if study.page is not None:
        paths.append(folder / f"{name}.md")
        write_text(paths[-1], study.page(table))
    if figure is not None:
        import matplotlib.pyplot as plt

        plt.close(figure)
    kept = {data: str(how["command"]) for data, how in others.items()}
    return Outcome(name, study.title, time.perf_counter() - start, tuple(paths), kept=kept)


def losses(path: Path, table: pd.DataFrame, profile: str, by: Sequence[str]) -> list[str]:
    """What would be lost if a published table's rows were replaced by those of ``table``: one line each.

    Parameters
    ----------
    path : Path
        The published CSV, its record beside it; nothing is lost where it is missing.
    table : DataFrame
        The new rows.
    profile : str
        Of the run that made them.
    by : sequence of str
        Columns whose values are replaced one by one; none: the whole table.
    """
    import pandas as pd

    record = path.with_suffix(".json")
    if not (path.exists() and record.exists()):
        return []
    old, info = pd.read_csv(path), json.loads(record.read_text(encoding="utf-8"))
    keys = [name for name in by if name in old and name in table]
    lines = []
    for part, rows in _groups(table, keys).items():
        before = _groups(old, keys).get(part)
        if before is None:
            continue
        named = ", ".join(map(str, part)) or "the whole table"
        known = info.get("others", {})
        last = next((known[n] for n in (", ".join(part), *part[:1]) if n in known), info) if part else info
        if PROFILES.index(profile) < PROFILES.index(last.get("profile", PROFILES[0])):
            lines.append(f"{named} is of profile {last['profile']}, not {profile}")
        for name in _EFFORT:
            if name in before and name in rows and rows[name].mean() < before[name].mean():
                lines.append(f"{named} has {before[name].mean():,.6g} {name} on average, not {rows[name].mean():,.6g}")
    return lines


def _groups(table: pd.DataFrame, by: Sequence[str]) -> dict[tuple[str, ...], pd.DataFrame]:
    if not by:
        return {(): table}
    return {tuple(map(str, part)): rows for part, rows in table.groupby(list(by), sort=False)}


def _command(name: str, options: Options) -> str:
    parts = [f"hns reproduce --only {name} --profile {options.profile} --seed {options.seed}"]
    parts += [f"--data {' '.join(options.data)}"] if options.data else []
    parts += [f"--method {shlex.join(options.methods)}"] if options.methods else []
    parts += [f"--reuse {' '.join(map(str, options.reuse))}"] if options.reuse else []
    return " ".join(parts)


def _with_others(path: Path, table: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table with a file's rows of other data sets (and methods), in the file's order; and how those were made.

    Files of another format are left.
    """
    import pandas as pd

    record = path.with_suffix(".json")
    if not (path.exists() and record.exists()):
        return table, {}
    old = pd.read_csv(path)
    if list(old.columns) != list(table.columns):
        return table, {}
    if "status" in old:  # what cannot be had here keeps its published row
        had = set(old.data[old.status == "loaded"])
        table = table[(table.status == "loaded") | ~table.data.isin(had)]
    new = {part for part, _ in table.groupby(by, sort=False)}
    parts = dict(iter(old.groupby(by, sort=False))) | dict(iter(table.groupby(by, sort=False)))
    whole = pd.concat(parts.values(), ignore_index=True)
    order = {data: place for place, data in enumerate(dict.fromkeys(whole.data))}
    whole = whole.sort_values("data", key=lambda names: names.map(order), kind="stable", ignore_index=True)

    info = json.loads(record.read_text(encoding="utf-8"))
    last, recorded = {k: v for k, v in info.items() if k in _MADE}, info.get("others", {})
    level = ["data", *(["method"] if "method" in table else [])]
    others: dict[str, Any] = {}
    for data, rows in old.groupby("data", sort=False):
        kept = [part for part, _ in rows.groupby(level, sort=False) if part[: len(by)] not in new]
        made = {", ".join(part): recorded.get(", ".join(part), recorded.get(data, last)) for part in kept}
        alike = data not in set(table.data) and all(how == next(iter(made.values())) for how in made.values())
        others |= {data: next(iter(made.values()))} if alike else made
    return whole, others


def reproduce(
    names: Sequence[str] | None = None,
    options: Options = Options(),  # noqa: B008 (frozen)
    folder: Path = Path("figures"),
) -> list[Outcome]:
    """Run the named studies (all by default), one after the other."""
    return [make(name, options, folder) for name in names or studies()]


def reword(name: str, folder: Path) -> bool:
    """Write title, caption and findings of a published table anew from it; whether they were others."""
    import pandas as pd

    study, record = get_study(name), folder / f"{name}.json"
    table, info = pd.read_csv(folder / f"{name}.csv"), json.loads(record.read_text(encoding="utf-8"))
    words = {"title": study.title, "caption": study.caption(table), "findings": study.findings(table)}
    if info | words == info:
        return False
    write_text(record, json.dumps(info | words, indent=2, ensure_ascii=False) + "\n")
    return True
