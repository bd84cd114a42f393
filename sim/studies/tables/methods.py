"""What Tables 2, 3 and the yardstick share: methods tuned on validation with the same budget, beside printed numbers.

All methods have the same trainer, split and model. Each may spend the same number of trainings on validation: as many
values of its own parameter, or of the learning rate where it has none, and the same weight decays. Of a training's
curve the best epoch is taken. The best setting is trained anew on train and validation with several seeds, and the
test part ranked once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from ...core.validation import check_choice
from ...data import FetchError
from ...runs.cells import Cell
from ...runs.commands import train_command
from ...runs.means import Means, means_of
from ...runs.options import Options
from ...runs.tuning import best_trials
from ...sampling import Sampler
from ..intervals import half_width
from ..stats import holm
from ..study import Findings, Study
from ..style import PALETTE, data_frames, metric_title, style
from ..words import ALPHA, counted, listed, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "METRICS", "Candidate", "Chosen", "Method", "MethodGrid", "behind_the_best", "candidates",
    "draw", "findings_of", "markdown", "markdown_means", "method_study", "over_grids", "reduced", "run_grid",
    "run_grids", "sentences", "tune",
]  # fmt: skip

METRICS = ("ndcg@50", "recall@50")
FAR = 0.1
"""A row is marked where it is further than this from the printed number, relative to it."""

Paper = Mapping[str, Mapping[str, tuple[float, float]]]
"""Data set to method to NDCG@50 and Recall@50 as printed."""


@dataclass(frozen=True)
class Candidate:
    """One setting of a method: its sampler, and what it changes of the grid's model."""

    sampler: Sampler
    model: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([str(self.sampler), *(f"{k}={v}" for k, v in self.model.items() if k != "epochs")])


@dataclass(frozen=True)
class Method:
    """The settings of a method that are tried, each with every weight decay; and the number of final models."""

    candidates: tuple[Candidate, ...]
    decays: tuple[float, ...]
    seeds: int


@dataclass(frozen=True)
class MethodGrid:
    """What is trained on one data set.

    Attributes
    ----------
    data : str
        Name of the data set.
    methods : mapping of str to Method
    model : dict
        Arguments of the model.
    every : int
        Epochs between two looks at validation.
    metrics : (str, str)
        What is reported, an NDCG@K and a Recall@K; the first is what is chosen by.
    """

    data: str
    methods: Mapping[str, Method]
    model: dict[str, Any]
    every: int
    metrics: tuple[str, str] = METRICS

    def cell(self, candidate: Candidate, decay: float, seed: int, epochs: int | None = None) -> Cell:
        """The training on validation; with ``epochs``, the final one of so many."""
        model = {**self.model, **candidate.model, "weight_decay": decay}
        if epochs is None:
            return Cell(self.data, candidate.sampler, seed, model, "valid", self.every)
        return Cell(self.data, candidate.sampler, seed, model | {"epochs": epochs}, "test", epochs)


@dataclass(frozen=True)
class Chosen:
    """The best setting of a method on validation, and whether its best epoch was the last that was tried."""

    candidate: Candidate
    weight_decay: float
    epochs: int
    last: bool


def candidates(*samplers: Sampler, **model: Any) -> tuple[Candidate, ...]:
    """Samplers that change the model alike."""
    return tuple(Candidate(sampler, model) for sampler in samplers)


def reduced(grid: MethodGrid, *, tried: int, decays: tuple[float, ...], seeds: int, shorter: int = 1) -> MethodGrid:
    """The grid with the middle ``tried`` candidates of each method, these decays, and a part of the epochs."""

    def part(epochs: int) -> dict[str, int]:
        return {"epochs": max(1, epochs // shorter)}

    def fewer(method: Method) -> Method:
        middle = method.candidates[max(0, len(method.candidates) - tried) // 2 :][:tried]
        kept = (
            Candidate(c.sampler, c.model | (part(c.model["epochs"]) if "epochs" in c.model else {})) for c in middle
        )
        return Method(tuple(kept), decays, seeds)

    methods = {name: fewer(method) for name, method in grid.methods.items()}
    model, every = grid.model | part(grid.model["epochs"]), max(1, grid.every // shorter)
    return replace(grid, methods=methods, model=model, every=every)


def run_grids(grids: Sequence[MethodGrid], paper: Paper, options: Options) -> pd.DataFrame:
    """Tune setting, weight decay and epochs on validation, train the final models, evaluate on test.

    Data sets that cannot be had are left out, see :func:`over_grids`.

    Returns
    -------
    DataFrame
        One row per (data, method, metric): columns data, method; setting, weight_decay, epochs (chosen), last (the
        best epoch was the last that was tried), trainings (on validation); metric, mean, low, high (95% interval over
        seeds, NaN for one seed), seeds, users, paper (the printed number or NaN), far (more than 10% from it), command
        (trains the first final model).
    """

    def rows(grid: MethodGrid) -> list[dict[str, Any]]:
        for name in options.methods:
            check_choice("method", name, tuple(grid.methods))
        chosen = {name: method for name, method in grid.methods.items() if name in (options.methods or grid.methods)}
        return run_grid(replace(grid, methods=chosen), paper, options)

    return over_grids(grids, rows)


def over_grids(grids: Sequence[MethodGrid], rows_of: Callable[[MethodGrid], list[dict[str, Any]]]) -> pd.DataFrame:
    """The rows of all grids. A data set that cannot be had is left out; if none can, that is the error."""
    rows: list[dict[str, Any]] = []
    missing = None
    for grid in grids:
        try:
            rows += rows_of(grid)
        except FetchError as error:
            missing = error
    if not rows and missing is not None:
        raise missing
    return pd.DataFrame(rows)


def run_grid(grid: MethodGrid, paper: Paper, options: Options) -> list[dict[str, Any]]:
    """The rows of one data set."""
    chosen = tune(grid, options)
    jobs = [(name, options.seed + 1 + s) for name, method in grid.methods.items() for s in range(method.seeds)]
    cells = [grid.cell(c.candidate, c.weight_decay, s, c.epochs) for c, s in ((chosen[n], s) for n, s in jobs)]
    found = means_of(cells, grid.metrics, options, label=f"{grid.data}: final")
    rows = []
    for name in grid.methods:
        own = [means for (of, _), means in zip(jobs, found) if of == name]
        c = chosen[name]
        command = train_command(grid.cell(c.candidate, c.weight_decay, options.seed + 1, c.epochs))
        rows += _rows(grid, name, c, own, paper.get(grid.data, {}).get(name, (np.nan, np.nan)), command)
    return rows


def tune(grid: MethodGrid, options: Options) -> dict[str, Chosen]:
    """Per method the setting, weight decay and number of epochs that are best on validation, with one seed."""
    tried = [
        (n, c, decay) for n, method in grid.methods.items() for c, decay in product(method.candidates, method.decays)
    ]
    cells = [grid.cell(candidate, decay, options.seed) for _, candidate, decay in tried]
    trials = best_trials([name for name, _, _ in tried], cells, grid.metrics[0], options, label=f"{grid.data}: tuning")
    return {name: Chosen(*tried[t.position][1:], t.epochs, t.last) for name, t in trials.items()}


def _rows(
    grid: MethodGrid, name: str, chosen: Chosen, found: list[Means], printed: tuple[float, float], command: str
) -> list[dict[str, Any]]:
    method = grid.methods[name]
    rows = []
    for metric, number in zip(grid.metrics, printed):
        means = np.array([one.values[metric][-1] for one in found])
        mean = float(means.mean())
        half = half_width(means) if means.size > 1 else np.nan
        rows.append(
            {
                "data": grid.data, "method": name, "setting": str(chosen.candidate),
                "weight_decay": chosen.weight_decay, "epochs": chosen.epochs, "last": chosen.last,
                "trainings": len(method.candidates) * len(method.decays), "metric": metric, "mean": mean,
                "low": mean - half, "high": mean + half, "seeds": means.size, "users": found[0].users,
                "paper": number, "far": abs(mean / number - 1) > FAR, "command": command,
            }
        )  # fmt: skip
    return rows


def method_study(
    id: str, title: str, order: int, run: Callable[[Options], pd.DataFrame], printed: str, model: str
) -> Study:
    """The study of one of the paper's tables of methods; ``printed`` is that table, ``model`` what is trained."""
    return Study(
        id, title, order, run, partial(draw, source=f"paper, {printed}"), lambda table: f"{model} {sentences(table)}",
        findings_of, made="trained", split_by=("data", "method"),
        page=partial(markdown, heading=title, source=f"the paper's {printed}"),
    )  # fmt: skip


def draw(table: pd.DataFrame, source: str) -> Figure:
    """A panel a data set and metric: the methods' means with their intervals, and the printed numbers."""
    sets, methods, metrics = (list(dict.fromkeys(table[name])) for name in ("data", "method", "metric"))
    with style() as plt:
        figure, axes = data_frames(plt, sets, 2, (7.2, 0.7, 0.35 + 0.19 * len(methods)), sharey=True)
        for (row, data), (column, metric) in product(enumerate(sets), enumerate(metrics)):
            part = table[(table.data == data) & (table.metric == metric)].set_index("method").reindex(methods)
            _panel(axes[row, column], part, source)
            axes[row, column].set_xlabel(f"{metric_title(metric)}, {data}")
        handles, labels = max((ax.get_legend_handles_labels() for ax in axes.flat), key=lambda found: len(found[1]))
        order = [-1, *range(len(labels) - 1)]  # points with bars come last in the axes' list
        figure.legend(
            [handles[i] for i in order], [labels[i] for i in order], loc="outside upper center", ncols=len(labels)
        )
    return figure


def _panel(ax: Any, part: pd.DataFrame, source: str) -> None:
    heights = np.arange(len(part))[::-1]
    error = np.nan_to_num(np.stack([part["mean"] - part.low, part.high - part["mean"]]))
    low, high = np.nanquantile(part["mean"], [0.25, 0.75])
    out = (part["mean"] < low - 3 * (high - low)).to_numpy()  # one method that fails would squeeze all the others
    ax.errorbar(
        part["mean"][~out], heights[~out], xerr=error[:, ~out], fmt="o", color=PALETTE["blue"], markersize=3,
        label="this package, 95%",
    )  # fmt: skip
    for value, height in zip(part["mean"][out], heights[out]):
        ax.text(0.01, height, f"◂ {value:.3f}", color=PALETTE["blue"], va="center", transform=ax.get_yaxis_transform())
    for far, label in ((False, source), (True, f"{source}, more than {FAR:.0%} away")):
        at = part.paper.notna() & (part.far.fillna(False).astype(bool) == far)
        if at.any():
            colour = PALETTE["red"] if far else PALETTE["orange"]
            ax.plot(
                part.paper[at], heights[at], "D" if far else "s", color=colour, markerfacecolor="none", markersize=5,
                linestyle="none", label=label,
            )  # fmt: skip
    ax.grid(axis="y", linewidth=0.4)
    ax.set_yticks(heights, part.index)
    ax.set_ylim(-0.6, len(part) - 0.4)
    ax.margins(x=0.06)


def markdown_means(table: pd.DataFrame) -> str:
    """A Markdown table: a row a method, a column a data set and metric; the printed numbers in brackets."""
    columns = list(dict.fromkeys(zip(table.data, table.metric)))
    entries = {(r.method, r.data, r.metric): _entry(r) for r in table.itertuples()}
    lines = ["| | " + " | ".join(f"{data}, {metric_title(metric)}" for data, metric in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for method in dict.fromkeys(table.method):
        lines.append(f"| {method} | " + " | ".join(entries.get((method, *column), "") for column in columns) + " |")
    return "\n".join(lines) + "\n"


def _entry(row: Any) -> str:
    mean = "" if np.isnan(row.mean) else f"{row.mean:.4f}"
    half = "" if np.isnan(row.low) else f"± {row.high - row.mean:.4f}"
    printed = "" if np.isnan(row.paper) else f"({row.paper:.4f})"
    return " ".join(part for part in (mean, half, printed) if part)


def markdown(table: pd.DataFrame, heading: str, source: str) -> str:
    """A page: the means, and for every data set what was chosen and the command that trains it."""
    parts = [f"# {heading}\n", f"Means with 95% intervals over seeds; in brackets: {source}.\n", markdown_means(table)]
    first = table[(table.metric == table.metric.iloc[0]) & table["mean"].notna()]
    for data, part in first.groupby("data", sort=False):
        parts.append(f"## {data}: what was chosen on validation\n")
        parts.append(
            "The command trains the first of the final models and ranks the test part. *Last*: the best epoch was "
            "the "
            "last that was tried.\n"
        )
        lines = ["| | setting | weight decay | epochs | trainings | seeds | command |", "|---" * 7 + "|"]
        lines += [
            f"| {r.method} | {r.setting} | {r.weight_decay:g} | {r.epochs:.0f}{' (last)' * bool(r.last)} "
            f"| {r.trainings:.0f} | {r.seeds:.0f} | `{r.command}` |"
            for r in part.itertuples()
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def sentences(table: pd.DataFrame) -> str:
    """The numbers of the first metric on test, for captions."""
    first = str(table.metric.iloc[0])
    parts, budgets = [], []
    for data, part in table[table.metric == first].groupby("data", sort=False):
        budget = part.trainings.mode()[0]
        others = (f"{r.method} {r.trainings}" for r in part.itertuples() if r.trainings != budget)
        budgets.append(", ".join([f"{budget} on {data}", *others]))
        values = "; ".join(
            f"{r.method} {r.mean:.4f}" + ("" if np.isnan(r.paper) else f" (paper {r.paper:.4f}{', far' * r.far})")
            for r in part.itertuples()
        )
        parts.append(f"{data} ({part.users.iloc[0]:,} users, {part.seeds.max()} seeds): {values}")
    return (
        f"Each method tuned by {metric_title(first)} on validation with the same number of trainings "
        f"({'; '.join(budgets)}): its own parameter, or the learning rate where it has none, weight decay, epochs. "
        "Mean over the negatives, positives excluded from the pools; 95% intervals over seeds. "
        f"{metric_title(first)} on test: {'. '.join(parts)}."
    )


def behind_the_best(part: pd.DataFrame) -> pd.Series:
    """P-values, Holm-corrected over the methods, that each method's mean equals that of the best one (Welch's test).

    ``part`` holds one data set and metric, a row a method; NaN for the best one and where there is one seed only.
    """
    n = part.seeds.to_numpy(dtype=float)
    variance = ((part.high - part["mean"]) / stdtrit(np.maximum(n - 1, 1), 0.975)) ** 2
    best = part["mean"].idxmax()
    both = variance + variance[best]
    freedom = both**2 / (variance**2 / (n - 1) + variance[best] ** 2 / (part.seeds[best] - 1))
    t = (part["mean"][best] - part["mean"]) / np.sqrt(both)
    p = pd.Series(2 * stdtr(freedom, -t), part.index)
    p[best] = np.nan
    known = p.notna()
    p[known] = holm(p[known])
    return p


def findings_of(table: pd.DataFrame) -> Findings:
    """For each data set and metric: the best method, those level with it, and how near the printed numbers are."""
    found = {}
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        best, p = part.loc[part["mean"].idxmax()], behind_the_best(part)
        level = part.method[p >= ALPHA]
        found[f"{data}/{metric}/best"] = (
            f"{data}, {metric_title(metric)}: {best.method} has the largest mean, "
            f"{span(best['mean'], best.low, best.high, '.4f')} (95% over {best.seeds:.0f} seeds); level with it: "
            f"{listed(level)}; the others are behind (Welch's test, Holm over {len(part) - 1} methods)."
        )
        printed = part[part.paper.notna()]
        if len(printed):
            near = printed[~printed.far.astype(bool)]
            found[f"{data}/{metric}/printed"] = (
                f"{data}, {metric_title(metric)}: {counted(len(near), len(printed), 'rows')} lie within {FAR:.0%} of "
                "the "
                f"printed number; further away: {listed(printed.method[printed.far.astype(bool)])}."
            )
        marked = part.method[part["last"].astype(bool)]
        if len(marked):
            found[f"{data}/last"] = (
                f"{data}: still rising at the last epoch that was tried: {listed(marked)}; more epochs may help them."
            )
    return found
