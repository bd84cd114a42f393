"""R1: does the resolution law name the best hardness of trained models? Predicted against observed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...bpr import Ranks
from ...data import FetchError
from ...estimators import hardest_kept_at, head_slope
from ...runs.cells import Cell, run_cells
from ...runs.options import Options
from ...sampling import DNS
from ..stats import bootstrap
from ..study import Findings, Study
from ..style import METRIC_NAMES, data_colour, legend_below, style
from ..words import ALPHA, span
from .grids import GOWALLA, HEALTH, KS, METRICS, ML10M, ML100K, MOVIE, TEMPORAL, Grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "R1", "The resolution law against the best hardness of trained models", 125, made="trained",
    split_by=("data",),
)  # fmt: skip

FIGURES = Path(__file__).resolve().parents[3] / "figures"
AXIS = "M"
SHOWN = "recall"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """The model whose ROC head stands for a data set: one of Figure 8's, near its best NDCG@20."""

    grid: Grid
    M: int
    weight_decay: float
    epochs: int

    @property
    def data(self) -> str:
        """Name of the data set."""
        return self.grid.data

    @property
    def pool(self) -> int:
        """Pool size of the grid's axis of M."""
        return self.grid.points[AXIS][0].N

    def cell(self, seed: int) -> Cell:
        """Its training, the same cell as Figure 8's."""
        model = self.grid.model | {"weight_decay": self.weight_decay, "epochs": self.epochs}
        return Cell(self.data, DNS(self.M, self.pool), seed, model, "test", self.epochs)


_SMALL = Head(ML100K, 75, 0.1, 22)
HEADS = {
    "smoke": (Head(ML100K, 75, 0.1, 4),),
    "default": (_SMALL,),
    "paper": (
        _SMALL, Head(GOWALLA, 3, 0.003, 25), Head(MOVIE, 5, 0.003, 25), Head(TEMPORAL, 50, 0.01, 15),
        Head(ML10M, 10, 0.003, 4), Head(HEALTH, 25, 0.1, 40),
    ),
}  # fmt: skip
MARKERS = {"recall": "o", "ndcg": "s", "precision": "^"}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Predictions from each data set's ROC head, beside what Figure 8's trainings found along M.

    Returns
    -------
    DataFrame
        quantity ("elasticity": of the best beta in K, or "beta": the best beta at one K), data, metric, k (0 for
        elasticities), observed, low, high (from G2-trend and G-map; for beta the levels that may be best), law,
        law_low, law_high (1 - theta; or the tangent's beta A + (1 - TPR)/TPR'), pool, pool_low, pool_high (the
        same through the grid's pools), random (uniformly random rankings: 1; or 1.5 K/n), floor (beta at
        M = 1), theta, n_neg, users. 95% intervals over users
        of one model.

    Raises
    ------
    FetchError
        If data sets or the observed tables cannot be had.
    """
    trend, peaks = _observed("G2-trend"), _observed("G-map")
    heads = options.grids(HEADS)
    results = run_cells([head.cell(options.seed + 1) for head in heads], options, label="ROC heads")
    return pd.DataFrame(
        [row for head, result in zip(heads, results) for row in _rows(head, result.at(), trend, peaks, options.seed)]
    )


def _observed(name: str) -> pd.DataFrame:
    path = FIGURES / f"{name}.csv"
    if not path.exists():
        raise FetchError(f"figures/{name}.csv must be there to compare with: hns reproduce --only {name} makes it")
    table = pd.read_csv(path)
    return table[table.axis == AXIS]


def roc_head(ranks: Ranks) -> tuple[Floats, float]:
    """TPR of every user with positives at FPR K/n, shape (users, len(KS)), and the mean number n of negatives."""
    counts = np.diff(ranks.indptr)
    some = counts > 0
    above = ranks.ranks - 1 - (np.arange(ranks.ranks.size) - np.repeat(ranks.indptr[:-1], counts))
    user = np.repeat(np.arange(counts.size), counts)
    hits = np.stack([np.bincount(user, above < k, counts.size) for k in KS], axis=1)
    return hits[some] / counts[some, None], float(np.mean((ranks.n_candidates - counts)[some]))


def predict(tpr: Floats, n_neg: float, pool: int) -> dict[str, Floats]:
    """The law's predictions from the TPR at FPR K/n: theta; at each K the tangent's beta and the pool's."""
    fpr = np.array(KS) / n_neg
    line = np.polyfit(np.log(fpr), np.log(tpr), 2)
    local = np.clip(np.polyval(np.polyder(line), np.log(fpr)), 0.01, None)
    slope = local * tpr / fpr
    kept = [hardest_kept_at(a, y, s, pool) for a, y, s in zip(fpr, np.minimum(tpr, 1.0), slope)]
    beta = (np.array(kept) + 1.0) / (pool + 1.0)
    theta = head_slope(fpr, tpr)
    return {
        "theta": np.array(theta), "cut": np.minimum(fpr + (1.0 - tpr) / slope, 1.0), "pool": beta,
        "pool_elasticity": np.array(head_slope(fpr, beta)),
    }  # fmt: skip


def _rows(head: Head, ranks: Ranks, trend: pd.DataFrame, peaks: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    users, n_neg = roc_head(ranks)
    found = bootstrap(users[None, None], n=500, seed=seed)
    best = predict(found.mean[0], n_neg, head.pool)
    drawn = [predict(np.maximum(tpr, 1e-9), n_neg, head.pool) for tpr in found.replicates[:, 0]]
    ends = {key: np.quantile([d[key] for d in drawn], [0.025, 0.975], axis=0) for key in best}
    theta, about = float(best["theta"]), {"n_neg": n_neg, "users": len(users)}
    for row in trend[trend.data == head.data].itertuples():
        low, high = 1.0 - ends["theta"][::-1]
        yield {
            "quantity": "elasticity", "data": head.data, "metric": row.metric, "k": 0, "observed": row.elasticity,
            "low": row.low, "high": row.high, "law": 1.0 - theta, "law_low": low, "law_high": high,
            "pool": float(best["pool_elasticity"]), "pool_low": ends["pool_elasticity"][0],
            "pool_high": ends["pool_elasticity"][1], "random": 1.0, "floor": np.nan, "theta": theta, **about,
        }  # fmt: skip
    for row in peaks[(peaks.data == head.data) & peaks.k.isin(KS)].itertuples():
        i = KS.index(row.k)
        yield {
            "quantity": "beta", "data": head.data, "metric": row.metric, "k": row.k, "observed": row.peak,
            "low": row.set_low, "high": row.set_high, "law": best["cut"][i], "law_low": ends["cut"][0][i],
            "law_high": ends["cut"][1][i], "pool": best["pool"][i], "pool_low": ends["pool"][0][i],
            "pool_high": ends["pool"][1][i], "random": 1.5 * row.k / n_neg,
            "floor": 2.0 / (head.pool + 1.0), "theta": theta, **about,
        }  # fmt: skip


def kendall(x: Any, y: Any) -> tuple[float, float]:
    """Kendall's tau and the exact one-sided p-value, over all orders of ``y``, of a tau as large.

    Examples
    --------
    >>> kendall([1, 2, 3], [10, 20, 30])
    (1.0, 0.16666666666666666)
    """
    signs = np.sign(np.subtract.outer(np.asarray(x), np.asarray(x)))
    values = np.asarray(y, dtype=np.float64)
    n = len(values)

    def tau(order: Any) -> float:
        return float((signs * np.sign(np.subtract.outer(values[order], values[order]))).sum() / max(n * (n - 1), 1))

    here = tau(np.arange(n))
    every = np.array([tau(list(order)) for order in permutations(range(n))])
    return here, float((every >= here - 1e-12).mean())


def facts(table: pd.DataFrame) -> dict[str, float]:
    """What the verdict rests on, for Recall: does the law predict the elasticities, rank them, bound the best beta?

    ``agree`` of ``sets`` data sets have a predicted 95% interval that meets the observed one (``agree_pool``: through
    pools); ``tau`` and ``p`` are Kendall's over the data sets; ``over`` the median of predicted minus observed;
    ``below_one`` how many observed intervals lie below 1. Of ``cases`` best betas, ``softer`` are at least
    the law's; ``tested`` of the law's betas are not below what the hardest sampler of the grid, M = 1, reaches:
    a harder one could have been seen; ``factor`` is the median of observed over the law's.
    """
    part = table[(table.quantity == "elasticity") & (table.metric == SHOWN)]
    beta = table[(table.quantity == "beta") & (table.metric == SHOWN)]
    tau, p = kendall(part.law, part.observed)
    return {
        "sets": len(part), "agree": int(((part.law_low <= part.high) & (part.law_high >= part.low)).sum()),
        "agree_pool": int(((part.pool_low <= part.high) & (part.pool_high >= part.low)).sum()),
        "tau": tau, "p": p, "over": float((part.law - part.observed).median()),
        "below_one": int((part.high < 1.0).sum()), "cases": len(beta), "softer": int((beta.observed >= beta.law).sum()),
        "tested": int((beta.law >= beta.floor).sum()),
        "factor": float((beta.observed / beta.law).median()),
    }  # fmt: skip


def plot(table: pd.DataFrame) -> Figure:
    """Elasticities, predicted against observed; and the best beta for Recall@K against the law's."""
    f = facts(table)
    with style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 4.4), layout="constrained")
        for data in dict.fromkeys(table.data):
            colour = data_colour(data)
            for metric in METRICS:
                row = table[(table.data == data) & (table.metric == metric) & (table.quantity == "elasticity")].iloc[0]
                left.errorbar(
                    [row.law], [row.observed], xerr=[[row.law - row.law_low], [row.law_high - row.law]],
                    yerr=np.clip([[row.observed - row.low], [row.high - row.observed]], 0, None),
                    marker=MARKERS[metric], color=colour, markerfacecolor=colour if metric == SHOWN else "white",
                    linestyle="none", elinewidth=0.8, alpha=1.0 if metric == SHOWN else 0.5,
                    markersize=6 if metric == SHOWN else 4, label=data if metric == SHOWN else None,
                )  # fmt: skip
            line = table[(table.data == data) & (table.metric == SHOWN) & (table.quantity == "beta")].sort_values("k")
            right.vlines(line.law, line.low, line.high, color=colour, alpha=0.35, linewidth=3)
            right.plot(line.law, line.observed, color=colour, marker="o", markersize=4)
        left.plot([0, 1], [0, 1], color="black", linewidth=0.8)
        left.axhline(0, color="black", linewidth=0.5, linestyle=":")
        left.set(
            xlim=(0, 1), ylim=(-0.3, 1.0), xlabel="predicted: 1 − θ", ylabel="observed: d log(best β) / d log(K)",
            title=f"Growth with K: {'' if f['agree'] == f['sets'] else 'not '}predicted",
        )  # fmt: skip
        ends = [3e-4, 1.2]
        right.plot(ends, ends, color="black", linewidth=0.8)
        right.set(
            xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="hardest β that orders the top K (law)",
            ylabel="best β for Recall@K, K = 1 to 100", title=f"Level: {f['softer']} of {f['cases']} as soft or softer",
        )  # fmt: skip
        legend_below(figure, ncols=3)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was predicted from what, and whether it came true."""
    f = facts(table)
    part = table[(table.quantity == "elasticity") & (table.metric == SHOWN)]
    each = "; ".join(
        f"{r.data} {r.law:.2f} [{r.law_low:.2f}, {r.law_high:.2f}], through pools {r.pool:.2f}, "
        f"observed "
        f"{r.observed:.2f} [{r.low:.2f}, {r.high:.2f}]"
        for r in part.itertuples()
    )
    predicts = "predicts" if f["agree"] == f["sets"] else "does not predict"
    ranks = "ranks" if f["p"] < 0.05 else "does not rank"
    return (
        "Left: the elasticity of the best β of DNS over M in K = 1 to 100 (filled: Recall; open: "
        "NDCG and Precision), "
        "against the resolution law's 1 − θ, θ being the slope of the data set's ROC curve at its "
        "head (test part, one "
        f"tuned model; intervals over users). The law {predicts} the elasticities for "
        f"{METRIC_NAMES[SHOWN]}: {f['agree']} of "
        f"{f['sets']} intervals meet ({f['agree_pool']} through pools); predicted less observed "
        f"{f['over']:+.2f} in "
        f"the median; it {ranks} them (Kendall's τ {f['tau']:.2f}, one-sided p {f['p']:.2f}). "
        f"{f['below_one']} of "
        f"{f['sets']} lie below 1, random rankings' elasticity. {each}. Right: the best β for "
        f"{METRIC_NAMES[SHOWN]}@K (bars: "
        "levels that may be best) against the hardest β that still orders the top K. The law is a "
        "bound on hardness: "
        f"{f['softer']} of {f['cases']} best β are as soft as that or softer, by a factor of "
        f"{f['factor']:.1f} in the "
        "median; in "
        f"{f['tested']} of the cases the samplers on the grid reach harder than the law."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Whether the law predicts, ranks or bounds what training found; for Recall."""
    f = facts(table)
    predicts = "predicts" if f["agree"] == f["sets"] else "does not predict"
    ranks = "ranks" if f["p"] < ALPHA else "does not rank"
    shown = table[(table.quantity == "elasticity") & (table.metric == SHOWN)]
    each = {
        f"{r.data}/elasticity": f"On {r.data} the law says {span(r.law, r.law_low, r.law_high, '.2f')}, training found "
        f"{span(r.observed, r.low, r.high, '.2f')}."
        for r in shown.itertuples()
    }
    return each | {
        "predicts": f"The resolution law {predicts} how the best hardness grows with K: {f['agree']} of {f['sets']} "
        "intervals over users meet the observed ones.",
        "ranks": f"It {ranks} the data sets (Kendall's tau {f['tau']:.2f}, exact one-sided p {f['p']:.2f}).",
        "bounds": f"As a bound on hardness it holds in {f['softer']} of {f['cases']} cases: the best beta is as soft "
        f"or softer, by a factor of {f['factor']:.1f} in the median.",
    }
