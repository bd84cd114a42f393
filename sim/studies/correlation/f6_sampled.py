"""Sampled metrics: the fewer negatives are sampled, the nearer a metric@K comes to AUC (Krichene and Rendle, 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ...rankings import Binormal, ScoreModel, sampled_correlation, simulate_sampled_correlation
from ...runs.options import Options
from ..study import Findings, Study
from ..style import PALETTE, ordered_colours, style
from ..words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(__name__, "F6-sampled", "Sampled metrics: which OPAUC(beta) they measure", 300)

N_POS, N_NEG = 100, 9_900
K = 10
SAMPLES = (30, 100, 300, 1_000, N_NEG)
"""Negatives sampled for each positive; the last as many as there are."""
METRICS = (("recall", 1), ("recall", 10), ("ndcg", 10))
MODELS: dict[str, ScoreModel | None] = {"random rankings": None, "binormal, AUC 0.9": Binormal.from_auc(0.9)}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Correlation of sampled metrics with OPAUC(beta), exact for random rankings and simulated for both models.

    Returns
    -------
    DataFrame
        model, metric, k, n_sampled, m, beta, exact (NaN for score models), simulated, standard_error, n_rankings.
    """
    n_rankings = cast(int, options.pick(smoke=300, default=5_000, paper=100_000))
    ms = np.unique(np.geomspace(1, N_NEG, 60).round().astype(int))
    rows: list[pd.DataFrame] = []
    for name, model in MODELS.items():
        for metric, k in METRICS:
            value, error = simulate_sampled_correlation(
                N_POS, N_NEG, SAMPLES, metric, k, ms=ms, score_model=model, n_rankings=n_rankings, rng=options.seed
            )
            for i, n in enumerate(SAMPLES):
                exact: Any = np.nan
                if model is None:
                    exact = sampled_correlation(N_POS, N_NEG, n, metric, k)[ms - 1]
                rows.append(
                    pd.DataFrame(
                        {
                            "model": name,
                            "metric": metric,
                            "k": k,
                            "n_sampled": n,
                            "m": ms,
                            "beta": ms / N_NEG,
                            "exact": exact,
                            "simulated": value[i],
                            "standard_error": error[i],
                            "n_rankings": n_rankings,
                        }
                    )
                )
    return pd.concat(rows, ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """Recall@10 over beta for each number of samples, in both models; the drift to AUC."""
    with style() as plt:
        colours = ordered_colours(len(SAMPLES))
        figure, axes = plt.subplots(1, 3, figsize=(11.0, 3.5), width_ratios=[1, 1, 0.9])
        for ax, name in zip(axes, MODELS):
            part = table[(table.model == name) & (table.metric == "recall") & (table.k == K)]
            for n, colour in zip(SAMPLES, colours):
                curve = part[part.n_sampled == n]
                line = curve.exact if curve.exact.notna().all() else curve.simulated
                ax.plot(curve.beta, line, color=colour, label=f"{n:,}")
                half = 1.96 * curve.standard_error
                ax.fill_between(curve.beta, curve.simulated - half, curve.simulated + half, color=colour, alpha=0.2,
                                linewidth=0)  # fmt: skip
                ax.plot(1.5 * K / n, 0.015, marker="|", markersize=10, markeredgewidth=2, color=colour)
            ax.set(xscale="log", xlabel="FPR limit β", ylim=(0, 1), title=f"sampled Recall@{K}, {name}")
        axes[0].set_ylabel("correlation with OPAUC(β)")
        lines = [plt.Line2D([], [], color=colour, label=f"{n:,} sampled") for n, colour in zip(SAMPLES, colours)]
        lines.append(
            plt.Line2D([], [], color="black", marker="|", markeredgewidth=2, linestyle="none", label="1.5 K/n")
        )
        figure.legend(handles=lines, loc="outside lower left", ncols=6)
        ends = []
        for (metric, k), colour in zip(METRICS, ("orange", "blue", "green")):
            for name, dashes in zip(MODELS, ("-", "--")):
                part = table[(table.model == name) & (table.metric == metric) & (table.k == k) & (table.m == N_NEG)]
                auc = part.exact.fillna(part.simulated)
                axes[2].errorbar(part.n_sampled, auc, 1.96 * part.standard_error * part.exact.isna(), marker="o",
                                 markersize=3, color=PALETTE[colour], linestyle=dashes)  # fmt: skip
            label = f"{'Recall' if metric == 'recall' else 'NDCG'}@{k}"
            ends.append((label, PALETTE[colour]))
        handles = [plt.Line2D([], [], color=colour, label=label) for label, colour in ends]
        handles += [
            plt.Line2D([], [], color="black", linestyle=d, label=n.split(",")[0]) for n, d in zip(MODELS, ("-", "--"))
        ]
        axes[2].legend(handles=handles, loc="upper right")
        axes[2].set(
            xscale="log", xlabel="negatives sampled", ylabel="correlation with AUC", ylim=(0, 1), title="drift to AUC"
        )
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    random = table[(table.model == "random rankings") & (table.metric == "recall") & (table.k == K)]
    drift = random[random.m == N_NEG].set_index("n_sampled").exact
    law = random.loc[random.groupby("n_sampled").exact.idxmax()].set_index("n_sampled").beta
    worst = ((table.simulated - table.exact).abs() / table.standard_error).max()
    at = ", ".join(f"{n:,}: β = {law[n]:.3g} (1.5 K/n = {1.5 * K / n:.3g})" for n in SAMPLES if n >= 100)
    return (
        f"Sampled Recall@{K} ranks each of {N_POS} positives against its own n negatives, drawn from {N_NEG:,} with "
        f"replacement. Left: lines exact, bands 95% intervals from {table.n_rankings.iloc[0]:,} simulated rankings "
        f"(largest deviation {worst:.1f} standard errors); ticks at the bottom: 1.5 K/n, the scaling law with the "
        f"sample in the place of the catalogue. Middle: scores of a recommender of AUC 0.9. Peaks of n sampled "
        f"negatives, {at}. Right: correlation with AUC; for random rankings it rises from {drift[N_NEG]:.2f} with all "
        f"negatives to {drift[100]:.2f} with 100 and {drift[30]:.2f} with 30. Recall@{K} sampled with 100 negatives is "
        f"no Top-{K} metric but an area up to β of about {1.5 * K / 100:g}: it rewards easier negatives than Top-{K} "
        "does."
    )


def findings(table: pd.DataFrame) -> Findings:
    """The drift of a sampled metric to AUC."""
    random = table[(table.model == "random rankings") & (table.metric == "recall") & (table.k == K)]
    drift = random[random.m == N_NEG].set_index("n_sampled").exact
    law = random.loc[random.groupby("n_sampled").exact.idxmax()].set_index("n_sampled").beta
    return {
        "drift": (
            f"Under random rankings the correlation of sampled Recall@{K} with AUC is "
            + listed(f"{drift[n]:.2f} with {n:,} negatives sampled" for n in sorted(drift.index, reverse=True))
            + " (exact)."
        ),
        "peaks": "Its peak lies at β = "
        + listed(f"{law[n]:.3g} with {n:,}" for n in law.index)
        + " negatives sampled.",
    }
