"""Every figure and table with one call: run, draw, write, say what was done and what could not be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from .._validation import check_choice
from ..data import FetchError
from ._options import Options
from ._output import write_figure

__all__ = ["EXPERIMENTS", "Outcome", "experiment", "make", "reproduce"]

EXPERIMENTS = {
    "F1": "fig1", "F2": "fig2", "F6": "fig6", "T1": "table1", "F7": "fig7", "F8": "fig8", "F9": "fig9", "F10": "fig10",
    "F11": "fig11", "G-map": "hardness_map", "G2-trend": "peak_trend", "G-collapse": "collapse",
    "G-ablation": "ablation", "F6-data": "corr_data",
    "E-bias": "estimator_bias", "E-error": "estimator_error", "E-rates": "estimator_rates", "E-beta": "realised_beta",
    "G2-optimal": "optimal_hardness", "F7-synthetic": "hardness_synthetic",
    "F7-samplers": "hardness_samplers", "FN": "false_negatives", "Table2": "table2", "Table3": "table3",
    "F6-models": "corr_models", "F6-llpauc": "corr_llpauc", "F6-methods": "corr_methods", "F6-sampled": "corr_sampled",
}  # fmt: skip
"""Identifier to module, in the order they are run."""


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment: its files, or the one line why there are none."""

    id: str
    title: str
    seconds: float
    paths: tuple[Path, ...] = ()
    missing: str = ""


def experiment(name: str) -> ModuleType:
    """The module of an experiment; an unknown name is a ValueError that lists the known ones."""
    check_choice("experiment", name, tuple(EXPERIMENTS))
    return import_module(f".{EXPERIMENTS[name]}", __package__)


def make(name: str, options: Options, folder: Path) -> Outcome:
    """Run one experiment and write its files. Data that cannot be had makes an :class:`Outcome` without files."""
    module = experiment(name)
    start = time.perf_counter()
    try:
        table = module.run(options)
    except FetchError as error:
        return Outcome(name, module.TITLE, time.perf_counter() - start, missing=str(error))
    figure = module.plot(table)
    reused = f" --reuse {' '.join(map(str, options.reuse))}" if options.reuse else ""
    info: dict[str, Any] = {
        "title": module.TITLE, "caption": module.caption(table), "profile": options.profile, "seed": options.seed,
        "command": f"hns reproduce --only {name} --profile {options.profile} --seed {options.seed}{reused}",
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip
    paths = write_figure(folder, name, table, figure, info)
    if figure is not None:
        import matplotlib.pyplot as plt

        plt.close(figure)
    return Outcome(name, module.TITLE, time.perf_counter() - start, tuple(paths))


def reproduce(
    names: Sequence[str] | None = None,
    options: Options = Options(),  # noqa: B008 (frozen)
    folder: Path = Path("figures"),
) -> list[Outcome]:
    """Run the named experiments (all by default), one after the other."""
    return [make(name, options, folder) for name in names or EXPERIMENTS]
