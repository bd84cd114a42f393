"""M1: what a sampled metric counts and what DNS(M, N) weighs are one law of ranks."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, product
from math import comb
from typing import Any

import numpy as np

from sim.rankings import Binormal, PowerROC, StudentT, sampled_gain
from sim.sampling import DNS

from ..model import Axis, Claim, Kind, Mutant, Status, Verdict, check
from ..reference import expected_over_pools
from ..tally import Tally


def _sampled_hit(above: int, n: int, size: int, m: int, replace: bool) -> Fraction:
    """Chance that fewer than m of ``size`` negatives drawn from n stand above a positive, over every sample."""
    samples = product(range(n), repeat=size) if replace else combinations(range(n), size)
    hits = total = 0
    for sample in samples:
        total += 1
        hits += sum(rank < above for rank in sample) < m
    return Fraction(hits, total)


def _integral(low: Fraction, high: Fraction, draws: int, m: int) -> Fraction:
    """The integral of P(Binomial(draws, F) < m) over F from low to high."""
    total = Fraction(0)
    for b in range(min(m, draws + 1)):
        for k in range(draws - b + 1):
            power = b + k + 1
            term = comb(draws, b) * comb(draws - b, k) * (-1) ** k
            total += Fraction(term, power) * (high**power - low**power)
    return total


def _factor(n: int, size: int, m: int) -> Fraction:
    """DNS(M, N)'s weight of a rank over the chance of a sampled hit."""
    return Fraction(size, n * m)


@check(
    "every pool without replacement, n_- <= 7 (full: 8): DNS(M, N)'s weight of the j-th negative = N / (M n_-) "
    "times the chance that an item with j - 1 negatives above it is in the top M among N - 1 of the other n_- - 1",
    Kind.ENUMERATION,
)
def _without(p: Any, t: Tally) -> None:
    top = t.pick(7, 8)
    for n in range(1, top + 1):
        for size in range(1, n + 1):
            pools = list(combinations(range(n), size))
            for m in range(1, size + 1):
                t.reach({"n_-": n, "N": size, "M": m, "pools": "without replacement"})
                weights = expected_over_pools(iter(pools), n, m)
                for j, weight in enumerate(weights):
                    hit = _sampled_hit(j, n - 1, size - p.fewer, m, False) if size - p.fewer <= n - 1 else Fraction(1)
                    t.same(weight, p.factor(n, size, m) * hit, f"n_- = {n}, N = {size}, M = {m}, j = {j + 1}")


@check(
    "every pool with replacement, n_- <= 5: the weight of the j-th negative is the integral of N / M P(Binomial(N "
    "- 1, F) < M) over its own interval of the FPR, in fractions",
    Kind.ENUMERATION,
)
def _with(p: Any, t: Tally) -> None:
    for n in range(1, 6):
        for size in range(1, t.pick(4, 5) + 1):
            pools = list(product(range(n), repeat=size))
            for m in range(1, size + 1):
                t.reach({"pools": "with replacement"})
                for j, weight in enumerate(expected_over_pools(iter(pools), n, m)):
                    area = _integral(Fraction(j, n), Fraction(j + 1, n), size - p.fewer, m)
                    t.same(weight, n * p.factor(n, size, m) * area, f"n_- = {n}, N = {size}, M = {m}, j = {j + 1}")


@check(
    "sampled hits, every sample, against the library's sampled_gain, n_- <= 6, both ways of drawing",
    Kind.ENUMERATION,
    tolerance=1e-12,
)
def _library(p: Any, t: Tally) -> None:
    for n in range(1, 7):
        for replace in (False, True):
            for size in range(1, 5 if replace else n + 1):
                for m in range(1, size + 1):
                    gain, _ = sampled_gain(n, size, "recall", m, replace=replace)
                    for above in range(n + 1):
                        label = f"n_- = {n}, N = {size}, M = {m}, {above} above, replace = {replace}"
                        t.same(float(_sampled_hit(above, n, size, m, replace)), float(gain[above]), label)


@check(
    "score models: expected sampled Recall@M with N negatives = M / (N + 1) times the mean of W' over positives, W the "
    "cumulative law of DNS(M, N + 1) = the mean of TPR(B), B the M-th of N uniforms, Beta(M, N + 1 - M)",
    Kind.NUMERICAL,
    tolerance=1e-4,
)
def _models(p: Any, t: Tally) -> None:
    from scipy.stats import beta as beta_law
    from scipy.stats import binom

    u = (np.arange(20_000) + 0.5) / 20_000
    n_neg = 20_000
    for model in (Binormal.from_auc(0.8), PowerROC(0.4), StudentT(3.0, 1.0)):
        for size, m in ((10, 1), (100, 10), (99, 5)):
            name = f"{type(model).__name__}, N = {size}, M = {m}"
            by_order = float(np.mean(model.tpr(beta_law.ppf(u, m, size + 1 - m))))
            # positives by their FPR: TPR is its distribution function
            grid = np.linspace(0.0, 1.0, 20_001) ** 4
            mass, at = np.diff(model.tpr(grid)), 0.5 * (grid[1:] + grid[:-1])
            t.same(float(mass @ binom.cdf(m - 1, size, at)), by_order, f"sampled hits, {name}")
            step = np.linspace(0.0, 1.0, n_neg + 1)
            weights = DNS(m, size + 1).rank_distribution(n_neg, replace=True)
            ours = float(p.factor(n_neg, size + 1, m)) ** -1 * weights
            t.same(float(np.diff(model.tpr(step)) @ ours), by_order, f"DNS({m}, {size + 1}), {name}")


M1 = Claim(
    id="M1",
    title="Sampled metrics and DNS(M, N) share one law of ranks",
    where="Beyond the paper; sampled metrics of Krichene and Rendle (KDD 2020)",
    statement="A positive with FPR F is in the top M among N sampled negatives with probability P(Binomial(N, F) < M). "
    "DNS(M, N + 1) weighs a negative of FPR F by (N + 1) / M times that. So training with DNS(M, N + 1) and evaluating "
    "sampled Recall@M with N negatives weigh the ranks alike; sampled Recall@M is the mean of TPR at the M-th of N "
    "uniforms, and with one negative it is AUC.",
    latex=r"\frac{d}{dF}\,\frac1M E\min(M,B_{N+1}(F)) = \frac{N+1}M\Pr(B_N(F)<M),\qquad "
    r"E[hit@M] = E\,TPR(U_{(M:N)}),\quad B_N(F)\sim Bin(N,F)",
    domain="1 <= M <= N. Finite: pools without replacement (hypergeometric law, N of n_- against N - 1 of the "
    "other n_- - 1) and with replacement (mean over the item's own interval of the FPR). The identity of the two "
    "binomial laws holds for every size: the pool holds the item, and fewer than M of the other draws stand above "
    "it.",
    verdict=Verdict(Status.HOLDS, "Exactly, for both ways of drawing."),
    checks=(_without, _with, _library, _models),
    scope=(
        Axis("pools", ("without replacement", "with replacement")),
        Axis("n_-", (1, math.inf), (1, 7), every=True, carried="proof: the last sentence of the domain"),
        Axis("N", (1, math.inf), (1, 7), every=True, carried="proof: the last sentence of the domain"),
        Axis("M", (1, math.inf), (1, 7), every=True, carried="proof: the last sentence of the domain"),
    ),
    parts={"fewer": 1, "factor": _factor},
    mutants=(
        Mutant("N sampled negatives beside DNS(M, N)", {"fewer": 0}),
        Mutant("M / N in the place of N / M", {"factor": lambda n, size, m: Fraction(m, size * n)}),
        Mutant("DNS's weight is 1 / n_- times the chance", {"factor": lambda n, size, m: Fraction(1, n)}),
    ),
    example=lambda: (
        "n_- = 4, DNS(1, 2): weights 3/6, 2/6, 1/6, 0 (T1-pool). Rank 2 among one sampled of the other three: "
        "beaten by rank 1 only, chance of a hit 2/3; times N / (M n_-) = 2/4: 1/3."
    ),
)

CLAIMS = (M1,)
