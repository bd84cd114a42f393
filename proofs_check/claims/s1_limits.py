"""S1-nested, S1-floor, S1-regret: what pools can and cannot reach, and what a small surrogate risk buys.

Nesting. The densities of W have falling ratios (Nesting.v), so a harder W is a concave function of a softer
one. A point of the ROC curve under a chord in the coordinates (W, TPR) moves further under it when W is made
harder: ties are kept.

Floor. A pool of N misses the hardest share F with probability (1 - F)^N, so every sampler on pools has W(F) at
most 1 - (1 - F)^N, with equality for DNS(1, N). Two rankings: all positives at FPR beta; or a share c of them
first, the rest last. The sampler's score of a ranking, the integral of TPR over W, is at least (1 - beta)^N for
the first and c for the second; their OPAUC(beta) / beta are 0 and c. For c below (1 - beta)^N the wrong one wins.

Regret. At the saddle point w of S1 the risk of any f is at least its logistic risk under the pairs p_x w_x'. That is an
AUC risk, and reg_AUC <= sqrt(2 reg_logistic), from the binary bound psi(t) >= t^2 / 2.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from math import comb, log, sqrt
from typing import Any

import numpy as np

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import roc_area
from ..tally import Tally
from .s1 import Masses, _best, _cut, _groups, _levels, _masses, _random_population
from .s1_pool import _distortion, _solve

# ---------------------------------------------------------------- S1-nested


def _ties(slopes: list[Fraction]) -> set[tuple[int, int]]:
    return {(i, j) for i, a in enumerate(slopes) for j, b in enumerate(slopes) if a == b}


def _hit(m: int, draws: int, share: Fraction) -> Fraction:
    """P(Bin(draws, share) < m)."""
    return sum((comb(draws, b) * share**b * (1 - share) ** (draws - b) for b in range(min(m, draws + 1))), Fraction(0))


@check(
    "the ratio of the densities, M - 1 over M and N + 1 over N, falls strictly on a grid of F, N up to 9, in fractions",
    Kind.EXACT,
)
def _ratios(p: Any, t: Tally) -> None:
    grid = [Fraction(i, 12) for i in range(1, 12)]
    for size in range(2, t.pick(10, 15)):
        for m in range(1, size + 1):
            t.reach({"N": size, "M": m})
            for name, (hm, hn), (sm, sn) in p.pairs(m, size):
                if hm < 1 or hm > hn or (hm, hn) == (sm, sn):
                    continue
                found = [_hit(hm, hn - 1, f) / _hit(sm, sn - 1, f) for f in grid]
                t.holds(all(a > b for a, b in pairwise(found)), f"{name} of DNS({m}, {size}): {found[0]}, ..")


@check(
    "W' is N / M times the hit rate at M among N - 1 sampled negatives: difference quotients, in fractions", Kind.EXACT
)
def _sampled(p: Any, t: Tally) -> None:
    for size in range(1, t.pick(7, 10)):
        for m in range(1, size + 1):
            # a polynomial of degree <= N is known by its values at N + 1 points; its derivative is that interpolant's
            points = [Fraction(i, size + 1) for i in range(size + 2)]
            values = [_distortion(m, size, f) for f in points]
            for at in (Fraction(1, 5), Fraction(2, 3)):
                slope = _interpolant_slope(points, values, at)
                t.same(slope, Fraction(size, m) * p.hit(m, size - 1, at), f"DNS({m}, {size}), F = {at}")


def _interpolant_slope(points: list[Fraction], values: list[Fraction], at: Fraction) -> Fraction:
    """Derivative at ``at`` of the polynomial through the points (Lagrange)."""
    total = Fraction(0)
    for i, (x, y) in enumerate(zip(points, values)):
        others = [z for j, z in enumerate(points) if j != i]
        scale = Fraction(1)
        for z in others:
            scale *= x - z
        rate = Fraction(0)
        for j in range(len(others)):
            term = Fraction(1)
            for k, z in enumerate(others):
                if k != j:
                    term *= at - z
            rate += term
        total += y * rate / scale
    return total


@check("ties are kept by M - 1 and by N + 1, random populations, N up to 8, in fractions", Kind.EXACT)
def _kept(p: Any, t: Tally) -> None:
    strict = 0
    for _ in range(t.pick(400, 4000)):
        c, d, _ = _random_population(t)
        size = int(t.rng.integers(2, 9))
        m = int(t.rng.integers(2, size + 1))
        pos, neg = _masses(c), _masses(d)
        t.reach({"instances": len(pos)})
        soft = _ties(_solve(pos, neg, m, size))
        for hard in (p.harder_m(m, size), p.harder_n(m, size)):
            found = _ties(_solve(pos, neg, *hard))
            t.holds(soft <= found, f"positives {c}, negatives {d}: DNS{(m, size)} ties what DNS{hard} orders")
            strict += soft < found
    t.holds(strict > 0, "no case where the harder sampler ties more")


NESTED = Claim(
    id="S1-nested",
    title="Harder samplers on pools order less: a theorem",
    where="The algorithm under S1; beyond the paper",
    statement="Whatever the minimiser of the expected DNS(M, N) loss ties, those of DNS(M - 1, N) "
    "and DNS(M, N + 1) tie as well. W is N/M times the integral of a sampled metric's hit rate, "
    "and a harder W is a concave function of a softer.",
    latex=r"W'_{M,N}(F)=\tfrac NM P(Bin(N-1,F)<M);\quad \frac{W'_{M-1,N}}{W'_{M,N}},\ "
    r"\frac{W'_{M,N+1}}{W'_{M,N}}\ \text{fall in}\ F",
    domain="Finite populations, p_x, q_x > 0, free scores, logistic loss, pools with replacement, "
    "1 <= M <= N. Checked: random populations of up to 6 instances, N up to 9 (full: 14), exactly; "
    "all M, N and F by proof in Coq, the minimiser itself by S1-pool.",
    verdict=Verdict(Status.HOLDS, "Proved: the ratios fall, so the chord that hides a point still hides it."),
    scope=(
        Axis("N", (2, math.inf), (2, 9), every=True, carried="formal: larger_N_is_concave"),
        Axis("M", (1, math.inf), (1, 9), every=True, carried="formal: smaller_M_is_concave"),
        Axis("instances", (2, math.inf), (2, 6), every=True, carried="formal: ties_are_kept"),
    ),
    checks=(_ratios, _sampled, _kept),
    parts={
        "pairs": lambda m, size: (
            ("M - 1", (m - 1, size), (m, size)),
            ("N + 1", (m, size + 1), (m, size)),
        ),
        "hit": _hit,
        "harder_m": lambda m, size: (m - 1, size),
        "harder_n": lambda m, size: (m, size + 1),
    },
    mutants=(
        Mutant("M + 1 is harder", {"harder_m": lambda m, size: (min(m + 1, size), size)}),
        Mutant("N - 1 is harder", {"harder_n": lambda m, size: (min(m, size - 1), size - 1)}),
        Mutant("W' is the hit rate among N sampled negatives", {"hit": lambda m, draws, f: _hit(m, draws + 1, f)}),
        Mutant(
            "the ratio falls for M + 1",
            {"pairs": lambda m, size: (("M + 1", (m + 1, size), (m, size)),) if m < size else ()},
        ),
    ),
    example=lambda: (
        "N = 2: DNS(1, 2) has density 2 (1 - F), DNS(2, 2) has 1: the ratio 2 (1 - F) falls. "
        "DNS(1, 3): 3 (1 - F)^2, over DNS(1, 2): 3/2 (1 - F).\nW(F) = 1 - (1 - F)^2 is a concave "
        "function of F: a point of the ROC curve under the chord in (F, TPR) is under it in (W, "
        "TPR)."
    ),
)

# ---------------------------------------------------------------- S1-floor


def _miss(share: Fraction, size: int) -> Fraction:
    return (1 - share) ** size


def _value(points: list[tuple[Fraction, Fraction]], distort: Any) -> Fraction:
    """Integral of TPR over W: positives' masses at their FPRs, ties above."""
    return sum((mass * (1 - distort(fpr)) for fpr, mass in points), Fraction(0))


def _opauc(points: list[tuple[Fraction, Fraction]], beta: Fraction) -> Fraction:
    """OPAUC(beta) / beta of positives at these FPRs."""
    return sum((mass * max(Fraction(0), 1 - fpr / beta) for fpr, mass in points), Fraction(0))


@check(
    "two rankings that every sampler on pools of N up to 12 orders wrongly: OPAUC(beta)/beta 0 "
    "against c, for c just below (1 - beta)^N, in fractions",
    Kind.EXACT,
)
def _wrong(p: Any, t: Tally) -> None:
    for size in range(1, t.pick(13, 30)):
        for m in range(1, size + 1):
            for b in (2, 5, 20, 100):
                t.reach({"N": size, "M": m, "1 / beta": b})
                beta = Fraction(1, b)
                c = p.floor(beta, size) * Fraction(999, 1000)
                low, high = [(beta, Fraction(1))], [(Fraction(0), c), (Fraction(1), 1 - c)]

                def distort(f: Fraction, m: int = m, size: int = size) -> Fraction:
                    return _distortion(m, size, f)

                label = f"DNS({m}, {size}), beta = {beta}, c = {float(c):.4f}"
                t.holds(_value(low, distort) > _value(high, distort), f"{label}: the right one wins")
                t.same(_opauc(high, beta) - _opauc(low, beta), c, label)


@check("W(F) <= 1 - (1 - F)^N for DNS(M, N), equality for M = 1 alone, N up to 9, in fractions", Kind.EXACT)
def _ceiling(p: Any, t: Tally) -> None:
    for size in range(1, t.pick(10, 16)):
        for m in range(1, size + 1):
            for f in (Fraction(1, 50), Fraction(1, 3), Fraction(4, 5)):
                limit = 1 - p.missed(f, size)
                w = _distortion(m, size, f)
                t.holds(w <= limit and (w == limit) == (m == 1), f"DNS({m}, {size}), F = {f}: {w} against {limit}")


@check(
    "for beta <= 1/N DNS(1, N) has no larger regret: random pairs of rankings, in fractions",
    Kind.EXACT,
    Role.SHARP,
)
def _attained(p: Any, t: Tally) -> None:
    worst = Fraction(0)
    for _ in range(t.pick(2000, 30_000)):
        size = int(t.rng.integers(1, 6))
        beta = Fraction(1, int(t.rng.integers(max(size, 2), 4 * size + 1)))
        pair = [_random_ranking(t, beta) for _ in range(2)]

        def distort(f: Fraction, size: int = size) -> Fraction:
            return 1 - _miss(f, size)

        chosen, other = sorted(pair, key=lambda points: _value(points, distort), reverse=True)
        regret = _opauc(other, beta) - _opauc(chosen, beta)
        t.holds(regret <= p.floor(beta, size), f"N = {size}, beta = {beta}: regret {regret}")
        worst = max(worst, regret / _miss(beta, size))
    t.holds(worst > Fraction(1, 2), f"the largest regret tried is {float(worst):.2f} of the bound")


def _random_ranking(t: Tally, beta: Fraction) -> list[tuple[Fraction, Fraction]]:
    places = [Fraction(0), beta / 2, beta, 2 * beta if 2 * beta < 1 else Fraction(1), Fraction(1)]
    cuts = t.rng.integers(0, 2 + 40 * (t.rng.random(5) < 0.4))
    cuts[0] += 1
    return [(f, Fraction(int(v), int(cuts.sum()))) for f, v in zip(places, cuts)]


FLOOR = Claim(
    id="S1-floor",
    title="Below beta = 1/N pools cannot tell: the least regret of any sampler on pools of N",
    where="The algorithm; beyond the paper",
    statement="Every sampler on pools of N puts at most 1 - (1 - F)^N on the hardest share F. "
    "Choosing between rankings by its expected 0-1 loss can cost (1 - beta)^N of OPAUC(beta)/beta, "
    "whatever its weights; for beta <= 1/N DNS(1, N) never costs more.",
    latex=r"\inf_{sampler\ on\ N}\ \sup_{two\ rankings}\ regret\ =\ (1-\beta)^N,\qquad \beta\le "
    r"1/N",
    domain="0-1 loss, any rankings of a population, pools drawn uniformly with replacement. Lower "
    "bound: any weights, any beta < 1. Attained: beta <= 1/N. Checked: DNS(M, N) of all M, N up to "
    "12, exactly; 2,000 random pairs; any other sampler by the module's argument.",
    verdict=Verdict(
        Status.SHARPENED,
        "Exact. At beta = 1/N the floor is (1 - 1/N)^N, about 0.37 for large N, and tends to 1 for "
        "harder targets: pools of 200 can follow OPAUC(beta) for beta well above 1/200 only.",
    ),
    sharp="For beta <= 1/N the bound is the minimax regret, attained by DNS(1, N): the set of "
    "(sampler's value, OPAUC(beta)/beta) of all rankings is the triangle under the chord, whose "
    "widest place is at W(beta).",
    scope=(
        Axis("N", (1, math.inf), (1, 12), every=True, carried="proof: the module's docstring"),
        Axis("M", (1, math.inf), (1, 12), every=True, carried="proof: the module's docstring"),
        Axis("1 / beta", (1, math.inf), (2, 100), carried="proof: the module's docstring"),
    ),
    checks=(_wrong, _ceiling, _attained),
    parts={"floor": _miss, "missed": _miss},
    mutants=(
        Mutant("the floor is 1 - beta", {"floor": lambda share, size: 1 - share}),
        Mutant("the floor is 1 - N beta", {"floor": lambda share, size: max(Fraction(0), 1 - size * share)}),
        Mutant("pools miss with probability (1 - F)^(N+1)", {"missed": lambda share, size: _miss(share, size + 1)}),
    ),
    example=lambda: (
        "N = 2, beta = 1/10. Ranking A: every positive below the hardest tenth and above the rest. "
        "Ranking B: 4 of 5 positives first, 1 of 5 last. DNS(1, 2) scores A (9/10)^2 = 0.81, B "
        "0.80: it takes A. OPAUC(1/10)/(1/10): A 0, B 0.8."
    ),
)

# ---------------------------------------------------------------- S1-regret


def _saddle(pos: Masses, neg: Masses, beta: Fraction) -> list[Fraction]:
    """Weights w of the negatives at the saddle point: min(q / beta, p / s)."""
    s = _cut(pos, neg, beta)
    return [min(b / beta, a / s) for a, b in zip(pos, neg)]


def _pair_risk(scores: Any, pos: Any, weights: Any) -> float:
    return float(pos @ np.logaddexp(0.0, scores[None, :] - scores[:, None]) @ weights)


def _hard_risk(scores: Any, pos: Any, neg: Any, beta: float) -> float:
    """The surrogate: the hardest share beta of the negatives, weighed by rank."""
    order = np.argsort(-scores, kind="stable")
    share = np.minimum(np.cumsum(neg[order]) / beta, 1.0)
    w = np.zeros(len(neg))
    w[order] = np.diff(np.concatenate([[0.0], share]))
    return _pair_risk(scores, pos, w)


def _auc(scores: Any, pos: Any, weights: Any) -> float:
    step = scores[:, None] - scores[None, :]
    return float(pos @ ((step > 0) + 0.5 * (step == 0)) @ weights)


@check(
    "any scores: the AUC of p against the saddle weights w is within sqrt(2 excess) of its best, "
    "random populations and scores, beta from 1/N_- to 1",
    Kind.PROPERTY,
)
def _bound(p: Any, t: Tally) -> None:
    tight = 0.0
    for _ in range(t.pick(1500, 40_000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        t.reach({"instances": len(pos), "beta": float(beta)})
        weights = np.array(_saddle(pos, neg, beta), dtype=float)
        a, b = np.array(pos, dtype=float), np.array(neg, dtype=float)
        best = np.log(a / weights)
        scores = best + float(10 ** t.rng.uniform(-2, 0.5)) * t.rng.normal(size=len(a))
        excess = _hard_risk(scores, a, b, float(beta)) - _pair_risk(best, a, weights)
        lost = _auc(best, a, weights) - _auc(scores, a, weights)
        t.holds(excess >= -1e-12, f"positives {c}, negatives {d}, beta = {beta}: excess {excess}")
        t.holds(lost <= p.bound(max(excess, 0.0)) + 1e-12, f"positives {c}, negatives {d}, beta = {beta}: {lost:.4f}")
        tight = max(tight, lost / sqrt(2 * excess) if excess > 1e-9 else 0.0)
    t.holds(tight > 0.2, f"the largest loss tried is {tight:.2f} of the bound")


@check(
    "the minimiser's own regret in OPAUC(beta)/beta is at most (1 - beta)(beta - A)(1 - T) / (2 "
    "beta (1 - A)), (A, T) its last ordered point, and so at most (1 - beta)/2, in fractions",
    Kind.EXACT,
    Role.SHARP,
)
def _limit(p: Any, t: Tally) -> None:
    for _ in range(t.pick(1000, 20_000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        s = _cut(pos, neg, beta)
        levels = _levels(pos, neg, beta, s)
        groups = _groups(pos, neg, levels)
        regret = (_best(pos, neg, beta) - roc_area(groups, beta)) / beta
        fpr = sum((b for b, v in zip(neg, levels) if v is not None and v > s), Fraction(0))
        tpr = sum((a for a, v in zip(pos, levels) if v is None or v > s), Fraction(0))
        t.holds(regret <= p.most(beta, fpr, tpr), f"positives {c}, negatives {d}, beta = {beta}: regret {regret}")


@check(
    "(1 - beta)/2 is approached: positives on 1/beta of the negatives' density, collapsed, in fractions",
    Kind.EXACT,
    Role.SHARP,
)
def _reached(p: Any, t: Tally) -> None:
    for b in range(2, t.pick(12, 40)):
        beta, tiny = Fraction(1, b), Fraction(1, 10_000)
        pos, neg = (1 - tiny, tiny), (beta, 1 - beta)  # p / q just below 1 / beta: all equal
        levels = _levels(pos, neg, beta, _cut(pos, neg, beta))
        t.holds(len(set(levels)) == 1, f"beta = {beta}: not collapsed")
        regret = (_best(pos, neg, beta) - roc_area(_groups(pos, neg, levels), beta)) / beta
        t.holds(p.share * (1 - beta) / 2 <= regret <= (1 - beta) / 2, f"beta = {beta}: regret {regret}")


REGRET = Claim(
    id="S1-regret",
    title="Surrogate regret: what a small surrogate risk guarantees, and what it cannot",
    where="Theorem 1's surrogate; beyond the paper",
    statement="A surrogate risk within e of the least one puts the AUC of the positives against "
    "the saddle point's weights within sqrt(2 e) of its best; for beta = 1 that is AUC itself. For "
    "beta < 1 no such bound exists for OPAUC(beta): the minimiser's own regret can be (1 - beta)/2 "
    "of OPAUC(beta)/beta.",
    latex=r"AUC_{p,w}(f^*)-AUC_{p,w}(f)\le\sqrt{2\,(R_\beta(f)-R_\beta^*)},\qquad \sup\ "
    r"regret(f^*)=\tfrac{1-\beta}2",
    domain="Populations with p_x, q_x > 0, free scores, logistic loss, 0 < beta <= 1. Checked: "
    "random populations of up to 6 instances, scores from near the minimiser to far; the "
    "minimiser's regret exactly; the step from pairs to AUC is the binary bound psi(t) >= t^2/2.",
    verdict=Verdict(
        Status.SHARPENED,
        "Holds with the saddle point's weights in the place of the hardest share: the surrogate "
        "learns to order the pairs that it weighs, and says nothing about the tied ones.",
    ),
    sharp="The minimiser's regret is at most (1 - beta)(beta - A)(1 - T) / (2 beta (1 - A)), (A, "
    "T) the tangent's point: the lens between the tangent and the tie. It is largest at A = 0, "
    "collapse, where (1 - beta)/2 is approached.",
    scope=(
        Axis("instances", (2, math.inf), (2, 6), every=True, carried="proof: the module's docstring"),
        Axis("beta", (0, 1), (0.1, 1), carried="proof: the module's docstring"),
    ),
    checks=(_bound, _limit, _reached),
    parts={
        "bound": lambda excess: sqrt(2.0 * excess),
        "most": lambda beta, a, rise: (1 - beta) * (beta - a) * (1 - rise) / (2 * beta * (1 - a)),
        "share": Fraction(99, 100),
    },
    mutants=(
        Mutant("within e, not sqrt(2 e)", {"bound": lambda excess: excess}),
        Mutant("within sqrt(e) / 4", {"bound": lambda excess: sqrt(excess) / 4.0}),
        Mutant(
            "the regret is at most half of that",
            {"most": lambda beta, a, rise: (1 - beta) * (beta - a) * (1 - rise) / (4 * beta * (1 - a))},
        ),
        Mutant("the minimiser is consistent", {"most": lambda beta, a, rise: Fraction(0)}),
        Mutant("more than (1 - beta)/2 is reached", {"share": Fraction(101, 100)}),
    ),
    example=lambda: (
        "beta = 1/2, kind a: nearly all positives, half of the negatives; kind b the rest. p/q of "
        "a is just below 2 = 1/beta: equal scores, OPAUC/beta = 1/4. Ranking a first: nearly 1/2. "
        "Regret 1/4 = (1 - beta)/2.\n"
        f"An excess risk of 0.005 leaves the weighed AUC within {sqrt(0.01):.2f} of its best; log "
        f"2 = {log(2):.3f} is "
        "the risk of equal scores."
    ),
)

CLAIMS = (NESTED, FLOOR, REGRET)
