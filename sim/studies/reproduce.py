"""Every figure and table with one call: run, draw, write, say what was done and what could not be."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..core.files import write_text
from ..core.names import hint, plain
from ..data import FetchError
from ..runs.options import Options
from ..runs.output import write_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BY_DATA", "BY_METHOD", "EXPERIMENTS", "Outcome", "experiment", "experiment_ids", "make", "reproduce"]

EXPERIMENTS = {
    "F1": "tables.f1",
    "F2": "f2",
    "F6": "correlation.f6",
    "T1": "tables.t1",
    "F7": "hardness.f7",
    "F8": "guideline.f8",
    "F9": "guideline.f9",
    "F10": "guideline.f10",
    "F11": "guideline.f11",
    "G1-sets": "guideline.g1_sets",
    "G-map": "guideline.g_map",
    "G2-trend": "guideline.g2_trend",
    "G-collapse": "guideline.g_collapse",
    "G-ablation": "guideline.g_ablation",
    "F6-data": "correlation.f6_data",
    "E-bias": "estimators.e_bias",
    "E-error": "estimators.e_error",
    "E-rates": "estimators.e_rates",
    "E-beta": "estimators.e_beta",
    "G2-optimal": "hardness.g2_optimal",
    "F7-synthetic": "hardness.f7_synthetic",
    "F7-samplers": "hardness.f7_samplers",
    "FN": "fn",
    "Table2": "tables.table2",
    "Table3": "tables.table3",
    "Yardstick": "tables.yardstick",
    "F6-models": "correlation.f6_models",
    "F6-llpauc": "correlation.f6_llpauc",
    "F6-methods": "correlation.f6_methods",
    "F6-sampled": "correlation.f6_sampled",
}
"""Identifier to module, in the order they are run."""

BY_DATA = (
    "F1", "F8", "F9", "F10", "F11", "G1-sets", "G-map", "G2-trend", "G-collapse", "F6-data", "Table2", "Table3",
    "Yardstick",
)  # fmt: skip
"""Those whose rows of one data set do not depend on the others."""

BY_METHOD = ("Table2", "Table3", "Yardstick")
"""Those whose rows of one method do not depend on the others either."""

_MADE = ("profile", "seed", "command", "seconds", "versions")


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment: its files, or the one line why there are none.

    ``kept`` are the data sets, or "data, method", whose rows were not made anew, with the commands that made them.
    """

    id: str
    title: str
    seconds: float
    paths: tuple[Path, ...] = ()
    missing: str = ""
    kept: dict[str, str] = field(default_factory=dict)


def experiment_ids(words: Sequence[str]) -> list[str]:
    """The identifiers of experiments in any spelling, each once.

    Raises
    ------
    ValueError
        For a name that is not known; near ones are suggested.

    Examples
    --------
    >>> experiment_ids(["Fig", "8", "fig6", "table 2", "g-MAP", "F8"])
    ['F8', 'F6', 'Table2', 'G-map']
    """
    known = {plain(module): name for name, module in EXPERIMENTS.items()} | {plain(name): name for name in EXPERIMENTS}
    joined: list[str] = []
    for word in words:
        if word.isdecimal() and joined and joined[-1].isalpha():  # Fig 8 without quotes
            joined[-1] += word
        else:
            joined.append(word)
    found = []
    for word in joined:
        short = plain(word)
        for long, kind in (("figure", "fig"), ("fig", "fig"), ("table", "table"), ("tab", "table")):
            if short.startswith(long) and short.removeprefix(long).isdecimal():
                short = f"{kind}{int(short.removeprefix(long))}"
                break
        if short not in known:
            near = hint(word, EXPERIMENTS, everything=False)
            names = ", ".join(EXPERIMENTS)
            raise ValueError(f"experiment must be one of {names}, got {word!r}{near and ': '}{near}")
        found.append(known[short])
    return list(dict.fromkeys(found))


def experiment(name: str) -> ModuleType:
    """The module of an experiment; an unknown name is a ValueError that lists the near or the known ones."""
    return import_module(f".{EXPERIMENTS[experiment_ids([name])[0]]}", __package__)


def make(name: str, options: Options, folder: Path) -> Outcome:
    """Run one experiment and write its files. Data that cannot be had makes an :class:`Outcome` without files.

    The experiments of :data:`BY_DATA` keep the rows of other data sets that ``folder`` has, those of
    :data:`BY_METHOD` also other methods' where methods are named, and tell how they were made: so these can be done one
    by one, on several machines.
    """
    name = experiment_ids([name])[0]
    module = experiment(name)
    if options.data and name not in BY_DATA:
        raise ValueError(f"data must be left out for {name}: only {', '.join(BY_DATA)} have a choice of data sets")
    if options.methods and name not in BY_METHOD:
        raise ValueError(f"method must be left out for {name}: only {', '.join(BY_METHOD)} have a choice of methods")
    start = time.perf_counter()
    try:
        table = module.run(options)
    except FetchError as error:
        return Outcome(name, module.TITLE, time.perf_counter() - start, missing=str(error))
    made = {
        "profile": options.profile, "seed": options.seed, "command": _command(name, options),
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip
    by = ["data", *(["method"] if options.methods else [])]
    table, others = _with_others(folder / f"{name}.csv", table, by) if name in BY_DATA else (table, {})
    figure = module.plot(table)
    info = {"title": module.TITLE, "caption": module.caption(table), **made, **({"others": others} if others else {})}
    paths = write_figure(folder, name, table, figure, info)
    if hasattr(module, "page"):
        paths.append(folder / f"{name}.md")
        write_text(paths[-1], module.page(table))
    if figure is not None:
        import matplotlib.pyplot as plt

        plt.close(figure)
    kept = {data: str(how["command"]) for data, how in others.items()}
    return Outcome(name, module.TITLE, time.perf_counter() - start, tuple(paths), kept=kept)


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
    """Run the named experiments (all by default), one after the other."""
    return [make(name, options, folder) for name in names or EXPERIMENTS]
