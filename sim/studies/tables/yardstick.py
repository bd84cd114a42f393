"""Yardstick: hardness alone, on the IR-Benchmark splits, beside the published losses.

The published numbers are of matrix factorisation with 64 factors, 1,000 negatives a positive, inner products for BPR
and cosines for the others: table 2 of the paper of SL@K (KDD 2025). Here it is the BPR loss, inner products and 200
negatives, with hardness, learning rate, weight decay and epochs chosen on a part of the train pairs.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...runs.options import Options
from ...sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform
from ..study import Findings, Study
from ..style import metric_title
from ..words import counted, listed, span, standing
from .methods import Candidate, Method, MethodGrid, draw, findings_of, markdown, reduced, run_grids

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "Yardstick", "Hardness alone beside the published losses on the IR-Benchmark splits", 260,
    made="trained", split_by=("data", "method"), page=True,
)  # fmt: skip

METRICS = ("ndcg@20", "recall@20")
PUBLISHED = {
    "irb-gowalla": {
        "BPR": (0.1111, 0.1355),
        "LLPAUC": (0.1189, 0.1610),
        "SL": (0.1624, 0.2064),
        "AdvInfoNCE": (0.1627, 0.2067),
        "BSL": (0.1630, 0.2071),
        "PSL": (0.1647, 0.2089),
        "SL@20": (0.1709, 0.2121),
    },
    "irb-amazon2014-health": {
        "BPR": (0.1234, 0.1627),
        "LLPAUC": (0.1209, 0.1644),
        "SL": (0.1261, 0.1719),
        "AdvInfoNCE": (0.1237, 0.1659),
        "BSL": (0.1261, 0.1719),
        "PSL": (0.1268, 0.1718),
        "SL@20": (0.1390, 0.1823),
    },
}
"""NDCG@20 and Recall@20 as printed."""

AHEAD_OF = "SL@20"


def _methods(
    Ms: tuple[int, ...], rhos: tuple[float, ...], lrs: tuple[float, ...], decays: tuple[float, ...], seeds: int
) -> dict[str, Method]:
    """Each method with as many settings of its hardness; uniform sampling, which has none, with more learning rates."""

    def tried(*samplers: Sampler) -> tuple[Candidate, ...]:
        return tuple(Candidate(sampler, {"lr": lr}) for sampler, lr in product(samplers, lrs))

    steps = np.geomspace(lrs[0] / 4, lrs[-1] * 4, len(lrs) * len(Ms)).round(5)
    found = {
        "Uniform": tuple(Candidate(Uniform(1), {"lr": float(lr)}) for lr in steps),
        "DNS(M,N)": tried(*(DNS(M, 200) for M in Ms)),
        "Softmax-v": tried(*(SoftmaxV(rho, 200) for rho in rhos)),
        "Softmax-exact": tried(*(SoftmaxExact(rho, 200) for rho in rhos)),
    }
    return {name: Method(candidates, decays, seeds) for name, candidates in found.items()}


HEALTH = MethodGrid(
    "irb-amazon2014-health",
    _methods((10, 25, 50, 100), (0.03, 0.1, 0.3, 1.0), (0.002, 0.005), (0.03, 0.1, 0.3), 5),
    {"factors": 64, "batch_size": 1024, "epochs": 40}, 4, METRICS,
)  # fmt: skip
GOWALLA = MethodGrid(
    "irb-gowalla", _methods((2, 5, 10), (0.4, 1.0, 3.0), (0.003, 0.006), (0.002, 0.005), 3),
    {"factors": 64, "epochs": 30}, 5, METRICS,
)  # fmt: skip

GRIDS = {
    "smoke": (
        reduced(
            MethodGrid("ml-100k", HEALTH.methods, HEALTH.model, 4, METRICS), tried=1, decays=(0.1,), seeds=2, shorter=20
        ),
    ),
    "default": (reduced(HEALTH, tried=2, decays=(0.1,), seeds=3, shorter=2),),
    "paper": (GOWALLA, HEALTH),
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every sampler on the profile's data sets, and the published numbers.

    Returns
    -------
    DataFrame
        The columns of :func:`sim.studies.tables.methods.run_grids`. The rows of published losses have only data,
        method, metric and paper.
    """
    table = run_grids(options.grids(GRIDS), {}, options)
    rows: list[dict[str, Any]] = [
        {"data": data, "method": loss, "metric": metric, "paper": value, "last": False, "far": False}
        for data in dict.fromkeys(table.data)
        for loss, values in PUBLISHED.get(data, {}).items()
        for metric, value in zip(METRICS, values)
    ]
    return pd.concat([table, pd.DataFrame(rows)], ignore_index=True) if rows else table


def plot(table: pd.DataFrame) -> Figure:
    """A panel a data set and metric: our samplers with their intervals, and the published losses."""
    return draw(table, "published")


def caption(table: pd.DataFrame) -> str:
    """What was trained, and which of the published losses the best sampler is ahead of."""
    parts = []
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        ours, published = part[part["mean"].notna()], part[part["mean"].isna()].set_index("method").paper
        values = ", ".join(
            f"{r.method} {r.mean:.4f} [{r.low:.4f}, {r.high:.4f}] ({r.setting})" for r in ours.itertuples()
        )
        text = f"{data}, {metric_title(metric)}: {values}"
        if len(published):
            best = ours["mean"].max()
            behind = [name for name, value in published.items() if value > best]
            text += (
                f"; the best is ahead of {len(published) - len(behind)} of {len(published)} published losses "
                f"({best / published[AHEAD_OF] - 1:+.1%} to {AHEAD_OF})"
            )
        parts.append(text)
    budgets = table[table["mean"].notna()].drop_duplicates("data")
    trainings = ", ".join(f"{r.trainings:.0f} trainings a method on {r.data}" for r in budgets.itertuples())
    return (
        "BPR loss, 64 factors, inner products, 200 negatives; hardness, learning rate, weight decay and epochs "
        "chosen "
        f"by {metric_title(METRICS[0])} on validation, {trainings}. Published: table 2 of the paper of SL@K, 1,000 "
        f"negatives, cosines but for BPR. 95% intervals over seeds. {'. '.join(parts)}."
    )


def page(table: pd.DataFrame) -> str:
    """The means in Markdown, with what was chosen and the command of every row."""
    return markdown(table, STUDY.title, "published")


def findings(table: pd.DataFrame) -> Findings:
    """The best sampler, those level with it, and which published losses its mean passes."""
    found = findings_of(table[table["mean"].notna()])
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        ours, published = part[part["mean"].notna()], part[part["mean"].isna()].set_index("method").paper
        if not len(published):
            continue
        best = ours.loc[ours["mean"].idxmax()]
        places = {name: standing(best.low - value, best.high - value) for name, value in published.items()}
        ahead = [name for name, place in places.items() if place == "ahead of"]
        behind = [name for name, place in places.items() if place == "behind"]
        found[f"{data}/{metric}/published"] = (
            f"{data}, {metric_title(metric)}: {best.method}, {span(best['mean'], best.low, best.high, '.4f')} (95% "
            "over "
            f"{best.seeds:.0f} seeds), is ahead of {counted(len(ahead), len(places), 'published losses')} and behind "
            f"{listed(behind)}; {best['mean'] / published[AHEAD_OF] - 1:+.1%} to {AHEAD_OF}."
        )
    return found
