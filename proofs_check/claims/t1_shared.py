"""T1-shared: pools that pairs share keep every pair's law, and add covariance only."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from sim.bpr.kernels.shared import draw_shared
from sim.bpr.kernels.structs import Flags, Group, Interactions
from sim.core.random import stream
from sim.sampling.kernels.pools import draw_pool, set_bit

from ..model import Axis, Claim, Kind, Mutant, Status, Verdict, check
from ..tally import Tally

Pool = tuple[int, ...]
_HARD = (7, 3, 6, 1, 4)  # losses of the items, for the one pair and the other
_OTHER = (2, 5, 1, 6, 3)


def _pools(items: Any, size: int, replace: bool) -> list[Pool]:
    return list(product(items, repeat=size) if replace else permutations(items, size))


def _redraws(pool: Pool, place: int, negatives: list[int], replace: bool) -> list[int]:
    """What a place that held a positive may become, each as likely as the other."""
    return [i for i in negatives if replace or i not in pool]


def _mask_only(pool: Pool, place: int, negatives: list[int], replace: bool) -> list[int]:
    """A false variant: a negative that the pool holds already stands in for the positive, if there is one."""
    return [i for i in pool if i in negatives] or negatives


def _distinct(pool: Pool, place: int, negatives: list[int], replace: bool) -> list[int]:
    """A false variant: with replacement, too, only negatives that the pool does not hold."""
    return [i for i in negatives if i not in pool]


def _given(group: Pool, excluded: set[int], n: int, replace: bool, redraws: Any) -> dict[Pool, Fraction]:
    """Law of a pair's pool given its group's."""
    negatives = [i for i in range(n) if i not in excluded]
    law = {group: Fraction(1)}
    for j in sorted((j for j in range(len(group)) if group[j] in excluded), key=lambda j: (group[j], j)):
        following: dict[Pool, Fraction] = defaultdict(Fraction)
        for pool, chance in law.items():
            options = redraws(pool, j, negatives, replace)
            for i in options:
                following[(*pool[:j], i, *pool[j + 1 :])] += chance / len(options)
        law = following
    return law


def _joint(n: int, size: int, replace: bool, both: Any, redraws: Any) -> dict[tuple[Pool, Pool], Fraction]:
    """Law of the pools of two pairs of a group, whose users have the positives ``both``."""
    groups = _pools(range(n), size, replace)
    law: dict[tuple[Pool, Pool], Fraction] = defaultdict(Fraction)
    for group in groups:
        one, other = (_given(group, excluded, n, replace, redraws) for excluded in both)
        for a, b in product(one, other):
            law[a, b] += one[a] * other[b] / len(groups)
    return law


def _top(pool: Pool, losses: Pool, m: int) -> Fraction:
    """The mean of the M largest losses of a pool."""
    return Fraction(sum(sorted((losses[i] for i in pool), reverse=True)[:m]), m)


def _places(n: int, one: set[int], other: set[int]) -> dict[tuple[int, int], Fraction]:
    """Joint law of what two pairs hold at a place, with replacement."""
    law: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    first, second = ([i for i in range(n) if i not in e] for e in (one, other))
    for i in range(n):
        for a in first if i in one else [i]:
            for b in second if i in other else [i]:
                chance = Fraction(1, n)
                chance /= (len(first) if i in one else 1) * (len(second) if i in other else 1)
                law[a, b] += chance
    return law


def _covariance(n: int, size: int, one: set[int], other: set[int]) -> Fraction:
    """Of the mean losses of two pairs' pools with replacement: that of one place, over N."""
    first, second = ([i for i in range(n) if i not in e] for e in (one, other))
    means = Fraction(sum(_HARD[i] for i in first), len(first)) * Fraction(sum(_OTHER[i] for i in second), len(second))
    return (sum(c * _HARD[a] * _OTHER[b] for (a, b), c in _places(n, one, other).items()) - means) / size


def _cases(most: int) -> Any:
    """Catalogues, pool sizes, ways of drawing, and the positives of two users."""
    for n in range(2, most + 1):
        sets = [set(s) for k in range(1, n) for s in combinations(range(n), k)]
        for size, replace in product((1, 2), (True, False)):
            for one, other in product(sets, sets):
                if (replace or size <= n - max(len(one), len(other))) and min(one) <= min(other):
                    yield n, size, replace, (one, other)


@check(
    "every pool of a group and every redraw, catalogues of at most 4 items (full: 5), any positives of two users: the "
    "law of each pair's pool is uniform over pools of its negatives, as alone",
    Kind.ENUMERATION,
)
def _law(p: Any, t: Tally) -> None:
    for n, size, replace, both in _cases(t.pick(4, 5)):
        t.reach({"n": n, "N": size, "pools": "with replacement" if replace else "without replacement"})
        joint = _joint(n, size, replace, both, p.redraws)
        for k, excluded in enumerate(both):
            found: dict[Pool, Fraction] = defaultdict(Fraction)
            for pools, chance in joint.items():
                found[pools[k]] += chance
            alone = _pools([i for i in range(n) if i not in excluded], size, replace)
            t.holds(
                dict(found) == dict.fromkeys(alone, Fraction(1, len(alone))),
                f"n = {n}, N = {size}, replace = {replace}, positives {excluded}: {dict(found)}",
            )


@check(
    "the same pools under DNS(M, N): expected objectives as alone; the variance of a sum of two = that of pools of "
    "their own + twice the covariance",
    Kind.ENUMERATION,
)
def _moments(p: Any, t: Tally) -> None:
    for n, size, replace, both in _cases(4):
        joint = _joint(n, size, replace, both, p.redraws)
        for m in range(1, size + 1):
            label = f"n = {n}, N = {size}, M = {m}, replace = {replace}, positives {both}"
            values = [(_top(a, _HARD, m), _top(b, _OTHER, m), c) for (a, b), c in joint.items()]
            means, variances = [], []
            for excluded, losses in zip(both, (_HARD, _OTHER)):
                alone = [
                    _top(pool, losses, m) for pool in _pools([i for i in range(n) if i not in excluded], size, replace)
                ]
                means.append(sum(alone) / len(alone))
                variances.append(sum(x * x for x in alone) / len(alone) - means[-1] ** 2)
            t.same(sum(c * x for x, _, c in values), means[0], label)
            t.same(sum(c * y for _, y, c in values), means[1], label)
            covariance = sum(c * x * y for x, y, c in values) - means[0] * means[1]
            whole = sum(c * (x + y) ** 2 for x, y, c in values) - sum(means) ** 2
            t.same(whole, sum(variances) + 2 * covariance, label)
            if replace and m == size:
                t.same(covariance, p.covariance(n, size, *both), f"{label}: covariance")


@check(
    "the trainer's own draws, 4,000 groups: covariance of two pairs' mean losses against the formula, and their means",
    Kind.STATISTICAL,
    false_alarm=1e-6,
)
def _drawn(p: Any, t: Tally) -> None:
    n, size, both, draws = 5, 2, ({0, 2}, {1}), t.pick(4000, 20_000)
    data = Interactions(np.array([0, 2, 3]), np.array([0, 2, 1], np.int32), np.zeros(0, np.int32))
    flags = Flags(True, True, False, False)
    key, found = np.uint64(t.rng.integers(2**62)), np.empty((draws, 2))
    for k in range(draws):
        ids, held = np.zeros(size, np.int32), np.zeros(1, np.uint64)
        draw_pool(np.uint64(stream(key, 3 * k)), n, 0, size, True, held, ids)
        for i in ids:
            set_bit(held, i)
        empty = np.zeros(0)
        group = Group(ids, empty, empty, empty, empty, empty, held, np.zeros(size, np.int64))
        for u, losses in enumerate((_HARD, _OTHER)):
            pool = ids.copy()
            own = np.uint64(stream(key, 3 * k + 1 + u))
            draw_shared(own, group, data, u, n, flags, size, np.zeros(1, np.uint64), pool)
            found[k, u] = np.mean([losses[i] for i in pool])
    means = [np.mean([losses[i] for i in range(n) if i not in e]) for losses, e in zip((_HARD, _OTHER), both)]
    centred = found - means
    products = centred[:, 0] * centred[:, 1] - float(p.covariance(n, size, *both))
    columns = np.column_stack([centred, products])
    z = columns.mean(axis=0) / (columns.std(axis=0, ddof=1) / math.sqrt(draws))
    t.z_scores(z, 3, "means and covariance")


T1_SHARED = Claim(
    id="T1-shared",
    title="Pools that pairs share add covariance only",
    where="Beyond the paper; the trainer's pairs_per_pool",
    statement="A group of pairs draws one pool of N from all items; a pair draws the places of its own user's "
    "positives again, from its negatives. Then every pair's pool has the law that it has alone, so expected objectives "
    "and gradients are what they were. Only the gradients of pairs of one group are correlated; with replacement and "
    "uniform weights their covariance is that of one place, over N.",
    latex=r"E\,g_p^{shared}=E\,g_p,\quad Var\sum_p g_p^{shared}=\sum_p Var\,g_p+\sum_{p\ne q} Cov(g_p,g_q),\quad "
    r"Cov(\bar L_p,\bar L_q)=\frac1N\,Cov(L_p(A),L_q(B))",
    domain="N uniform candidates, with or without replacement; without it, at most as many as a user has negatives "
    "(the trainer lets users with few draw alone). Scores as they were before the batch. (A, B) is what two pairs hold "
    "at a place: the same item, unless it is a positive of one of them. Places are independent, and a uniform draw "
    "given that it is a negative is uniform on the negatives; without replacement the same holds place by place.",
    verdict=Verdict(Status.HOLDS, "Exactly; the covariance is of either sign, and largest where pairs score alike."),
    checks=(_law, _moments, _drawn),
    scope=(
        Axis("pools", ("without replacement", "with replacement")),
        Axis("n", (2, math.inf), (2, 4), every=True, carried="proof: the last sentence of the domain"),
        Axis("N", (1, math.inf), (1, 2), every=True, carried="proof: the last sentence of the domain"),
    ),
    parts={"redraws": _redraws, "covariance": _covariance},
    mutants=(
        Mutant("a positive's place goes to a negative that the pool holds", {"redraws": _mask_only}),
        Mutant("with replacement, too, places are filled without", {"redraws": _distinct}),
        Mutant("no covariance: as if each drew alone", {"covariance": lambda n, size, one, other: Fraction(0)}),
        Mutant(
            "the covariance of one place, not over N",
            {"covariance": lambda n, size, one, other: size * _covariance(n, size, one, other)},
        ),
        Mutant(
            "positives ignored in the covariance",
            {"covariance": lambda n, size, one, other: _covariance(n, size, set(), set())},
        ),
    ),
    example=lambda: (
        "n = 3, N = 1, positives {0} and {1}. The group draws 0, 1, 2, each 1/3. The first pair holds 1 after 1, 2 "
        "after 2, and either after 0: 1/2 each, as alone. Both hold 2 only where the group drew it: 1/3, not the 1/4 "
        "of pools of their own."
    ),
)

CLAIMS = (T1_SHARED,)
