"""F6 with LLPAUC(alpha, beta) beside OPAUC(beta): when does leaving out the worst positives help? (claim F6)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import special

from ...rankings import ScoreModel, SimulatedCorrelation, simulate_correlation
from ...rankings.simulate.rank_correlation import group_error
from ...runs.options import Options
from ..study import Findings, Study
from ..style import METRIC_NAMES, PALETTE, style
from ..words import counted, share_of
from .f6_models import MODELS, TRAINED, trained_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F6-llpauc", "LLPAUC(alpha, beta) beside OPAUC(beta): when leaving out the worst positives helps", 280,
    zero_below=dict.fromkeys(("gain", "gain_low", "gain_high"), 1e-12),
)  # fmt: skip

METRICS = ("recall", "ndcg", "ap", "mrr", "hit")
KS = (1, 5, 20, 50, 100, 200)
NAMES = ("random", "binormal, AUC .75", "binormal", "Student t, 3 df", "logistic", "power")
SIZES = ((200, 800, 6_000), (100, 9_900, 800))
"""N_+, N_- and rankings, so many to choose (alpha, beta) and as many to judge the choice."""

COLOURS = {"recall": "blue", "ndcg": "green", "ap": "orange", "mrr": "purple", "hit": "red"}
COUNTING = ("recall", "ndcg", "ap")
FIRST = (("mrr", 20, "MRR@20"), ("hit", 5, "Hit@5"))
SHOWN = ("binormal", 800, 20)
"""Model, N_- and K of Recall@K on the map."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """The best OPAUC(beta) and the best LLPAUC(alpha, beta), chosen on half of the rankings and judged on the others.

    Returns
    -------
    DataFrame
        Rows of kind "best": model, n_pos, n_neg, metric, k, n_rankings, negatives and hits (means in the top K), m and
        height of the best OPAUC, ll_top (= alpha N_+), ll_m and ll_height of the best LLPAUC, gain (their difference in
        height), gain_low, gain_high (95%, paired). Rows of kind "map": ll_top, ll_m and ll_height on the whole grid for
        Recall@K of the pair :data:`SHOWN`.
    """
    factor = cast(float, options.pick(smoke=0.1, default=1.0, paper=20.0))
    sizes = SIZES[:1] if options.profile == "smoke" else SIZES
    cases: list[tuple[str, ScoreModel | None, int, int, int]] = [
        (name, MODELS[name], *size) for size in sizes for name in NAMES
    ]
    trained = trained_scores(options)
    if trained is not None:
        cases.append((TRAINED, *trained, SIZES[0][2]))
    rows: list[dict[str, Any]] = []
    for name, model, n_pos, n_neg, n_rankings in cases:
        rows += _rows(name, model, n_pos, n_neg, int(factor * n_rankings), options.seed)
    return pd.DataFrame(rows)


def _rows(
    name: str, model: ScoreModel | None, n_pos: int, n_neg: int, n_rankings: int, seed: int
) -> list[dict[str, Any]]:
    tops = np.unique(np.geomspace(1, n_pos, 16).round().astype(int))
    ms = np.unique(np.geomspace(1, n_neg, 60).round().astype(int))
    ks = tuple(k for k in KS if k <= (n_pos + n_neg) // 5)

    def correlations(half: int) -> list[SimulatedCorrelation]:
        return [
            simulate_correlation(
                n_pos, n_neg, metrics=(*METRICS, "precision"), ks=ks, n_rankings=n_rankings, rng=2 * seed + half,
                score_model=model, alpha=top / n_pos, ms=ms,
            )
            for top in tops
        ]  # fmt: skip

    choose, judge = correlations(0), correlations(1)
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        for j, k in enumerate(ks):
            common = {"model": name, "n_pos": n_pos, "n_neg": n_neg, "metric": metric, "k": k, "n_rankings": n_rankings}
            seen = np.array([one.curve(metric, k)[0] for one in choose])
            values = np.array([one.curve(metric, k)[0] for one in judge])
            if np.isnan(seen[-1]).all() or np.isnan(values[-1]).all():
                continue
            best = int(np.nanargmax(seen[-1]))
            top, at = np.unravel_index(int(np.nanargmax(seen)), seen.shape)
            influence = judge[top].influence(metric, k)[:, at] - judge[-1].influence(metric, k)[:, best]
            half = special.stdtrit(influence.size - 1, 0.975) * group_error(influence)
            gain = values[top, at] - values[-1, best]
            precision, recall = judge[-1].metric_mean[-1, j], judge[-1].metric_mean[0, j]
            rows.append(
                {
                    "kind": "best",
                    **common,
                    "negatives": k * (1.0 - precision),
                    "hits": n_pos * recall,
                    "m": ms[best],
                    "height": values[-1, best],
                    "ll_top": tops[top],
                    "ll_m": ms[at],
                    "ll_height": values[top, at],
                    "gain": gain,
                    "gain_low": gain - half,
                    "gain_high": gain + half,
                }
            )
            if (name, n_neg, k) == SHOWN and metric == "recall":
                rows += [
                    {"kind": "map", **common, "ll_top": tops[a], "ll_m": ms[b], "ll_height": values[a, b]}
                    for a in range(tops.size)
                    for b in range(ms.size)
                ]
    return rows


def plot(table: pd.DataFrame) -> Figure:
    """A map of one metric; what LLPAUC gains for counting metrics and for first-hit ones; and the alpha it wants."""
    grid, best = table[table.kind == "map"], table[table.kind == "best"]
    with style() as plt:
        figure, ((area, gains), (firsts, tops)) = plt.subplots(2, 2, figsize=(8.6, 6.6))
        _map(figure, area, grid, best)
        for metric in COUNTING:
            part = best[best.metric == metric]
            span = [part.gain - part.gain_low, part.gain_high - part.gain]
            look = {"marker": "o", "markersize": 3.5, "linestyle": "none", "color": PALETTE[COLOURS[metric]]}
            gains.errorbar(part.negatives, part.gain, span, elinewidth=0.7, label=f"{METRIC_NAMES[metric]}@K", **look)
            gaining = part[part.gain_low > 0.005]
            tops.plot(1.5 * gaining.hits, gaining.ll_top, **look)
        gains.set(xscale="log", xlabel="negatives in the top K", ylabel="correlation gained by LLPAUC", ylim=(-0.05, 1))
        gains.set_title("counting metrics")
        gains.legend(loc="upper right")
        small = best[best.n_neg < 1000]
        names = [name for name in (*NAMES, TRAINED) if name in set(small[small.metric == "mrr"].model)]
        for row, (metric, k, label) in enumerate(FIRST):
            part = small[(small.metric == metric) & (small.k == k)]
            for _, one in part.iterrows():
                y = names.index(one.model) + 0.25 * (row - 0.5)
                colour = PALETTE[COLOURS[metric]]
                firsts.plot([one.height, one.ll_height], [y, y], color=colour, linewidth=1.2)
                firsts.plot(one.height, y, marker="o", color=colour, markerfacecolor="white")
                firsts.plot(one.ll_height, y, marker="o", color=colour)
            firsts.plot([], [], marker="o", color=PALETTE[COLOURS[metric]], label=label)
        firsts.set_yticks(range(len(names)), names)
        firsts.invert_yaxis()
        firsts.set(xlabel="correlation: best OPAUC (open) to best LLPAUC (full)", xlim=(0, 1.03))
        firsts.set_title("first-hit metrics: α N₊ = 1")
        firsts.legend(loc="lower left", bbox_to_anchor=(0.0, 0.02))
        line = np.array([0.7, 150.0])
        tops.plot(line, line, color="black", linewidth=0.8)
        tops.set(xscale="log", yscale="log", xlabel="1.5 × positives in the top K", ylabel="best α N₊")
        tops.set_title("the α that gains")
    return figure


def _map(figure: Figure, ax: Any, grid: pd.DataFrame, best: pd.DataFrame) -> None:
    heights = grid.pivot(index="ll_top", columns="ll_m", values="ll_height")
    filled = ax.contourf(
        heights.columns, heights.index, heights.to_numpy(), levels=np.linspace(0.0, 1.0, 11), cmap="viridis"
    )
    name, n_neg, k = SHOWN
    figure.colorbar(filled, ax=ax, label=f"correlation with Recall@{k}", ticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
    one = best[(best.model == name) & (best.n_neg == n_neg) & (best.k == k) & (best.metric == "recall")].iloc[0]
    points = (
        ("OPAUC", one.m, heights.index.max(), one.height, "o", 8, (8, -13)),
        ("LLPAUC", one.ll_m, one.ll_top, one.ll_height, "*", 13, (8, -15)),
    )
    for what, x, y, height, marker, size, offset in points:
        ax.plot(x, y, marker=marker, markersize=size, color="white", markeredgecolor="black", clip_on=False, zorder=5)
        ax.annotate(f"best {what} {height:.2f}", (x, y), offset, textcoords="offset points", color="white", fontsize=8)
    ax.set(xscale="log", yscale="log", xlabel="hardest negatives, m = β N₋", ylabel="best positives, α N₊")
    ax.set_title(f"{name} scores, AUC 0.9, {one.n_pos} + {n_neg}")
    ax.grid(False)


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    best = table[table.kind == "best"]
    counting, first = best[best.metric.isin(COUNTING)], best[best.metric.isin(("mrr", "hit"))]
    many, few = counting[counting.negatives >= 10], counting[counting.negatives < 1]
    trained = best[(best.model == TRAINED) & (best.k == 5)].set_index("metric")
    on = "".join(
        f" {METRIC_NAMES[m]}@5 {trained.height[m]:.3f} to {trained.ll_height[m]:.3f}," for m in trained.index
    ).strip(",")
    return (
        f"Correlation of metrics@K, K from 1 to {best.k.max()}, with the best OPAUC(β) and the best LLPAUC(α, β), "
        f"which counts the best α N₊ positives only; {len(set(best.model))} score models, (α, β) chosen on "
        f"{best.n_rankings.max():,} rankings or fewer and judged on as many others; paired 95% intervals. Upper left: "
        "all (α, β) for a metric whose top K is nearly all positives; OPAUC is the upper edge. Upper right: for "
        "Recall, NDCG and AP the gain is "
        f"{few.gain.median():.2f} in the median where the top K holds less than one negative, and "
        f"{many.gain.median():.3f} in the median and {many.gain.max():.3f} at most from 10 negatives on. Lower left: "
        "MRR and Hit look at the first positive only; there α N₊ = 1 is best in "
        f"{100 * (first.ll_top == 1).mean():.0f}% of the cases (no line where every ranking had a hit). Lower right, "
        "where LLPAUC gains more than 0.005: its α is near 1.5 times the positives in the top K, as β is near 1.5 "
        "times its negatives." + (f" On the trained scores, from OPAUC to LLPAUC:{on}." if on else "")
    )


def findings(table: pd.DataFrame) -> Findings:
    """What LLPAUC gains for counting metrics and for those of the first hit."""
    best = table[table.kind == "best"]
    counting, first = best[best.metric.isin(COUNTING)], best[best.metric.isin(("mrr", "hit"))]
    few, many = counting[counting.negatives < 1], counting[counting.negatives >= 10]
    found = {}
    for name, part, where in (("few", few, "less than one negative"), ("many", many, "10 negatives or more")):
        if len(part):
            found[name] = (
                f"For Recall, NDCG and AP with {where} in the top K LLPAUC gains {part.gain.median():.3f} in the "
                f"median, {part.gain.max():.3f} at most; the gain is shown in "
                f"{counted((part.gain_low > 0).sum(), len(part), 'cases')} (95%, paired, over rankings, each alone)."
            )
    found["first"] = (
        f"For MRR and Hit the best α N₊ is 1 in {share_of((first.ll_top == 1).sum(), len(first))} of {len(first)} "
        "cases."
    )
    return found
