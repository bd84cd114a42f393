"""Which beta softmax sampling realises, against the nominal exp(-rho) of Theorem 2, on every score model (T2f, T2i)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ...estimators import matched_beta, simulate_moments
from ...rankings import ScoreModel
from ...runs.options import Options
from ...sampling import SoftmaxExact, SoftmaxV
from ..study import Findings, Study
from ..style import ordered_colours, style
from ..words import extent
from .common import MODELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(__name__, "E-beta", "The beta that softmax sampling realises", 190)

AUC, POOL = 0.9, 200
RHOS = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
"""From 0.01 to 100, as the paper tunes it."""
SIZES = (20, 50, 100, 200, 500, 1_000, 2_000)
RHO = 1.0
"""Where N is moved."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Realised beta, exp(-KL of the weights from uniform), and the beta whose objective the mean estimate equals.

    Returns
    -------
    DataFrame
        Columns sweep (rho, N), model, sampler, rho, nominal (exp(-rho)), N, kl, realised (exp(-kl)), realised_low,
        realised_high (95%), negatives (N exp(-kl): as many are in effect sampled from), matched, matched_low,
        matched_high (95%), auc, n_pairs.
    """
    n_pairs = cast(int, options.pick(smoke=128, default=2_000, paper=50_000))
    rhos = RHOS if options.profile != "smoke" else RHOS[::4]
    sizes = SIZES if options.profile != "smoke" else SIZES[:3]
    rows = []
    for name, from_auc in MODELS.items():
        model = from_auc(AUC)
        for kind in (SoftmaxV, SoftmaxExact):
            rows += [_row("rho", name, model, kind(rho, POOL), n_pairs, options.seed) for rho in rhos]
        fewer = [max(n_pairs * POOL // max(size, POOL), 128) for size in sizes]
        rows += [_row("N", name, model, SoftmaxV(RHO, size), n, options.seed) for size, n in zip(sizes, fewer)]
    return pd.DataFrame(rows)


def _row(sweep: str, name: str, model: ScoreModel, sampler: SoftmaxV, n_pairs: int, seed: int) -> dict[str, Any]:
    found = simulate_moments(sampler, model, n_pairs=n_pairs, rng=seed)
    value, error = found.mean[0], 1.96 * found.mean_error[0]
    matched = matched_beta(model, [value + error, value, value - error])
    return {
        "sweep": sweep, "model": name, "sampler": "Softmax-exact" if isinstance(sampler, SoftmaxExact) else "Softmax-v",
        "rho": sampler.rho, "nominal": math.exp(-sampler.rho), "N": sampler.N, "kl": found.kl,
        "realised": math.exp(-found.kl), "realised_low": math.exp(-found.kl - 1.96 * found.kl_error),
        "realised_high": math.exp(-found.kl + 1.96 * found.kl_error), "negatives": sampler.N * math.exp(-found.kl),
        "matched": matched[1], "matched_low": matched[0], "matched_high": matched[2], "auc": AUC, "n_pairs": n_pairs,
    }  # fmt: skip


def plot(table: pd.DataFrame) -> Figure:
    """Realised and matched beta against rho; the number of negatives in effect sampled from, against N."""
    colours = dict(zip(MODELS, ordered_colours(len(MODELS))))
    dashed = {"color": "black", "linestyle": (0, (3, 2)), "linewidth": 1.2}
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.5))
        by_rho = table[table.sweep == "rho"]
        grid = np.geomspace(by_rho.rho.min(), by_rho.rho.max(), 300)
        for ax, column in zip(axes, ("realised", "matched")):
            for name, colour in colours.items():
                for sampler, line in (("Softmax-v", "-"), ("Softmax-exact", ":")):
                    part = by_rho[(by_rho.model == name) & (by_rho["sampler"] == sampler)]
                    if column == "realised" and sampler == "Softmax-exact" and name != "binormal":
                        continue  # the same for every model
                    ends = [part[column] - part[f"{column}_low"], part[f"{column}_high"] - part[column]]
                    ax.errorbar(part.rho, part[column], ends, color=colour, linestyle=line, marker="o", markersize=2.2)
            ax.plot(grid, np.exp(-grid), **dashed)
            ax.set(xscale="log", yscale="log", xlabel="nominal radius ρ", ylim=(0.3 / POOL, 1.3))
        axes[0].set(title=f"β by divergence, N = {POOL}", ylabel="β")
        axes[1].set(title=f"β by value, N = {POOL}")
        ax, by_size = axes[2], table[table.sweep == "N"]
        for name, colour in colours.items():
            part = by_size[by_size.model == name]
            ends = [part.negatives - part.N * part.realised_low, part.N * part.realised_high - part.negatives]
            ax.errorbar(part.N, part.negatives, ends, color=colour, marker="o", markersize=2.2, label=name)
        ax.plot(by_size.N.drop_duplicates(), by_size.N.drop_duplicates() * math.exp(-RHO), **dashed)
        ax.set(xscale="log", yscale="log", xlabel="pool size N", ylabel="negatives in effect, N exp(-KL)")
        ax.set(title=f"Softmax-v, ρ = {RHO:g}")
        handles, names = ax.get_legend_handles_labels()
        handles += [plt.Line2D([], [], **dashed), *(plt.Line2D([], [], color="grey", linestyle=s) for s in ("-", ":"))]
        figure.legend(
            handles, [*names, "nominal exp(-ρ)", "Softmax-v", "Softmax-exact"], loc="outside right center", fontsize=7.5
        )
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    by_rho = table[(table.sweep == "rho")].set_index(["sampler", "model", "rho"])
    rho = 1.0 if 1.0 in table[table.sweep == "rho"].rho.to_numpy() else float(table.rho.iloc[1])
    at = by_rho.xs(rho, level="rho")
    sizes = table[table.sweep == "N"].set_index(["model", "N"]).negatives
    low, high = int(table[table.sweep == "N"].N.min()), int(table[table.sweep == "N"].N.max())

    def reach(sampler: str, column: str) -> str:
        return f"{at.loc[sampler][column].min():.2g} to {at.loc[sampler][column].max():.2g}"

    return (
        f"Left: β that the weights realise, exp(-KL from uniform on the pool of {POOL}), against the nominal "
        f"exp(-ρ) (dashed), on populations of AUC {AUC:g}; at ρ = {rho:g}, nominally {math.exp(-rho):.2g}, Softmax-v "
        f"realises {reach('Softmax-v', 'realised')}. Softmax-exact (dotted, the same on every model) realises exp(-ρ) "
        f"until a single negative is left, at ρ = log N = {math.log(POOL):.1f}. Middle: the β whose OPAUC objective "
        f"the mean estimate equals: {reach('Softmax-v', 'matched')} for Softmax-v and "
        f"{reach('Softmax-exact', 'matched')} for Softmax-exact at the same ρ. Right: negatives that Softmax-v in "
        f"effect samples from, N exp(-KL): from N = {low} to {high:,} they go from {sizes['binormal', low]:.1f} to "
        f"{sizes['binormal', high]:.1f} on the binormal model and from {sizes['student-t', low]:.1f} to "
        f"{sizes['student-t', high]:.1f} on the Student model, where a fixed β would be the dashed line. Means "
        f"over {int(table.n_pairs.max()):,} positives (fewer for larger pools) with two pools each, 95% intervals."
    )


def findings(table: pd.DataFrame) -> Findings:
    """What the softmax samplers realise at one nominal radius, and how it moves with N."""
    by_rho = table[table.sweep == "rho"]
    rho = 1.0 if (by_rho.rho == 1.0).any() else float(by_rho.rho.iloc[1])
    found = {}
    for name, part in by_rho[by_rho.rho == rho].groupby("sampler", sort=False):
        found[name] = (
            f"At ρ = {rho:g}, nominally β = {math.exp(-rho):.2f}, {name} on pools of {POOL} realises "
            f"{extent(part.realised)} by divergence and {extent(part.matched)} by value, over {part.model.nunique()} "
            "score models."
        )
    sizes = table[table.sweep == "N"].set_index(["model", "N"]).negatives
    for model in ("binormal", "student-t"):
        line = sizes[model]
        found[f"N/{model}"] = (
            f"{model} scores: Softmax-v in effect samples from {line.iloc[0]:.1f} negatives at N = {line.index[0]} and "
            f"from {line.iloc[-1]:.1f} at N = {line.index[-1]:,}."
        )
    return found
