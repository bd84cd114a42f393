"""Bias of the samplers as estimators of OPAUC(beta)'s surrogate (T1, T2): against N, beta and the separation."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from ...estimators import leading_bias, population_objective, simulate_moments
from ...rankings import Binormal
from ...runs.options import Options
from ..study import Findings, Study
from ..style import SAMPLERS as LOOKS
from ..style import legend_below, style
from ..words import standing
from .common import QUANTITIES, SAMPLERS, at_beta, moments, moments_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "E-bias", "Bias of DNS and softmax sampling as estimators of OPAUC(beta)", 160,
    zero_below=dict.fromkeys(("truth_error", "mean_error", "between_error", "within_error", "kl_error"), 1e-12),
)  # fmt: skip

SWEEPS: dict[str, tuple[float, ...]] = {
    "N": (20, 40, 80, 160, 320, 640, 1280),
    "beta": (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.7),
    "auc": (0.55, 0.65, 0.75, 0.85, 0.9, 0.95, 0.99),
}
CENTRE = {"N": 200, "beta": 0.1, "auc": 0.9}
"""Each sweep moves one of these and leaves the others."""


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Exact bias of DNS with a simulated check, simulated bias of the softmax samplers, on binormal populations.

    Returns
    -------
    DataFrame
        Columns sweep (N, beta, auc), N, beta, auc, sampler, kind (exact or simulated), quantity (value, slope), truth,
        mean, bias, between, within, kl, each with its error, leading (bias of DNS to first order in 1/N), n_pairs.
    """
    n_pairs = cast(int, options.pick(smoke=256, default=8_000, paper=200_000))
    rows = []
    for sweep, values in SWEEPS.items():
        for value in values if options.profile != "smoke" else values[::3]:
            at = {**CENTRE, sweep: value}
            size, beta = int(at["N"]), at["beta"]
            model = Binormal.from_auc(at["auc"])
            truth, leading = population_objective(model, beta), leading_bias(model, beta) / size
            for name in SAMPLERS:
                sampler = at_beta(name, beta, size)
                kinds = {"exact" if name == "DNS" else "simulated": moments(sampler, model, n_pairs, options.seed)}
                if name == "DNS":
                    kinds["simulated"] = simulate_moments(sampler, model, n_pairs=n_pairs, rng=options.seed)
                for kind, found in kinds.items():
                    names = {"sweep": sweep, **at, "sampler": name, "kind": kind, "n_pairs": n_pairs}
                    for row, first in zip(moments_rows(found, truth, **names), leading):
                        rows.append({**row, "leading": first if name == "DNS" else np.nan})
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """Relative bias of value and slope against N, beta and AUC: exact lines for DNS, simulated points."""
    labels = {"N": "pool size N", "beta": "FPR limit β", "auc": "population AUC"}
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.2), sharex="col", sharey=True)
        for column, sweep in enumerate(SWEEPS):
            for ax, quantity in zip(axes[:, column], QUANTITIES):
                part = table[(table.sweep == sweep) & (table.quantity == quantity)]
                ax.axhline(0.0, color="black", linewidth=0.8)
                for name in SAMPLERS:
                    curve = part[(part.sampler == name) & (part.kind == ("exact" if name == "DNS" else "simulated"))]
                    ax.plot(curve[sweep], curve.bias / curve.truth.abs() * _sign(quantity), color=LOOKS[name].colour)
                    drawn = part[(part.sampler == name) & (part.kind == "simulated")]
                    ax.errorbar(
                        drawn[sweep], drawn.bias / drawn.truth.abs() * _sign(quantity),
                        1.96 * drawn.mean_error / drawn.truth.abs(), fmt=LOOKS[name].marker, color=LOOKS[name].colour,
                        elinewidth=0.9, label=name,
                    )  # fmt: skip
                if sweep != "auc":
                    ax.set_xscale("log")
                ax.set_yscale("symlog", linthresh=0.1, linscale=1.0)
                ax.set_yticks([-0.1, 0.0, 0.1, 1.0], ["-10%", "0", "+10%", "+100%"])
                ax.minorticks_off()
            axes[1, column].set_xlabel(labels[sweep])
            fixed = [f"{labels[k].split()[-1]} = {v:g}" for k, v in CENTRE.items() if k != sweep]
            axes[0, column].set_title(", ".join(fixed))
        axes[0, 0].set_ylabel("relative bias, value")
        axes[1, 0].set_ylabel("relative bias, slope")
        legend_below(figure, 3, where="upper center")
    return figure


def _sign(quantity: str) -> float:
    """The slope is negative: count a slope that is too steep as positive bias."""
    return -1.0 if quantity == "slope" else 1.0


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    value = table[(table.quantity == "value") & (table.sweep == "N")].set_index(["sampler", "kind", "N"])
    relative = value.bias / value.truth
    sizes = table[table.sweep == "N"].N
    low, high = int(sizes.min()), int(sizes.max())
    exact = table[(table.sampler == "DNS") & (table.kind == "exact")].reset_index(drop=True)
    drawn = table[(table.sampler == "DNS") & (table.kind == "simulated")].reset_index(drop=True)
    worst = ((drawn["mean"] - exact["mean"]) / drawn.mean_error).abs().max()

    def ends(name: str, kind: str) -> str:
        return f"{relative[(name, kind, low)]:+.1%} at N = {low}, {relative[(name, kind, high)]:+.1%} at N = {high:,}"

    return (
        f"Relative bias for the surrogate objective of OPAUC(β) on binormal populations, of the value (above) and of "
        f"its slope under a shift of the positives' scores (below). Nominal β: M/N for DNS(M, N), exp(-ρ) for the "
        f"softmax samplers. Truth and DNS lines are exact; points are simulated from {int(table.n_pairs.iloc[0]):,} "
        f"positives with two pools each, 95% intervals (DNS: largest deviation from exact {worst:.1f} standard "
        f"errors). The axis is linear within 10%. DNS underrates the objective, by a bias that falls as 1/N "
        f"({ends('DNS', 'exact')}); Softmax-exact tends to the KL-robust value, which is larger "
        f"({ends('Softmax-exact', 'simulated')}); Softmax-v grows harder with N at the same ρ "
        f"({ends('Softmax-v', 'simulated')})."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Bias of each sampler's value at the ends of the sweep over N."""
    value = table[(table.quantity == "value") & (table.sweep == "N")]
    found = {}
    for name in SAMPLERS:
        part = value[(value["sampler"] == name) & (value.kind == ("exact" if name == "DNS" else "simulated"))]
        first, last = part.loc[part.N.idxmin()], part.loc[part.N.idxmax()]
        ends = [r.bias / r.truth for r in (first, last)]
        error = 1.96 * last.mean_error / abs(last.truth)
        sign = standing(ends[1] - error, ends[1] + error, words=("below", "level with", "above"))
        found[name] = (
            f"{name}: relative bias of the value {ends[0]:+.1%} at N = {first.N:.0f} and {ends[1]:+.1%} at "
            f"N = {last.N:,.0f}; there its mean is {sign} the truth ("
            + ("exact)." if name == "DNS" else f"95%, over {table.n_pairs.iloc[0]:,} positives).")
        )
    return found
