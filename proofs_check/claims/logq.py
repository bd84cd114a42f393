"""Q1: the log-Q correction of sampled softmax is biased, because the positive always stands in the denominator."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from sim.objectives import CORRECTIONS, expected_softmax, log_q_softmax

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

Law = list[Fraction]


def _denominator(e: Law, q: Law, pool: tuple[int, ...], correction: str) -> Law:
    """Terms of the denominator by item, over N where the correction is the usual one."""
    terms = [Fraction(0)] * len(e)
    if correction == "usual":
        terms[0] = e[0] / q[0] / len(pool)
        for j in pool:
            terms[j] += e[j] / q[j] / len(pool)
        return terms
    terms[0] = e[0]
    scale = Fraction(1, len(pool))
    if correction == "self-normalised":
        scale = Fraction(len(e) - 1) / sum((1 / q[j] for j in pool), Fraction(0))
    for j in pool:
        terms[j] += scale * e[j] / q[j]
    return terms


def _over_pools(e: Law, q: Law, size: int, correction: str) -> tuple[Law, Fraction, Law]:
    """Over every pool: mean estimate, mean denominator, and q as drawn from."""
    first = 0 if correction == "usual" else 1
    total = sum(q[first:], Fraction(0))
    drawn = [x / total if j >= first else Fraction(0) for j, x in enumerate(q)]
    mean, denominator = [Fraction(0)] * len(e), Fraction(0)
    for pool in product(range(first, len(e)), repeat=size):
        chance = Fraction(1)
        for j in pool:
            chance *= drawn[j]
        terms = _denominator(e, drawn, pool, correction)
        whole = sum(terms, Fraction(0))
        denominator += chance * whole
        mean = [a + chance * b / whole for a, b in zip(mean, terms)]
    return mean, denominator, drawn


def _cases(t: Tally) -> Iterator[tuple[Law, Law, int]]:
    """Small catalogues with random exp(scores) and proposals, and pools of 1 to 4."""
    for _ in range(t.pick(12, 60)):
        n = int(t.rng.integers(2, 5))
        e = [Fraction(int(v)) for v in t.rng.integers(1, 8, n)]
        q = [Fraction(int(v)) for v in t.rng.integers(1, 8, n)]
        for size in range(1, 5):
            t.reach({"n": n, "N": size})
            yield e, [x / sum(q, Fraction(0)) for x in q], size


@check("the usual correction's mean estimate of every P_j is P_j, over every pool, in fractions", Kind.ENUMERATION)
def _unbiased(p: Any, t: Tally) -> None:
    for e, q, size in _cases(t):
        mean, _, _ = _over_pools(e, q, size, "usual")
        t.same(mean[0], e[0] / sum(e), f"e = {list(map(str, e))}, q = {list(map(str, q))}, N = {size}: positive")


@check(
    "mean denominator over every pool: Z + e_0 / (N q_0) with the usual correction, Z with the positive counted once",
    Kind.ENUMERATION,
    Role.SHARP,
)
def _mean_denominator(p: Any, t: Tally) -> None:
    for e, q, size in _cases(t):
        label = f"e = {list(map(str, e))}, q = {list(map(str, q))}, N = {size}"
        _, usual, _ = _over_pools(e, q, size, "usual")
        t.same(usual, sum(e, Fraction(0)) + p.extra(e, q, size), f"usual, {label}")
        _, once, _ = _over_pools(e, q, size, p.corrected)
        t.same(once, sum(e, Fraction(0)), f"once, {label}")


@check(
    "counted once, the mean estimate of the positive's P_0 is never below P_0 (Jensen), and equal only where all "
    "e_j / q_j are; the usual one can be off by more than 0.5",
    Kind.ENUMERATION,
    Role.SHARP,
)
def _jensen(p: Any, t: Tally) -> None:
    for e, q, size in _cases(t):
        mean, _, drawn = _over_pools(e, q, size, p.corrected)
        even = len({a / b for a, b in zip(e[1:], drawn[1:])}) == 1
        label = f"e = {list(map(str, e))}, q = {list(map(str, q))}, N = {size}"
        t.holds((mean[0] == e[0] / sum(e)) if even else (mean[0] > e[0] / sum(e)), label)
    rare = [Fraction(1, 100), Fraction(33, 100), Fraction(66, 100)]
    mean, _, _ = _over_pools([Fraction(1)] * 3, rare, 1, "usual")
    t.holds(mean[0] - Fraction(1, 3) > Fraction(1, 2), f"rare positive: {float(mean[0]):.3f} for 1/3")


@check(
    "the library's estimates against this, pool by pool and on average",
    Kind.NUMERICAL,
    Role.SHARP,
    tolerance=1e-12,
)
def _library(p: Any, t: Tally) -> None:
    for e, q, size in list(_cases(t))[::3]:
        scores, proposal = np.log([float(v) for v in e]), [float(v) for v in q]
        for correction in CORRECTIONS:
            t.reach({"correction": correction})
            mean, _, drawn = _over_pools(e, q, size, correction)
            found = expected_softmax(scores, proposal, size, correction)
            t.all_small(found - [float(v) for v in mean], f"{correction}, N = {size}, item")
            pool = tuple(int(v) for v in t.rng.integers(0 if correction == "usual" else 1, len(e), size))
            terms = _denominator(e, drawn, pool, correction)
            shares = np.array([float(v / sum(terms, Fraction(0))) for v in terms])
            t.all_small(log_q_softmax(scores, list(pool), proposal, correction) - shares, f"{correction}, {pool}, item")


@check(
    "all three are consistent: from N = 32 to 64 the bias of P_0 falls to 5/8 or less; with the positive counted "
    "once it is the smaller by N = 64 in every case tried, q_0 from .05 to .5",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _rates(p: Any, t: Tally) -> None:
    for _ in range(t.pick(10, 100)):
        e = t.rng.integers(1, 8, 3).astype(float)
        share = e[0] / e.sum()
        q = np.append(t.rng.uniform(0.05, 0.5), t.rng.uniform(0.5, 1.5, 2))
        q[1:] *= (1.0 - q[0]) / q[1:].sum()
        bias = {c: [expected_softmax(np.log(e), q, n, c)[0] - share for n in (32, 64)] for c in CORRECTIONS}
        label = f"e = {e.tolist()}, q = {q.round(3).tolist()}"
        t.reach({"N": 64})
        for c, (far, near) in bias.items():
            if abs(near) > 1e-6:
                t.holds(far / near > 1.6, f"{c}, {label}: bias {far:.2e}, {near:.2e}")
        small, large = (abs(bias[c][1]) for c in p.better)
        t.holds(small < large, f"{label}: {p.better[0]} {small:.2e}, {p.better[1]} {large:.2e}")


Q1 = Claim(
    id="Q1",
    title="The log-Q correction of sampled softmax is biased by the positive in the denominator",
    where="Beyond the paper; sampled softmax and corrected=True",
    statement="Sampled softmax with corrected logits s_j - log q_j, for the positive too, estimates the softmax "
    "over all items without bias.",
    latex=r"E\,\frac1N\Big(\frac{e_0}{q_0}+\sum_{j\in pool}\frac{e_j}{q_j}\Big) = Z+\frac{e_0}{N q_0},\qquad "
    r"E\Big(e_0+\frac1N\sum_{j\in pool\setminus 0}\frac{e_j}{q_j}\Big)=Z",
    domain="Pools of N draws with replacement by any q > 0; e_j = exp(s_j), Z = sum e_j, item 0 the positive. The "
    "means of the denominators: any catalogue and N (linearity of the mean); the estimates: catalogues of 2 to 4 "
    "items, N to 64.",
    verdict=Verdict(
        Status.REFUTED,
        "The positive always stands in the denominator although it was not drawn: the denominator is e_0 / (N q_0) too "
        "large on average, much where the positive is rare. The gradient at the positive, P_0 - 1, is too small: for "
        "three equal items with q_0 = 1/100 and N = 1 the mean estimate of P_0 is .91, not 1/3.",
    ),
    sharp="Counted once, with a pool of negatives only, the denominator is right on average; what is left is Jensen's "
    "bias of a ratio, of order 1 / N, which makes P_0 too large, never too small, and vanishes where q is proportional "
    "to e. The trainer's loss sampled-softmax with corrected=True counts the positive once and scales the pool's "
    "weights to n_-: it has no such term either. All three are consistent as N grows.",
    checks=(_unbiased, _mean_denominator, _jensen, _library, _rates),
    scope=(
        Axis("n", (2, 4), every=True),
        Axis("N", (1, 64)),
        Axis("correction", CORRECTIONS),
    ),
    parts={"extra": lambda e, q, size: e[0] / q[0] / size, "corrected": "once", "better": ("once", "usual")},
    mutants=(
        Mutant("the usual denominator is right on average", {"extra": lambda e, q, size: Fraction(0)}),
        Mutant("it is e_0 / q_0 too large whatever N", {"extra": lambda e, q, size: e[0] / q[0]}),
        Mutant("it is e_0 too large", {"extra": lambda e, q, size: e[0]}),
        Mutant("self-normalised weights keep the denominator's mean", {"corrected": "self-normalised"}),
        Mutant("the usual way is the better one", {"better": ("usual", "once")}),
    ),
    example=lambda: (
        "Three items of equal score, q = (1/100, 33/100, 66/100), N = 1: 100 of the positive stand beside 100/33, "
        "100/66 or another 100: P_0 is estimated as 33/34, 66/67 or 1. Counted once, with q = (1/3, 2/3) on the "
        "negatives: 1 / (1 + 3) or 1 / (1 + 3/2): mean 1/3 x 1/4 + 2/3 x 2/5 = 7/20 for 1/3."
    ),
)

CLAIMS = (Q1,)
