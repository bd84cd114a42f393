"""S1: does minimising the logistic OPAUC surrogate maximise OPAUC(beta)?

A population over finitely many instances x: positives fall on x with probability p_x, negatives with q_x, and every x
has a free score f_x. The surrogate risk couples the scores through the choice of the top beta share of negatives; it is
convex, as a maximum over weights w <= q / beta of logistic risks. At the saddle point f = log(p / w) up to a constant,
and w leaves no x with p_x > 0 out, so that f_x can only be cut off from below: f* = log max(beta p / q, s).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from sim.objectives import opauc_surrogate
from sim.rankings import Binormal

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import roc_area
from ..tally import Tally

Masses = tuple[Fraction, ...]


def _cut(p: Masses, q: Masses, beta: Fraction) -> Fraction:
    """s > 0 with sum_x min(q_x / beta, p_x / s) = 1, the largest one, exactly."""
    ratios = sorted({beta * a / b for a, b in zip(p, q) if b > 0})
    for k, top in enumerate(ratios):
        # try: the tied instances are those with beta p / q <= ratios[k]
        tied = [b == 0 or beta * a / b > top for a, b in zip(p, q)]
        free = 1 - sum((b / beta for b, out in zip(q, tied) if out), Fraction(0))
        mass = sum((a for a, out in zip(p, tied) if not out), Fraction(0))
        if free > 0:
            s = mass / free
            if s >= top and (k + 1 == len(ratios) or s <= ratios[k + 1]):
                return s
    raise AssertionError("no cut found")


def _levels(p: Masses, q: Masses, beta: Fraction, s: Fraction) -> list[Fraction | None]:
    """exp(f*_x) = max(beta p_x / q_x, s); None stands for infinity."""
    return [None if b == 0 else max(beta * a / b, s) for a, b in zip(p, q)]


def _groups(p: Masses, q: Masses, levels: Sequence[Fraction | None]) -> list[tuple[Fraction, Fraction]]:
    """(positive mass, negative mass) of the groups of equal level, best first."""
    order = sorted({v for v in levels if v is not None}, reverse=True)
    keys: list[Fraction | None] = [None, *order]
    return [
        (
            sum((a for a, v in zip(p, levels) if v == key), Fraction(0)),
            sum((b for b, v in zip(q, levels) if v == key), Fraction(0)),
        )
        for key in keys
    ]


def _best(p: Masses, q: Masses, beta: Fraction) -> Fraction:
    """The largest OPAUC(beta): instances in the order of p / q (Neyman-Pearson)."""
    return roc_area(_groups(p, q, _levels(p, q, Fraction(1), Fraction(0))), beta)


def _tied_ratios(p: Masses, q: Masses, beta: Fraction, s: Fraction) -> int:
    return len({a / b for a, b in zip(p, q) if b > 0 and beta * a / b <= s})


def _small_populations(top: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], Fraction]]:
    """Two or three instances with counts of positives and negatives up to ``top``, and beta = M / N_-."""
    for n in (2, 3):
        for c in product(range(1, top + 1), repeat=n):
            for d in product(range(1, top + 1), repeat=n):
                for m in range(1, sum(d) + 1):
                    yield c, d, Fraction(m, sum(d))


def _masses(counts: Sequence[int]) -> Masses:
    return tuple(Fraction(c, sum(counts)) for c in counts)


def _random_population(t: Tally, top: int = 6) -> tuple[tuple[int, ...], tuple[int, ...], Fraction]:
    n = int(t.rng.integers(2, 7))
    c, d = (tuple(int(v) for v in t.rng.integers(1, top + 1, n)) for _ in range(2))
    return c, d, Fraction(int(t.rng.integers(1, sum(d) + 1)), sum(d))


def _risk(counts: Sequence[int], other: Sequence[int], beta: Fraction, scores: Any) -> float:
    """The library's surrogate (9) on a sample that has exactly these counts."""
    return opauc_surrogate(np.repeat(scores, counts), np.repeat(scores, other), float(beta))


@check(
    "the minimiser of the surrogate has the largest OPAUC(beta), free scores, every p_x and q_x positive", Kind.EXACT
)
def _consistent(p: Any, t: Tally) -> None:
    for c, d, beta in _small_populations(2):
        pos, neg = _masses(c), _masses(d)
        s = _cut(pos, neg, beta)
        found, best = roc_area(_groups(pos, neg, _levels(pos, neg, beta, s)), beta), _best(pos, neg, beta)
        t.holds(
            found == best,
            f"positives {c}, negatives {d} on {len(c)} instances, beta = {beta}: OPAUC {found} at the minimiser, "
            f"{best} at best",
        )


@check(
    "f* = log max(beta p / q, s) is the minimiser: its risk meets a lower bound for all scores",
    Kind.DUALITY,
    Role.SHARP,
    tolerance=1e-11,
)
def _certificate(p: Any, t: Tally) -> None:
    for _ in range(t.pick(2500, 25000)):
        c, d, beta = _random_population(t)
        t.reach({"instances": len(c)})
        pos, neg = _masses(c), _masses(d)
        s = p.cut(pos, neg, beta)
        scores = np.log([float(v) for v in _levels(pos, neg, beta, s) if v is not None])
        # lower bound: for fixed weights w the pairs decouple, a phi(z) + b phi(-z) >= a log((a+b)/a) + b log((a+b)/b)
        w = np.array([float(min(b / beta, a / s)) if s > 0 else float(b / beta) for a, b in zip(pos, neg)])
        w /= w.sum()
        t.holds(
            (w <= np.array([float(b / beta) for b in neg]) + 1e-12).all(),
            f"positives {c}, negatives {d}, beta = {beta}: w not feasible",
        )
        joint = np.outer(np.array(pos, dtype=float), w)
        bound = float((joint * np.log((joint + joint.T) / joint)).sum())
        t.small(abs(_risk(c, d, beta, scores) - bound), f"positives {c}, negatives {d}, beta = {beta}")


@check(
    "no other scores have less risk, and none farther than rounding as little (convexity)",
    Kind.PROPERTY,
    Role.SHARP,
    tolerance=1e-12,
)
def _no_better(p: Any, t: Tally) -> None:
    for _ in range(t.pick(400, 4000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        scores = np.log([float(v) for v in _levels(pos, neg, beta, p.cut(pos, neg, beta)) if v])
        least = _risk(c, d, beta, scores)
        for size in (1e-4, 1e-2, 1.0):
            other = scores + size * t.rng.normal(size=scores.size)
            t.small(max(least - _risk(c, d, beta, other), 0.0), f"positives {c}, negatives {d}, beta = {beta}")


@check(
    "tangent rule: with A the FPR where the tie begins, s / beta = (1 - TPR(A)) / (beta - A), in fractions",
    Kind.EXACT,
    Role.SHARP,
)
def _tangent(p: Any, t: Tally) -> None:
    for _ in range(t.pick(2000, 20000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        s = _cut(pos, neg, beta)
        above = [beta * a / b > s for a, b in zip(pos, neg)]
        fpr, tpr = (sum((m for m, out in zip(masses, above) if out), Fraction(0)) for masses in (neg, pos))
        if beta < 1:
            t.holds(
                fpr < beta and s / beta == p.slope(fpr, tpr, beta),
                f"positives {c}, negatives {d}, beta = {beta}: A = {fpr}, s = {s}",
            )


@check(
    "the minimiser is best exactly where all tied instances have one likelihood ratio; all tied iff max p/q <= 1/beta",
    Kind.ENUMERATION,
    Role.SHARP,
)
def _exactly_when(p: Any, t: Tally) -> None:
    for c, d, beta in _small_populations(t.pick(3, 4)):
        pos, neg = _masses(c), _masses(d)
        s = _cut(pos, neg, beta)
        levels = _levels(pos, neg, beta, s)
        found, best = roc_area(_groups(pos, neg, levels), beta), _best(pos, neg, beta)
        label = f"positives {c}, negatives {d}, beta = {beta}"
        t.holds((found == best) == p.best_when(_tied_ratios(pos, neg, beta, s)), f"{label}: OPAUC {found}, best {best}")
        t.holds(
            (len(set(levels)) == 1) == (max(a / b for a, b in zip(pos, neg)) <= p.flat(beta)),
            f"{label}: all tied",
        )


@check("beta = 1 (AUC): the minimiser log(p / q) has the largest OPAUC(beta) for every beta", Kind.EXACT, Role.SHARP)
def _auc(p: Any, t: Tally) -> None:
    for _ in range(t.pick(300, 3000)):
        c, d, beta = _random_population(t)
        pos, neg = _masses(c), _masses(d)
        groups = _groups(pos, neg, _levels(pos, neg, Fraction(1), _cut(pos, neg, Fraction(1))))
        for limit in (beta, Fraction(1)):
            t.holds(roc_area(groups, limit) == _best(pos, neg, limit), f"positives {c}, negatives {d}, beta = {limit}")


@check(
    "one score per item for all users, M = 1: all scores equal is optimal iff no item is liked by more than half",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _popularity(p: Any, t: Tally) -> None:
    for likes in ((1, 1, 1), (2, 1, 1), (3, 2, 2), (2, 2, 1, 1), (5, 4, 1), (3, 1, 1), (4, 1, 2), (3, 1)):
        share = np.array(likes) / sum(likes)
        items = len(likes)

        def risk(scores: Any, share: Any = share, items: int = items) -> float:
            return sum(
                w * opauc_surrogate([scores[i]], np.delete(scores, i), 1 / (items - 1)) for i, w in enumerate(share)
            )

        favourite = np.where(np.arange(items) == int(np.argmax(share)), 1.0, 0.0)
        tries = [size * v for size in (1e-3, 0.1, 1.0) for v in (favourite, *t.rng.normal(size=(20, items)))]
        flat = min(risk(v) for v in tries) >= np.log(2) - 1e-12
        t.holds(
            flat == (share.max() <= p.half),
            f"{likes} users like items 1..{items}: all equal is {'' if flat else 'not '}optimal",
        )


@check(
    "no noise (a score for every user and item, classes apart): risk < log 2 / (N_+ M) forces the largest OPAUC(beta)",
    Kind.PROPERTY,
    Role.SHARP,
)
def _separable(p: Any, t: Tally) -> None:
    below = 0
    for _ in range(t.pick(4000, 40000)):
        n_pos, n_neg = int(t.rng.integers(1, 5)), int(t.rng.integers(1, 7))
        m = int(t.rng.integers(1, n_neg + 1))
        pos, neg = t.rng.normal(size=n_pos) + 30.0, t.rng.normal(size=n_neg)
        if t.rng.random() < 0.5:
            neg[0] = pos.min() + float(t.rng.choice([-4.0, -1e-3, 1e-3, 1.0]))  # one negative near a positive
        if opauc_surrogate(pos, neg, m / n_neg) < p.margin(n_pos, m):
            below += 1
            t.holds(
                pos.min() > neg.max(), f"positives {pos.round(3).tolist()}, negatives {neg.round(3).tolist()}, M = {m}"
            )
    t.holds(below > 0, "no case below the bound")


def _tangent_point(auc: float, beta: float) -> tuple[float, float]:
    """A* of the tangent rule on a binormal ROC curve, and the share of OPAUC(beta) - beta^2/2 that f* keeps."""
    from scipy.optimize import brentq

    model = Binormal.from_auc(auc)

    def gap(log_a: float) -> float:
        a = float(np.exp(log_a))
        slope = float(model.tpr(a * (1 + 1e-6)) - model.tpr(a * (1 - 1e-6))) / (2e-6 * a)
        return float(model.tpr(a)) + slope * (beta - a) - 1.0

    at = float(np.exp(brentq(gap, np.log(1e-12), np.log(beta * (1 - 1e-9)))))
    tpr = float(model.tpr(at))
    slope = (1 - tpr) / (1 - at)  # the tie: a straight line to (1, 1)
    area = float(model.opauc(at)) + (beta - at) * (tpr + 0.5 * slope * (beta - at))
    return at, (area - beta**2 / 2) / (float(model.opauc(beta)) - beta**2 / 2)


def _example() -> str:
    lines = [
        "One user type, two kinds of items: positives a, a, b; negatives a, b, b; M = 1 of 3 (beta = 1/3); d = f_a "
        "- f_b.",
        "d > 0: the hardest negative is an a: risk = (2 l(0) + l(-d)) / 3 > l(0).  d < 0: it is a b: risk = (2 l(d) "
        "+ l(0)) / 3 > l(0).",
        "So d = 0 is the only minimiser: all scores equal, OPAUC(1/3) = 1/18. Ranking a first gives 1/9.",
        "One score per item, 7 users who like items 1, 1, 1, 2, 2, 3, 3: item 1 first hits 3 of 7, but DNS with M = "
        "1 over all negatives",
        "is minimised by equal scores, since 3/7 l(d) + 4/7 l(-d) > log 2 for d > 0.",
        "Binormal populations (AUC, beta): FPR up to which f* ranks at all, share of the gain over chance it keeps: "
        + "; ".join(
            f"({auc}, {beta}): {a:.1e}, {keep:.2f}"
            for auc, beta in ((0.8, 0.01), (0.8, 0.1), (0.95, 0.01), (0.95, 0.1))
            for a, keep in (_tangent_point(auc, beta),)
        ),
    ]
    return "\n".join(lines)


def _hard_cut_level(p: Masses, q: Masses, beta: Fraction) -> Fraction:
    """A false variant: everything up to FPR beta is ranked, the rest tied."""
    fpr = Fraction(0)
    for ratio, mass in sorted(((a / b, b) for a, b in zip(p, q)), reverse=True):
        fpr += mass
        if fpr >= beta:
            return beta * ratio
    return Fraction(0)


CLAIMS = (
    Claim(
        id="S1",
        title="Is the logistic surrogate consistent for OPAUC(beta)?",
        where="Theorem 1: 'consistent for its maximisation', cited from AUC theory",
        statement="Minimising the logistic surrogate (9) maximises OPAUC(beta).",
        latex=r"f^*=\log\max\{\beta\,p/q,\ s\},\quad \sum_x\min(q_x/\beta,\,p_x/s)=1",
        domain="Populations: positives on instance x with probability p_x, negatives with q_x, a free score per "
        "instance; and several users who share scores. "
        "p_x > 0 everywhere.",
        verdict=Verdict(
            Status.REFUTED,
            "For beta < 1 the minimiser ranks only the instances of largest p / q and ties all the others, so it "
            "does not maximise OPAUC(beta) in general; if no instance "
            "has p / q > 1 / beta it is constant. It is consistent for beta = 1 (AUC), and without label noise "
            "(every user-item score free, classes apart).",
        ),
        sharp="The minimiser is unique up to a constant: f* = log max(beta p / q, s). Geometrically: draw the "
        "tangent from the point (FPR, TPR) = (beta, 1) to the best ROC curve; f* ranks right up to the FPR A of "
        "the point of contact and ties everything beyond. OPAUC(beta) is largest iff all tied instances have the "
        "same p / q. The minimiser for beta = 1, log(p / q), is best for every beta at once: with free scores "
        "hardness gains nothing; where a model cannot order everything it can gain (R2). With one score per item "
        "for all users (the smallest such model) and M = 1, the minimiser is constant iff no item is liked by "
        "more than half of the users. So beyond a hardness set by the label noise the minimiser knows nothing: a "
        "reason why the hardest setting loses, beside false negatives.",
        scope=(
            Axis(
                "instances",
                (2, math.inf),
                (2, 6),
                every=True,
                carried="proof: the saddle point in the module's docstring",
            ),
        ),
        checks=(_consistent, _certificate, _no_better, _tangent, _exactly_when, _auc, _popularity, _separable),
        parts={
            "cut": _cut,
            "slope": lambda fpr, tpr, beta: (1 - tpr) / (beta - fpr),
            "best_when": lambda tied: tied <= 1,
            "flat": lambda beta: 1 / beta,
            "half": 0.5,
            "margin": lambda n_pos, m: np.log(2) / (n_pos * m),
        },
        mutants=(
            Mutant(
                "f* = log(p / q) for every beta (consistent, as for AUC)",
                {"cut": lambda p, q, beta: min(beta * a / b for a, b in zip(p, q))},
            ),
            Mutant("f* ranks everything up to FPR beta", {"cut": _hard_cut_level}),
            Mutant("tangent from (1, 1) instead of (beta, 1)", {"slope": lambda fpr, tpr, beta: (1 - tpr) / (1 - fpr)}),
            Mutant("best although two likelihood ratios are tied", {"best_when": lambda tied: tied <= 2}),
            Mutant("constant iff max p/q <= 1/beta + 1/2", {"flat": lambda beta: 1 / beta + Fraction(1, 2)}),
            Mutant("constant as long as no item is liked by more than 2/3", {"half": 2 / 3}),
            Mutant("risk < log 2 / N_+ is enough without noise", {"margin": lambda n_pos, m: np.log(2) / n_pos}),
        ),
        example=_example,
    ),
)
