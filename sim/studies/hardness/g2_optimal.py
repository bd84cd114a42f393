"""Optimal hardness: the best weights over negative ranks for each metric, and how near the samplers come (claim G2).

Random rankings are treated exactly; score models by regression, with correlations on rankings that were not fitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ...core.later import Later
from ...objectives import logistic_loss
from ...rankings import (
    Binormal,
    PopularitySkewed,
    ScoreModel,
    StudentT,
    fit_weights,
    lattice_moments,
    optimal_weights,
    simulate_areas,
    weights_correlation,
)
from ...runs.options import Options
from ...sampling import DNS, SoftmaxExact, SoftmaxV, rank_distribution
from ..study import Findings, Study
from ..style import METRIC_NAMES, PALETTE, ordered_colours, sampler_look, style
from ..words import extent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G2-optimal", "The best hardness for each metric, and how near the samplers come", 200,
)  # fmt: skip

N = 200
SIZES = ((200, 800), (50, 40_000))
METRICS = ("recall", "ndcg", "ap", "mrr", "hit")
KS = (1, 2, 5, 10, 20, 50, 100, 200)
RHOS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0)
TOPS = (1, 2, 3, 5, 10, 20, 50, 100, 200)
MODELS: Later[ScoreModel] = Later(
    {
        "binormal, AUC .7": lambda: Binormal.from_auc(0.7),
        "binormal, AUC .9": lambda: Binormal.from_auc(0.9),
        "Student t, AUC .9": lambda: StudentT.from_auc(0.9),
        "popularity, AUC .9": lambda: PopularitySkewed.from_auc(0.9),
    }
)
CUT, POOL, SOFT_V, SOFT_EXACT = "OPAUC(β)", f"DNS(M, {N})", f"Softmax-v(ρ, {N})", f"Softmax-exact(ρ, {N})"
COLOURS = {
    "any weights": PALETTE["grey"], "falling weights": PALETTE["black"], CUT: PALETTE["sky"],
    **{sampler: sampler_look(sampler).colour for sampler in (POOL, SOFT_V, SOFT_EXACT)},
    "LLPAUC(α, β)": PALETTE["orange"], "AUC": PALETTE["purple"],
}  # fmt: skip
"""The two ceilings, then the families that are scored against them."""
LINES: dict[str, dict[str, Any]] = {
    "falling weights": {"linestyle": (0, (4, 2))}, CUT: {"linewidth": 2.6}, POOL: {"linewidth": 2.6},
    SOFT_V: {"linestyle": (0, (3, 2))}, SOFT_EXACT: {"linestyle": (0, (1, 2))},
    "LLPAUC(α, β)": {"linestyle": (0, (1, 1))},
}  # fmt: skip
"""Curves lie on each other in places; their dashes keep them apart."""
RANKS = (1, 2, 5, 10, 20, 50, 100, 200)

Floats = NDArray[np.float64]
Family = tuple[str, Floats, Floats]


def families(losses: Floats, n_pools: int, seed: int) -> Iterator[Family]:
    """Each family of weights over the ranks of all negatives: name, its parameter's values, one row of weights each."""
    n = losses.size
    cuts = np.unique(np.round(1.04 ** np.arange(np.log(n) / np.log(1.04) + 1)).clip(max=n))
    yield CUT, cuts, (np.arange(1, n + 1) <= cuts[:, None]) / cuts[:, None]
    ms = np.unique(np.round(1.12 ** np.arange(48)).clip(max=N))
    yield POOL, ms, np.stack([DNS(int(m), N).rank_distribution(n) for m in ms])
    for name, family in ((SOFT_V, SoftmaxV), (SOFT_EXACT, SoftmaxExact)):
        laws = [rank_distribution(family(rho, N), losses, n_pools=n_pools, rng=seed).probability for rho in RHOS]
        yield name, np.array(RHOS), np.stack(laws)


def effective_beta(weights: Floats) -> float:
    """(2 E[rank] - 1)/n."""
    return float(weights @ (2.0 * np.arange(1, weights.size + 1) - 1.0)) / weights.size


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every family at its best parameter, for every metric and K.

    Returns
    -------
    DataFrame
        Columns model ("random" or a score model), n_pos, n_neg, metric, k, family, parameter (the best one: m, M, rho
        or the number of top positives), effective_beta, correlation, low, high (95% interval; equal to the
        correlation where exact), efficiency (correlation over that of "any weights"), n_rankings (0 where exact).
    """
    n_pools = cast(int, options.pick(smoke=300, default=10_000, paper=100_000))
    sizes = SIZES[: cast(int, options.pick(smoke=1, default=2))]
    ks = cast(tuple[int, ...], options.pick(smoke=(5, 20), default=KS))
    metrics = cast(tuple[str, ...], options.pick(smoke=("recall", "ndcg"), default=METRICS))
    rows: list[dict[str, Any]] = []
    for n_pos, n_neg in sizes:
        losses = logistic_loss(ndtri((np.arange(n_neg) + 0.5) / n_neg))  # a positive of middling score
        all_families = list(families(losses, n_pools, options.seed))
        for metric in metrics:
            for k in ks:
                rows += _exact(n_pos, n_neg, metric, k, all_families)
    n_rankings = cast(int, options.pick(smoke=6_000, default=30_000, paper=400_000))
    for name in list(MODELS)[: cast(int, options.pick(smoke=1, default=4))]:
        rows += _regressed(name, n_rankings, n_pools, options.seed)
    table = pd.DataFrame(rows)
    of = ["model", "n_pos", "n_neg", "metric", "k"]
    ceiling = table[table.family == "any weights"].set_index(of).correlation
    table["efficiency"] = table.correlation.to_numpy() / ceiling.loc[list(zip(*(table[c] for c in of)))].to_numpy()
    return table


def _exact(n_pos: int, n_neg: int, metric: str, k: int, all_families: list[Family]) -> list[dict[str, Any]]:
    common = {"model": "random", "n_pos": n_pos, "n_neg": n_neg, "metric": metric, "k": k, "n_rankings": 0}

    def row(family: str, parameter: float, beta: float, value: float) -> dict[str, Any]:
        found = {"correlation": value, "low": value, "high": value}
        return {**common, "family": family, "parameter": parameter, "effective_beta": beta, **found}

    rows = []
    for name, falling in (("any weights", False), ("falling weights", True)):
        try:
            weights, ceiling = optimal_weights(n_pos, n_neg, metric, k, falling=falling)
        except ValueError:  # Hit@K with many positives: always a hit
            return []
        rows.append(row(name, np.nan, effective_beta(weights), ceiling))
    moments = lattice_moments(n_pos, n_neg, metric, k)
    best = int(np.argmax(moments.correlation))
    rows.append(row(CUT, best + 1, (best + 1) / n_neg, float(moments.correlation[best])))
    for name, parameters, weights in all_families[1:]:
        value = weights_correlation(weights, n_pos, n_neg, metric, k)
        at = int(np.argmax(value))
        rows.append(row(name, parameters[at], effective_beta(weights[at]), float(value[at])))
    tops = [a for a in TOPS if a <= n_pos]
    curves = np.stack([lattice_moments(n_pos, n_neg, metric, k, alpha=a / n_pos).correlation for a in tops])
    top, m = np.unravel_index(int(np.nanargmax(curves)), curves.shape)
    rows.append(row("LLPAUC(α, β)", tops[top], (m + 1) / n_neg, float(curves[top, m])))
    rows.append(row("AUC", np.nan, 1.0, float(moments.correlation[-1])))
    return rows


def _regressed(name: str, n_rankings: int, n_pools: int, seed: int) -> list[dict[str, Any]]:
    """Ceilings by regression; the families' parameters are chosen on other rankings than they are scored on."""
    model, (n_pos, n_neg) = MODELS[name], SIZES[0]
    metrics, ks = ("recall", "ndcg"), (5, 20, 50)
    common = {"model": name, "n_pos": n_pos, "n_neg": n_neg, "n_rankings": n_rankings}
    what: dict[str, Any] = {"metrics": metrics, "ks": ks, "score_model": model, "n_rankings": n_rankings}
    rows = []
    for family, falling in (("any weights", False), ("falling weights", True)):
        fit = fit_weights(n_pos, n_neg, falling=falling, rng=seed, **what)
        low, high = fit.interval()
        for (i, metric), (j, k) in ((a, b) for a in enumerate(metrics) for b in enumerate(ks)):
            beta = effective_beta(fit.weights[i, j]) if falling else np.nan
            found = {"correlation": fit.correlation[i, j], "low": low[i, j], "high": high[i, j]}
            rows.append({**common, "metric": metric, "k": k, "family": family, "effective_beta": beta, **found})
    pos, neg = model.sample(n_pos, n_neg, rng=seed)
    losses = logistic_loss(np.median(pos) - neg[0])
    all_families = list(families(losses, n_pools, seed))
    weights = np.concatenate([w for _, _, w in all_families])
    chosen, scored = (simulate_areas(n_pos, n_neg, weights, rng=seed + s, **what) for s in (1, 2))
    low, high = scored.interval()
    first = 0
    for family, parameters, _ in all_families:
        for (i, metric), (j, k) in ((a, b) for a in enumerate(metrics) for b in enumerate(ks)):
            best = int(np.nanargmax(chosen.correlation[i, j, first : first + parameters.size]))
            at = (i, j, first + best)
            found = {"correlation": scored.correlation[at], "low": low[at], "high": high[at]}
            here = {"metric": metric, "k": k, "family": family, "parameter": parameters[best]}
            rows.append({**common, **here, "effective_beta": effective_beta(weights[at[2]]), **found})
        first += parameters.size
    return rows


def plot(table: pd.DataFrame) -> Figure:
    """Ideal weights; best hardness against K; efficiency against K; efficiency under score models."""
    random = table[table.model == "random"]
    large = random[random.n_neg == random.n_neg.max()]
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(11.0, 6.6))
        _draw_weights(axes[0, 0], *SIZES[0])
        _draw_best(axes[0, 1], random[random.metric == "recall"])
        _draw_efficiency(axes[0, 2], "c", large[large.metric == "recall"])
        _draw_efficiency(axes[1, 0], "d", random[(random.metric == "ndcg") & (random.n_neg == SIZES[0][1])])
        _draw_efficiency(axes[1, 1], "e", large[large.metric == "ndcg"])
        _draw_models(axes[1, 2], table[(table.model != "random") & (table.k == 20)])
        shown = list(COLOURS)[1:]
        handles = [plt.Line2D([], [], color=COLOURS[f], **LINES.get(f, {})) for f in shown]
        figure.legend(handles, shown, loc="outside lower center", ncols=4)
    return figure


def _draw_weights(ax: Any, n_pos: int, n_neg: int) -> None:
    k = 20
    names = {"recall": "Recall", "ndcg": "NDCG", "ap": "AP"}
    for metric, colour in zip(names, ordered_colours(3)):
        for falling in (False, True):
            weights = optimal_weights(n_pos, n_neg, metric, k, falling=falling)[0][: 2 * k]
            label, dash = (None, (0, (4, 2))) if falling else (f"{names[metric]}@{k}", "-")
            ax.plot(np.arange(1, 2 * k + 1), weights, color=colour, label=label, linestyle=dash, drawstyle="steps-mid")
    ax.set(xscale="log", xlabel="rank of the negative", ylabel="weight")
    ax.set_xticks(RANKS, RANKS)
    ax.minorticks_off()
    ax.set_title(f"a  Ideal weights, {n_pos} + {n_neg}, random")
    ax.legend(title="dashed: falling only", title_fontsize=7.5, loc="upper right")


def _draw_best(ax: Any, part: pd.DataFrame) -> None:
    for n_neg, end in part.groupby("n_neg", sort=False):
        n_pos = int(end.n_pos.iloc[0])
        for family in (CUT, POOL):
            curve = end[end.family == family]
            ax.plot(curve.k, curve.effective_beta, color=COLOURS[family], marker="o", markersize=3, **LINES[family])
        ks = np.array([1.0, float(part.k.max())])
        ax.plot(ks, 1.5 * ks / (n_pos + n_neg), color="black", linewidth=0.8, linestyle=":", zorder=3)
        at, offset, side = (9.0, (2, -4), "left") if n_neg > 10_000 else (12.0, (-8, 10), "right")
        ax.annotate(
            f"1.5 K/N, {n_pos} + {n_neg:,}", (at, 1.5 * at / (n_pos + n_neg)), offset, textcoords="offset points",
            fontsize=7.5, ha=side, va="top" if side == "left" else "bottom",
        )  # fmt: skip
    ax.axhline(2 / (N + 1), color=PALETTE["grey"], linewidth=0.8)
    ax.annotate(
        f"hardest pool of {N}", (200, 2 / (N + 1)), (0, 3), textcoords="offset points", fontsize=7.5,
        ha="right", va="bottom",
    )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="K", ylabel="effective β", title="b  Best hardness for Recall@K, random")
    ax.set_xticks(RANKS, RANKS)
    ax.minorticks_off()
    right = ax.secondary_yaxis("right", functions=(lambda b: b, lambda b: b))
    ms = (1, 5, 20, 100)
    right.set_yticks([(m + 1) / (N + 1) for m in ms], [f"M={m}" for m in ms])
    right.minorticks_off()


def _draw_efficiency(ax: Any, letter: str, part: pd.DataFrame) -> None:
    for family in list(COLOURS)[1:]:
        curve = part[part.family == family]
        ax.plot(curve.k, curve.efficiency, color=COLOURS[family], marker="o", markersize=2.5, **LINES.get(family, {}))
    name = METRIC_NAMES[part.metric.iloc[0]]
    ax.set_title(f"{letter}  {name}@K, {part.n_pos.iloc[0]} + {part.n_neg.iloc[0]:,}, random")
    ax.set(xscale="log", xlabel="K", ylabel="correlation / best weights", ylim=(0, 1.16))
    ax.set_xticks(RANKS, RANKS)
    ax.minorticks_off()


def _draw_models(ax: Any, part: pd.DataFrame) -> None:
    names = list(dict.fromkeys(part.model))
    markers = {"recall": "o", "ndcg": "s"}
    for position, name in enumerate(names):
        for shift, (metric, marker) in zip((0.2, -0.2), markers.items()):
            here = part[(part.model == name) & (part.metric == metric)].set_index("family")
            ceiling = here.correlation["any weights"]
            for lane, family in enumerate((POOL, SOFT_V, SOFT_EXACT, CUT, "falling weights")):
                row, y = here.loc[family], len(names) - 1 - position + shift + 0.06 * (2 - lane)
                ax.plot([row.low / ceiling, row.high / ceiling], [y, y], color=COLOURS[family], linewidth=0.9)
                ax.plot(row.efficiency, y, color=COLOURS[family], marker=marker, markersize=3.5, linestyle="none")
    ax.set_yticks(range(len(names)), [n.replace(", ", "\n") for n in reversed(names)])
    ax.set(xlabel="correlation / best weights by regression", ylim=(-0.5, len(names) - 0.5))
    ax.set_title("f  K = 20 under score models")
    keys = [ax.plot([], [], color="black", marker=m, markersize=4.5, linestyle="none")[0] for m in markers.values()]
    ax.legend(keys, ["Recall@20", "NDCG@20"], loc="upper left")


def caption(table: pd.DataFrame) -> str:
    """What was computed and what to see."""
    random = table[table.model == "random"].set_index(["n_neg", "metric", "k", "family"])

    def at(n_neg: int, metric: str, k: int, family: str) -> Any:
        return random.loc[(n_neg, metric, k, family)]

    n_neg = int(table.n_neg.max())
    small = SIZES[0][1]
    ceilings = [
        f"{name}@20: {at(small, metric, 20, 'any weights').correlation:.4f} with any weights, "
        f"{at(small, metric, 20, 'falling weights').correlation:.4f} with falling ones, "
        f"{at(small, metric, 20, CUT).correlation:.4f} with OPAUC(β) at its best"
        for name, metric in (("Recall", "recall"), ("NDCG", "ndcg"))
    ]
    pools = ", ".join(
        f"{at(n_neg, 'recall', k, POOL).efficiency:.2f} at K = {k} (M = {int(at(n_neg, 'recall', k, POOL).parameter)})"
        for k in sorted({int(k) for k in table.k} & {5, 20, 100})
    )
    models = table[(table.model != "random") & (table.k == 20)]
    cut = models[models.family == CUT].efficiency
    return (
        "How well the weighted area that a sampler optimises follows a metric, every sampler at its best parameter. "
        "Random rankings (a to e) are exact; under score models (f, 200 + 800) the best weights are found by "
        f"regression on {int(table.n_rankings.max()) // 2:,} rankings and scored on as many others, 95% intervals. "
        f"{'; '.join(ceilings)} ({SIZES[0][0]} positives, {small} negatives). A hard cut is the best that any "
        "sampler "
        "which prefers harder negatives can do for Recall; NDCG and AP want weights that fall from the first rank "
        "on. "
        f"The best β grows as 1.5 K/N (guideline 2), but a pool of {N} cannot be harder than 2/{N + 1}: with "
        f"{n_neg:,} negatives DNS(M, {N}) reaches, of the best possible for Recall, {pools}. Under the score models "
        "a "
        f"single cut keeps {cut.min():.2f} to {cut.max():.2f} of what the best weights reach at K = 20. LLPAUC is no "
        "weighted area and may pass them."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Ceilings and efficiencies at K = 20."""
    random = table[table.model == "random"].set_index(["n_neg", "metric", "k", "family"]).sort_index()
    small, large = SIZES[0][1], int(table.n_neg.max())
    found = {}
    for metric in ("recall", "ndcg"):
        one = random.loc[(small, metric, 20)].correlation
        found[f"ceiling/{metric}"] = (
            f"Random rankings of {SIZES[0][0]} + {small}: {METRIC_NAMES[metric]}@20 correlates "
            f"{one['any weights']:.4f} "
            f"with the best weights, {one['falling weights']:.4f} with the best falling ones, {one[CUT]:.4f} with "
            "the "
            "best OPAUC(β) (exact)."
        )
    for k in sorted({int(k) for k in table.k} & {5, 20, 100}):
        row = random.loc[(large, "recall", k, POOL)]
        found[f"pool/{k}"] = (
            f"With {large:,} negatives {POOL} at its best, M = {row.parameter:.0f}, reaches {row.efficiency:.2f} of "
            "the "
            f"best weights' correlation with Recall@{k} under random rankings (exact)."
        )
    cut = table[(table.model != "random") & (table.k == 20) & (table.family == CUT)].efficiency
    found["models"] = f"Under score models a single cut keeps {extent(cut)} of what the best weights reach at K = 20."
    return found
