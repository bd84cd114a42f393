"""F6-2 and F6-3: the peaks of Fig. 6's curves, enumerated over all sizes to a limit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import numpy as np

from sim.rankings import (
    correlation_by_cutoff,
    exact_correlation,
    exact_moments,
    rational_moments,
)

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

N_POS, N_NEG = 200, 800
SHOWN = (5, 20, 50)
METRICS = ("recall", "ndcg")

# ---------------------------------------------------------------- F6-2

ROUNDING = 1e-10
"""More than the rounding of :func:`sim.rankings.correlation_by_cutoff` at the sizes enumerated here."""
LIMIT = {"recall": 1.0, "ndcg": 0.7}
"""Up to which K / N each metric's statement goes."""


def _covariance(n_pos: int, n_neg: int, metric: str) -> Any:
    """A false variant: covariances up to a factor for each K."""
    return correlation_by_cutoff(n_pos, n_neg, metric) * np.sqrt(exact_moments(n_pos, n_neg, "recall", 1).opauc_var)


def _easiest(n_pos: int, n_neg: int, metric: str) -> Any:
    """A false variant: the area over the m easiest negatives, whose variance is that of the m hardest."""
    of_ranks = np.diff(_covariance(n_pos, n_neg, metric), axis=1, prepend=0.0)
    return np.cumsum(of_ranks[:, ::-1], axis=1) / np.sqrt(exact_moments(n_pos, n_neg, "recall", 1).opauc_var)


@lru_cache(8192)
def _shape(curves: Any, n_pos: int, n_neg: int, metric: str) -> tuple[Any, Any]:
    """Of the curve of every K < N: whether it falls and rises again, and the smallest m at its peak."""
    found = curves(n_pos, n_neg, metric)
    step = np.diff(found, axis=1)
    again = ((step > ROUNDING) & np.maximum.accumulate(step < -ROUNDING, axis=1)).any(axis=1)
    return again, (found >= found.max(axis=1, keepdims=True) - ROUNDING).argmax(axis=1) + 1


def _enumerate(p: Any, t: Tally, metric: str) -> Iterator[tuple[Any, Any, str]]:
    """Two peaks and best m of all K up to the metric's limit, for every N_+ and N_- up to 40 (full: 100)."""
    top = t.pick(40, 100)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        n = n_pos + n_neg
        last = min(n - 1, int(p.limit[metric] * n))
        if last:
            again, best = _shape(p.curves, n_pos, n_neg, metric)
            t.reach({"metric": metric, "N_+": n_pos, "N_-": n_neg, f"K / N, {metric}": [1 / n, last / n]})
            yield again[:last], best[:last], f"{metric}, N_+ = {n_pos}, N_- = {n_neg}, K - 1"


@check("Recall: one peak at every N_+, N_- <= 40 (full: 100) and every K < N", Kind.ENUMERATION)
def _recall_one_peak(p: Any, t: Tally) -> None:
    for again, _, label in _enumerate(p, t, "recall"):
        t.all_true(~again, label)


@check("NDCG: the same for K <= 0.7 N", Kind.ENUMERATION, Role.CONDITION)
def _ndcg_one_peak(p: Any, t: Tally) -> None:
    for again, _, label in _enumerate(p, t, "ndcg"):
        t.all_true(~again, label)


@check("NDCG: one peak at every K < N", Kind.ENUMERATION)
def _ndcg_everywhere(p: Any, t: Tally) -> None:
    for n_neg in range(1, 13):
        again, _ = _shape(p.curves, 1, n_neg, "ndcg")
        t.all_true(~again, f"two peaks of NDCG@K at N_+ = 1, N_- = {n_neg}, K", np.arange(1, n_neg + 1))


@check(
    "200/800: Recall has one peak for all K < N, inside for K <= 400; NDCG for K <= 826 only, with two at K = 827",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _paper_size(p: Any, t: Tally) -> None:
    for metric in METRICS:
        again, at = _shape(p.curves, N_POS, N_NEG, metric)
        last = p.last[metric]
        t.reach({"K, 200/800": range(1, last + 1)})
        t.all_true(~again[:last], f"{metric}@K, K", np.arange(1, last + 1))
        t.holds(last == again.size or again[last], f"{metric}@{last + 1} has one peak")
        at = at[:400]
        t.all_true((at < N_NEG) & ((at > 1) | (np.arange(400) == 0)), f"{metric}@K: the peak is inside, K - 1")


@check("all N_+, N_- <= 7 and every K: squared correlation in fractions rises, then falls (Recall)", Kind.EXACT)
def _small_sizes(p: Any, t: Tally) -> None:
    top = t.pick(7, 8)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        for k in range(1, n_pos + n_neg):
            curve = p.square(rational_moments(n_pos, n_neg, [1] * k))
            best = curve.index(max(curve))
            label = f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}"
            t.holds(all(a <= b for a, b in pairwise(curve[: best + 1])), f"rise, {label}")
            t.holds(all(a >= b for a, b in pairwise(curve[best:])), f"fall, {label}")


_SCOPE = (
    Axis("metric", METRICS),
    Axis("N_+", (1, 40), every=True),
    Axis("N_-", (1, 40), every=True),
    Axis("K / N, recall", (1 / 80, 79 / 80)),
    Axis("K / N, ndcg", (1 / 80, 0.7)),
)

F6_2 = Claim(
    id="F6-2",
    title="Too small and too large a beta both hurt",
    where="Fig. 6, second observation",
    statement="Each correlation curve rises with beta to one peak and falls after it.",
    latex=r"m\mapsto\rho(R@K, X_m)\ \text{is unimodal}",
    domain="Uniformly random rankings; enumerated, not proved. Recall and Precision: every N_+, N_- <= 40 and every K "
    "below N_+ + N_-, and 200/800. NDCG: the same for K <= 0.7 N (AP, MRR and Hit have exact moments too: F6-llpauc). "
    "For other rankers, where the top K holds well below one negative, the first half is void: the peak is at m = 1, "
    "and low (F6-law-models).",
    verdict=Verdict(
        Status.CONDITION,
        "Recall has one peak throughout. NDCG has two near the end of the list: of its 64,000 curves with N_+, N_- <= "
        "40, 12,335 do, the first at K = .738 N; with sizes to 100 the first is at .706 N (N_+ = 2, N_- = 100, K = "
        "72), at 200/800 at K = 827. For rankers that put less than a third of a negative in the top K the peak is at "
        "the single hardest negative (F6-law-models).",
    ),
    sharp="Recall at every K < N and NDCG at every K <= 0.7 N, up to the sizes enumerated.",
    checks=(_paper_size, _recall_one_peak, _ndcg_everywhere, _ndcg_one_peak, _small_sizes),
    parts={
        "curves": correlation_by_cutoff,
        "square": lambda moments: moments.squared_correlation,
        "limit": LIMIT,
        "last": {"recall": N_POS + N_NEG - 1, "ndcg": 826},
    },
    scope=(*_SCOPE, Axis("K, 200/800", (1, 999), every=True)),
    mutants=(
        Mutant(
            "covariance instead of correlation (it only rises)",
            {"curves": _covariance},
        ),
        Mutant("OPAUC over the m easiest negatives", {"curves": _easiest}),
        Mutant(
            "NDCG has one peak at every K < N (K <= 400 at 200/800 shows nothing else)",
            {"limit": {**LIMIT, "ndcg": 1.0}},
        ),
        Mutant("NDCG has one peak for K <= 0.8 N", {"limit": {**LIMIT, "ndcg": 0.8}}),
        Mutant("200/800: NDCG has one peak to K = 827", {"last": {"recall": N_POS + N_NEG - 1, "ndcg": 827}}),
    ),
    example=lambda: (
        "N_+ = N_- = 2, K = 1: squared correlations with X_1, X_2: "
        + ", ".join(str(v) for v in rational_moments(2, 2, [1]).squared_correlation)
        + " (six rankings; P_1 and the first place by hand).\nNDCG@8 of one positive and eight negatives has two "
        "peaks over m = 1..8: " + ", ".join(f"{v:.3f}" for v in correlation_by_cutoff(1, 8, "ndcg")[7]) + "."
    ),
)

# ---------------------------------------------------------------- F6-3


@check("Recall: the peak's m never falls as K rises, every N_+, N_- <= 40 (full: 100), every K < N", Kind.ENUMERATION)
def _recall_order(p: Any, t: Tally) -> None:
    for _, best, label in _enumerate(p, t, "recall"):
        t.all_true(p.order * np.diff(best) >= 0, label)


@check("NDCG: the same for K <= 0.7 N", Kind.ENUMERATION, Role.CONDITION)
def _ndcg_order(p: Any, t: Tally) -> None:
    for _, best, label in _enumerate(p, t, "ndcg"):
        t.all_true(p.order * np.diff(best) >= 0, label)


@check("NDCG: the same for every K < N", Kind.ENUMERATION)
def _ndcg_order_everywhere(p: Any, t: Tally) -> None:
    for n_neg in range(1, 13):
        _, at = _shape(p.curves, 1, n_neg, "ndcg")
        t.all_true(np.diff(at) >= 0, f"NDCG@K, N_+ = 1, N_- = {n_neg}: best m {at.tolist()}, K")


@check(
    "200/800: the peak's m never falls for K < N (Recall) and for K <= 908 (NDCG), where it drops from 800 to 23; it "
    "rises over K = 5, 20, 50",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _peak_order(p: Any, t: Tally) -> None:
    for metric in METRICS:
        _, at = _shape(p.curves, N_POS, N_NEG, metric)
        last = p.last[metric]
        t.reach({"K, 200/800": range(1, last + 1)})
        t.all_true(p.order * np.diff(at[:last]) >= 0, f"{metric}, step")
        t.holds(last == at.size or (at[last - 1], at[last]) == (N_NEG, 23), f"{metric}@{last + 1}: no drop to 23")
        shown = at[np.array(SHOWN) - 1]
        t.all_true(p.order * np.diff(shown) > 0, f"{metric}: peaks at m = {shown.tolist()}, step")


@check("all N_+, N_- <= 7 and every K, in fractions (Recall)", Kind.EXACT)
def _peak_order_small(p: Any, t: Tally) -> None:
    top = t.pick(7, 8)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        before = 0
        for k in range(1, n_pos + n_neg):
            curve = rational_moments(n_pos, n_neg, [1] * k).squared_correlation
            now = p.peak(curve, k)
            t.holds(now >= before, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: peak at {now} after {before}")
            t.holds(curve[now - 1] == max(curve), f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: no peak at {now}")
            before = now


F6_3 = Claim(
    id="F6-3",
    title="Smaller K peaks at smaller beta",
    where="Fig. 6, third observation",
    statement="The smaller K, the smaller the beta at which the correlation peaks.",
    latex=r"K\le K' \Rightarrow m^*(K)\le m^*(K')",
    domain="Uniformly random rankings; enumerated, not proved. Recall and Precision: every N_+, N_- <= 40 and every K "
    "below N_+ + N_-, and 200/800. NDCG: the same for K <= 0.7 N.",
    verdict=Verdict(
        Status.CONDITION,
        "The peak of Recall never moves down as K rises; how far it moves is F6-law. That of NDCG falls back near the "
        "end of the list: 3,045 times with N_+, N_- <= 40, first at K = .82 N; with sizes to 100 at .815 N; at 200/800 "
        "from 800 to 23 at K = 909.",
    ),
    sharp="Recall at every K < N and NDCG at every K <= 0.7 N, up to the sizes enumerated.",
    checks=(_recall_order, _ndcg_order_everywhere, _ndcg_order, _peak_order, _peak_order_small),
    parts={
        "curves": correlation_by_cutoff,
        "order": 1,
        "peak": lambda curve, k: curve.index(max(curve)) + 1,
        "limit": LIMIT,
        "last": {"recall": N_POS + N_NEG - 1, "ndcg": 908},
    },
    scope=(*_SCOPE, Axis("K, 200/800", (1, 999), every=True)),
    mutants=(
        Mutant("smaller K peaks at larger beta", {"order": -1}),
        Mutant("the peak is at m = K (Theorem 3's pairing)", {"peak": lambda curve, k: min(k, len(curve))}),
        Mutant("the peak is at m = 1 for every K", {"peak": lambda curve, k: 1}),
        Mutant(
            "NDCG's never falls at any K < N (K <= 400 at 200/800 shows no fall)", {"limit": {**LIMIT, "ndcg": 1.0}}
        ),
        Mutant("NDCG's never falls for K <= 0.9 N", {"limit": {**LIMIT, "ndcg": 0.9}}),
    ),
    example=lambda: (
        "200/800, m at the peak of Recall@K: "
        + ", ".join(f"K = {k}: {exact_correlation(N_POS, N_NEG, 'recall', k).argmax() + 1}" for k in (1, *SHOWN, 200))
        + ".\nOne positive, ten negatives, NDCG: the best m is "
        + ", ".join(
            f"{m} at K = {k}" for k, m in enumerate(_shape(correlation_by_cutoff, 1, 10, "ndcg")[1], 1) if k > 7
        )
        + "."
    ),
)

CLAIMS = (F6_2, F6_3)
