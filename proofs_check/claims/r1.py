"""R1: the resolution law, how the hardest cut that still orders the top K grows with K.

S1's minimiser orders up to the point where the tangent from (beta, 1) touches the ROC curve. For FPR = u^b, TPR = u^a,
that is TPR = FPR^theta with theta = a / b, the tangent at u meets height 1 at beta = (b u^(b-a) - (b-a) u^b) / a:
rational in u. A population whose ROC curve has its corners on the grid u = i / n is supported by the same tangents, so
S1's minimiser there is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np

from sim.core.later import Later
from sim.estimators import (
    cut_elasticity,
    hardest_cut,
    hardest_kept,
    head_slope,
    model_hardest_cut,
    model_resolution,
    pool_resolution,
    pool_weight,
    resolution,
)
from sim.rankings import Binormal, GumbelShift, LogisticShift, PowerROC, ScoreModel

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally
from .s1 import Masses, _cut, _levels
from .s1_pool import _distortion, _solve

MODELS: Later[ScoreModel] = Later(
    {
        "binormal, AUC .8": lambda: Binormal.from_auc(0.8),
        "binormal, AUC .9": lambda: Binormal.from_auc(0.9),
        "logistic, AUC .9": lambda: LogisticShift.from_auc(0.9),
        "Gumbel, AUC .9": lambda: GumbelShift.from_auc(0.9),
        "power, theta .4": lambda: PowerROC(0.4),
        "power, theta .7": lambda: PowerROC(0.7),
    }
)
SPAN = (1, 10, 100)


def _cut_at(a: int, b: int, u: Fraction) -> Fraction:
    """beta whose tangent touches (u^b, u^a), by theta beta = A^(1-theta) - (1-theta) A."""
    return (b * u ** (b - a) - (b - a) * u**b) / a


def _grid_population(a: int, b: int, n: int) -> tuple[Masses, Masses]:
    """Positive and negative masses of the corners (u^b, u^a), u = i / n."""
    rise = [Fraction(i, n) ** a for i in range(n + 1)]
    run = [Fraction(i, n) ** b for i in range(n + 1)]
    return tuple(y - x for x, y in pairwise(rise)), tuple(y - x for x, y in pairwise(run))


def _exponents(top: int) -> Iterator[tuple[int, int]]:
    return ((a, b) for b in range(2, top + 1) for a in range(1, b) if gcd(a, b) == 1)


@check(
    "all theta = a/b, b <= 6, all corners of grids up to n = 7: the minimiser of S1 at that beta "
    "orders exactly the instances up to A and ties the rest, in fractions",
    Kind.EXACT,
)
def _exact(p: Any, t: Tally) -> None:
    for a, b in _exponents(t.pick(6, 9)):
        for n in range(2, t.pick(8, 13)):
            pos, neg = _grid_population(a, b, n)
            for i in range(1, n):
                t.reach({"theta": Fraction(a, b), "corners": n, "data": "grid populations"})
                beta = p.cut(a, b, Fraction(i, n))
                case = f"theta = {a}/{b}, A = ({i}/{n})^{b}, beta = {beta}"
                t.holds(0 < beta <= 1, f"{case}: no share")
                levels = _levels(pos, neg, beta, _cut(pos, neg, beta))
                t.holds(
                    len(set(levels[:i])) == i and len(set(levels[i:])) == 1 and levels[i] not in levels[: i - 1],
                    f"{case}: levels {[str(v) for v in levels]}",
                )


@check("theta = 1/2: A = (1 - sqrt(1 - beta))^2, in fractions at beta = 1 - r^2", Kind.EXACT)
def _half(p: Any, t: Tally) -> None:
    top = t.pick(30, 200)
    for den in range(2, top):
        for num in range(1, den):
            r = Fraction(num, den)
            t.same(p.cut(1, 2, p.root(r)), 1 - r**2, f"beta = 1 - ({r})^2")


@check(
    "elasticity d log beta / d log A = (1-theta)(1-A^theta)/(1-(1-theta)A^theta), by the "
    "derivative of the polynomial in u, in fractions; it lies in (0, 1-theta)",
    Kind.EXACT,
)
def _elastic(p: Any, t: Tally) -> None:
    for a, b in _exponents(t.pick(8, 14)):
        for i in range(1, t.pick(20, 60)):
            u = Fraction(i, t.pick(20, 60))
            slope = Fraction(b - a) * (u ** (b - a - 1) - u ** (b - 1)) * b / a
            by_hand = slope * u / (b * _cut_at(a, b, u))
            case = f"theta = {a}/{b}, u = {u}"
            t.same(p.elasticity(Fraction(a, b), u**a), by_hand, case)
            t.holds(0 < by_hand < p.ceiling(Fraction(a, b)), f"{case}: elasticity {by_hand}")


@check("the library's functions are these, and inverse to each other, down to A = 1e-9", Kind.NUMERICAL, tolerance=1e-9)
def _library(p: Any, t: Tally) -> None:
    for theta in (0.05, 0.2, 0.5, 0.61, 0.9, 0.97):
        a = np.geomspace(1e-9, 0.9, 60)
        t.reach({"theta": theta, "A": a})
        cut = hardest_cut(theta, a)
        t.all_small(np.log(resolution(theta, cut) / a), f"inverse, theta = {theta}, A number")
        step = 1e-5
        ratio = (np.log(hardest_cut(theta, a * (1 + step))) - np.log(hardest_cut(theta, a * (1 - step)))) / (2 * step)
        t.all_true(np.abs(ratio - cut_elasticity(theta, a)) < 1e-6, f"elasticity, theta = {theta}, A number")
    for i in range(1, 10):
        u = Fraction(i, 10)
        for a_, b in _exponents(5):
            t.small(float(hardest_cut(a_ / b, float(u**b))) - float(p.cut(a_, b, u)), f"theta = {a_}/{b}, u = {u}")


@check(
    "any A and theta: 1 - (1-theta) A^theta = theta beta / A^(1-theta), so beta is A^(1-theta) / "
    "theta within A^theta of its size",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _asymptotic(p: Any, t: Tally) -> None:
    for _ in range(t.pick(500, 5000)):
        theta, a = float(t.rng.uniform(0.02, 0.98)), float(10 ** t.rng.uniform(-9, 0))
        ratio = theta * float(hardest_cut(theta, a)) / a ** (1 - theta)
        t.small(ratio - 1 + p.gap(theta) * a**theta, f"theta = {theta:.3f}, A = {a:.2g}")


@check(
    "smooth score models: the cut A + (1 - TPR)/TPR' and the tangent's touching point are inverse to each other",
    Kind.NUMERICAL,
    tolerance=2e-4,
)
def _models(p: Any, t: Tally) -> None:
    for name, model in MODELS.items():
        t.reach({"data": name})
        for a in np.geomspace(1e-5, 0.2, t.pick(5, 25)):
            beta = float(p.model_cut(model, a))
            t.small(np.log(model_resolution(model, beta) / a), f"{name}, A = {a:.2g}, beta = {beta:.3g}")


@check(
    "pools: W = F N/M (1 - I_F(M, N-M)) + I_F(M+1, N-M) is E min(M, Bin(N, F)) / M, and S1-pool's "
    "exact minimiser on a grid of 30 corners orders up to the continuous answer within one corner",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _pools(p: Any, t: Tally) -> None:
    t.reach({"data": "pools"})
    for m, size in ((1, 2), (1, 7), (3, 7), (6, 7), (7, 7), (5, 40)):
        grid = [Fraction(i, 12) for i in range(13)]
        exact = [float(_distortion(m, size, f)) for f in grid]
        t.all_small(
            p.weight(m, size, np.array(grid, dtype=float)) - np.array(exact), f"W of DNS({m}, {size}), F = i/12"
        )
    n = t.pick(30, 60)
    for a, b in ((1, 2), (2, 3), (1, 3)):
        pos, neg = _grid_population(a, b, n)
        for m, size in ((1, 3), (1, 8), (2, 8), (4, 8), (7, 8)):
            slopes = _solve(pos, neg, m, size)
            ordered = sum(v != slopes[-1] for v in slopes)
            at = pool_resolution(PowerROC(a / b), m, size) ** (1.0 / b) * n
            t.holds(abs(ordered - at) <= 1.0 + 1e-9, f"theta = {a}/{b}, DNS({m}, {size}): {ordered} against {at:.2f}")


@check(
    "pools of 200: hardest_kept and pool_resolution are inverse to each other where M > 1",
    Kind.NUMERICAL,
    tolerance=1e-4,
)
def _kept(p: Any, t: Tally) -> None:
    for name, model in MODELS.items():
        for m in t.pick((2, 5, 20, 100), (2, 3, 5, 10, 20, 50, 100, 150)):
            at = pool_resolution(model, m, 200)
            if at > 0.0:
                t.small(np.log(hardest_kept(model, at, 200) / m), f"{name}, M = {m}")


@check(
    "K = 1, 10, 100 of 1,000 to 100,000 negatives, without pools and through pools of 200: beta "
    "grows with K to a power below 0.62, and pools add at most 0.01; binormal and power curves "
    "from 0.2 up",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _slow(p: Any, t: Tally) -> None:
    for name, model in MODELS.items():
        for n in (1_000, 10_000, 100_000):
            a = np.array(SPAN) / n
            hard = head_slope(a, p.model_cut(model, a))
            pool = head_slope(a, np.array([(hardest_kept(model, x, 200) + 1) / 201 for x in a]))
            steep = name.startswith(("binormal", "power"))
            t.holds(
                0.2 * steep < hard < p.most and pool <= hard + 0.01, f"{name}, n = {n}: {hard:.2f}, pools {pool:.2f}"
            )


@check(
    "no head, TPR'(0) finite (logistic, Gumbel): below beta = 1 / TPR'(0) nothing is ordered, "
    "above it something is, and at the head beta does not depend on K",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _no_head(p: Any, t: Tally) -> None:
    for auc in (0.7, 0.8, 0.9, 0.95):
        for model in (LogisticShift.from_auc(auc), GumbelShift.from_auc(auc)):
            steep = p.odds(model)
            t.holds(model_resolution(model, 0.98 / steep) == 0.0, f"{model}: beta = 0.98 / {steep:.2f} orders")
            t.holds(model_resolution(model, 1.02 / steep) > 0.0, f"{model}: beta = 1.02 / {steep:.2f} orders nothing")
            a = np.array(SPAN) / 1e6
            t.holds(head_slope(a, p.model_cut(model, a)) < 0.01, f"{model}: beta moves with K")


def _example() -> str:
    tails = "; ".join(
        f"{name}: {head_slope(np.array(SPAN) / 40_000, model_hardest_cut(model, np.array(SPAN) / 40_000)):.2f}"
        for name, model in MODELS.items()
    )
    return (
        "TPR = sqrt(FPR), beta = 3/4: the tangent at A has slope 1 / (2 sqrt A); from (A, sqrt A) "
        "to (3/4, 1): (1 - sqrt A) = (3/4 - A) / (2 sqrt A), sqrt A = 1/2, A = 1/4 = (1 - "
        "sqrt(1/4))^2.\n"
        "With 4 instances on that curve, u = 1/4 .. 1: p = 1/4 each, q = 1/16, 3/16, 5/16, 7/16; "
        "at beta = 3/4 the first two have beta p/q = 3 and 1, the others 3/5 and 3/7; s = 1: "
        "exactly two are ordered.\n"
        "Top K of n, theta = 1/2: beta = 2 sqrt(K/n) - K/n. For n = 40,000: K = 1: 0.01, K = 100: "
        "0.0975. Ten times softer for a K a hundred times larger.\n"
        f"Elasticity in K = 1 to 100, n = 40,000, without pools: {tails}.\n"
        "A curve without a head: Gumbel scores of AUC 0.9 have TPR = 1 - (1 - FPR)^9, TPR'(0) = 9: "
        "below beta = 1/9 the minimiser orders nothing, whatever K."
    )


R1 = Claim(
    id="R1",
    title="The resolution law: the hardest cut that orders the top K grows like K^(1-theta)",
    where="Behind guideline 2; beyond the paper",
    statement="Let the ROC curve be TPR = FPR^theta. The smallest beta whose surrogate's minimiser "
    "orders all instances up to FPR A obeys theta beta = A^(1-theta) - (1-theta) A. So the hardest "
    "cut that still orders the top K of n grows with K with elasticity "
    "(1-theta)(1-A^theta)/(1-(1-theta)A^theta) < 1 - theta.",
    latex=r"\theta\beta=A^{1-\theta}-(1-\theta)A,\qquad \theta=\tfrac12:\ "
    r"A=(1-\sqrt{1-\beta})^2,\qquad \frac{d\log\beta}{d\log "
    r"A}=(1-\theta)\frac{1-A^\theta}{1-(1-\theta)A^\theta}",
    domain="0 < theta < 1, 0 < A < 1, 0 < beta < 1, populations with free scores, logistic loss; "
    "any concave ROC curve with beta = A + (1 - TPR(A)) / TPR'(A); pools with replacement by "
    "S1-pool. Checked: every rational theta = a/b with b <= 6 on grids to n = 7 exactly (full: b "
    "<= 9, n <= 12), real theta and A to 1e-9 numerically, six score models, pools to N = 200; the "
    "tangent's algebra for all theta and A by proof.",
    verdict=Verdict(
        Status.SHARPENED,
        "Exact. Under random rankings the OPAUC(beta) that predicts Recall@K has beta in "
        "proportion to K (F6-law); the one that can still be learned grows like K^(1-theta). "
        "R1-trained: does it tell what trained models do?",
    ),
    sharp="beta = A^(1-theta)/theta (1 - (1-theta) A^theta) for all A. For binormal and power "
    "curves, 1,000 to 100,000 negatives and K = 1 to 100 the elasticity is 0.2 to 0.62, through "
    "pools of 200 no more. A curve whose slope at the origin is finite (logistic, Gumbel scores) "
    "has no head: there the elasticity goes to 0, and below beta = 1 / TPR'(0) equal scores are "
    "the minimiser.",
    scope=(
        Axis("theta", (0, 1), (0.05, 0.97), carried="formal: tangent_condition"),
        Axis("A", (0, 1), (1e-9, 0.9), carried="formal: one_resolution"),
        Axis("corners", (2, math.inf), (2, 7), every=True, carried="proof: the module's docstring"),
        Axis("data", (*MODELS, "grid populations", "pools")),
    ),
    checks=(_exact, _half, _elastic, _asymptotic, _library, _models, _pools, _kept, _slow, _no_head),
    parts={
        "cut": _cut_at,
        "root": lambda r: 1 - r,
        "elasticity": lambda theta, rise: (1 - theta) * (1 - rise) / (1 - (1 - theta) * rise),
        "ceiling": lambda theta: 1 - theta,
        "gap": lambda theta: 1 - theta,
        "model_cut": model_hardest_cut,
        "weight": lambda m, size, fpr: pool_weight(m, size, fpr)[0],
        "most": 0.62,
        "odds": lambda model: float(np.exp(model.mu)),
    },
    mutants=(
        Mutant("beta = A^(1-theta) / theta, exactly", {"cut": lambda a, b, u: Fraction(b, a) * u ** (b - a)}),
        Mutant("beta = A: the cut orders all it looks at", {"cut": lambda a, b, u: u**b}),
        Mutant(
            "the tangent from (beta, TPR(beta)), a chord's end, not from (beta, 1)",
            {"cut": lambda a, b, u: _cut_at(a, b, u) * u**a},
        ),
        Mutant("theta and 1 - theta exchanged", {"cut": lambda a, b, u: _cut_at(b - a, b, u)}),
        Mutant("A = 1 - sqrt(1 - beta) at theta = 1/2, not its square", {"root": lambda r: (1 - r) ** 2}),
        Mutant("elasticity 1 - theta for every A", {"elasticity": lambda theta, rise: 1 - theta}),
        Mutant("elasticity below theta", {"ceiling": lambda theta: theta}),
        Mutant("the relative gap is theta A^theta", {"gap": lambda theta: theta}),
        Mutant(
            "for score models, A + (1 - TPR) A / TPR: the chord to the origin for the tangent",
            {"model_cut": lambda model, a: a + (1 - model.tpr(a)) * a / model.tpr(a)},
        ),
        Mutant(
            "W with N - 1 in place of N",
            {"weight": lambda m, size, fpr: pool_weight(m, max(size - 1, m), fpr)[0]},
        ),
        Mutant("elasticity at most 1/2", {"most": 0.5}),
        Mutant(
            "nothing is ordered from beta = TPR'(0)^(-1/2) down", {"odds": lambda model: float(np.exp(model.mu / 2))}
        ),
    ),
    example=_example,
)

CLAIMS = (R1,)
