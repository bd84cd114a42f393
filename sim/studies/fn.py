"""False negatives: with positives hidden among the negatives, where does harder sampling start to hurt (claim G2)?

The paper leaves this to future work. Random rankings are treated exactly, score models by simulation, and models are
trained on data with a known share of the positives taken away: left in the pools, or kept out of them as a control.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..rankings import Binormal, exact_correlation, hidden_attenuation, simulate_areas
from ..runs.cells import Cell, run_cells
from ..runs.means import per_user
from ..runs.options import Options
from ..runs.tuning import best_trials
from ..sampling import DNS
from .hardness.g2_optimal import MODELS
from .intervals import half_width
from .study import Findings, Study
from .style import METRIC_NAMES, PALETTE, mark_peak, ordered_colours, style
from .words import counted, listed, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "FN", "False negatives: where harder sampling starts to hurt the true metric", 230, made="trained",
)  # fmt: skip

N_POS, N_NEG = 200, 800
HIDDEN = (0, 20, 80, 200)
MORE_HIDDEN = (5, 320)
METRICS, KS = ("recall", "ndcg"), (5, 20, 50)
SHOWN = "binormal, AUC .9"
RANKERS = tuple(Binormal.from_auc(auc) for auc in np.linspace(0.85, 0.95, 11))
CUTS = np.unique(np.round(1.15 ** np.arange(49)).clip(max=N_NEG)).astype(int)
POOLS, SHIELDED = "in the pools", "kept out"


@dataclass(frozen=True)
class HiddenGrid:
    """What is trained: DNS(M, N) over M, shares of every user's train pairs hidden, seeds of the final runs."""

    data: str
    N: int
    Ms: tuple[int, ...]
    shares: tuple[float, ...]
    seeds: int
    model: dict[str, Any]
    every: int


ML100K = HiddenGrid(
    "ml-100k", 100, (3, 10, 25, 50, 75, 100), (0.0, 0.25, 0.5, 0.75), 2,
    {"lr": 0.005, "weight_decay": 0.1, "batch_size": 1024, "epochs": 20}, 2,
)  # fmt: skip
GRIDS = {
    "smoke": replace(ML100K, Ms=(10, 100), shares=(0.0, 0.5), seeds=1, model=ML100K.model | {"epochs": 2}),
    "default": ML100K,
    "paper": replace(ML100K, seeds=10, model=ML100K.model | {"epochs": 40}),
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Correlation of the observed OPAUC(m/n) with the true metric, for shares of hidden positives, and trained models.

    Returns
    -------
    DataFrame
        One row a point of a curve: study ("random", "model", "rankers": correlations; "trained": the metric on test;
        "cost": what the false negatives change it by, relative to the control), model, metric, k, hidden (positives
        among the observed negatives; in the last two studies the share of the train pairs), m (or M), hardness (m/n
        or M/N), value, low, high (95% intervals), exact (closed form, random rankings only).
    """
    n_rankings = cast(int, options.pick(smoke=2_000, default=20_000, paper=200_000))
    rows = _curves("random", "random rankings", None, HIDDEN, False, n_rankings, options.seed)
    for name, model in MODELS.items():
        counts = HIDDEN[::2] if options.profile == "smoke" else sorted(HIDDEN + MORE_HIDDEN)
        rows += _curves("model", name, model, counts, False, n_rankings, options.seed)
    rows += _curves("rankers", "all positives", RANKERS, HIDDEN, False, 2 * n_rankings, options.seed)
    rows += _curves("rankers", "held out", RANKERS, HIDDEN[1:], True, 2 * n_rankings, options.seed)
    return pd.DataFrame(rows + _trained(GRIDS[options.profile], options))


def _curves(
    study: str, name: str, model: Any, counts: Any, held_out: bool, n_rankings: int, seed: int
) -> list[dict[str, Any]]:
    rows = []
    cuts = (np.arange(1, N_NEG + 1) <= CUTS[:, None]).astype(float)
    for n_hidden in counts:
        found = simulate_areas(
            N_POS, N_NEG, cuts, metrics=METRICS, ks=KS, n_hidden=n_hidden, held_out=held_out, score_model=model,
            n_rankings=n_rankings, rng=seed,
        )  # fmt: skip
        low, high = found.interval()
        for (i, metric), (j, k) in product(enumerate(METRICS), enumerate(KS)):
            exact = np.full(CUTS.size, np.nan)
            if model is None:
                factor = hidden_attenuation(N_POS, N_NEG, n_hidden)
                exact = factor * exact_correlation(N_POS, N_NEG, metric, k)[CUTS - 1]
            for at, m in enumerate(CUTS):
                rows.append(
                    {
                        "study": study, "model": name, "metric": metric, "k": k, "hidden": n_hidden, "m": m,
                        "hardness": m / N_NEG, "value": found.correlation[i, j, at], "low": low[i, j, at],
                        "high": high[i, j, at], "exact": exact[at],
                    }
                )  # fmt: skip
    return rows


def _trained(grid: HiddenGrid, options: Options) -> list[dict[str, Any]]:
    """Epochs chosen on validation for every condition and M; final runs on test, intervals over users."""
    conditions = [(share, out) for share, out in product(grid.shares, (False, True)) if share > 0.0 or not out]
    settings = list(product(conditions, grid.Ms))

    def cell(condition: tuple[float, bool], m: int, seed: int, epochs: int, held_out: str) -> Cell:
        every = grid.every if held_out == "valid" else epochs
        model = grid.model | {"epochs": epochs}
        return Cell(grid.data, DNS(m, grid.N), seed, model, held_out, every, *condition)

    longest = grid.model["epochs"]
    tuning = [cell(c, m, options.seed, longest, "valid") for c, m in settings]
    trials = best_trials(settings, tuning, "ndcg@20", options, label=f"{grid.data}: tuning")
    epochs = [trials[at].epochs for at in settings]
    final = run_cells(
        [cell(c, m, options.seed + 1 + s, e, "test") for (c, m), e in zip(settings, epochs) for s in range(grid.seeds)],
        options, label=f"{grid.data}: final",
    )  # fmt: skip
    rows = []
    for metric, k in product(METRICS, KS):
        users: dict[tuple[float, bool, int], NDArray[np.float64]] = {}  # mean over seeds
        for number, ((share, out), m) in enumerate(settings):
            mine = final[number * grid.seeds : (number + 1) * grid.seeds]
            users[share, out, m] = np.mean([per_user(r.at(), [f"{metric}@{k}"])[:, 0] for r in mine], axis=0)
        for (share, out, m), values in users.items():
            common = {"metric": metric, "k": k, "hidden": share, "m": m, "hardness": m / grid.N, "exact": np.nan}
            name = SHIELDED if out else POOLS
            rows.append({"study": "trained", "model": name, **common, **_interval(values.mean(), values)})
            if out:
                ratio = users[share, False, m].mean() / values.mean()
                change = (users[share, False, m] - ratio * values) / values.mean()  # linearised, paired by user
                rows.append({"study": "cost", "model": name, **common, **_interval(ratio - 1.0, change)})
    return rows


def _interval(value: float, users: NDArray[np.float64]) -> dict[str, float]:
    half = half_width(users)
    return {"value": float(value), "low": value - half, "high": value + half}


def peaks(table: pd.DataFrame) -> pd.DataFrame:
    """The best hardness of every curve, and how much of its height the hardest and the uniform setting keep."""
    curves = table[table.study != "cost"]
    curves = curves.assign(value=curves.exact.fillna(curves.value))
    by = ["study", "model", "metric", "k", "hidden"]
    top = curves.loc[curves.groupby(by, sort=False).value.idxmax()].set_index(by)
    hardest = curves.loc[curves.groupby(by, sort=False).m.idxmin()].set_index(by)
    uniform = curves.loc[curves.groupby(by, sort=False).m.idxmax()].set_index(by)
    found = top[["m", "hardness", "value", "low", "high"]].copy()
    found["at_hardest"], found["at_uniform"] = hardest.value, uniform.value
    return found.reset_index()


def plot(table: pd.DataFrame, metric: str = "recall", k: int = 20) -> Figure:
    """Correlation of the observed area with the true metric against beta; best beta; trained metric; cost."""
    part = table[(table.metric == metric) & (table.k == k)]
    name = METRIC_NAMES[metric]
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(10.8, 6.4))
        random, shown = part[part.study == "random"], part[(part.study == "model") & (part.model == SHOWN)]
        rankers = part[(part.study == "rankers") & (part.model == "all positives")]
        titles = ("a  Random rankings", "b  Scores binormal, AUC .9", "c  Rankers of AUC .85 to .95")
        for ax, curves, title in zip(axes[0], (random, shown, rankers), titles):
            _draw_curves(ax, curves[curves.hidden.isin(HIDDEN)], title)
        axes[0, 0].set_ylabel(f"correlation of observed OPAUC(β)\nwith the true {name}@{k}")
        axes[0, 0].legend(title="hidden positives,\nof 800 negatives", title_fontsize=7.5, loc="upper right")
        _draw_peaks(axes[1, 0], part)
        axes[1, 0].set_title(f"d  Best β for {name}@{k}")
        trained, cost = part[part.study == "trained"], part[part.study == "cost"]
        _draw_trained(axes[1, 1], trained, name, k)
        _draw_cost(axes[1, 2], cost)
    return figure


def _draw_curves(ax: Any, curves: pd.DataFrame, title: str) -> None:
    shares = sorted(set(curves.hidden))
    for hidden, colour in zip(shares, ordered_colours(len(shares))):
        curve_ = curves[curves.hidden == hidden]
        exact = curve_.exact.notna().all()
        line = curve_.exact if exact else curve_.value
        ax.plot(curve_.hardness, line, color=colour, label=f"{int(hidden)}")
        if exact:
            some = curve_.iloc[2::5]
            ax.errorbar(
                some.hardness, some.value, [some.value - some.low, some.high - some.value], color=colour, fmt="o",
                markersize=2.5, elinewidth=0.8,
            )  # fmt: skip
        else:
            ax.fill_between(curve_.hardness, curve_.low, curve_.high, color=colour, alpha=0.25, linewidth=0)
        best = int(np.argmax(line))
        mark_peak(ax, curve_.hardness.iloc[best], line.iloc[best], colour)
    ax.set(xscale="log", xlabel="FPR limit β (left: hardest)", title=title, ylim=(min(0.0, curves.value.min()), 1.0))


def _draw_peaks(ax: Any, part: pd.DataFrame) -> None:
    found = peaks(part)
    colours = [PALETTE[c] for c in ("blue", "sky", "orange", "purple")]
    for name, colour, marker in zip(MODELS, colours, "osD^"):
        line = found[(found.study == "model") & (found.model == name)].sort_values("hidden")
        ax.plot(line.hidden / N_NEG, line.hardness, color=colour, marker=marker, markersize=4, label=name)
    for study, model, colour, label in (
        ("random", "random rankings", "black", "random rankings"), ("rankers", "all positives", "grey", "rankers (c)"),
    ):  # fmt: skip
        line = found[(found.study == study) & (found.model == model)].sort_values("hidden")
        ax.plot(line.hidden / N_NEG, line.hardness, color=PALETTE[colour], linestyle=(0, (4, 2)), label=label)
    ax.set_xscale("symlog", linthresh=0.005, linscale=0.5)
    ax.set_yscale("log")
    ticks = (0.0, 0.01, 0.03, 0.1, 0.3)
    ax.set_xticks(ticks, [f"{t:.0%}" for t in ticks])
    ax.minorticks_off()
    ax.set(xlabel="share of hidden positives among the negatives", ylabel="β at the peak", xlim=(0, 0.45))
    ax.legend(fontsize=7, loc="upper left", labelspacing=0.25)


def _draw_trained(ax: Any, trained: pd.DataFrame, name: str, k: int) -> None:
    shares = sorted(set(trained.hidden))
    for share, colour in zip(shares, ordered_colours(len(shares))):
        for model, dash in ((POOLS, "-"), (SHIELDED, (0, (4, 2)))):
            line = trained[(trained.hidden == share) & (trained.model == model)]
            if not len(line):
                continue
            ax.plot(line.hardness, line.value, color=colour, linestyle=dash, marker="o", markersize=3)
            top = line.loc[line.value.idxmax()]
            mark_peak(ax, top.hardness, top.value, colour)
        ax.plot([], [], color=colour, label=f"{share:.0%} hidden")
    ax.set(xscale="log", xlabel="hardness M/N (left: hardest)", ylabel=f"{name}@{k} on test", ylim=(0, None))
    ax.set_title("e  Trained on ml-100k (dashed: hidden kept out)", fontsize=8.5)
    ax.legend(loc="lower right", fontsize=7.5)


def _draw_cost(ax: Any, cost: pd.DataFrame) -> None:
    shares = sorted(set(cost.hidden))
    for position, (share, colour) in enumerate(zip(shares, ordered_colours(len(shares) + 1)[1:])):
        line = cost[cost.hidden == share]
        ax.errorbar(
            line.hardness * 1.03 ** (position - 1), 100 * line.value,
            [100 * (line.value - line.low), 100 * (line.high - line.value)], color=colour, marker="o", markersize=3,
            elinewidth=0.9, label=f"{share:.0%} hidden",
        )  # fmt: skip
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set(xscale="log", xlabel="hardness M/N (left: hardest)", ylabel="change by false negatives, %")
    ax.set_title("f  Cost of the false negatives, trained")
    ax.legend(loc="lower right", fontsize=7.5)


def caption(table: pd.DataFrame) -> str:
    """What was done, with how much data, and what to see."""
    found = peaks(table).set_index(["study", "model", "metric", "k", "hidden"])
    most = max(HIDDEN)

    def best(study: str, model: str, hidden: float) -> Any:
        return found.loc[(study, model, "recall", 20, hidden)]

    def moves(model: str) -> str:
        return f"{best('model', model, 0).m:.0f} to {best('model', model, 80).m:.0f}"

    trained = table[(table.study == "trained") & (table.metric == "recall") & (table.k == 20)]
    share = 0.5 if 0.5 in set(trained.hidden) else trained.hidden.max()
    cost = table[(table.study == "cost") & (table.metric == "recall") & (table.k == 20) & (table.hidden == share)]
    cost = cost.sort_values("m")
    hard, easy = cost.iloc[:-1].value.min(), cost.iloc[-1].value
    none, pools, shielded = (
        best("trained", *which).hardness for which in ((POOLS, 0), (POOLS, share), (SHIELDED, share))
    )
    return (
        f"{N_POS} observed positives and {N_NEG} observed negatives, some of which are hidden positives; the true "
        "metric counts all positives. Random rankings (exact lines, simulated points): hidden positives lower every "
        f"correlation by one factor, {hidden_attenuation(N_POS, N_NEG, most):.2f} with {most} hidden, and the peak "
        "does not move. Where positives score higher, the hardest observed negatives are mostly hidden positives and "
        f"the peak moves to easier negatives: with 80 hidden from m = {moves(SHOWN)} (binormal, AUC .9), "
        f"{moves('binormal, AUC .7')} (AUC .7), {moves('Student t, AUC .9')} (Student t). Over rankers of different "
        f"quality (c) it moves from β = {best('rankers', 'all positives', 0).hardness:.3f} to "
        f"{best('rankers', 'all positives', 80).hardness:.2f}. Trained (e, f): DNS(M, 100) on ml-100k, mean over "
        "seeds, epochs chosen on validation, 95% intervals over users, paired in f. With "
        f"{share:.0%} of the train pairs hidden the best M/N goes from {none:g} to {pools:g} (to {shielded:g} where "
        "the hidden pairs are kept out of the pools); leaving them in the pools changes Recall@20 by up to "
        f"{100 * hard:.1f}% for hard negatives and {100 * easy:.1f}% for uniform ones."
    )


def findings(table: pd.DataFrame) -> Findings:
    """What hidden positives do to the peak, and to trained models."""
    best = peaks(table).set_index(["study", "model", "metric", "k", "hidden"]).sort_index()
    found = {}
    for name in dict.fromkeys(table[table.study == "model"].model):
        m = best.loc[("model", name, "recall", 20)].m
        found[f"peak/{name}"] = (
            f"{name}: the best m for the true Recall@20 is "
            + listed(f"{at:.0f} with {int(hidden)} hidden" for hidden, at in m.items())
            + f" positives among {N_NEG} observed negatives."
        )
    cost = table[(table.study == "cost") & (table.metric == "recall") & (table.k == 20)]
    for share, part in cost.groupby("hidden"):
        lost = part[part.high < 0]
        found[f"cost/{share:g}"] = (
            f"Trained, {share:.0%} of the train pairs hidden: leaving them in the pools changes Recall@20 by "
            + listed(f"{span(100 * r.value, 100 * r.low, 100 * r.high, '.1f')}% at M/N = {r.hardness:g}"
                     for r in part.itertuples())
            + f" (95%, paired, over users, each alone); behind in {counted(len(lost), len(part), 'levels')}."
        )  # fmt: skip
    return found
