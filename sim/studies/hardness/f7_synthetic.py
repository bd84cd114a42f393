"""Figure 7 on synthetic scores: sampling hardness of every sampler, exact and simulated, with light and heavy tails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...objectives import logistic_loss
from ...rankings import Binormal, ScoreModel, StudentT
from ...runs.options import Options
from ...sampling import DNS, RankDistribution, Sampler, SoftmaxExact, SoftmaxV, rank_distribution
from ...sampling import simulate_rank_distribution as simulated
from ..study import Findings, Study
from ..style import PALETTE, SAMPLERS, ordered_colours, style
from ..words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F7-synthetic", "Sampling hardness on synthetic scores, and the effective beta of every sampler", 210,
    zero_below={"standard_error": 1e-8, "check_error": 1e-12},
)  # fmt: skip

N_NEG = 10_000
N = 200
MS = (1, 2, 5, 10, 20, 50, 200)
NS = (20, 50, 100, 200, 400, 800)
RHOS = (0.01, 0.1, 1.0, 10.0, 100.0)
FINE = (0.03, 0.3, 0.5, 2.0, 3.0, 5.0)
"""More radii, for the effective beta only."""
MODELS: dict[str, ScoreModel] = {"binormal": Binormal.from_auc(0.9), "Student t": StudentT.from_auc(0.9, df=3.0)}
NAMES = {"DNS": "DNS", "SoftmaxV": "Softmax-v", "SoftmaxExact": "Softmax-exact"}
DASHES: dict[str, Any] = {"binormal": "-", "Student t": (0, (4, 2))}


def losses_of(model: ScoreModel, n_neg: int, seed: int) -> NDArray[np.float64]:
    """Losses of one list's negatives against its median positive."""
    pos, neg = model.sample(101, n_neg, rng=seed)
    return logistic_loss(np.median(pos) - neg[0])


def samplers() -> list[tuple[str, Sampler]]:
    """Panel and sampler of every curve; the panel "beta" has no curve, only an effective beta."""
    listed: list[tuple[str, Sampler]] = [("M", DNS(m, N)) for m in MS]
    listed += [("N", DNS(5, pool)) for pool in NS]
    for family in (SoftmaxV, SoftmaxExact):
        listed += [(family.__name__, family(rho, N)) for rho in RHOS]
        listed += [("beta", family(rho, N)) for rho in FINE]
        listed += [("beta", family(1.0, pool)) for pool in NS if pool != N]
    return listed


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Rank laws of every sampler on the losses of every model, pools drawn without replacement.

    Returns
    -------
    DataFrame
        Columns model, panel, family, parameter (M or rho), N, rank, cumulative, standard_error, check (the simulated
        cumulative probability where ``cumulative`` is exact), check_error, effective_beta, effective_beta_error,
        nominal_beta (M/N or exp(-rho)), kind (exact or simulated), n_neg, n_pools. Of the panel "beta" only the last
        rank is kept.
    """
    n_pools = cast(int, options.pick(smoke=200, default=5_000, paper=100_000))
    grid = np.unique(np.round(np.geomspace(1, N_NEG, 80)).astype(int))
    parts = []
    for name, model in MODELS.items():
        losses = losses_of(model, N_NEG, options.seed)
        for panel, sampler in samplers():
            law = rank_distribution(sampler, losses, n_pools=n_pools, rng=options.seed)
            exact = law.n_pools == 0
            check = simulated(sampler, losses, n_pools=n_pools, rng=options.seed + 1) if exact else None
            parts.append(_rows(name, panel, sampler, law, check, grid[-1:] if panel == "beta" else grid, n_pools))
    return pd.concat(parts, ignore_index=True)


def _rows(
    model: str, panel: str, sampler: Sampler, law: RankDistribution, check: RankDistribution | None,
    grid: NDArray[np.int64], n_pools: int,
) -> pd.DataFrame:  # fmt: skip
    parameter = sampler.params[0]
    nominal = parameter / sampler.N if isinstance(sampler, DNS) else math.exp(-parameter)
    return pd.DataFrame(
        {
            "model": model,
            "panel": panel,
            "family": type(sampler).__name__,
            "parameter": parameter,
            "N": sampler.N,
            "rank": grid,
            "cumulative": law.cumulative[grid - 1],
            "standard_error": law.cumulative_error[grid - 1],
            "check": check.cumulative[grid - 1] if check else np.nan,
            "check_error": check.cumulative_error[grid - 1] if check else np.nan,
            "effective_beta": law.effective_beta,
            "effective_beta_error": law.effective_beta_error,
            "nominal_beta": nominal,
            "kind": "exact" if check else "simulated",
            "n_neg": law.probability.size,
            "n_pools": n_pools,
        }
    )


def effective(table: pd.DataFrame) -> pd.DataFrame:
    """One row per sampler and model: nominal and effective beta, and the M of DNS(M, N) that is as hard."""
    what = ["family", "parameter", "N", "model", "nominal_beta", "effective_beta", "effective_beta_error"]
    rows = table.drop_duplicates(what[:4])[what].copy()
    rows["like_M"] = rows.effective_beta * (rows.N + 1) - 1
    return rows.sort_values(["family", "N", "parameter", "model"], ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """Four panels of curves; effective against nominal beta; effective beta against the pool's size."""
    panels = {
        "M": (f"a  DNS(M, {N})", "parameter", "M"), "N": ("b  DNS(5, N)", "N", "N"),
        "SoftmaxV": (f"c  Softmax-v(ρ, {N})", "parameter", "ρ"),
        "SoftmaxExact": (f"d  Softmax-exact(ρ, {N})", "parameter", "ρ"),
    }  # fmt: skip
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(10.6, 6.6))
        for ax, (panel, (title, by, symbol)) in zip(axes.T.flat, panels.items()):
            part = table[table.panel == panel]
            values = sorted(set(part[by]))
            handles = []
            for value, colour in zip(values, ordered_colours(len(values))):
                for model, dash in DASHES.items():
                    curve = part[(part[by] == value) & (part.model == model)]
                    if panel in ("M", "N"):
                        some = curve.iloc[4 if model == "binormal" else 8 :: 9]
                        marker = {"marker": "o" if model == "binormal" else "D", "markersize": 3, "linestyle": "none"}
                        ax.errorbar(
                            some["rank"], some.check, 2 * some.check_error, color=colour, elinewidth=0.7, **marker
                        )
                        dash = "-"
                    ax.plot(curve["rank"], curve.cumulative, color=colour, linestyle=dash)
                    band = 2 * curve.standard_error
                    ax.fill_between(
                        curve["rank"], curve.cumulative - band, curve.cumulative + band, color=colour, alpha=0.25, lw=0
                    )
                handles.append(plt.Line2D([], [], color=colour, label=f"{symbol} = {value:g}"))
            ax.legend(handles=handles, loc="upper left", fontsize=7, handlelength=1.2, labelspacing=0.25)
            ax.set(xscale="log", xlabel="rank of the negative", ylabel="cumulative probability", title=title)
            ax.set(xlim=(1, N_NEG), ylim=(0, 1.02))
        _draw_nominal(axes[0, 2], table)
        _draw_pools(axes[1, 2], table)
        keys = [plt.Line2D([], [], color="black", linestyle=dash) for dash in DASHES.values()]
        keys += [plt.Line2D([], [], color="black", marker=m, markersize=4, linestyle="none") for m in "oD"]
        names = [*DASHES, "binormal, simulated", "Student t, simulated"]
        figure.legend(keys, names, loc="outside lower center", ncols=4)
    return figure


def _draw_nominal(ax: Any, table: pd.DataFrame) -> None:
    rows = effective(table[(table.N == N) & (table.panel != "N")])
    for (family, model), curve in rows.groupby(["family", "model"]):
        curve = curve[curve.nominal_beta > 1e-5].sort_values("nominal_beta")
        label = NAMES[family] if model == "binormal" else None
        style_ = {"color": SAMPLERS[NAMES[family]].colour, "linestyle": DASHES[model], "label": label}
        ax.errorbar(
            curve.nominal_beta, curve.effective_beta, 2 * curve.effective_beta_error, marker="o", markersize=3, **style_
        )
    ax.plot([2e-3, 1], [2e-3, 1], color="black", linewidth=0.8, linestyle=":")
    ax.axhline(2 / (N + 1), color=PALETTE["grey"], linewidth=0.8)
    ax.annotate(
        f"hardest pool of {N}", (1, 2 / (N + 1)), (0, -10), textcoords="offset points", ha="right", fontsize=7.5
    )
    ax.set(
        xscale="log", yscale="log", xlabel="nominal β (M/N or exp(−ρ))", ylabel="effective β", title="e  Pools of 200"
    )
    ax.legend(loc="upper left")


def _draw_pools(ax: Any, table: pd.DataFrame) -> None:
    rows = effective(table)
    chosen = rows[((rows.family == "DNS") & (rows.parameter == 5)) | ((rows.family != "DNS") & (rows.parameter == 1))]
    for (family, model), curve in chosen.groupby(["family", "model"]):
        curve = curve.sort_values("N")
        ax.errorbar(
            curve.N, curve.effective_beta, 2 * curve.effective_beta_error, color=SAMPLERS[NAMES[family]].colour,
            marker="o", markersize=3, linestyle=DASHES[model],
        )  # fmt: skip
    ax.set(
        xscale="log", yscale="log", xlabel="pool size N", ylabel="effective β", title="f  DNS(5, N), softmax at ρ = 1"
    )
    ax.set_xticks(NS, NS)
    ax.minorticks_off()
    ax.axhline(math.exp(-1), color="black", linewidth=0.8, linestyle=":")
    ax.annotate("exp(−1)", (NS[-1], math.exp(-1)), (0, -10), textcoords="offset points", ha="right", fontsize=7.5)


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    rows = effective(table).set_index(["family", "parameter", "N", "model"]).effective_beta
    worst = ((table.check - table.cumulative).abs() / table.check_error.where(table.check_error > 1e-4)).max()

    def pair(family: str, rho: float) -> str:
        return " and ".join(f"{rows[family, rho, N, m]:.3f}" for m in MODELS)

    return (
        f"Cumulative sampling probability over {N_NEG:,} negatives sorted by falling score; scores binormal or "
        "Student "
        f"t with 3 degrees of freedom, both of AUC 0.9; {int(table.n_pools.max()):,} pools. DNS is exact (lines) and "
        f"the same for any scores; simulated points of both models lie on it, at most {worst:.1f} standard errors "
        "off. "
        "Softmax is simulated, with 2 standard errors, and does depend on the tails. Effective β = (2 E[rank] − 1)/n "
        f"is the mean β of the OPAUC mixture that a sampler optimises: {rows['DNS', 5.0, N, 'binormal']:.4f} for "
        f"DNS(5, {N}), near (M + 1)/(N + 1) and not M/N = {5 / N}. At ρ = 1, nominal β 0.368, it is "
        f"{pair('SoftmaxV', 1.0)} for Softmax-v (binormal, Student t) and {pair('SoftmaxExact', 1.0)} for "
        "Softmax-exact. Larger pools make DNS and Softmax-v harder, Softmax-exact a little easier."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Effective beta against the nominal one."""
    rows = effective(table).set_index(["family", "parameter", "N", "model"]).effective_beta
    found = {
        "DNS": (
            f"DNS(5, {N}) has effective β {rows['DNS', 5.0, N, 'binormal']:.4f}, (M + 1)/(N + 1) to leading order "
            "and not "
            f"M/N = {5 / N:g} (exact)."
        )
    }
    for family in ("SoftmaxV", "SoftmaxExact"):
        values = listed(f"{rows[family, 1.0, N, m]:.3f} on {m} scores" for m in MODELS)
        found[NAMES[family]] = (
            f"{NAMES[family]} at ρ = 1, nominal β {math.exp(-1):.3f}, has effective β {values} (pools of {N}, "
            "simulated)."
        )
    return found
