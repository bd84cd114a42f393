"""Figure 7 for every sampler, those by popularity and those with a memory too, on made and on trained factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data import FetchError
from ...objectives import logistic_loss
from ...runs.options import Options
from ...sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    RankDistribution,
    Refresh,
    Sampler,
    Softmax,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
    rank_distribution,
    simulate_rank_distribution,
)
from ...sampling.proposals import item_weights
from ..recommender import median_user, trained
from ..study import Findings, Study
from ..style import PALETTE, sampler_look, style
from ..words import listed, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F7-samplers", "Sampling hardness of every sampler, on synthetic and on trained factors", 220,
    zero_below={"standard_error": 1e-12},
)  # fmt: skip

N = 200
DASHES: dict[str, Any] = {"synthetic": "-", "ml-100k": (0, (4, 2))}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """One user's row, all items, the items that must not be drawn, and one of these: the positive."""

    name: str
    user: Floats
    items: Floats
    positives: NDArray[np.int32]
    positive: int
    counts: Floats

    @property
    def scores(self) -> Floats:
        """Scores of all items."""
        return self.items @ self.user

    @property
    def negatives(self) -> NDArray[np.int64]:
        """All other items, by falling score."""
        others = np.setdiff1d(np.arange(len(self.items)), self.positives)
        return others[np.argsort(-self.scores[others], kind="stable")]


@dataclass(frozen=True, repr=False)
class _AHNSAt(AHNS):
    """AHNS at a positive's score, which the trainer would write into the parameters."""

    score: float = 0.0

    @property
    def params(self) -> tuple[float, ...]:
        return (*super().params[:-1], self.score)


def synthetic(seed: int, n_items: int = 10_000, n_pos: int = 50) -> World:
    """Normal factors, one of them the logarithm of Zipf-like counts; negatives' scores of standard deviation 1."""
    rng = np.random.default_rng(seed)
    counts = np.ceil(1000.0 / rng.permutation(np.arange(1.0, n_items + 1)) ** 0.8)
    items = rng.normal(size=(n_items, 32))
    items[:, 0] = (np.log(counts) - np.log(counts).mean()) / np.log(counts).std()
    user = rng.normal(size=32)
    user[0] = 3.0
    user /= (items @ user).std()
    scores = items @ user
    positives = np.sort(np.argsort(-scores - rng.normal(size=n_items))[:n_pos]).astype(np.int32)
    middle = positives[np.argsort(scores[positives], kind="stable")[n_pos // 2]]
    return World("synthetic", user, items, positives, int(middle), counts)


def trained_world(options: Options) -> World | None:
    """The median user of a model trained on ml-100k; None where the data cannot be had."""
    try:
        data, model = trained(options, "train", cast(int, options.pick(smoke=4, default=14)))
    except FetchError:
        return None
    users, items = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    user, positives, middle = median_user(data.train, lambda user: items @ users[user])
    counts = np.bincount(data.train.indices, minlength=len(items)).astype(np.float64)
    return World("ml-100k", users[user], items, positives, middle, counts)


def samplers(world: World) -> list[tuple[str, str, Sampler]]:
    """Group, name and sampler: the defaults of the command line, AOBPR and WARP by the number of items."""
    n_neg, n_pos = len(world.negatives), len(world.positives)
    positive = float(world.scores[world.positive])
    return [
        ("pools by order", "Uniform", Uniform(1)),
        ("pools by order", f"DNS(5, {N})", DNS(5, N)),
        ("pools by order", "TopK, NDCG@20", TopKOptimal("ndcg", 20, N, n_pos, n_neg)),
        ("pools by order", "WARP, margin 1", WARP(n_neg, 1.0, N)),
        ("pools by score", "Softmax, τ = 1", Softmax(1.0, N)),
        ("pools by score", "Softmax-v, ρ = 1", SoftmaxV(1.0, N)),
        ("pools by score", "Softmax-exact, ρ = 1", SoftmaxExact(1.0, N)),
        ("pools by score", "AHNS, p = −2", _AHNSAt(score=positive)),
        ("by popularity", "popularity, α = 0.75", popularity(0.75)),
        ("by popularity", "PRIS-P, τ = 1", pris(N, popular=True)),
        ("by popularity", "AdaSIR-P, τ = 1", AdaSIR(proposal="log-count")),
        ("with a memory", "AdaSIR-U, τ = 1", AdaSIR()),
        ("with a memory", "Kernel, corrected", Kernel()),
        ("with a memory", "IRGAN, at its start", IRGAN(rate=1e-12)),
        ("with a memory", "AOBPR, λ = n/20", AOBPR(len(world.items) / 20)),
    ]


def law_of(sampler: Sampler, world: World, n_pools: int, seed: int, *, simulate: bool = False) -> RankDistribution:
    """Law of the rank of a sampled negative of the world's pair: exact where known, unless ``simulate``.

    WARP's weights do not sum to one; its law is that of the weight, however much of it there is.
    """
    if isinstance(sampler, AOBPR):
        return _known(_by_factors(sampler, world))
    if isinstance(sampler, Uniform) and sampler.proposal != "uniform" and sampler.N == 1 and not simulate:
        weights = item_weights(sampler.proposal, world.counts)[world.negatives]
        return _known(weights / weights.sum())
    if sampler.adaptive:
        return _from_caches(sampler, world, n_pools, seed)
    margins = world.scores[world.negatives] - world.scores[world.positive]
    hardness = margins if sampler.by_score else logistic_loss(-margins)
    if sampler.proposal == "uniform" and not simulate:
        law = rank_distribution(sampler, hardness, n_pools=n_pools, rng=seed)
    else:
        counts = world.counts[world.negatives]
        law = simulate_rank_distribution(sampler, hardness, n_pools=n_pools, counts=counts, rng=seed)
    whole = float(law.probability.sum())
    return RankDistribution(
        law.probability / whole, law.standard_error / whole, law.cumulative_error / whole,
        law.effective_beta_error, law.n_pools,
    )  # fmt: skip


def _known(probability: Floats) -> RankDistribution:
    zeros = np.zeros(probability.size)
    return RankDistribution(probability, zeros, zeros, 0.0, 0)


def _by_factors(sampler: AOBPR, world: World) -> Floats:
    """AOBPR's exact law: a mixture over factors of geometric laws over their rankings, positives drawn again."""
    state: dict[str, Any] = {}
    sampler.refresh(_now(world, 1, 0), state)
    n = len(world.items)
    geometric = np.exp(-np.arange(n) / sampler.lam)
    law = np.zeros(n)
    for factor, order in enumerate(state["order"]):
        weight = world.user[factor] * state["numbers"][0, factor]
        law[order if weight >= 0 else order[::-1]] += abs(weight) * geometric
    return law[world.negatives] / law[world.negatives].sum()


def _from_caches(sampler: Sampler, world: World, n_pools: int, seed: int) -> RankDistribution:
    """Average over independent caches of the one user; of Kernel, over one corrected pool from each."""
    state: dict[str, Any] = {}
    sampler.refresh(_now(world, n_pools, seed), state)
    caches = state["caches"]
    weights = np.full(caches.shape, 1.0 / caches.shape[1])
    if sampler.corrected:
        at = np.random.default_rng(seed).integers(caches.shape[1], size=(n_pools, sampler.N))
        caches = np.take_along_axis(caches, at, axis=1)
        weights = 1.0 / np.take_along_axis(state["weights"], at, axis=1)
        weights /= weights.sum(axis=1, keepdims=True)
    negatives = world.negatives
    rank = np.empty(len(world.items), dtype=np.int64)
    rank[negatives] = np.arange(negatives.size)
    blocks = np.zeros((min(64, n_pools), negatives.size))
    np.add.at(blocks, ((np.arange(n_pools) % len(blocks))[:, None], rank[caches]), weights)
    blocks *= len(blocks) / n_pools

    def error(values: Floats) -> Any:
        return values.std(axis=0, ddof=1) / np.sqrt(len(blocks))

    beta = (blocks @ (2.0 * np.arange(1, negatives.size + 1)) - 1.0) / negatives.size
    mean = blocks.mean(axis=0)
    return RankDistribution(
        mean, error(blocks), error(np.cumsum(blocks, axis=1)), float(error(beta)), n_pools
    )  # fmt: skip


def _now(world: World, copies: int, seed: int) -> Refresh:
    """What a sampler with a memory sees: the user ``copies`` times over, each with its own random numbers."""
    positives = world.positives
    return Refresh(
        U=np.tile(world.user, (copies, 1)), V=world.items, indptr=np.arange(copies + 1) * positives.size,
        indices=np.tile(positives, copies), exclude=True, counts=world.counts, key=np.uint64(seed + 1),
    )  # fmt: skip


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Rank laws of every sampler in both worlds, uniform pools drawn without replacement.

    Returns
    -------
    DataFrame
        Columns world, group, sampler, rank, share (rank / n_neg), cumulative, standard_error, effective_beta,
        effective_beta_error, check_beta, check_error (simulated, where the law is exact and there is a simulation),
        kind (exact or simulated), score_sd (of the negatives' scores), n_neg, n_pools.
    """
    n_pools = cast(int, options.pick(smoke=200, default=5_000, paper=50_000))
    worlds = [world for world in (synthetic(options.seed), trained_world(options)) if world is not None]
    parts = []
    for world in worlds:
        n_neg = len(world.negatives)
        grid = np.unique(np.round(np.geomspace(1, n_neg, 80)).astype(int))
        for group, name, sampler in samplers(world):
            law = law_of(sampler, world, n_pools, options.seed)
            exact = law.n_pools == 0
            check = None
            if exact and not sampler.adaptive:
                check = law_of(sampler, world, n_pools, options.seed + 1, simulate=True)
            parts.append(
                pd.DataFrame(
                    {
                        "world": world.name,
                        "group": group,
                        "sampler": name,
                        "rank": grid,
                        "share": grid / n_neg,
                        "cumulative": law.cumulative[grid - 1],
                        "standard_error": law.cumulative_error[grid - 1],
                        "effective_beta": law.effective_beta,
                        "effective_beta_error": law.effective_beta_error,
                        "check_beta": check.effective_beta if check else np.nan,
                        "check_error": check.effective_beta_error if check else np.nan,
                        "kind": "exact" if exact else "simulated",
                        "score_sd": world.scores[world.negatives].std(),
                        "n_neg": n_neg,
                        "n_pools": n_pools,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def effective(table: pd.DataFrame) -> pd.DataFrame:
    """One row a sampler and world, hardest first in the first world."""
    columns = ["world", "sampler", "effective_beta", "effective_beta_error", "check_beta", "check_error", "kind"]
    rows = table.drop_duplicates(["world", "sampler"])[columns]
    first = rows[rows.world == rows.world.iloc[0]].set_index("sampler").effective_beta
    rows = rows.iloc[rows.sampler.map(first).argsort(kind="stable")]
    return rows.sort_values("world", ascending=False, kind="stable", ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """Four groups of curves, and the effective beta of all."""
    groups = list(dict.fromkeys(table.group))
    with style() as plt:
        figure, axes = plt.subplot_mosaic("abe;cde", figsize=(11.2, 6.4), width_ratios=[1, 1, 1.05])
        for letter, group in zip("abcd", groups):
            ax, part = axes[letter], table[table.group == group]
            for name in dict.fromkeys(part.sampler):
                colour = sampler_look(name).colour
                for world, dash in DASHES.items():
                    curve = part[(part.sampler == name) & (part.world == world)]
                    label = name if world == "synthetic" else None
                    ax.plot(curve.share, curve.cumulative, color=colour, linestyle=dash, label=label)
                    band = 2 * curve.standard_error
                    ax.fill_between(
                        curve.share, curve.cumulative - band, curve.cumulative + band, color=colour,
                        alpha=0.25, lw=0,
                    )  # fmt: skip
            ax.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1.02), title=f"{letter}  {group.capitalize()}")
            ax.set(xlabel="rank / number of negatives", ylabel="cumulative probability")
            ax.legend(loc="upper left", fontsize=7.5, handlelength=1.2, labelspacing=0.25)
        _draw_betas(axes["e"], table)
        keys = [plt.Line2D([], [], color="black", linestyle=dash) for dash in DASHES.values()]
        keys += [
            plt.Line2D([], [], color="black", marker="o", markersize=4.5, linestyle="none", markerfacecolor=face)
            for face in ("black", "white")
        ]
        figure.legend(keys, [*DASHES, "synthetic", "ml-100k"], loc="outside lower center", ncols=4)
    return figure


def _draw_betas(ax: Any, table: pd.DataFrame) -> None:
    rows = effective(table)
    names = list(dict.fromkeys(rows.sampler))
    for world, face in zip(DASHES, ("black", "white")):
        part = rows[rows.world == world]
        ax.errorbar(
            part.effective_beta, [names.index(name) for name in part.sampler], xerr=2 * part.effective_beta_error,
            color="black", marker="o", markersize=4.5, linestyle="none", markerfacecolor=face, elinewidth=0.8,
        )  # fmt: skip
    ax.axvline(1.0, color=PALETTE["grey"], linewidth=0.8, linestyle=":")
    ax.axvline(2 / (N + 1), color=PALETTE["grey"], linewidth=0.8, linestyle=":")
    ax.annotate(f"hardest pool of {N}", (2 / (N + 1), -1.3), (3, 0), textcoords="offset points", fontsize=7.5, va="top")
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="effective β (1: uniform)", title="e  Effective β, hardest first")
    ax.set_ylim(len(names) - 0.4, -1.4)


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    rows = effective(table)
    by = rows.set_index(["world", "sampler"]).effective_beta
    checked = rows[rows.check_error > 0]
    off = ((checked.check_beta - checked.effective_beta).abs() / checked.check_error).max()
    worlds = " and ".join(
        f"{name} ({int(part.n_neg.iloc[0]):,} negatives, scores of standard deviation {part.score_sd.iloc[0]:.2g})"
        for name, part in table.groupby("world", sort=False)
    )

    def pair(sampler: str) -> str:
        return " and ".join(f"{by[world, sampler]:.2g}" for world in dict.fromkeys(rows.world))

    return (
        "Cumulative sampling probability of every sampler over the negatives of one (user, positive) pair, sorted by "
        f"falling score, on factors that are {worlds}. Uniform, popularity, DNS, TopK and AOBPR are exact (all "
        f"but AOBPR also simulated: effective β at most {off:.1f} standard errors off), the others means over "
        f"{int(table.n_pools.max()):,} simulated pools or caches, with 2 standard errors. Right: effective β = "
        "(2 E[rank] − 1)/n. DNS looks at the order of the scores only and keeps its hardness from one model to "
        f"another ({pair(f'DNS(5, {N})')}); so nearly do AOBPR ({pair('AOBPR, λ = n/20')}) and Softmax-exact "
        f"({pair('Softmax-exact, ρ = 1')}). A temperature or margin is as hard as the scores are spread: at τ = 1 "
        f"Softmax (PRIS-U) has {pair('Softmax, τ = 1')}, AdaSIR-U {pair('AdaSIR-U, τ = 1')}, WARP "
        f"{pair('WARP, margin 1')}, AHNS {pair('AHNS, p = −2')}. Popular pools with the correction (PRIS-P, AdaSIR-P) "
        "are as hard as uniform ones; the corrected kernel is uniform but for its pools' finite size. IRGAN is shown "
        "as its generator starts, a copy of the model; WARP's law is that of its weight, which does not sum to one."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Effective beta of every sampler, on both kinds of factors."""
    by = effective(table).set_index(["sampler", "world"])
    return {
        name: f"{name}: effective β "
        + listed(
            f"{span(r.effective_beta, r.effective_beta - 2 * e, r.effective_beta + 2 * e, '.2g')} on {world}"
            if (e := r.effective_beta_error) > 0 else f"{r.effective_beta:.2g} on {world} (exact)"
            for world, r in rows.droplevel("sampler").iterrows()
        )
        + "."
        for name, rows in by.groupby(level="sampler", sort=False)
    }  # fmt: skip
