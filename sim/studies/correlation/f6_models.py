"""F6 beyond random rankings: where the peaks of Fig. 6 go when the scores mean something (claims F6-1..4, F6-law)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ...core.later import Later
from ...data import FetchError
from ...rankings import (
    LINEAR_METRICS,
    BetaScores,
    Binormal,
    Empirical,
    FalseNegatives,
    GumbelShift,
    LogisticShift,
    PopularitySkewed,
    PowerROC,
    ScoreModel,
    SimulatedCorrelation,
    StudentT,
    lattice_moments,
    limit_correlation,
    simulate_correlation,
)
from ...runs.options import Options
from ..recommender import trained
from ..study import Findings, Study
from ..style import PALETTE, style
from ..words import counted, extent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F6-models", "Beyond random rankings: where OPAUC(beta) goes best with Recall@K under score models", 270,
    zero_below={"hits": 1e-9},
)  # fmt: skip

METRICS = ("recall", "precision", "ndcg", "ap", "mrr", "hit")
KS = (1, 5, 20, 50, 100, 200, 1000)
SIZES = ((200, 800, 20_000), (100, 9_900, 5_000), (100, 99_900, 1_500))
"""N_+, N_- and rankings."""
FEW = 50
"""Positives in the top K, over all rankings, below which a row is too rare an event to draw."""

MODELS: Later[ScoreModel | None] = Later(
    {
        "random": lambda: None,
        "binormal, AUC .75": lambda: Binormal.from_auc(0.75),
        "binormal": lambda: Binormal.from_auc(0.9),
        "binormal, sd 2": lambda: Binormal.from_auc(0.9, sigma=2.0),
        "binormal, sd 1/2": lambda: Binormal.from_auc(0.9, sigma=0.5),
        "Student t, 3 df": lambda: StudentT.from_auc(0.9, df=3.0),
        "logistic": lambda: LogisticShift.from_auc(0.9),
        "Gumbel": lambda: GumbelShift.from_auc(0.9),
        "power": lambda: PowerROC.from_auc(0.9),
        "beta": lambda: BetaScores.from_auc(0.9),
        "popularity": lambda: PopularitySkewed.from_auc(0.9),
        "10% false negatives": lambda: FalseNegatives.from_auc(0.9, share=0.1),
    }
)
"""Score models by name; AUC 0.9 unless the name says otherwise."""

TRAINED = "trained, ml-100k"
LOOKS = {
    "random": ("black", "o"), "binormal, AUC .75": ("blue", "o"), "binormal": ("blue", "s"),
    "binormal, sd 2": ("blue", "^"), "binormal, sd 1/2": ("blue", "v"), "Student t, 3 df": ("red", "o"),
    "logistic": ("orange", "o"), "Gumbel": ("orange", "s"), "power": ("green", "o"), "beta": ("sky", "o"),
    "popularity": ("purple", "o"), "10% false negatives": ("grey", "o"), TRAINED: ("black", "*"),
}  # fmt: skip


def trained_scores(options: Options) -> tuple[ScoreModel, int, int] | None:
    """Held-out scores of a recommender trained on ml-100k, standardised user by user, and the mean class sizes.

    None where the data cannot be had.
    """
    try:
        data, model = trained(options, "fit", cast(int, options.pick(smoke=4, default=14)))
    except FetchError:
        return None
    draw = np.random.default_rng(options.seed)
    positives, negatives, sizes = [], [], []
    for user in np.flatnonzero(np.diff(data.test.indptr)):
        scores = (model.item_factors @ model.user_factors[user]).astype(np.float64)
        held_out = data.test[user].indices
        unseen = np.setdiff1d(np.arange(data.n_items), np.union1d(held_out, data.fit[user].indices))
        scores = (scores - scores[unseen].mean()) / scores[unseen].std()
        positives.append(scores[held_out])
        negatives.append(draw.choice(scores[unseen], 60, replace=False))
        sizes.append((held_out.size, unseen.size))
    n_pos, n_neg = np.mean(sizes, axis=0).round().astype(int)
    return Empirical(np.concatenate(positives), np.concatenate(negatives)), int(n_pos), int(n_neg)


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Peaks under every score model, size, metric and K.

    Returns
    -------
    DataFrame
        model, n_pos, n_neg, metric, k, n_rankings, hits (positives in the top K over all rankings), negatives (mean
        negatives in the top K, n_K), m, m_low, m_high, height, height_low, height_high (peak, 95% intervals), first
        (at m = 1), auc, auc_low, auc_high (correlation with AUC), slower (NDCG: share of the m left of both peaks where
        it keeps more of its peak than Recall), law_m (1.5 K N_-/N), random_m, random_height, random_auc (exact, for
        random rankings of the same size), limit_m, limit_height, limit_auc (large-sample law, where it exists).
    """
    factor = cast(float, options.pick(smoke=0.05, default=1.0, paper=20.0))
    cases: list[tuple[str, ScoreModel | None, int, int, int]] = [
        (name, model, *size) for size in SIZES for name, model in MODELS.items()
    ]
    if options.profile == "smoke":
        cases = cases[: len(MODELS)]
    held_out = trained_scores(options)
    if held_out is not None:
        cases.append((TRAINED, *held_out, SIZES[0][2]))
    return pd.DataFrame(
        row
        for name, model, n_pos, n_neg, n_rankings in cases
        for row in _rows(name, model, n_pos, n_neg, int(factor * n_rankings), options.seed)
    )


def _rows(
    name: str, model: ScoreModel | None, n_pos: int, n_neg: int, n_rankings: int, seed: int
) -> Iterator[dict[str, Any]]:
    n = n_pos + n_neg
    ks = [k for k in KS if k <= n // 5]
    ms = np.unique(np.geomspace(1, n_neg, 160).round().astype(np.int64))
    result = simulate_correlation(
        n_pos, n_neg, metrics=METRICS, ks=ks, n_rankings=n_rankings, rng=seed, score_model=model, ms=ms
    )
    peaks = result.peaks()
    low, high = result.interval()
    smooth = not isinstance(model, Empirical)
    for i, metric in enumerate(METRICS):
        for j, k in enumerate(ks):
            random_m, random_height, random_auc = _random(n_pos, n_neg, metric, k)
            row = {
                "model": name,
                "n_pos": n_pos,
                "n_neg": n_neg,
                "metric": metric,
                "k": k,
                "n_rankings": n_rankings,
                "hits": n_rankings * n_pos * result.metric_mean[METRICS.index("recall"), j],
                "negatives": k * (1.0 - result.metric_mean[METRICS.index("precision"), j]),
                "m": peaks.m[i, j],
                "m_low": peaks.m_low[i, j],
                "m_high": peaks.m_high[i, j],
                "height": peaks.correlation[i, j],
                "height_low": peaks.correlation_low[i, j],
                "height_high": peaks.correlation_high[i, j],
                "first": result.correlation[i, j, 0],
                "auc": result.correlation[i, j, -1],
                "auc_low": low[i, j, -1],
                "auc_high": high[i, j, -1],
                "slower": _slower(result, k) if metric == "ndcg" and k > 1 else np.nan,
                "law_m": 1.5 * k * n_neg / n,
                "random_m": random_m,
                "random_height": random_height,
                "random_auc": random_auc,
                "limit_m": np.nan,
                "limit_height": np.nan,
                "limit_auc": np.nan,
            }
            if smooth and metric in LINEAR_METRICS:
                limit = limit_correlation(n_pos, n_neg, metric, k, score_model=model)
                row |= {"limit_m": int(limit.argmax()) + 1, "limit_height": limit.max(), "limit_auc": limit[-1]}
            yield row


@cache
def _random(n_pos: int, n_neg: int, metric: str, k: int) -> tuple[int, float, float]:
    """Exact place and height of the peak, and AUC's correlation, for random rankings."""
    exact = lattice_moments(n_pos, n_neg, metric, k).correlation
    return int(exact.argmax()) + 1, float(exact.max()), float(exact[-1])


def _slower(result: SimulatedCorrelation, k: int) -> float:
    """F6-4: of the m left of both peaks, the share where NDCG keeps more of its peak than Recall does."""
    recall, ndcg = result.curve("recall", k)[0], result.curve("ndcg", k)[0]
    if np.isnan(recall).any() or np.isnan(ndcg).any():
        return np.nan
    left = min(recall.argmax(), ndcg.argmax())
    return float(np.mean((ndcg / ndcg.max() > recall / recall.max())[:left])) if left else np.nan


def drawn(table: pd.DataFrame, metric: str = "recall") -> pd.DataFrame:
    """Rows of a metric that has a correlation and is not too rare an event."""
    part = table[(table.metric == metric) & table.m.notna()]
    return part[(part.hits >= FEW) & (part.n_rankings * part.k - part.hits >= FEW)]


def plot(table: pd.DataFrame) -> Figure:
    """Recall: the peak's place against K/N and against the negatives in the top K; its height; AUC's correlation."""
    part = drawn(table)
    with style() as plt:
        figure, axes = plt.subplots(2, 2, figsize=(8.6, 6.6))
        (by_law, by_count), (heights, aucs) = axes
        for name, (colour, marker) in LOOKS.items():
            for size, of_size in part[part.model == name].groupby("n_neg"):
                big = size > 1000
                look = {
                    "color": PALETTE[colour], "marker": marker, "markersize": 8 if marker == "*" else 4.5,
                    "linestyle": "none", "elinewidth": 0.8, "zorder": 3 if name in ("random", TRAINED) else 2,
                    "markerfacecolor": "white" if big else PALETTE[colour],
                }  # fmt: skip
                place = [of_size.m - of_size.m_low, of_size.m_high - of_size.m]
                by_law.errorbar(of_size.law_m, of_size.m, place, **look)
                by_count.errorbar(1.5 * of_size.negatives, of_size.m, place, **look)
                height = [of_size.height - of_size.height_low, of_size.height_high - of_size.height]
                heights.errorbar(of_size.negatives, of_size.height, height, **look)
                auc = [of_size.auc - of_size.auc_low, of_size.auc_high - of_size.auc]
                aucs.errorbar(of_size.k / (of_size.n_pos + size), of_size.auc, auc, **look)
        line = np.array([0.8, 2500.0])
        for ax in (by_law, by_count):
            ax.plot(line, line, color="black", linewidth=0.8)
            ax.set(xscale="log", yscale="log", ylabel="m at the peak", ylim=(0.8, 3000))
        by_law.set(xlabel="1.5 K N₋/N", title="1.5 K/N: for random rankings only", xlim=(0.8, 3000))
        by_count.set(
            xlabel="1.5 × negatives in the top K", title="1.5 × negatives in the top K: for all", xlim=(0.005, 3000)
        )
        by_count.plot([0.005, 0.8], [1, 1], color="black", linewidth=0.8, linestyle=":")
        heights.axhline(0.8, color="black", linewidth=0.8, linestyle=":")
        heights.set(xscale="log", xlabel="negatives in the top K", ylabel="correlation at the peak", ylim=(0, 1.03))
        heights.set_title("few negatives in the top K: low peaks")
        share = np.geomspace(1e-5, 0.2, 200)
        aucs.plot(share, np.sqrt(3 * share), color="black", linewidth=0.8)
        aucs.axhline(0.4, color="black", linewidth=0.8, linestyle=":")
        aucs.set(
            xscale="log", xlabel="K / N", ylabel="correlation of AUC", ylim=(0, 1.03), title="AUC: mostly above √(3K/N)"
        )
        handles = [
            plt.Line2D([], [], color=PALETTE[c], marker=m, linestyle="none", markersize=8 if m == "*" else 4.5, label=n)
            for n, (c, m) in LOOKS.items()
            if n in set(part.model)
        ]
        handles += [
            plt.Line2D([], [], color="black", marker="D", linestyle="none", markersize=4.5, label="1,000 items"),
            plt.Line2D([], [], color="black", marker="D", linestyle="none", markersize=4.5, markerfacecolor="white",
                       label="10,000 and\n100,000 items"),
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside right center")
    return figure


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """One row a model: the claims of Fig. 6 for Recall, over the K and sizes that are drawn.

    ``over_law`` and ``over_count`` are the ranges of m* / (1.5 K N_-/N) and, where the top K holds 5 negatives or more,
    of m* / (1.5 n_K); ``height`` the peaks' range there, ``height_few`` where it holds less than one; ``ordered``
    whether m* never falls as K rises; ``auc_most`` AUC's largest correlation at K <= N/20; ``slower`` the mean share of
    m at which NDCG falls more slowly left of the peaks.
    """
    part, rows = drawn(table), []
    for name in dict.fromkeys(part.model):
        of = part[part.model == name]
        many, few = of[of.negatives >= 5], of[of.negatives < 1]
        rising = all(group.sort_values("k").m.is_monotonic_increasing for _, group in of.groupby("n_neg"))
        rows.append(
            {
                "model": name,
                "over_law": _range(of.m / of.law_m.clip(lower=1.0), 2),
                "over_count": _range(many.m / (1.5 * many.negatives), 2),
                "height": _range(many.height, 2),
                "height_few": _range(few.height, 2),
                "ordered": rising,
                "auc_most": of[of.k <= (of.n_pos + of.n_neg) / 20].auc.max(),
                "slower": table[(table.model == name) & (table.metric == "ndcg")].slower.mean(),
            }
        )
    return pd.DataFrame(rows)


def _range(values: pd.Series, digits: int) -> str:
    return f"{values.min():.{digits}f} .. {values.max():.{digits}f}" if len(values) else ""


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    part = drawn(table)
    many = part[part.negatives >= 5]
    few = part[part.negatives < 1]
    law, count = many.m / many.law_m, many.m / (1.5 * many.negatives)
    limit = many[many.limit_m.notna()]
    off = (limit.m / limit.limit_m - 1).abs()
    sizes = ", ".join(
        f"{a.n_rankings:,} of {a.n_pos} + {a.n_neg:,}" for a in part.drop_duplicates("n_neg").itertuples()
    )
    return (
        f"Recall@K, K from 1 to {part.k.max():,}, with OPAUC(β) under score models of AUC 0.9 (one of 0.75) and "
        f"held-out scores of a trained recommender; rankings: {sizes}; 95% intervals. Upper left: m at the peak "
        "against random rankings' law β* = 1.5 K/N. Where the top K holds 5 negatives or more, the peak is at "
        f"{law.min():.2f} to {law.max():.2f} of it. Upper right: against 1.5 times the negatives in the top K, "
        f"n_K = K (1 - Precision@K), it is at {count.min():.2f} to {count.max():.2f}; where n_K is below one, at the "
        f"single hardest negative (dotted). Lower left: peaks are {many.height.min():.2f} to {many.height.max():.2f} "
        f"high from 5 negatives on, and sink to {few.height.min():.2f} below one: when the top K is nearly all "
        "positives, OPAUC hardly follows Recall@K at any β. Lower right: AUC; the line is that of random rankings. "
        "The "
        "large-sample law of each score model (not drawn) places the peak within "
        f"{100 * off.median():.0f}% in the median and {100 * off.max():.0f}% at most, from 5 negatives on."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Where the peaks go once the scores mean something."""
    part = drawn(table)
    many, few = part[part.negatives >= 5], part[part.negatives < 1]
    found = {
        "law": (
            f"From 5 negatives in the top K on, the peak of Recall@K lies at {extent(many.m / many.law_m)} of the "
            "law "
            f"of random rankings and at {extent(many.m / (1.5 * many.negatives))} of 1.5 times the negatives in the "
            "top K."
        ),
        "heights": (
            f"The peaks are {extent(many.height)} high from 5 negatives in the top K on"
            + (f", and sink to {few.height.min():.2f} below one." if len(few) else ".")
        ),
    }
    ordered = verdicts(table).set_index("model").ordered
    found["order"] = (
        f"The peak never moves to smaller m as K rises under {counted(ordered.sum(), len(ordered), 'models')}."
    )
    return found
