"""F6-law and F6-opt: where the peaks of Fig. 6 lie, and the best weights over negatives."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from sim.rankings import (
    exact_correlation,
    optimal_weights,
    rational_moments,
    scaling_law,
    weights_correlation,
)

from ..model import Claim, Kind, Mutant, Status, Verdict, check
from ..tally import Tally

N_POS, N_NEG = 200, 800
METRICS = ("recall", "ndcg")

# ---------------------------------------------------------------- F6-law


def _law_cases() -> Any:
    for n_pos, n_neg in ((200, 800), (1000, 9000), (9000, 1000), (30_000, 70_000)):
        for k in (1, 2, 5, 20, 50, 100, 500):
            if k <= (n_pos + n_neg) / 20:
                yield n_pos, n_neg, k, n_pos + n_neg


@check(
    "correlation against (x - 1/2) / sqrt(x^3 / 3), x = m N / (K N_-) in [1, 20]: error <= N / (2 K N_-) + 0.6 K / N",
    Kind.NUMERICAL,
)
def _scaling(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k, n in _law_cases():
        x = p.x(np.arange(1, n_neg + 1), n, k, n_neg)
        inside = (x >= 1.0) & (x <= 20.0)
        error = np.abs(exact_correlation(n_pos, n_neg, "recall", k) - p.law(x))[inside]
        t.all_true(error <= n / (2 * k * n_neg) + 0.6 * k / n, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}")


@check("the peak's m is 1.5 K (1 - N_+ / N) within 1, for K <= N / 20", Kind.NUMERICAL)
def _peak_place(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k, _ in _law_cases():
        at = int(exact_correlation(n_pos, n_neg, "recall", k).argmax()) + 1
        t.holds(
            abs(at - max(1.0, p.place(k, n_pos, n_neg))) <= 1.0,
            f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: peak at m = {at}",
        )


@check(
    "height of the limit 2 sqrt(2) / 3 at x = 3/2; AUC's correlation / sqrt(3 K / N) within K / N of 1",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _heights(p: Any, t: Tally) -> None:
    grid = np.linspace(0.05, 20.0, 40_000)
    t.holds(abs(grid[np.argmax(p.law(grid))] - 1.5) < 1e-3, "place of the limit's peak")
    t.small(float(p.law(np.array(1.5))) - p.height, "height of the limit's peak")
    for n_pos, n_neg, k, n in _law_cases():
        ratio = exact_correlation(n_pos, n_neg, "recall", k)[-1] / np.sqrt(3 * k / n)
        t.holds(abs(ratio - 1.0) <= k / n + 1e-3, f"AUC, N_+ = {n_pos}, N_- = {n_neg}, K = {k}: ratio {ratio:.4f}")


F6_LAW = Claim(
    id="F6-law",
    title="Scaling law of the peak: beta* = 1.5 K / N",
    where="Behind Fig. 6; beyond the paper",
    statement="For K << N the correlation of Recall@K with OPAUC(m / N_-) is a function of x = m N / (K N_-) alone, "
    "with its peak at x = 3/2 whatever the class ratio.",
    latex=r"\rho \to \frac{x-1/2}{\sqrt{x^3/3}}\ (x\ge1),\quad \beta^*=\tfrac32\tfrac KN,\quad "
    r"\rho^*=\tfrac{2\sqrt2}3=0.943,\quad \rho_{AUC}\approx\sqrt{3K/N}",
    domain="Uniformly random rankings, 1 << K (1 - N_+ / N), K << N.",
    verdict=Verdict(
        Status.HOLDS,
        "Within N / (2 K N_-) + 0.6 K / N; the peak's m is 1.5 K (1 - N_+ / N) to within one negative for K <= N / 20.",
    ),
    checks=(_scaling, _peak_place, _heights),
    parts={
        "law": scaling_law,
        "x": lambda m, n, k, n_neg: m * n / (k * n_neg),
        "place": lambda k, n_pos, n_neg: 1.5 * k * n_neg / (n_pos + n_neg),
        "height": 2 * np.sqrt(2) / 3,
    },
    mutants=(
        Mutant("x = m / K, class ratio ignored", {"x": lambda m, n, k, n_neg: m / k}),
        Mutant("peak at m = K (1 - N_+ / N)", {"place": lambda k, n_pos, n_neg: k * n_neg / (n_pos + n_neg)}),
        Mutant("peak at m = 1.5 K", {"place": lambda k, n_pos, n_neg: 1.5 * k}),
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
