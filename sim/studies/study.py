"""The study: one tidy table, and all that is drawn and said from it.

A module of this package that makes a figure or a table says so by ``STUDY = Study.of(__name__, ...)`` (or by
``STUDIES``, several of them). Nothing else names it: :func:`studies` looks into every module, and the studies state
their order.
"""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..core.names import hint, plain
from ..core.validation import check_choice
from ..runs.options import Options

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Findings", "Study", "get_study", "studies", "study_ids"]

Findings = dict[str, str]
"""Name of a sentence to the sentence: what may be said from a table, each alone and in this order."""

_SPLITS = ((), ("data",), ("data", "method"))


@dataclass(frozen=True)
class Study:
    """A figure or a table of the project.

    Attributes
    ----------
    id : str
        Its name on the command line, and of its files.
    title : str
        What it shows, in one line.
    order : int
        Its place among the studies, lowest first.
    run : callable
        ``run(options) -> tidy table``.
    plot : callable
        ``plot(table) -> Figure``, or None where there is nothing to draw.
    caption : callable
        ``caption(table) -> str``: what was done, with how much data, what every interval is over.
    findings : callable
        ``findings(table) -> Findings``: the sentences that may be said from the table. Their qualitative words follow
        from it by the rules of :mod:`sim.studies.words`.
    split_by : tuple of str
        Columns whose values may be made one by one: (), ("data",) or ("data", "method").
    made : {"exact", "simulated", "trained"}
        What its rows rest on at most. "trained": on training runs, or on data sets that may not be there.
    zero_below : mapping of str to float
        Columns that hold numbers known only up to an error of computation, to that error: what is smaller is stored as
        zero.
    page : callable, optional
        ``page(table) -> str``: the same in Markdown, with the command of every row.
    module : str
        Where it is written; by default where ``run`` is.
    """

    id: str
    title: str
    order: int
    run: Callable[[Options], pd.DataFrame]
    plot: Callable[[pd.DataFrame], Any]
    caption: Callable[[pd.DataFrame], str]
    findings: Callable[[pd.DataFrame], Findings]
    split_by: tuple[str, ...] = ()
    made: str = "simulated"
    zero_below: Mapping[str, float] = field(default_factory=dict)
    page: Callable[[pd.DataFrame], str] | None = None
    module: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", self.module or self.run.__module__)
        check_choice("split_by", self.split_by, _SPLITS)
        check_choice("made", self.made, ("exact", "simulated", "trained"))

    @classmethod
    def of(cls, module: str, id: str, title: str, order: int, *, page: bool = False, **rest: Any) -> Study:
        """The study whose functions ``run``, ``plot`` and so on are those of a module, looked up when they are called.

        So a module can begin by saying what it is.
        """

        def named(name: str) -> Callable[..., Any]:
            return lambda *args: getattr(sys.modules[module], name)(*args)

        own: dict[str, Any] = {name: named(name) for name in ("run", "plot", "caption", "findings", *["page"] * page)}
        return cls(id, title, order, **own, module=module, **rest)


@functools.cache
def studies() -> dict[str, Study]:
    """All studies by id, in their order.

    Examples
    --------
    >>> list(studies())[:4]
    ['F1', 'F2', 'F6', 'T1']
    """
    package = import_module(__package__)
    found: dict[str, Study] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{__package__}."):
        if info.ispkg or info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        own = getattr(module, "STUDIES", (module.STUDY,) if hasattr(module, "STUDY") else ())
        for study in own:
            if study.id in found:
                raise ValueError(f"ids of studies must be unique, got {study.id} twice")
            found[study.id] = study
    return {study.id: study for study in sorted(found.values(), key=lambda study: (study.order, study.id))}


def study_ids(words: Sequence[str]) -> list[str]:
    """The ids of studies in any spelling, each once.

    Raises
    ------
    ValueError
        For a name that is not known; near ones are suggested.

    Examples
    --------
    >>> study_ids(["Fig", "8", "fig6", "table 2", "g-MAP", "F8"])
    ['F8', 'F6', 'Table2', 'G-map']
    """
    known = {plain(name): name for name in studies()}
    joined: list[str] = []
    for word in words:
        if word.isdecimal() and joined and joined[-1].isalpha():  # Fig 8 without quotes
            joined[-1] += word
        else:
            joined.append(word)
    found = []
    for word in joined:
        short = plain(word)
        for long, letter in (("figure", "f"), ("fig", "f"), ("table", "t"), ("tab", "t")):
            if (number := short.removeprefix(long)) != short and number.isdecimal():
                short = next((s for s in (f"{letter}{int(number)}", f"table{int(number)}") if s in known), short)
                break
        if short not in known:
            near = hint(word, studies(), everything=False)
            raise ValueError(f"study must be one of {', '.join(studies())}, got {word!r}{near and ': '}{near}")
        found.append(known[short])
    return list(dict.fromkeys(found))


def get_study(name: str) -> Study:
    """The study of this id, in any spelling; an unknown one is a ValueError that lists the known ones."""
    return studies()[study_ids([name])[0]]
