"""T1-pool: what DNS(M, N) on pools of N optimises; Abel summation."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, combinations, pairwise, product
from math import comb
from typing import Any

import numpy as np

from sim.sampling import DNS, mixture_from_weights, simulate_rank_distribution

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import cumulative_with, cumulative_without, expected_over_pools
from ..tally import Tally

_SHARE = "proof: a rank's share is E min(M, B) / M, B the members of the pool among the r hardest"


def _law(n: int, m: int, size: int) -> list[Fraction]:
    """Weight of OPAUC(k/n), k = 1..n: Pr(R = k + 1), R the rank of the (M + 1)-th best of the pool."""
    if m == size:
        return [Fraction(int(k == n)) for k in range(1, n + 1)]
    return [
        Fraction(comb(k, m) * comb(n - k - 1, size - m - 1), comb(n, size)) if k < n else Fraction(0)
        for k in range(1, n + 1)
    ]


def _law_of_mth(n: int, m: int, size: int) -> list[Fraction]:
    """A false variant: R is the rank of the M-th best."""
    if m == size:
        return _law(n, m, size)
    return [
        Fraction(comb(k, m - 1) * comb(n - k - 1, size - m), comb(n, size)) if k < n else Fraction(0)
        for k in range(1, n + 1)
    ]


def _law_at_r(n: int, m: int, size: int) -> list[Fraction]:
    """A false variant: OPAUC(R/n) instead of OPAUC((R-1)/n)."""
    return [Fraction(0), *_law(n, m, size)[:-1]] if m < size else _law(n, m, size)


def _weights(mixture: list[Fraction]) -> list[Fraction]:
    """Rank weights of a mixture of hard cuts: w_r = sum over k >= r of mixture_k / k."""
    out, total = [], Fraction(0)
    for k in range(len(mixture), 0, -1):
        total += mixture[k - 1] / k
        out.append(total)
    return out[::-1]


def _abel(w: list[Fraction]) -> list[Fraction]:
    return [k * (w[k - 1] - (w[k] if k < len(w) else 0)) for k in range(1, len(w) + 1)]


@check(
    "DNS(M, N) on a pool optimises OPAUC(M / N): mean weights over all pools against the hard cut at n_- M / N",
    Kind.ENUMERATION,
)
def _hard_cut(p: Any, t: Tally) -> None:
    for n in range(2, 7):
        for size in range(1, n + 1):
            pooled = {m: expected_over_pools(combinations(range(n), size), n, m) for m in range(1, size + 1)}
            for m, found in pooled.items():
                if n * m % size == 0:
                    cut = n * m // size
                    hard = [Fraction(int(r < cut), cut) for r in range(n)]
                    t.holds(
                        found == hard,
                        f"n = {n}, N = {size}, M = {m}: mean weights {_show(found)}, hard cut {_show(hard)}",
                    )


@check(
    "every pool without replacement: mean weights = the mixture of OPAUC((R - 1) / n_-)",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _mixture(p: Any, t: Tally) -> None:
    for n in range(1, t.pick(7, 10) + 1):
        for size in range(1, n + 1):
            for m in range(1, size + 1):
                t.reach({"n_-": n, "N": size})
                found = expected_over_pools(combinations(range(n), size), n, m)
                law = p.law(n, m, size)
                t.holds(sum(law) == 1 and found == _weights(law), f"n = {n}, N = {size}, M = {m}: {_show(found)}")
                steps = list(accumulate(found))
                t.holds(steps == p.without(n, m, size), f"n = {n}, N = {size}, M = {m}: cumulative {_show(steps)}")


@check(
    "every pool with replacement: cumulative weights = E min(M, B) / M, B binomial", Kind.ENUMERATION, Role.CONDITION
)
def _with_replacement(p: Any, t: Tally) -> None:
    for n in range(1, t.pick(4, 5) + 1):
        for size in range(1, t.pick(5, 6) + 1):
            for m in range(1, size + 1):
                t.reach({"n_-, with replacement": n})
                found = list(accumulate(expected_over_pools(product(range(n), repeat=size), n, m)))
                t.holds(found == p.with_replacement(n, m, size), f"n = {n}, N = {size}, M = {m}: {_show(found)}")


@check(
    "the library's rank distribution and mixture against these formulas",
    Kind.NUMERICAL,
    Role.CONDITION,
    tolerance=1e-11,
)
def _library(p: Any, t: Tally) -> None:
    for n, size, m in ((5, 3, 2), (12, 12, 4), (40, 10, 1), (60, 20, 5), (90, 9, 9), (150, 30, 7))[: t.pick(5, 6)]:
        sampler = DNS(m, size)
        law = p.law(n, m, size)
        t.all_small(sampler.opauc_mixture(n) - np.array(law, dtype=float), f"mixture of {sampler}, n = {n}")
        t.all_small(
            sampler.rank_distribution(n) - np.array(_weights(law), dtype=float), f"weights of {sampler}, n = {n}"
        )
        both = sampler.rank_distribution(n, replace=True)
        t.all_small(
            np.cumsum(both) - np.array(p.with_replacement(n, m, size), dtype=float), f"{sampler}, n = {n}, replace"
        )


@check(
    "mean of beta under the mixture = ((M + 1)(n + 1) / (N + 1) - 1) / n; its limit (M + 1) / (N + 1) is not M / N",
    Kind.EXACT,
    Role.CONDITION,
)
def _mean_beta(p: Any, t: Tally) -> None:
    for n in (4, 9, 25, t.pick(40, 120)):
        for size in range(1, n + 1):
            for m in range(1, size):
                mean = sum((w * Fraction(k, n) for k, w in enumerate(p.law(n, m, size), 1)), Fraction(0))
                t.same(mean, (Fraction((m + 1) * (n + 1), size + 1) - 1) / n, f"n = {n}, N = {size}, M = {m}")


@check(
    "as n_- grows the law of beta tends to Beta(M + 1, N - M): its Kolmogorov distance times n_- / N stays below 1",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _beta_limit(p: Any, t: Tally) -> None:
    from scipy import stats

    for size, m in ((2, 1), (5, 2), (20, 5), (20, 19), (200, 20))[: t.pick(4, 5)]:
        for n in (10 * size, 100 * size):
            cumulative = np.cumsum(DNS(m, size).opauc_mixture(n))
            limit = stats.beta(*p.limit(m, size)).cdf(np.arange(1, n + 1) / n)
            distance = float(np.abs(cumulative - limit).max())
            t.holds(distance * n / size < 1.0, f"n = {n}, N = {size}, M = {m}: Kolmogorov distance {distance:.5f}")


@check(
    "Abel: non-increasing rank weights are a mixture with weights k (w_k - w_{k+1}) >= 0, and only those are",
    Kind.EXACT,
    Role.CONDITION,
)
def _abel_summation(p: Any, t: Tally) -> None:
    for _ in range(t.pick(300, 3000)):
        n = int(t.rng.integers(1, 12))
        raw = [int(x) for x in t.rng.integers(0, 6, n)]
        raw[0] += 1
        if t.rng.random() < 0.7:
            raw.sort(reverse=True)
        w = [Fraction(x, sum(raw)) for x in raw]
        mixture = p.abel(w)
        t.holds(sum(mixture) == 1 and _weights(mixture) == w, f"w = {_show(w)}: mixture {_show(mixture)}")
        t.holds((min(mixture) >= 0) == all(a >= b for a, b in pairwise(w)), f"w = {_show(w)}: sign of {_show(mixture)}")
        exact_in_binary = [Fraction(x, 64) for x in raw]
        library = mixture_from_weights(np.array(exact_in_binary, dtype=float)).tolist()
        t.holds([Fraction(x) for x in library] == p.abel(exact_in_binary), f"library, w = {_show(exact_in_binary)}")


@check(
    "simulated pools of the actual sampler against the exact law, both ways of drawing",
    Kind.STATISTICAL,
    Role.CONDITION,
    false_alarm=1e-6,
)
def _simulated(p: Any, t: Tally) -> None:
    pools, n = t.pick(60_000, 600_000), 12
    cases = [(m, size, replace) for m, size in ((1, 4), (2, 4), (3, 8)) for replace in (False, True)]
    for m, size, replace in cases:
        exact = np.diff(np.array([0, *(p.with_replacement if replace else p.without)(n, m, size)], dtype=float))
        found = simulate_rank_distribution(
            DNS(m, size), np.arange(n, 0, -1.0), n_pools=pools, replace=replace, rng=t.rng
        )
        often = exact * pools * m > 1000  # enough events for the normal limit
        z = (found.probability - exact)[often] / found.standard_error[often]
        t.z_scores(z, n * len(cases), f"DNS({m}, {size}), replace={replace}, rank")


def _show(values: Any) -> str:
    return "(" + ", ".join(str(v) for v in values) + ")"


def _example() -> str:
    found = expected_over_pools(combinations(range(4), 2), 4, 1)
    law = _law(4, 1, 2)
    return (
        "n_- = 4, DNS(1, 2). Of the 6 pools, {1,2} {1,3} {1,4} give rank 1, {2,3} {2,4} give rank 2, {3,4} gives "
        "rank 3:\n"
        f"weights {_show(found)}. The hard cut at M/N = 1/2 would be (1/2, 1/2, 0, 0).\n"
        f"The second best has rank 2, 3, 4 with probabilities 1/6, 2/6, 3/6: the objective is the mixture "
        f"{_show(law[:3])}\n"
        "of OPAUC(1/4), OPAUC(2/4), OPAUC(3/4), with mean beta "
        f"{sum(w * Fraction(k, 4) for k, w in enumerate(law, 1))}."
    )


CLAIMS = (
    Claim(
        id="T1-pool",
        title="DNS(M, N) on pools optimises a mixture of OPAUCs",
        where="Algorithm of DNS(M, N) under Theorem 1",
        statement="The paper proves Theorem 1 for all negatives and runs DNS(M, N) on pools of N, read as "
        "OPAUC(beta) with beta = M / N.",
        latex=r"E_{pool}\,\frac1M\sum_{j\in top_M(pool)} L_j = \sum_r \Pr(R=r)\,\frac{1}{r-1}\sum_{k<r} L_{(k)},\quad"
        r"\Pr(R=r)=\binom{r-1}{M}\binom{n-r}{N-M-1}\Big/\binom nN",
        domain="1 <= M < N <= n_-; pools uniform, without replacement (mixture law) or with (cumulative law). M = N "
        "gives AUC.",
        verdict=Verdict(
            Status.CONDITION,
            "Exactly OPAUC(M / n_-) for N = n_- only. For N < n_- it is a mixture of exact OPAUCs, whose spread "
            "over beta does not vanish "
            "as n_- grows: it is Beta(M + 1, N - M), of mean (M + 1) / (N + 1), and narrows like 1 / sqrt(N).",
        ),
        sharp="With R the rank of the (M + 1)-th best of the pool among all negatives, the expected objective is "
        "the mean of the exact "
        "OPAUC((R - 1) / n_-) objectives. Any sampler whose rank weights do not increase is such a mixture, with "
        "weight k (w_k - w_{k+1}) on OPAUC(k / n_-); "
        "a sampler with increasing weights somewhere is not.",
        scope=(
            Axis("n_-", (1, math.inf), (1, 7), every=True, carried="formal: dns_pool_is_opauc_mixture"),
            Axis("N", (1, math.inf), (1, 7), every=True, carried="formal: dns_pool_is_opauc_mixture"),
            Axis("n_-, with replacement", (1, math.inf), (1, 4), every=True, carried=_SHARE),
        ),
        checks=(_hard_cut, _mixture, _with_replacement, _library, _mean_beta, _abel_summation, _beta_limit, _simulated),
        parts={
            "law": _law,
            "without": cumulative_without,
            "with_replacement": cumulative_with,
            "limit": lambda m, size: (m + 1, size - m),
            "abel": _abel,
        },
        mutants=(
            Mutant("R is the rank of the M-th best (M instead of M + 1)", {"law": _law_of_mth}),
            Mutant("OPAUC(R / n_-) instead of OPAUC((R - 1) / n_-)", {"law": _law_at_r}),
            Mutant("the law for pools with replacement used for pools without", {"without": cumulative_with}),
            Mutant(
                "the law for pools without replacement used for pools with",
                {
                    "with_replacement": lambda n, m, size: (
                        cumulative_without(n, m, size) if size <= n else cumulative_with(n, m, size)
                    )
                },
            ),
            Mutant("limit Beta(M, N - M + 1), the law of the M-th best", {"limit": lambda m, size: (m, size - m + 1)}),
            Mutant(
                "Abel weights w_k - w_{k+1} without the factor k",
                {"abel": lambda w: [x / k for k, x in enumerate(_abel(w), 1)]},
            ),
        ),
        example=_example,
    ),
)
