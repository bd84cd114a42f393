"""F6-law and F6-opt: where the peaks of Fig. 6 lie, and the best weights over negatives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from sim.rankings import (
    correlation_by_cutoff,
    exact_correlation,
    optimal_weights,
    rational_moments,
    scaling_law,
    weights_correlation,
)

from ..model import Axis, Claim, Kind, Mutant, Status, Verdict, check
from ..tally import Tally

N_POS, N_NEG = 200, 800
METRICS = ("recall", "ndcg")

# ---------------------------------------------------------------- F6-law


LARGE = ((200, 800), (1000, 9000), (9000, 1000), (30_000, 70_000), (1, 20_000), (1, 100_000), (100, 100_000))
KS = (1, 2, 5, 20, 50, 100, 200, 300, 500, 1000, 2500, 5000)
_NORMAL = "proof: the normal equations Sigma w = Cov(R, P), Sigma a bridge's covariance with a tridiagonal inverse"


def _law_cases() -> Iterator[tuple[int, int, int, Any]]:
    """Large sizes with K <= N / 20: N_+, N_-, K and the exact curve."""
    for n_pos, n_neg in LARGE:
        for k in KS:
            if k <= (n_pos + n_neg) / 20:
                yield n_pos, n_neg, k, _recall(n_pos, n_neg, k)


@lru_cache(2)
def _small_cases(top: int) -> list[tuple[int, int, int, Any]]:
    """Every N_+, N_- up to ``top`` with every K <= N / 20."""
    return [
        (n_pos, n_neg, k + 1, curve)
        for n_pos, n_neg in product(range(1, top + 1), repeat=2)
        if n_pos + n_neg >= 20
        for k, curve in enumerate(correlation_by_cutoff(n_pos, n_neg, "recall", (n_pos + n_neg) // 20))
    ]


@lru_cache(128)
def _recall(n_pos: int, n_neg: int, k: int) -> Any:
    return exact_correlation(n_pos, n_neg, "recall", k)


def _cases(t: Tally) -> Iterator[tuple[int, int, int, Any]]:
    for n_pos, n_neg, k, curve in _law_cases():
        t.reach({"N": n_pos + n_neg, "K / N": k / (n_pos + n_neg)})
        yield n_pos, n_neg, k, curve
    for n_pos, n_neg, k, curve in _small_cases(t.pick(40, 150)):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        yield n_pos, n_neg, k, curve


@check(
    "correlation against (x - 1/2) / sqrt(x^3 / 3), x = m N / (K N_-) in [1, 20]: error <= N / (2 K N_-) + 0.86 K / N, "
    "every N_+, N_- <= 40 (full: 150) with every K <= N / 20, and large sizes",
    Kind.ENUMERATION,
)
def _scaling(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k, curve in _cases(t):
        n = n_pos + n_neg
        x = p.x(np.arange(1, n_neg + 1), n, k, n_neg)
        inside = (x >= 1.0) & (x <= 20.0)
        error = np.abs(curve[inside] - p.law(x[inside]))
        t.all_true(error <= p.bound(n_pos, n_neg, k), f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}")


@check("the peak's m is 1.5 K (1 - N_+ / N) or 1 within 1, the same sizes", Kind.ENUMERATION)
def _peak_place(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k, curve in _cases(t):
        at = int(curve.argmax()) + 1
        t.holds(
            abs(at - max(1.0, p.place(k, n_pos, n_neg))) <= 1.0,
            f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: peak at m = {at}",
        )


def _bridge(x: Any, share: float) -> Any:
    """The limit at a fixed share K / N: a Brownian bridge of length N / K in the place of the motion."""
    return (x - 0.5 - share * x**2 / 2) / np.sqrt((1 - share) * (x**3 / 3 - share * x**4 / 4))


@check(
    "the part of the bound that is K / N: the limit at a fixed share K / N <= 1 / 20 lies within 0.86 K / N of the law",
    Kind.NUMERICAL,
)
def _bridge_part(p: Any, t: Tally) -> None:
    x = np.linspace(1.0, 20.0, t.pick(2_000, 100_000))
    for share in np.geomspace(1e-7, 0.05, 40):
        error = np.abs(_bridge(np.minimum(x, 1 / share), share) - scaling_law(np.minimum(x, 1 / share)))
        t.holds(error.max() <= p.part * share, f"K / N = {share:.2g}: {error.max() / share:.3f} K / N")


@check(
    "height of the limit 2 sqrt(2) / 3 at x = 3/2; AUC's correlation / sqrt(3 K / N) within K / N of 1",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _heights(p: Any, t: Tally) -> None:
    grid = np.linspace(0.05, 20.0, 40_000)
    t.holds(abs(grid[np.argmax(p.law(grid))] - 1.5) < 1e-3, "place of the limit's peak")
    t.small(float(p.law(np.array(1.5))) - p.height, "height of the limit's peak")
    for n_pos, n_neg, k, curve in _law_cases():
        n = n_pos + n_neg
        ratio = curve[-1] / np.sqrt(3 * k / n)
        t.holds(abs(ratio - 1.0) <= k / n + 1e-3, f"AUC, N_+ = {n_pos}, N_- = {n_neg}, K = {k}: ratio {ratio:.4f}")


def _bound(n_pos: int, n_neg: int, k: int, part: float) -> float:
    n = n_pos + n_neg
    return n / (2 * k * n_neg) + part * k / n


F6_LAW = Claim(
    id="F6-law",
    title="Scaling law of the peak: beta* = 1.5 K / N",
    where="Behind Fig. 6; beyond the paper",
    statement="For K << N the correlation of Recall@K with OPAUC(m / N_-) is a function of x = m N / (K N_-) alone, "
    "with its peak at x = 3/2 whatever the class ratio.",
    latex=r"\rho \to \frac{x-1/2}{\sqrt{x^3/3}}\ (x\ge1),\quad \beta^*=\tfrac32\tfrac KN,\quad "
    r"\rho^*=\tfrac{2\sqrt2}3=0.943,\quad \rho_{AUC}\approx\sqrt{3K/N}",
    domain="Uniformly random rankings, K <= N / 20, 1 <= x <= 20; the error is small for 1 << n_K = K N_- / N and K << "
    "N. Every N_+, N_- <= 40 with every such K, and sizes to N = 100,100.",
    verdict=Verdict(
        Status.HOLDS,
        "Within 1 / (2 n_K) + 0.86 K / N; the peak's m is 1.5 n_K to within one negative (1 where that is less). The "
        "second part is the bridge's: its first-order coefficient is 0.852 at x = 20. A bound with 0.6 K / N, recorded "
        "here before, fails at 1,000/9,000, K = 200, and by 0.0027 at 100/100,000, K = 2,500.",
    ),
    checks=(_scaling, _peak_place, _bridge_part, _heights),
    scope=(
        Axis("N_+", (1, 40), every=True),
        Axis("N_-", (1, 40), every=True),
        Axis("N", (1_000, 100_100)),
        Axis("K / N", (1e-5, 0.05)),
    ),
    parts={
        "law": scaling_law,
        "x": lambda m, n, k, n_neg: m * n / (k * n_neg),
        "place": lambda k, n_pos, n_neg: 1.5 * k * n_neg / (n_pos + n_neg),
        "height": 2 * np.sqrt(2) / 3,
        "bound": lambda n_pos, n_neg, k: _bound(n_pos, n_neg, k, 0.86),
        "part": 0.86,
    },
    mutants=(
        Mutant("x = m / K, class ratio ignored", {"x": lambda m, n, k, n_neg: m / k}),
        Mutant("peak at m = K (1 - N_+ / N)", {"place": lambda k, n_pos, n_neg: k * n_neg / (n_pos + n_neg)}),
        Mutant("peak at m = 1.5 K", {"place": lambda k, n_pos, n_neg: 1.5 * k}),
        Mutant(
            "error at most N / (2 K N_-) + 0.6 K / N (true of the four sizes tried at first)",
            {"bound": lambda n_pos, n_neg, k: _bound(n_pos, n_neg, k, 0.6)},
        ),
        Mutant("the bridge adds at most 0.8 K / N", {"part": 0.8}),
        Mutant("height sqrt(3) / 2 (its value at x = 1)", {"height": np.sqrt(3) / 2}),
        Mutant(
            "(x - 1/2) / sqrt(x^2 / 3)",
            {"law": lambda x: np.where(x < 1, np.sqrt(0.75 * x), (x - 0.5) / np.sqrt(x**2 / 3))},
        ),
    ),
    example=lambda: (
        "Brownian motion: Cov(W_1, integral of W to x) = 1/2 + (x - 1) = x - 1/2 and Var(integral) = "
        "x^3 / 3. Derivative zero: x = 3 (x - 1/2) / 2, x = 3/2.\n"
        f"At 200/800, K = 20: 1.5 x 20 x 0.8 = 24; exact peak at "
        f"m = {exact_correlation(N_POS, N_NEG, 'recall', 20).argmax() + 1}."
    ),
)

# ---------------------------------------------------------------- F6-opt


def _sigma(n_pos: int, n_neg: int) -> list[list[Fraction]]:
    n = n_pos + n_neg
    scale = Fraction(n_pos * (n + 1), (n_neg + 1) ** 2 * (n_neg + 2))
    return [[scale * min(i, j) * (n_neg + 1 - max(i, j)) for i in range(1, n_neg + 1)] for j in range(1, n_neg + 1)]


def _second_difference(c: list[Fraction]) -> list[Fraction]:
    padded = [Fraction(0), *c, Fraction(0)]
    return [2 * padded[j] - padded[j - 1] - padded[j + 1] for j in range(1, len(padded) - 1)]


@check("w = - second difference of Cov(R, P) solves Sigma w = Cov(R, P) up to scale, in fractions", Kind.EXACT)
def _solves(p: Any, t: Tally) -> None:
    top = t.pick(7, 9)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        sigma = _sigma(n_pos, n_neg)
        for k in range(1, n_pos + n_neg):
            t.reach({"N_+": n_pos, "N_-": n_neg})
            c = list(rational_moments(n_pos, n_neg, [1] * k).rank_covariance)
            w = p.weights(c)
            back = [sum((s * v for s, v in zip(row, w)), Fraction(0)) for row in sigma]
            label = f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}"
            t.holds(all(b * c[0] == a * back[0] for a, b in zip(c, back)), label)
            t.holds(all(v == 0 for v in w[p.beyond(k) :]), f"weights beyond rank K, {label}: {[str(v) for v in w]}")


@check(
    "no other weights reach the library's ceiling: random, hard cuts, and steps away from the optimum",
    Kind.PROPERTY,
    tolerance=1e-12,
)
def _ceiling(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in ((20, 80, 5), (200, 800, 20), (50, 50, 10), (5, 200, 7)):
        for metric in METRICS:
            best, ceiling = p.optimum(n_pos, n_neg, metric, k)
            label = f"{metric}@{k}, {n_pos}/{n_neg}"
            t.same(weights_correlation(best, n_pos, n_neg, metric, k), ceiling, f"attained, {label}")
            t.holds(exact_correlation(n_pos, n_neg, metric, k).max() < ceiling, f"above every single beta, {label}")
            for _ in range(t.pick(20, 200)):
                step = best + t.rng.normal(size=n_neg) * float(10.0 ** t.rng.integers(-6, 1)) / n_neg
                t.small(max(weights_correlation(step, n_pos, n_neg, metric, k) - ceiling, 0.0), label)


@check(
    "reference values at 200/800: 0.9684 (Recall@20) and 0.9814 (NDCG@20) against 0.9362 and 0.9450 for the best beta",
    Kind.NUMERICAL,
)
def _values(p: Any, t: Tally) -> None:
    for metric, best, single in (("recall", 0.9684, 0.9362), ("ndcg", 0.9814, 0.9450)):
        t.same(Fraction(str(round(p.optimum(N_POS, N_NEG, metric, 20)[1], 4))), Fraction(str(best)), f"{metric}@20")
        value = round(float(exact_correlation(N_POS, N_NEG, metric, 20).max()), 4)
        t.same(Fraction(str(value)), Fraction(str(single)), f"{metric}@20, single beta")


def _cut(n_pos: int, n_neg: int, metric: str, k: int) -> tuple[Any, float]:
    """A false optimum: the best hard cut."""
    curve = exact_correlation(n_pos, n_neg, metric, k)
    return (np.arange(n_neg) <= curve.argmax()).astype(float), float(curve.max())


F6_OPT = Claim(
    id="F6-opt",
    title="The best weights over negatives, and the ceiling they set",
    where="Behind Fig. 6; beyond the paper",
    statement="Among all weighted areas sum_j w_j P_j, the one that correlates most with a linear metric@K has "
    "weights minus the second difference of Cov(R, P_j); "
    "they vanish beyond rank K.",
    latex=r"w_j \propto -(c_{j+1}-2c_j+c_{j-1}),\quad c_j=Cov(R,P_j),\ c_0=c_{N_-+1}=0",
    domain="Uniformly random rankings, metrics linear in the positions.",
    verdict=Verdict(
        Status.HOLDS,
        "At 200/800 the ceiling is 0.968 for Recall@20 (best single beta 0.936) and 0.981 for NDCG@20 (0.945).",
    ),
    scope=(
        Axis("N_+", (1, math.inf), (1, 7), every=True, carried=_NORMAL),
        Axis("N_-", (1, math.inf), (1, 7), every=True, carried=_NORMAL),
    ),
    checks=(_solves, _ceiling, _values),
    parts={"weights": _second_difference, "beyond": lambda k: k, "optimum": optimal_weights},
    mutants=(
        Mutant("first difference", {"weights": lambda c: [b - a for a, b in zip([Fraction(0), *c], c)]}),
        Mutant(
            "end value c_{N_-+1} = c_{N_-}",
            {"weights": lambda c: [*_second_difference(c)[:-1], _second_difference(c)[-1] - c[-1]]},
        ),
        Mutant("weights vanish beyond rank K - 1", {"beyond": lambda k: k - 1}),
        Mutant("the best hard cut is the optimum", {"optimum": _cut}),
    ),
    example=lambda: (
        "N_+ = N_- = 2, K = 1: Cov(R, P_1), Cov(R, P_2) = "
        + ", ".join(str(v) for v in rational_moments(2, 2, [1]).rank_covariance)
        + "; minus second differences: "
        + ", ".join(str(v) for v in _second_difference(list(rational_moments(2, 2, [1]).rank_covariance)))
        + ": all weight on the hardest negative."
    ),
)

CLAIMS = (F6_LAW, F6_OPT)
