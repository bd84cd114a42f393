"""S1-pool: what DNS(M, N) on pools can learn from a noisy population.

The expected objective weighs negatives by rank: the hardest share F of them gets W(F) = E min(M, Bin(N, F)) / M of the
weight, W concave. As in S1 the risk is a maximum over weights w with w(A) <= W(q(A)) for all sets A, hence convex in
the scores, and f = log(p / w) at the saddle point. With instances in the order of p / q, the points (W(FPR), TPR) are
the ROC curve in distorted coordinates; w = p / slope on every edge of their concave majorant is feasible, and belongs
to scores that are equal on the edge: f* = log slope.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from sim.objectives import logistic_loss
from sim.rankings import Binormal
from sim.sampling import DNS

from ..model import Axis, Claim, Kind, Mutant, Status, Verdict, check
from ..tally import Tally
from .s1 import Masses, _cut, _levels, _masses, _random_population


def _distortion(m: int, size: int, share: Fraction) -> Fraction:
    """W(F): expected share of the weight that falls on the hardest share F of the negatives."""
    return (
        sum((comb(size, b) * share**b * (1 - share) ** (size - b) * min(m, b) for b in range(size + 1)), Fraction(0))
        / m
    )


def _slopes(p: Masses, q: Masses, distort: Any) -> list[Fraction]:
    """Slope of the concave majorant of (W(FPR), TPR) on each instance's edge: exp(f*), instances in their own order."""
    order = sorted(range(len(p)), key=lambda x: p[x] / q[x], reverse=True)
    blocks: list[tuple[list[int], Fraction, Fraction]] = []  # members, rise, run
    fpr, at = Fraction(0), Fraction(0)
    for x in order:
        fpr += q[x]
        to = distort(fpr)
        blocks.append(([x], p[x], to - at))
        at = to
        while len(blocks) > 1 and blocks[-1][1] * blocks[-2][2] >= blocks[-2][1] * blocks[-1][2]:
            members, rise, run = blocks.pop()
            first = blocks.pop()
            blocks.append((first[0] + members, first[1] + rise, first[2] + run))
    out = [Fraction(0)] * len(p)
    for members, rise, run in blocks:
        for x in members:
            out[x] = rise / run
    return out


def _pool_risk(scores: Any, p: Masses, q: Masses, distort: Any) -> float:
    """Expected DNS(M, N) loss: weights by rank, ties in any order."""
    order = np.argsort(-scores, kind="stable")
    at = [Fraction(0)]
    fpr = Fraction(0)
    for x in order:
        fpr += q[x]
        at.append(distort(fpr))
    w = np.zeros(len(p))
    w[order] = np.diff(np.array(at, dtype=float))
    loss = np.asarray(logistic_loss(np.subtract.outer(scores, scores)))
    return float(np.array(p, dtype=float) @ loss @ w)


def _case(t: Tally) -> tuple[Masses, Masses, int, int, str]:
    c, d, _ = _random_population(t)
    size = int(t.rng.integers(1, 9))
    m = int(t.rng.integers(1, size + 1))
    return _masses(c), _masses(d), m, size, f"positives {c}, negatives {d}, DNS({m}, {size})"


@check(
    "f* = log slope of the concave majorant of (W(FPR), TPR): its risk meets a lower bound for all scores",
    Kind.DUALITY,
    tolerance=1e-11,
)
def _certificate(p: Any, t: Tally) -> None:
    for _ in range(t.pick(1500, 15000)):
        pos, neg, m, size, label = _case(t)
        t.reach({"instances": len(pos), "N": size})
        slopes = p.solve(pos, neg, m, size)
        w = [a / s for a, s in zip(pos, slopes)]
        t.holds(sum(w) == 1, f"{label}: weights sum to {sum(w)}")
        for k in range(1, len(w)):
            for chosen in combinations(range(len(w)), k):
                allowed = _distortion(m, size, sum((neg[x] for x in chosen), Fraction(0)))
                t.holds(
                    sum((w[x] for x in chosen), Fraction(0)) <= allowed, f"{label}: weights not feasible on {chosen}", 0
                )
        joint = np.outer(np.array(pos, dtype=float), np.array(w, dtype=float))
        bound = float((joint * np.log((joint + joint.T) / joint)).sum())
        scores = np.log(np.array(slopes, dtype=float))
        t.small(_pool_risk(scores, pos, neg, lambda f, m=m, size=size: _distortion(m, size, f)) - bound, label)


@check("collapse: equal scores are the minimiser iff W(FPR) >= TPR at every point of the best ROC curve", Kind.EXACT)
def _collapse(p: Any, t: Tally) -> None:
    for _ in range(t.pick(1500, 15000)):
        pos, neg, m, size, label = _case(t)
        fpr = tpr = Fraction(0)
        below = True
        for a, b in sorted(zip(pos, neg), key=lambda v: v[0] / v[1], reverse=True):
            fpr, tpr = fpr + b, tpr + a
            below &= tpr <= p.weight(m, size, fpr)
        t.holds((len(set(_slopes(pos, neg, lambda f, m=m, size=size: _distortion(m, size, f)))) == 1) == below, label)


@check("the rule contains S1 (hard cut, W = min(F / beta, 1)) and AUC (W = F)", Kind.EXACT)
def _contains(p: Any, t: Tally) -> None:
    for _ in range(t.pick(500, 5000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        label = f"positives {c}, negatives {d}, beta = {beta}"
        ties = [a / b for a, b in zip(pos, neg)]
        levels = _levels(pos, neg, beta, _cut(pos, neg, beta))
        t.holds(_slopes(pos, neg, lambda f: f) == ties, f"AUC, {label}")
        scaled = [v for v in levels if v is not None]
        t.holds(_slopes(pos, neg, lambda f, beta=beta: min(f / beta, Fraction(1))) == scaled, f"hard cut, {label}")


@check(
    "W is the library's: cumulative rank distribution of DNS(M, N), pools with replacement",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _library(p: Any, t: Tally) -> None:
    for m, size in ((1, 1), (1, 5), (2, 5), (5, 8), (8, 8)):
        found = np.cumsum(DNS(m, size).rank_distribution(20, replace=True))
        exact = [float(p.weight(m, size, Fraction(k, 20))) for k in range(1, 21)]
        t.all_small(found - np.array(exact), f"DNS({m}, {size}), rank")


@check("harder never orders more: what DNS(M, N) leaves tied stays tied for smaller M and for larger N", Kind.EXACT)
def _nested(p: Any, t: Tally) -> None:
    for _ in range(t.pick(600, 6000)):
        pos, neg, m, size, label = _case(t)
        here = _ordered_pairs(_solve(pos, neg, m, size))
        t.holds(_ordered_pairs(_solve(pos, neg, *p.harder(m, size))) <= here, f"{label} against {p.harder(m, size)}")
        t.holds(_ordered_pairs(_solve(pos, neg, max(m - 1, 1), size)) <= here, f"{label} against M - 1")


def _ordered_pairs(slopes: list[Fraction]) -> set[tuple[int, int]]:
    return {(i, j) for i, a in enumerate(slopes) for j, b in enumerate(slopes) if a > b}


def _resolution(auc: float, m: int, size: int) -> float:
    """FPR down to which the minimiser ranks a binormal population: the last corner of the majorant, on a fine grid."""
    from scipy import stats

    fpr = np.geomspace(1e-7, 1.0, 1500)
    counts = np.arange(size + 1)
    w = stats.binom.pmf(counts, size, fpr[:, None]) @ np.minimum(counts, m) / m
    tpr = np.asarray(Binormal.from_auc(auc).tpr(fpr))
    # the last edge ends in (1, 1): it is the one of smallest slope (1 - TPR) / (1 - W) seen from there
    inside = w < 1.0 - 1e-9  # beyond, 1 - W is rounding
    slopes = (1.0 - tpr[inside]) / (1.0 - w[inside])
    return float(fpr[inside][int(np.argmin(slopes))])


def _solve(pos: Masses, neg: Masses, m: int, size: int) -> list[Fraction]:
    return _slopes(pos, neg, lambda f: _distortion(m, size, f))


def _example() -> str:
    rows = ", ".join(f"N = {n}: {_distortion(1, n, Fraction(1, 3))}" for n in (1, 2, 3, 4))
    return (
        "S1's population: kind a has 2/3 of the positives and 1/3 of the negatives, kind b the rest. DNS(1, N) puts "
        "W(1/3) = 1 - (2/3)^N on a:\n"
        f"{rows}. The minimiser ranks a above b iff W(1/3) < 2/3: DNS(1, 2) learns, DNS(1, 3) and harder give "
        "equal scores.\n"
        "At N = 2, exp(f_a - f_b) = (2/3 / 5/9) / (1/3 / 4/9) = 8/5; with uniform sampling it is 4.\n"
        "Binormal population, AUC 0.9, N = 200: FPR down to which the minimiser ranks at all, the rest is tied: "
        + "; ".join(f"M = {m}: {_resolution(0.9, m, 200):.1g}" for m in (1, 5, 20, 100))
        + ".\nWith 40,000 negatives that is the top 3, 70, 900, 12,000 or so: small K can do with small M, large K "
        "cannot."
    )


CLAIMS = (
    Claim(
        id="S1-pool",
        title="What DNS(M, N) on pools can learn: the concave majorant rule",
        where="The algorithm under S1; beyond the paper",
        statement="With free scores, the minimiser of the expected DNS(M, N) loss orders two neighbours of the best "
        "ranking only where the ROC curve, drawn over W(FPR) instead of "
        "FPR, has a corner on its concave majorant; everything on one edge is tied. W(F) is the share of the "
        "sampling probability on the hardest share F.",
        latex=r"f^*=\log\ \text{slope of the concave majorant of}\ (W(FPR),\,TPR),\quad "
        r"W(F)=\frac{E\min(M,Bin(N,F))}{M}",
        domain="Finite populations, p_x, q_x > 0, free scores, logistic loss, pools drawn from the negatives with "
        "replacement.",
        verdict=Verdict(
            Status.HOLDS,
            "Exact. It contains S1 (W = min(F / beta, 1): the tangent rule) and AUC (W = F: everything is ordered). "
            "Pools are milder than the hard cut, but collapse too when too hard.",
        ),
        sharp="In words: order is learned where the likelihood ratio falls faster along the ranking than the "
        "sampling probability does. Equal scores are the minimiser iff W(FPR) >= TPR "
        "all along the best ROC curve, that is, iff the sampled negatives are ranked at least as high as the "
        "positives even there.",
        scope=(
            Axis("instances", (2, math.inf), (2, 6), every=True, carried="proof: the module's docstring"),
            Axis("N", (1, math.inf), (1, 8), every=True, carried="proof: the module's docstring"),
        ),
        checks=(_certificate, _collapse, _nested, _contains, _library),
        parts={"solve": _solve, "weight": _distortion, "harder": lambda m, size: (m, size + 1)},
        mutants=(
            Mutant(
                "f* = log(p / q), as for AUC", {"solve": lambda pos, neg, m, size: [a / b for a, b in zip(pos, neg)]}
            ),
            Mutant(
                "the hard cut at beta = M / N",
                {"solve": lambda pos, neg, m, size: _slopes(pos, neg, lambda f: min(f * size / m, Fraction(1)))},
            ),
            Mutant("W with M + 1 in place of M", {"weight": lambda m, size, f: _distortion(min(m + 1, size), size, f)}),
            Mutant("larger N orders more", {"harder": lambda m, size: (m, max(size - 1, m))}),
            Mutant("W with N + 1 in place of N", {"weight": lambda m, size, f: _distortion(m, size + 1, f)}),
            Mutant(
                "slopes of the points themselves, not of their majorant",
                {"solve": lambda pos, neg, m, size: _raw(pos, neg, m, size)},
            ),
        ),
        example=_example,
    ),
)


def _raw(pos: Masses, neg: Masses, m: int, size: int) -> list[Fraction]:
    """A false variant: no majorant, each instance keeps its own slope."""
    order = sorted(range(len(pos)), key=lambda x: pos[x] / neg[x], reverse=True)
    out, fpr = [Fraction(0)] * len(pos), Fraction(0)
    for x in order:
        out[x] = pos[x] / (_distortion(m, size, fpr + neg[x]) - _distortion(m, size, fpr))
        fpr += neg[x]
    return out
