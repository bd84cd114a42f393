"""One study made anew, as far as its evidence is at hand, and compared with its published table."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.files import write_text
from ...data import FetchError
from ...runs.cells import CellsMissing
from ...runs.options import Options
from ...runs.output import as_stored, write_figure
from ..study import Study, get_study
from .compare import Agreement, compare

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Remade", "remake", "tables_of_means"]

MEANS = "cells"
"""Folder of the tables of means beside the published figures."""


@dataclass(frozen=True)
class Remade:
    """A study made anew.

    Attributes
    ----------
    id, title : str
    how : str
        What was made anew from what.
    table : Agreement
        Of its table with the published one.
    words : tuple of str
        Captions and findings that do not follow from the published table any more, by name.
    seconds : float
    error : str
        One line, if it could not be made.
    """

    id: str
    title: str
    how: str
    table: Agreement
    words: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def agrees(self) -> bool:
        """The table, and the words."""
        return self.table.agrees and not self.words and not self.error

    @property
    def command(self) -> str:
        """What shows a deviation again."""
        return f"hns reproduce --only {self.id}"


def tables_of_means(figures: Path) -> dict[str, Path]:
    """The committed tables of means by data set."""
    return {path.name.partition(".csv")[0]: path for path in sorted((figures / MEANS).glob("*.csv*"))}


def remake(name: str, figures: Path, out: Path, options: Options) -> Remade:
    """Make a study anew, compare it with the one in ``figures``, and write it into ``out``.

    Exact and simulated studies are computed anew. Those that rest on training runs are computed anew from the committed
    means, for the data sets where these suffice, and drawn anew from their table otherwise. In both cases the words
    that go with the published table are made from it anew.
    """
    import pandas as pd

    start = time.perf_counter()
    study = get_study(name)
    path = figures / f"{name}.csv"
    try:
        published, info = pd.read_csv(path), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except OSError as fault:
        missing = Agreement(0, 0, 0, float("inf"), "it is not published")
        return Remade(name, study.title, "not made", missing, error=f"{path.name}: {fault.strerror}")
    table, how, error = published, "drawn anew from its table", ""
    try:
        made, how = _made(study, published, info, figures, options)
        found = compare(published, made)
        if len(made) == len(published):
            table = made
    except (FetchError, CellsMissing):
        found = Agreement(len(published), 0, 0, 0.0)
    except Exception as fault:
        error = f"{type(fault).__name__}: {fault}".splitlines()[0]
        found = Agreement(len(published), 0, 0, float("inf"), error)
    _write(study, table, out, how)
    words = tuple(_stale(study, published, info))
    return Remade(name, study.title, how, found, words, time.perf_counter() - start, error)


def _made(
    study: Study, published: pd.DataFrame, info: dict[str, Any], figures: Path, options: Options
) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if study.made != "trained":
        made = study.run(replace(options, profile=info["profile"], seed=info["seed"]))
        return as_stored(made, study.zero_below), "computed anew"
    if "data" not in study.split_by:
        raise CellsMissing("its rows rest on runs of which no means are kept")
    means = tables_of_means(figures)
    parts, sets = [], []
    for data in dict.fromkeys(published.data):
        how = info.get("others", {}).get(data, info)
        only = replace(
            options, profile=how.get("profile", info["profile"]), seed=how.get("seed", 0), data=(data,),
            reuse=(means[data],) if data in means else (), compute=False,
        )  # fmt: skip
        try:
            parts.append(study.run(only))
            sets.append(data)
        except (FetchError, CellsMissing):
            continue
    if not parts:
        raise CellsMissing("the committed means do not suffice")
    made = as_stored(pd.concat(parts, ignore_index=True), study.zero_below)
    return _in_order(made, published), f"computed anew from committed means or data: {', '.join(sets)}"


def _in_order(made: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of the published ones, by data set, method and metric where they have these."""
    by = [name for name in ("data", "method", "metric") if name in published]
    place = {row: at for at, row in enumerate(published[by].itertuples(index=False, name=None))}
    order = sorted(range(len(made)), key=lambda at: place.get(tuple(made[by].iloc[at]), len(place)))
    return made.iloc[order].reset_index(drop=True) if len(place) == len(published) else made


def _write(study: Study, table: pd.DataFrame, out: Path, how: str) -> None:
    figure = study.plot(table)
    about = {"title": study.title, "caption": study.caption(table), "findings": study.findings(table), "how": how}
    write_figure(out, study.id, table, figure, about)
    if study.page is not None:
        write_text(out / f"{study.id}.md", study.page(table))
    if figure is not None:
        import matplotlib.pyplot as plt

        plt.close(figure)


def _stale(study: Study, published: pd.DataFrame, info: dict[str, Any]) -> list[str]:
    """Names of the published words that do not follow from the published table."""
    stale = ["caption"] if info["caption"] != study.caption(published) else []
    said, found = info.get("findings", {}), study.findings(published)
    return stale + [name for name in {**said, **found} if said.get(name) != found.get(name)]
