"""R3: train is not test. What a correlation on one set of labels says about another.

Labels from propensities: down the ranking the count of train negatives so far and the sum X are all that is needed, and
given the train label of a position its test label does not depend on the other positions.

Random rankings: given where the train labels stand, a train positive is a test positive with probability q1, a train
negative with q0, wherever it stands. So E[test metric | train labels] = q0 sum w + (q1 - q0) (train metric), and
Cov(X_m, test metric) = (q1 - q0) Cov(X_m, train metric) for every m: one factor for the whole curve.

A family of rankings, labels drawn independently given the ranking: Cov = Cov over rankings of the two
expectations. If one number theta tells the rankings apart, and varies little, both expectations are linear
in it: the correlation is that of OPAUC(beta) with theta times that of the metric with theta, so the best
beta is the same for every metric and K.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, permutations, product
from typing import Any

import numpy as np

from sim.estimators import head_slope
from sim.rankings import (
    Binormal,
    LogisticShift,
    PowerROC,
    ScoreModel,
    exact_correlation,
    phi,
    predictive_correlation,
    propensity_moments,
    rational_moments,
    split_correlation,
)

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

Pair = tuple[int, int]
TYPES: tuple[Pair, ...] = ((1, 1), (1, 0), (0, 1), (0, 0))


def _area(train: Sequence[int], m: int) -> int:
    """X_m: positives above each of the m hardest negatives."""
    total = seen = above = 0
    for y in train:
        if y:
            above += 1
        elif seen < m:
            seen, total = seen + 1, total + above
    return total


def _tables(n: int) -> Iterator[tuple[int, int, int, int]]:
    """Counts of both, train only, test only, neither, with no empty class."""
    for a, b, c in product(range(n + 1), repeat=3):
        d = n - a - b - c
        if d >= 0 and min(a + b, c + d, a + c, b + d) > 0:
            yield a, b, c, d


def _orders(table: Sequence[int]) -> list[tuple[Pair, ...]]:
    items = [kind for kind, count in zip(TYPES, table) for _ in range(count)]
    return sorted(set(permutations(items)))


def _covariance(x: Sequence[Any], y: Sequence[Any]) -> Fraction:
    n = len(x)
    return Fraction(sum(a * b for a, b in zip(x, y)), 1) / n - Fraction(sum(x)) * Fraction(sum(y)) / n**2


def _factor(a: int, b: int, c: int, d: int) -> Fraction:
    """q1 - q0: how much likelier a train positive is to be a test positive than a train negative is."""
    return Fraction(a, a + b) - Fraction(c, c + d)


@check(
    "random rankings, all 2 x 2 tables of up to 5 items, all orders, all m and K: Cov(train X_m, "
    "test hits@K) = (q1 - q0) Cov(train X_m, train hits@K), in fractions",
    Kind.ENUMERATION,
)
def _one_factor(p: Any, t: Tally) -> None:
    for n in range(2, t.pick(6, 7)):
        for table in _tables(n):
            t.reach({"items": n, "regime": "random rankings"})
            orders = _orders(table)
            for m in range(1, table[2] + table[3] + 1):
                areas = [_area([y for y, _ in order], m) for order in orders]
                for k in range(1, n):
                    t.reach({"K": k, "m": m})
                    test = _covariance(areas, [sum(z for _, z in order[:k]) for order in orders])
                    train = _covariance(areas, [sum(y for y, _ in order[:k]) for order in orders])
                    t.same(test, p.factor(*table) * train, f"table {table}, m = {m}, K = {k}")


@check(
    "the correlation is phi times Figure 6's, tables of up to 9 items: squares in fractions, and the library's curve",
    Kind.EXACT,
)
def _phi(p: Any, t: Tally) -> None:
    for n in range(2, t.pick(7, 10)):
        for a, b, c, d in _tables(n):
            n_pos, n_neg, m_pos = a + b, c + d, a + c
            square = Fraction((a * d - b * c) ** 2, n_pos * n_neg * m_pos * (n - m_pos))
            for k in range(1, n):
                train = rational_moments(n_pos, n_neg, [1] * k)
                test_var = rational_moments(m_pos, n - m_pos, [1] * k).metric_var
                for m in range(n_neg):
                    cov = p.factor(a, b, c, d) * train.covariance[m]
                    by_factor = cov * cov / (test_var * train.area_var[m])
                    t.same(
                        by_factor,
                        p.square(square) * train.squared_correlation[m],
                        f"{(a, b, c, d)}, m = {m + 1}, K = {k}",
                    )
            library = split_correlation(a, b, c, d, "recall", 1)
            gap = np.abs(library - phi(a, b, c, d) * exact_correlation(n_pos, n_neg, "recall", 1)).max()
            t.holds(gap < 1e-12, f"library, {(a, b, c, d)}: {gap}")


@check(
    "train positives taken out of the test ranking, as recommenders are evaluated: under random "
    "rankings the covariance is 0, all tables of up to 5 items, in fractions",
    Kind.ENUMERATION,
)
def _filtered(p: Any, t: Tally) -> None:
    for n in range(3, t.pick(6, 7)):
        for _, b, c, d in (x for x in _tables(n) if x[0] == 0):
            orders = _orders((0, b, c, d))
            for m, k in product(range(1, c + d + 1), range(1, c + d)):
                areas = [_area([y for y, _ in order], m) for order in orders]
                hits = [sum(z for _, z in p.shown(order)[:k]) for order in orders]
                t.same(_covariance(areas, hits), Fraction(0), f"table {(0, b, c, d)}, m = {m}, K = {k}")


def _pair_law(mean: Fraction, concentration: Fraction | None) -> dict[Pair, Fraction]:
    """Two draws from a propensity of this mean: independent, or beta-binomial."""
    both = mean**2 if concentration is None else mean * (concentration * mean + 1) / (concentration + 1)
    return {(1, 1): both, (1, 0): mean - both, (0, 1): mean - both, (0, 0): 1 - 2 * mean + both}


@check(
    "beta-binomial labels, one propensity law for all positions, up to 5 positions: the covariance "
    "with the test hits is 1/(a+b+1) of that with the train hits, and propensity_moments gives "
    "every moment, in fractions",
    Kind.EXACT,
)
def _beta_binomial(p: Any, t: Tally) -> None:
    cases: list[tuple[list[Fraction], Fraction | None]] = [
        ([Fraction(1, 3)] * n, Fraction(c)) for n in (2, 3, 4) for c in (1, 4)
    ]
    for _ in range(t.pick(12, 60)):
        n = int(t.rng.integers(2, t.pick(5, 6)))
        means = [Fraction(int(v), 6) for v in t.rng.integers(0, 7, n)]
        cases.append((means, None if t.rng.random() < 0.5 else Fraction(int(t.rng.integers(1, 8)), 2)))
    for means, concentration in cases:
        n = len(means)
        t.reach({"positions": n, "regime": "labels from propensities"})
        k = int(t.rng.integers(1, n + 1))
        found = propensity_moments(means, [Fraction(1)] * k, concentration=concentration)
        laws = [p.law(mean, concentration) for mean in means]
        rows = []
        for kinds in product(TYPES, repeat=n):
            probability = Fraction(1)
            for kind, law in zip(kinds, laws):
                probability *= law[kind]
            if probability:
                rows.append(
                    (probability, [y for y, _ in kinds], sum(z for _, z in kinds[:k]), sum(y for y, _ in kinds[:k]))
                )
        hits = sum(q * r for q, _, r, _ in rows)
        own = sum(q * r for q, _, _, r in rows)
        label = f"means {[str(v) for v in means]}, a + b = {concentration}, K = {k}"
        t.same(found.metric_mean, hits, label)
        t.same(found.metric_var, sum(q * r * r for q, _, r, _ in rows) - hits**2, label)
        for m in range(1, n + 1):
            areas = [_area(y, m) for _, y, _, _ in rows]
            mean = sum(q * x for (q, *_), x in zip(rows, areas))
            cov = sum(q * x * r for (q, _, r, _), x in zip(rows, areas)) - mean * hits
            t.same(found.area_mean[m - 1], mean, f"{label}, m = {m}")
            t.same(
                found.area_var[m - 1], sum(q * x * x for (q, *_), x in zip(rows, areas)) - mean**2, f"{label}, m = {m}"
            )
            t.same(found.covariance[m - 1], cov, f"{label}, m = {m}")
            if len(set(means)) == 1:
                train = sum(q * x * r for (q, _, _, r), x in zip(rows, areas)) - mean * own
                t.same(cov, p.attenuation(concentration) * train, f"{label}, m = {m}, attenuation")


@check(
    "unlabelled positives, false positives and drift change phi alone: best m equal at 200/800 for phi from 0.05 to 1",
    Kind.NUMERICAL,
)
def _best_is_fixed(p: Any, t: Tally) -> None:
    for k in (5, 20, 50):
        alone = int(exact_correlation(200, 800, "recall", k).argmax()) + 1
        for both, extra in ((200, 0), (100, 0), (60, 40), (100, 300), (50, 10)):
            curve = split_correlation(both, 200 - both, extra, 800 - extra, "recall", k)
            t.holds(
                int(curve.argmax()) + 1 == p.best(alone), f"both {both}, new {extra}, K = {k}: {curve.argmax() + 1}"
            )


@check(
    "many negatives, power curves: exact moments of 3,000 positions per positive tend to G(alpha), "
    "the integral of G and E (beta - F)^2 in closed form, and the limit's reliabilities are made "
    "of these",
    Kind.NUMERICAL,
    Role.SHARP,
    tolerance=0.02,
)
def _limit(p: Any, t: Tally) -> None:
    n, n_pos, thetas = t.pick(3000, 10_000), 3, np.array([0.6, 0.8])
    k = n // 50
    ms = np.array([n // 20, n // 5, n // 2])
    beta = ms / n
    mean = beta ** (1 + thetas[:, None]) / (1 + thetas[:, None])
    square = 2 * beta ** (2 + thetas[:, None]) / ((1 + thetas) * (2 + thetas))[:, None]
    rise = p.fpr(k, n) ** thetas
    for i, theta in enumerate(thetas):
        found = propensity_moments(n_pos * np.diff((np.arange(n + 1) / n) ** theta), [1.0] * k)
        # the number of positives is nearly Poisson here: the variance of a sum is n_pos times the second moment
        t.all_small(found.area_mean[ms - 1] / n / n_pos / mean[i] - 1, f"mean, theta = {theta}, n = {n}, entry")
        t.all_small(found.area_var[ms - 1] / n**2 / n_pos / square[i] - 1, f"variance, theta = {theta}, n = {n}, entry")
        t.small(found.metric_mean / n_pos / rise[i] - 1, f"hits, theta = {theta}, n = {n}")
    limit = predictive_correlation([PowerROC(v) for v in thetas], beta, k / n, n_pos, 7)
    signal, noise = mean.var(axis=0), (square - mean**2).mean(axis=0) / n_pos
    t.all_small(limit.reliability / (signal / (signal + noise)) - 1, "reliability of the areas, entry")
    goal, test_noise = rise.var(), (rise * (1 - rise)).mean() / 7
    t.small(limit.test_reliability / (goal / (goal + test_noise)) - 1, "reliability of the metric")


@check(
    "one number tells the rankings apart (binormal, power, logistic; it varies by 2%): the best "
    "beta is the same for Recall@K at every K, n_train = 1 to 100, though under random rankings it "
    "is 1.5 K / N",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _one_parameter(p: Any, t: Tally) -> None:
    betas = np.geomspace(1e-5, 1.0, 120)
    for family in _families():
        for n_train in (1, 20, 100):
            t.reach({"n_train": n_train, "regime": "families of rankings"})
            best = []
            for fpr in (1e-4, 1e-3, 1e-2, 0.1):
                best.append(int(predictive_correlation(family, betas, fpr, n_train, 5).correlation.argmax()))
            t.holds(max(best) - min(best) <= p.spread, f"{family}, n_train = {n_train}: best beta {betas[best]}")
            t.holds(betas[best[0]] > p.random(1e-4), f"{family}: {betas[best[0]]:.2g} at K/N = 1e-4")


def _families() -> list[list[ScoreModel]]:
    return [
        [PowerROC(v) for v in (0.49, 0.5, 0.51)],
        [PowerROC(v) for v in (0.294, 0.3, 0.306)],
        [Binormal(v) for v in (1.77, 1.81, 1.85)],
        [LogisticShift(v) for v in (2.4, 2.45, 2.5)],
    ]


def _wide() -> list[ScoreModel]:
    """Head and tail vary apart: binormal curves of several shifts and spreads."""
    return [Binormal(mu, sigma) for mu in (1.4, 1.7, 2.0) for sigma in (0.7, 1.0, 1.4)]


@check(
    "head and tail vary apart (binormal, shift and spread): more train positives move the best "
    "beta towards the best aligned one, and its elasticity in K rises from below 1/2 to above 0.9; "
    "with 1,000 it is still above 1.5 K/N",
    Kind.NUMERICAL,
    Role.SHARP,
)
def _bias_variance(p: Any, t: Tally) -> None:
    betas = np.geomspace(1e-6, 1.0, 160)
    rates, best = (1e-4, 1e-3, 1e-2), []
    t.reach({"n_train": p.sizes})
    for fpr in rates:
        every = [predictive_correlation(_wide(), betas, fpr, n_train, 5) for n_train in p.sizes]
        for found in every:
            parts = found.alignment * np.sqrt(found.reliability * found.test_reliability)
            t.holds(np.abs(parts - found.correlation).max() < 1e-9, f"product, alpha = {fpr}")
        at = [int(found.correlation.argmax()) for found in every]
        gaps = [abs(i - int(every[0].alignment.argmax())) for i in at]
        t.holds(all(x >= y for x, y in pairwise(gaps)), f"alpha = {fpr}: steps from the best aligned beta {gaps}")
        t.holds(betas[at[-1]] > 1.5 * fpr, f"alpha = {fpr}: best beta {betas[at[-1]]:.2g}")
        best.append(betas[at])
    growth = [head_slope(rates, column) for column in np.array(best).T]
    t.holds(all(x < y for x, y in pairwise(growth)), f"elasticities {np.round(growth, 2)}")
    t.holds(growth[0] < 0.5 and 0.9 < growth[-1] <= 1.0, f"elasticities {np.round(growth, 2)}")


def _example() -> str:
    betas = np.geomspace(1e-5, 1.0, 200)
    lines = []
    for n_train in (1, 20, 1000):
        every = [predictive_correlation(_wide(), betas, a, n_train, 5) for a in (1e-4, 1e-3, 1e-2)]
        at = [betas[int(found.correlation.argmax())] for found in every]
        lines.append(f"{n_train} train positives: {', '.join(f'{b:.2g}' for b in at)}")
    one = predictive_correlation(_families()[0], betas, 1e-3, 20, 5).correlation
    return (
        "Two items in random order, one with labels (train 1, test 0), one (0, 1): X_1 = 1 if the "
        "first stands above, and then the test hit@1 is 0: Cov = -1/4; with the train hit it is "
        "+1/4; q1 - q0 = 0 - 1 = -1.\n"
        "1,000 items, 20 train and 20 test positives, 10 in both: phi = 0.49; the correlation of "
        "train OPAUC with test Recall@20 peaks at m = 29 like that with train Recall@20, at 0.46 "
        "for 0.94.\n"
        f"Rankings that differ in theta alone, near 1/2, 20 positives: best beta "
        f"{betas[int(one.argmax())]:.2g} for every K; its correlation is {one.max() / one[0]:.1f} "
        f"times that of beta = 1e-5 and {one.max() / one[-1]:.2f} times AUC's.\n"
        "Head and tail vary apart (binormal), best beta for Recall at FPR 1e-4, 1e-3, 1e-2: " + "; ".join(lines) + "."
    )


R3 = Claim(
    id="R3",
    title="Train is not test: what predicts on the same labels need not predict on others",
    where="Between Figure 6 and training; beyond the paper",
    statement="Under random rankings the correlation of train OPAUC(beta) with a test metric is "
    "the phi coefficient of the two labels times that of Figure 6, for every beta: beta-binomial "
    "labels have phi = 1/(a+b+1); unlabelled positives and drift act through phi alone; with the "
    "train positives filtered from the test ranking it is 0. Over a family of rankings with train "
    "and test drawn independently the covariance is that of the expectations.",
    latex=r"\rho(X_m^{train},R_K^{test})=\varphi\,\rho(X_m^{train},R_K^{train}),\qquad "
    r"\rho=\underbrace{\rho(EX,ER)}_{alignment}\sqrt{rel(X)\,rel(R)}",
    domain="Metrics linear in positions; fixed labels (any 2 x 2 table) and uniformly random "
    "rankings, or labels drawn independently given the position's propensity, fixed or "
    "beta-distributed; the family law in the limit of many negatives. Checked: all tables up to 5 "
    "items (full: 6) and m, K by enumeration, up to 6 (9) by moments, all labellings of up to 4 "
    "(5) positions; five score families, K/N from 1e-4 to 0.1, 1 to 1,000 train positives.",
    verdict=Verdict(
        Status.SHARPENED,
        "Exact. Figure 6's law, beta* = 1.5 K/N, is a law of shared noise: it says which area "
        "moves with the metric when both see the same labels. What generalises is the shared "
        "signal, and there the best beta moves less with K, or not at all, and at small K it is "
        "softer.",
    ),
    sharp="Bias and variance: correlation = alignment x sqrt(reliability of the area x that of the "
    "metric). A small beta is aligned with a small K but unreliable. If one number tells the "
    "rankings apart the alignment is 1 for every beta, and the best beta is the same for all K: "
    "elasticity 0. If head and tail vary apart it lies between 0 and 1, and the fewer the train "
    "positives the lower: 0.4 with one, 0.9 with 1,000 (nine binormal curves). Under random "
    "rankings it is 1, and R1's cut has 1 - theta.",
    scope=(
        Axis("regime", ("random rankings", "labels from propensities", "families of rankings")),
        Axis("items", (2, math.inf), (2, 5), every=True, carried="proof: the module's docstring"),
        Axis("K", (1, math.inf), (1, 4), every=True, carried="proof: the module's docstring"),
        Axis("m", (1, math.inf), (1, 4), every=True, carried="proof: the module's docstring"),
        Axis("positions", (1, math.inf), (2, 4), carried="proof: the module's docstring"),
        Axis("n_train", (1, 1000)),
    ),
    checks=(
        _one_factor,
        _phi,
        _filtered,
        _beta_binomial,
        _best_is_fixed,
        _limit,
        _one_parameter,
        _bias_variance,
    ),
    parts={
        "factor": _factor,
        "square": lambda square: square,
        "shown": lambda order: [kind for kind in order if not kind[0]],
        "law": _pair_law,
        "attenuation": lambda c: Fraction(0) if c is None else 1 / (c + 1),
        "best": lambda m: m,
        "fpr": lambda k, n: k / n,
        "spread": 0,
        "random": lambda share: 1.5 * share,
        "sizes": (1, 20, 100, 1000),
    },
    mutants=(
        Mutant("the factor is q1", {"factor": lambda a, b, c, d: Fraction(a, a + b)}),
        Mutant("the factor is 1: test goes with train as train does", {"factor": lambda a, b, c, d: Fraction(1)}),
        Mutant("the overlap a / (a + b + c) for phi", {"square": lambda square: square**2}),
        Mutant("train positives stay in the test ranking", {"shown": list}),
        Mutant("beta-binomial labels with correlation 1/(a+b)", {"attenuation": lambda c: 1 / c if c else Fraction(0)}),
        Mutant(
            "E p^2 = mean (c mean + 1) / c",
            {"law": lambda mean, c: _pair_law(mean, c if c is None else c + 1)},
        ),
        Mutant("the best m moves with phi: unlabelled positives ask for softer", {"best": lambda m: m + 1}),
        Mutant("the test threshold at 2 K / n", {"fpr": lambda k, n: 2 * k / n}),
        Mutant("the best beta moves with K", {"spread": -1}),
        Mutant("one parameter: the best beta is not above 1/2", {"random": lambda share: 0.5}),
        Mutant("more train positives soften", {"sizes": (1000, 100, 20, 1)}),
    ),
    example=_example,
)

CLAIMS = (R3,)
