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

from .._validation import check_choice
from ..data import FetchError
from ._options import Options
from ._output import write_figure, write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BY_DATA", "BY_METHOD", "EXPERIMENTS", "Outcome", "experiment", "make", "reproduce"]

EXPERIMENTS = {
    "F1": "fig1", "F2": "fig2", "F6": "fig6", "T1": "table1", "F7": "fig7", "F8": "fig8", "F9": "fig9", "F10": "fig10",
    "F11": "fig11", "G1-sets": "data_sets", "G-map": "hardness_map", "G2-trend": "peak_trend", "G-collapse": "collapse",
    "G-ablation": "ablation", "F6-data": "corr_data",
    "E-bias": "estimator_bias", "E-error": "estimator_error", "E-rates": "estimator_rates", "E-beta": "realised_beta",
    "G2-optimal": "optimal_hardness", "F7-synthetic": "hardness_synthetic",
    "F7-samplers": "hardness_samplers", "FN": "false_negatives", "Table2": "table2", "Table3": "table3",
    "Yardstick": "yardstick", "F6-models": "corr_models", "F6-llpauc": "corr_llpauc", "F6-methods": "corr_methods",
    "F6-sampled": "corr_sampled", "R1": "resolution_law",
}  # fmt: skip
"""Identifier to module, in the order they are run."""

BY_DATA = (
    "F1", "F8", "F9", "F10", "F11", "G1-sets", "G-map", "G2-trend", "G-collapse", "F6-data", "Table2", "Table3",
    "Yardstick", "R1",
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


def experiment(name: str) -> ModuleType:
    """The module of an experiment; an unknown name is a ValueError that lists the known ones."""
    check_choice("experiment", name, tuple(EXPERIMENTS))
    return import_module(f".{EXPERIMENTS[name]}", __package__)


def make(name: str, options: Options, folder: Path) -> Outcome:
    """Run one experiment and write its files. Data that cannot be had makes an :class:`Outcome` without files.

    The experiments of :data:`BY_DATA` keep the rows of other data sets that ``folder`` has, those of
    :data:`BY_METHOD` also other methods' where methods are named, and tell how they were made: so these can be done one
    by one, on several machines.
    """
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
