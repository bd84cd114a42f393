"""Answers to the questions that a reader brings: sentences drawn from the tables of several studies.

As everywhere, a qualitative word is chosen by an interval or a corrected p-value (:mod:`sim.studies.words`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from .guideline.g1_sets import IN_TIME, best_sets
from .pages import Evidence
from .style import METRIC_NAMES
from .words import ALPHA, counted, extent, listed, span, standing

__all__ = ["answers", "plain_name"]

HIGH = 0.9
"""What a correlation must exceed everywhere to be called high."""
NEAR_BEST = 20
"""The K of the metric by which ends and peaks are compared."""


def plain_name(data: str) -> str:
    """A data set's name as it is read: without the collection that its split comes from.

    Examples
    --------
    >>> plain_name("irb-amazon2014-movie-temporal"), plain_name("gowalla")
    ('amazon2014-movie in time', 'Gowalla')
    """
    short = data.removeprefix("irb-")
    short = short.removesuffix(IN_TIME) + " in time" * short.endswith(IN_TIME)
    return short.replace("gowalla", "Gowalla")


def answers(evidence: Evidence) -> dict[str, str]:
    """Every answer by name."""
    said: tuple[Callable[[Evidence], str], ...] = (
        hardness, cutoff, sampler, in_time, prediction, surprise, noise, choose, yardstick, collapse, confounds, drawn,
        curve, quality,
    )  # fmt: skip
    return {f"answers/{answer.__name__}": answer(evidence) for answer in said}


def _over_m(evidence: Evidence, metric: str = "ndcg", k: int = NEAR_BEST) -> dict[str, pd.DataFrame]:
    """Levels of DNS over M, hardest first, by data set; without the popularity ranking."""
    table = evidence.table("F8")
    part = table[(table.axis == "M") & (table.metric == metric) & (table.k == k) & (table.hardness > 0)]
    return {str(data): rows.sort_values("hardness") for data, rows in part.groupby("data", sort=False)}


def _at_random(named: dict[str, Any]) -> dict[str, Any]:
    return {data: value for data, value in named.items() if not data.endswith(IN_TIME)}


def _kept(rows: dict[str, Any]) -> str:
    """The range of shares of the best, with the data sets at its ends."""
    ordered = sorted(rows, key=lambda data: float(rows[data].relative))
    low, high = ordered[0], ordered[-1]
    return f"{rows[low].relative:.0%} ({plain_name(low)}) to {rows[high].relative:.0%} ({plain_name(high)})"


def hardness(evidence: Evidence) -> str:
    """Is some hardness between the ends ahead of both?"""
    levels = _at_random(_over_m(evidence))
    ends = {data: (rows.iloc[0], rows.iloc[-1]) for data, rows in levels.items()}
    hardest = sum(hard.relative_high < 1 for hard, _ in ends.values())
    softest = sum(soft.relative_high < 1 for _, soft in ends.values())
    short = "Yes, up to a point" if hardest == softest == len(ends) else "Not everywhere"
    return (
        f"{short}: of {len(ends)} data sets split at random, the best M of DNS(M, N) is ahead of uniform sampling on "
        f"{softest} and ahead of the hardest sampling on {hardest}: uniform sampling keeps "
        f"{_kept({d: s for d, (_, s) in ends.items()})} of the best NDCG@{NEAR_BEST}, the hardest "
        f"{_kept({d: h for d, (h, _) in ends.items()})} (95% intervals, paired, over users and seeds)."
    )


def cutoff(evidence: Evidence) -> str:
    """Does a smaller K want harder negatives?"""
    table = evidence.table("G2-trend")
    table = table[(table.axis == "M") & ~table.data.str.endswith(IN_TIME)]

    def seen(metric: str) -> tuple[int, int, int, str]:
        part = table[table.metric == metric]
        sure = part[part.p_holm < ALPHA]
        softer, harder = (sure.elasticity > 0).sum(), (sure.elasticity < 0).sum()
        return int(softer), int(harder), len(part), extent(part.elasticity)

    (recall, turned, of, slopes), (ndcg, also, _, others) = seen("recall"), seen("ndcg")
    short = "In most cases, and slowly" if 2 * (recall + ndcg) > 2 * of and table.elasticity.max() < 1 else "Seldom"
    return (
        f"{short}: as K grows, the best M of DNS(M, N) grows for Recall@K on {counted(recall, of, 'data sets')} split "
        f"at random and for NDCG@K on {ndcg}, and shrinks on {turned + also} (Holm over a data set's tests). The best "
        f"β grows like K to the power {slopes} for Recall, {others} for NDCG; random rankings have 1."
    )


def sampler(evidence: Evidence) -> str:
    """Which sampler has the largest means, and how far are the paper's two from it?"""
    table = evidence.table("Table2")
    table = table[table.metric == "ndcg@50"]
    best, names, gains, gaps = [], [], [], []
    for data, part in table.groupby("data", sort=False):
        rows = part.set_index("method")
        ours = rows.loc[["DNS(M,N)", "Softmax-v"]]
        two = ours.loc[ours["mean"].idxmax()]
        names.append(rows["mean"].idxmax())
        best.append(f"{names[-1]} on {plain_name(str(data))}")
        gains.append((two["mean"] / rows.loc["BPR", "mean"] - 1, two.low > rows.loc["BPR"].high))
        gaps.append(1 - two["mean"] / rows["mean"].max())
    ahead = sum(sure for _, sure in gains)
    return (
        f"{'One' if len(set(names)) == 1 else 'None'} is the best everywhere: the largest NDCG@50 has "
        f"{listed(best)}. The better of DNS(M, N) and "
        f"Softmax-v is ahead of uniform BPR on {counted(ahead, len(gains), 'data sets')}, by "
        f"{extent([g for g, _ in gains], '.0%')}, and within {max(gaps):.1%} of the best of "
        f"{table.method.nunique()} methods, all with one trainer and tuned with as many trainings."
    )


def in_time(evidence: Evidence) -> str:
    """Does it hold where the future is predicted?"""
    parts = []
    for data, rows in _over_m(evidence).items():
        if not data.endswith(IN_TIME):
            continue
        uniform, first = rows.iloc[-1], rows.iloc[0]
        hardest = span(first.relative, first.relative_low, first.relative_high, ".2f")
        harder = rows.iloc[:-1]
        ahead = harder[(harder["mean"] > uniform["mean"]) & (uniform.relative_high < 1)]
        behind = harder[harder.relative_high < 1]
        level = harder.drop(index=behind.index)
        parts.append(
            f"{'Not seen' if ahead.empty else 'It does'}: where test lies later in time than train "
            f"({plain_name(data)}), "
            f"{'no level of M is' if ahead.empty else f'M = {listed(ahead.parameter)} is'} ahead of uniform "
            f"sampling by "
            f"NDCG@{NEAR_BEST}: M = {listed(f'{m:g}' for m in behind.parameter)} of 200 are behind the best, M = "
            f"{listed((f'{m:g}' for m in level.parameter), none='no other')} is level with it, and the hardest "
            f"keeps {hardest} of it (95%, "
            "paired, over users and seeds)."
        )
    return " ".join(parts)


def prediction(evidence: Evidence) -> str:
    """How well does OPAUC at random rankings' beta predict Recall@K of trained models?"""
    table = evidence.table("F6-data")
    part = table[(table.over == "models") & (table.metric == "recall")]
    groups = [rows for _, rows in part.groupby(["data", "k"], sort=False)]
    at = [rows.loc[rows.random.idxmax()].correlation for rows in groups]
    auc = [rows.loc[rows.beta.idxmax()].correlation for rows in groups]
    short = "Yes" if min(at) > HIGH else "Not always"
    return (
        f"{short}: at the β that random rankings name (1.5 K/N), OPAUC(β) correlates with Recall@K of trained "
        f"models at "
        f"{extent(at)} on {part.data.nunique()} data sets, K = {part.k.min()} to {part.k.max()}; AUC at "
        f"{extent(auc)} (over models, no interval)."
    )


def surprise(evidence: Evidence) -> str:
    """How far is the hardness that trains best from the one that predicts?"""
    table = evidence.table("G-map")
    part = table[(table.axis == "M") & (table.metric == "recall") & (table.k == NEAR_BEST)]
    ratio = part.peak / part.random
    law = evidence.table("R1")
    law = law[(law.quantity == "beta") & (law.metric == "recall")]
    return (
        f"The hardness that trains best is far softer than the OPAUC that predicts the metric: for Recall@{NEAR_BEST} "
        f"the best β of DNS(M, N) is {extent(ratio, '.2g')} times the one of random rankings on "
        f"{len(part)} data sets. It is never harder than what the head of the ROC curve can order "
        f"({(law.observed >= law.law).sum()} of {len(law)} cases)."
    )


def noise(evidence: Evidence) -> str:
    """Do hard negatives gain more than the noise of sampling costs? (Figure 1)"""
    table = evidence.table("F1")
    table = table[table.metric == "ndcg@50"]
    said = []
    for data, part in table.groupby("data", sort=False):
        row = part.set_index("method").loc["DNS(M,N)"]
        word = standing(row.lead_low, row.lead_high, at=1.0)
        low, high = row.lead_low - 1, row.lead_high - 1
        said.append(f"{word} it on {plain_name(str(data))} ({span(row.lead - 1, low, high, '+.1%')})")
    return (
        "Do hard negatives only mend the noise of sampling? Against training without sampling, on all negatives, "
        f"DNS(M, N) is {listed(said)} (NDCG@50; 95%, paired, over users and seeds)."
    )


def choose(evidence: Evidence) -> str:
    """Where to begin a search."""
    rows = [
        f"{plain_name(r.data)} {r.best:.3g} ({r.density:.2g})"
        for r in best_sets(evidence.table("G1-sets")).itertuples()
        if not str(r.data).endswith(IN_TIME)
    ]
    return f"Best M/N for NDCG@20, in brackets the share of all pairs that is observed: {listed(rows)}."


def yardstick(evidence: Evidence) -> str:
    """Hardness alone beside published losses."""
    said = evidence.findings("Yardstick")
    return " ".join(sentence for name, sentence in said.items() if name.endswith("ndcg@20/published"))


def collapse(evidence: Evidence) -> str:
    """Are M and N one axis, and is rho on it?"""
    table = evidence.table("G-collapse")
    table = table.assign(off=table.off.abs())[(table.axis != "M") & (table.scale == "nominal")]
    off = table.groupby(["axis", "data"]).off.mean()
    return (
        f"In M/N the curves of DNS(M, N) over M and over N are {extent(off['N'], '.3f')} of the best value apart on "
        f"average; those of softmax sampling over ρ, at β = exp(-ρ), are {extent(off.drop('N'), '.3f')} away from "
        f"DNS over M ({off['N'].size} data sets, no interval)."
    )


def confounds(evidence: Evidence) -> str:
    """What the published program's conventions change."""
    table = evidence.table("G-ablation")
    part = table[(table.metric == "ndcg") & (table.k == NEAR_BEST)]
    best = part.loc[part.groupby("variant", sort=False)["mean"].idxmax()].set_index("variant")["mean"]
    ours, others = best.iloc[0], best.iloc[1:]
    words = listed(f"{value / ours - 1:+.1%} with {variant}" for variant, value in others.items())
    return f"On ml-100k the best NDCG@{NEAR_BEST} over M, {ours:.4f} here, changes by {words} (no interval)."


def drawn(evidence: Evidence) -> str:
    """How many samplers were compared by the hardness that they have."""
    table = evidence.table("F7-samplers").drop_duplicates(["world", "sampler"])
    wide = table.pivot(index="sampler", columns="world", values="effective_beta")
    ratio = (wide.max(axis=1) / wide.min(axis=1)).sort_values()
    fixed = [name for name in ratio.index if name.startswith("DNS")]
    return (
        f"Between two worlds of scores the effective β of {fixed[0]} changes {ratio[fixed[0]]:.2f} times, that of "
        f"{ratio.index[-1]} {ratio.iloc[-1]:.0f} times. DNS(M, N) looks at ranks only and keeps its hardness "
        f"from model "
        "to model; a temperature, or a margin, is as hard as the scores are spread."
    )


def curve(evidence: Evidence) -> str:
    """200 epochs on Gowalla at the published settings."""
    table = evidence.table("B-curve")
    said = []
    for run, part in table.groupby("run", sort=False):
        top, last = part.loc[part["ndcg@50"].idxmax()], part.iloc[-1]
        if last.epoch < 100:  # points of the published program
            continue
        said.append(
            f"{run} peaks at NDCG@50 {top['ndcg@50']:.4f} after {top.epoch:.0f} epochs and ends at "
            f"{last['ndcg@50']:.4f}, Recall@50 {last['recall@50']:.4f}, after {last.epoch:.0f}"
        )
    return f"At the published settings, one seed: {'; '.join(said)}."


def quality(evidence: Evidence) -> str:
    """Quality against seconds, beside other programs."""
    table = evidence.table("B-quality")
    said = []
    for program, part in table.groupby("program", sort=False):
        top = part.loc[part["ndcg@50"].idxmax()]
        said.append(f"{program} {top['ndcg@50']:.3f} after {top.seconds:.0f} s")
    return (
        f"The largest {METRIC_NAMES['ndcg']}@50 on Gowalla's test part that each program reaches, two threads, one "
        f"seed: {listed(said)}."
    )
