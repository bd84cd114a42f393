"""F6 by rank coefficients: do Spearman's and Kendall's put the peaks where Pearson's does? (claims F6-1..3)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ...rankings import METHODS, Binormal, ScoreModel, lattice_moments, simulate_correlation
from ...runs.options import Options
from ..study import Findings, Study
from ..style import METRIC_NAMES, PALETTE, mark_peak, style
from ..words import extent, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F6-methods",
    "Pearson, Spearman, Kendall: the coefficient moves the height of the peaks, hardly their place", 290,
)  # fmt: skip

METRICS = ("recall", "ndcg", "ap", "mrr", "hit")
KS = (5, 20, 100)
N_POS, N_NEG = 200, 800
MODELS: dict[str, ScoreModel | None] = {"random rankings": None, "binormal, AUC 0.75": Binormal.from_auc(0.75)}
COLOURS = {"pearson": "blue", "spearman": "orange", "kendall": "green"}
SHOWN = ("recall", 20)


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Curves of the three coefficients over m, and their peaks.

    Returns
    -------
    DataFrame
        model, method, metric, k, m, correlation, standard_error, peak_m, peak_low, peak_high (place of the curve's
        peak, 95%), exact (closed form: Pearson, random rankings), n_rankings.
    """
    n_rankings = cast(int, options.pick(smoke=500, default=6_000, paper=100_000))
    ms = np.unique(np.geomspace(1, N_NEG, 48).round().astype(int))
    rows: list[pd.DataFrame] = []
    for name, model in MODELS.items():
        for method in METHODS:
            result = simulate_correlation(
                N_POS, N_NEG, metrics=METRICS, ks=KS, n_rankings=n_rankings, rng=options.seed, score_model=model, ms=ms,
                method=method, progress=options.progress,
            )  # fmt: skip
            peaks = result.peaks()
            for i, metric in enumerate(METRICS):
                for j, k in enumerate(KS):
                    exact: Any = np.nan
                    if model is None and method == "pearson":
                        exact = lattice_moments(N_POS, N_NEG, metric, k).correlation[ms - 1]
                    rows.append(
                        pd.DataFrame(
                            {
                                "model": name,
                                "method": method,
                                "metric": metric,
                                "k": k,
                                "m": ms,
                                "correlation": result.correlation[i, j],
                                "standard_error": result.standard_error[i, j],
                                "peak_m": peaks.m[i, j],
                                "peak_low": peaks.m_low[i, j],
                                "peak_high": peaks.m_high[i, j],
                                "exact": exact,
                                "n_rankings": n_rankings,
                            }
                        )
                    )
    return pd.concat(rows, ignore_index=True)


def peaks_of(table: pd.DataFrame) -> pd.DataFrame:
    """One row per model, metric and K whose correlation gets off the ground: place and height of each method's peak."""
    found = table[table.correlation.notna()].copy()
    found["height"] = found.groupby(["model", "method", "metric", "k"]).correlation.transform("max")
    found = found[found.groupby(["model", "metric", "k"]).height.transform("min") > 0.1]
    found = found.drop_duplicates(["model", "method", "metric", "k"])
    return found.pivot(
        index=["model", "metric", "k"], columns="method", values=["peak_m", "peak_low", "peak_high", "height"]
    ).reset_index()


def plot(table: pd.DataFrame) -> Figure:
    """One metric's three curves under each model; the place of every peak against that of Pearson's."""
    peaks = peaks_of(table)
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(11.0, 3.5))
        metric, k = SHOWN
        for ax, name in zip(axes, MODELS):
            part = table[(table.model == name) & (table.metric == metric) & (table.k == k)]
            for method in METHODS:
                curve = part[part.method == method]
                colour = PALETTE[COLOURS[method]]
                half = 1.96 * curve.standard_error
                ax.plot(curve.m / N_NEG, curve.correlation, color=colour, label=method.capitalize())
                ax.fill_between(curve.m / N_NEG, curve.correlation - half, curve.correlation + half, color=colour,
                                alpha=0.25, linewidth=0)  # fmt: skip
                top = curve.loc[curve.correlation.idxmax()]
                mark_peak(ax, top.m / N_NEG, top.correlation, colour, 9)
            ax.set(xscale="log", ylim=(0, 1), xlabel="FPR limit β", title=f"{METRIC_NAMES[metric]}@{k}, {name}")
        axes[0].set_ylabel("correlation with OPAUC(β)")
        axes[0].legend(loc="upper left")
        last = axes[2]
        for method, size in zip(METHODS[1:], (7, 3.5)):
            x, y = peaks["peak_m", "pearson"], peaks["peak_m", method]
            span = [y - peaks["peak_low", method], peaks["peak_high", method] - y]
            colour = PALETTE[COLOURS[method]]
            last.errorbar(x, y, span, marker="o", markersize=size, linestyle="none", elinewidth=0.8, color=colour,
                          markerfacecolor="none" if size > 5 else colour, label=method.capitalize())  # fmt: skip
        last.legend(loc="upper left")
        line = np.array([0.9, 200.0])
        last.plot(line, line, color="black", linewidth=0.8)
        last.set(xscale="log", yscale="log", xlabel="m at Pearson's peak", ylabel="m at the rank coefficient's peak")
        last.set_title("peaks of five metrics, three K, both models")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    peaks = peaks_of(table)
    far = peaks[(peaks["peak_m", "pearson"] >= 5) & peaks.metric.isin(["recall", "ndcg", "ap"])]
    ratios = {method: far["peak_m", method] / far["peak_m", "pearson"] for method in METHODS[1:]}
    places = " and ".join(f"{m.capitalize()}'s at {r.min():.2f} to {r.max():.2f}" for m, r in ratios.items())
    metric, k = SHOWN
    one = peaks[(peaks.metric == metric) & (peaks.k == k) & (peaks.model == "random rankings")].iloc[0]
    heights = ", ".join(f"{method.capitalize()} {one['height', method]:.3f}" for method in METHODS)
    worst = ((table.correlation - table.exact).abs() / table.standard_error).max()
    return (
        f"Correlation of metrics@K with OPAUC(β) by three coefficients, ties counted (mid-ranks, tau-b), over "
        f"{table.n_rankings.iloc[0]:,} rankings of {N_POS} + {N_NEG}; bands and bars are 95% intervals, stars the "
        f"peaks. Peaks of {METRIC_NAMES[metric]}@{k} under random rankings: {heights}. Right: Recall, NDCG, AP, MRR "
        f"and Hit at K = {', '.join(map(str, KS))}. For the first three, where Pearson's peak is at m >= 5, {places} "
        "of "
        f"Pearson's m. Pearson's curves deviate from the closed form by {worst:.1f} standard errors at most."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Heights by the three coefficients, and how far their peaks lie apart."""
    peaks = peaks_of(table)
    far = peaks[(peaks["peak_m", "pearson"] >= 5) & peaks.metric.isin(["recall", "ndcg", "ap"])]
    metric, k = SHOWN
    one = peaks[(peaks.metric == metric) & (peaks.k == k) & (peaks.model == "random rankings")].iloc[0]
    heights = listed(f"{one['height', method]:.3f} by {method.capitalize()}" for method in METHODS)
    found = {"heights": f"{METRIC_NAMES[metric]}@{k} under random rankings: the peak is {heights} high."}
    for method in METHODS[1:]:
        ratio = extent(far["peak_m", method] / far["peak_m", "pearson"])
        found[method] = (
            f"{method.capitalize()}'s peaks of Recall, NDCG and AP lie at {ratio} of Pearson's m, from m = 5 on."
        )
    return found
