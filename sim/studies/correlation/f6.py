"""Figure 6: how well OPAUC(beta) correlates with Top-K metrics under uniformly random rankings, exact and simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from ...rankings import exact_correlation, simulate_correlation
from ...runs.options import Options
from ..study import Findings, Study
from ..style import K_COLOURS, METRIC_NAMES, mark_peak, style
from ..words import extent, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F6", "Which OPAUC(beta) predicts which Top-K metric (random rankings)", 30,
)  # fmt: skip

METRICS = ("recall", "precision", "ndcg")
KS = (5, 10, 20, 50, 100, 200)
N_POS, N_NEG = 200, 800


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Exact correlation at every m that is drawn, and the Monte Carlo estimate with a 95% interval.

    Returns
    -------
    DataFrame
        Columns metric, k, m, beta, exact, simulated, low, high, n_rankings, peak (True at the exact maximum), law
        (beta* = 1.5 K/N of the scaling law).
    """
    n_rankings = cast(int, options.pick(smoke=2_000, default=100_000, paper=1_000_000))
    simulated = simulate_correlation(
        N_POS, N_NEG, metrics=METRICS, ks=KS, n_rankings=n_rankings, rng=options.seed, progress=options.progress
    )
    low, high = simulated.interval()
    grid = np.unique(np.round(np.geomspace(1, N_NEG, 140)).astype(int))
    rows = []
    for i, metric in enumerate(METRICS):
        for j, k in enumerate(KS):
            exact = exact_correlation(N_POS, N_NEG, metric, k)
            best = int(np.argmax(exact)) + 1
            for m in np.union1d(grid, best):
                rows.append(
                    {
                        "metric": metric,
                        "k": k,
                        "m": m,
                        "beta": m / N_NEG,
                        "exact": exact[m - 1],
                        "simulated": simulated.correlation[i, j, m - 1],
                        "low": low[i, j, m - 1],
                        "high": high[i, j, m - 1],
                        "n_rankings": n_rankings,
                        "peak": m == best,
                        "law": 1.5 * k / (N_POS + N_NEG),
                    }
                )
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """One panel a metric: exact lines, simulated points with intervals, peaks marked, the law's beta* as ticks."""
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.3), sharey=True)
        for ax, metric in zip(axes, METRICS):
            for k in KS:
                part = table[(table.metric == metric) & (table.k == k)]
                colour = K_COLOURS[k]
                ax.plot(part.beta, part.exact, color=colour, label=f"K = {k}")
                some = part.iloc[3::10]
                ax.errorbar(
                    some.beta,
                    some.simulated,
                    [some.simulated - some.low, some.high - some.simulated],
                    fmt="o",
                    markersize=2.6,
                    color=colour,
                    elinewidth=0.8,
                    linestyle="none",
                )
                top = part[part.peak].iloc[0]
                mark_peak(ax, top.beta, top.exact, colour, 9)
                ax.plot([top.law], [0.02], marker="|", markersize=9, markeredgewidth=2, color=colour, clip_on=False)
            ax.set_xscale("log")
            ax.set(xlabel="FPR limit β", title=f"{METRIC_NAMES[metric]}@K", ylim=(0, 1))
        axes[0].set_ylabel("correlation with OPAUC(β)")
        handles, labels = axes[0].get_legend_handles_labels()
        handles += [
            plt.Line2D([], [], color="black", linestyle="none", marker="*", markersize=9),
            plt.Line2D([], [], color="black", linestyle="none", marker="|", markersize=9, markeredgewidth=2),
            plt.Line2D([], [], color="black", linestyle="none", marker="o", markersize=2.6),
        ]
        figure.legend(handles, [*labels, "peak", "1.5 K/N", "simulated"], loc="outside right center")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    peaks = table[table.peak & (table.metric == "recall")]
    at = ", ".join(f"K={int(r.k)}: β={r.beta:.4g} ({r.exact:.3f})" for r in peaks.itertuples())
    worst = ((table.simulated - table.exact).abs() / ((table.high - table.low) / (2 * 1.96))).max()
    return (
        f"Pearson correlation of Top-K metrics with OPAUC(β) over uniformly random rankings of {N_POS} positives and "
        f"{N_NEG} negatives. Lines: exact closed form. Points: {int(table.n_rankings.iloc[0]):,} simulated rankings "
        f"with 95% intervals (largest deviation {worst:.1f} standard errors). Stars: peaks, for Recall at {at}. "
        "Ticks at the bottom: the scaling law β* = 1.5 K/N, valid for K much smaller than N. Smaller K peaks at "
        "smaller β; β too small or too large both hurt; left of the peak NDCG falls more slowly than Recall. With N_+ "
        "fixed, Recall and Precision are proportional, so their panels coincide. AUC (β = 1) stays below 0.4 for K up "
        "to 56 (Recall) and 72 (NDCG) only."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Peaks, the scaling law, and AUC, under random rankings."""
    tops = table[table.peak]
    found = {}
    for metric, part in tops.groupby("metric", sort=False):
        at = listed(f"{r.beta:.3g} for K = {r.k} ({r.exact:.3f})" for r in part.itertuples())
        found[f"peaks/{metric}"] = (
            f"Under random rankings of {N_POS} + {N_NEG} {METRIC_NAMES[metric]}@K goes best with OPAUC(β) at β = {at}; "
            "correlations in brackets, exact."
        )
    counting = tops[tops.metric != "ndcg"]
    ratio = counting.beta / counting.law
    found["law"] = (
        f"The peaks of Recall and Precision lie at {extent(ratio)} of the law β* = 1.5 K/N over K = {min(KS)} to "
        f"{max(KS)} (exact)."
    )
    auc = table[(table.m == N_NEG) & (table.metric == "recall")].set_index("k").exact
    found["auc"] = (
        "AUC's correlation with Recall@K is "
        + listed(f"{value:.2f} for K = {k}" for k, value in auc.items())
        + f": below 0.4 up to K = {max(auc.index[auc < 0.4])} of these (exact)."
    )
    return found
