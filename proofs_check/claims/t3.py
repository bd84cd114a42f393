"""T3 and T3-sharp: what OPAUC(K / N_-) says about the Top-K metrics of a ranking."""

from __future__ import annotations

import math
from functools import lru_cache
from math import isqrt
from typing import Any

import numpy as np

from sim.metrics import (
    opauc,
    opauc_count,
    recall_at_k,
    topk_bounds_from_opauc,
)

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import all_labels, areas, opauc_double_sum, small_sizes
from ..tally import Tally


@lru_cache(maxsize=256)
def _tables(n_pos: int, n_neg: int) -> tuple[Any, Any, Any]:
    """Labels of every ranking, hits in the top 1, 2, ..., and X_1..X_{N_-}."""
    labels = all_labels(n_pos, n_neg)
    return labels, np.cumsum(labels, axis=1), areas(labels)


def _count(n_pos: int, n_neg: int, k: int, shift: int) -> Any:
    """X_{k + shift} of every ranking, X_m held at its ends."""
    x = _tables(n_pos, n_neg)[2]
    m = k + shift
    return x[:, min(m, n_neg) - 1] if m >= 1 else np.zeros(len(x), dtype=np.int64)


def _paper(n_pos: int, k: int, x: int) -> tuple[int, int]:
    """Theorem 3 as printed, in integers: floor((S - sqrt(S^2 - 4X)) / 2) and ceil(sqrt X)."""
    s = n_pos + k
    square = s * s - 4 * x
    up = isqrt(square) + (isqrt(square) ** 2 < square)
    return (s - up) // 2, isqrt(x) + (isqrt(x) ** 2 < x)


def _sharp(n_pos: int, k: int, x: int) -> tuple[int, int]:
    """ceil((S - sqrt(S^2 - 4X)) / 2) and min(floor(sqrt X), K, N_+)."""
    s = n_pos + k
    return (s - isqrt(s * s - 4 * x) + 1) // 2, min(isqrt(x), k, n_pos)


def _bounds(rule: Any, n_pos: int, k: int) -> Any:
    return np.array([rule(n_pos, k, x) for x in range(k * n_pos + 1)], dtype=np.int64)


@check("every ranking with N_+, N_- <= 7 and every K <= N_-", Kind.ENUMERATION)
def _every_ranking(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        labels, hits, _ = _tables(n_pos, n_neg)
        x, i = _count(n_pos, n_neg, k, p.shift), hits[:, k - 1]
        low, high = _bounds(p.rule, n_pos, k)[np.minimum(x, k * n_pos)].T
        t.all_true(
            (low <= i) & (i <= high),
            f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, ranking (1 = positive)",
            labels.astype(int),
        )


@check(
    "the library against the formula, and against recall_at_k and opauc on scored lists",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _library(p: Any, t: Tally) -> None:
    for _ in range(t.pick(150, 1500)):
        n_pos, n_neg = int(t.rng.integers(1, 40)), int(t.rng.integers(1, 60))
        k = int(t.rng.integers(1, n_neg + 1))
        y = t.rng.permutation(np.repeat([1, 0], [n_pos, n_neg]))
        ranked = np.arange(y.size, 0, -1.0)
        x = int(opauc_count(y, k))
        t.small(opauc(y, ranked, k / n_neg) * n_pos * n_neg - x, f"opauc, N_+ = {n_pos}, N_- = {n_neg}, K = {k}")
        low, high = topk_bounds_from_opauc(n_pos, n_neg, k, x, form="paper")
        t.holds((low, high) == p.rule(n_pos, k, x), f"N_+ = {n_pos}, K = {k}, X = {x}: {low}, {high}")
        hits = recall_at_k(y, ranked, k) * n_pos
        t.holds(low - 1e-9 <= hits <= high + 1e-9, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, X = {x}: {hits} hits")
        positions = np.arange(y.size)
        if y.size <= 12:
            double = opauc_double_sum((-positions[y == 1]).tolist(), (-positions[y == 0]).tolist(), k)
            t.same(double * n_pos * n_neg, x, "definition (8)")


@check("large random and adversarial rankings (integer square roots at perfect squares)", Kind.PROPERTY)
def _large(p: Any, t: Tally) -> None:
    for _ in range(t.pick(1500, 15000)):
        n_pos, n_neg = int(t.rng.integers(1, 10**6)), int(t.rng.integers(1, 10**6))
        k = int(t.rng.integers(1, n_neg + 1))
        i = int(t.rng.integers(0, min(n_pos, k) + 1))
        # the two extreme rankings of the proof and a point between them
        least, most = i * i, i * (n_pos + k - i)
        for x in (least, most, int(t.rng.integers(least, most + 1))):
            low, high = p.rule(n_pos, k, x)
            t.holds(low <= i <= high, f"N_+ = {n_pos}, K = {k}, i = {i}, X = {x}: [{low}, {high}]")


@check("i^2 <= X_K <= i (N_+ + K - i) for every ranking; N_+ > K is needed nowhere", Kind.ENUMERATION, Role.SHARP)
def _core(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t, p.beyond):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        labels, hits, _ = _tables(n_pos, n_neg)
        x, i = _count(n_pos, n_neg, k, p.shift), hits[:, k - 1]
        inside = (i * i <= x) & (x <= i * (p.slack(n_pos) + k - i))
        t.all_true(inside, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, ranking (1 = positive)", labels.astype(int))


@check(
    "every K up to N_+ + N_-: X_K <= i (N_+ + K - i), so the lower bound on the hits needs nothing",
    Kind.ENUMERATION,
    Role.SHARP,
)
def _any_k(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t, True):
        labels, hits, _ = _tables(n_pos, n_neg)
        x, i = _count(n_pos, n_neg, k, p.shift), hits[:, k - 1]
        fits = x <= i * (p.slack(n_pos) + k - i)
        t.all_true(fits, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, ranking (1 = positive)", labels.astype(int))


@check("K = N_- + 1 breaks i^2 <= X: the hypothesis N_- >= K cannot be dropped", Kind.EXACT, Role.SHARP)
def _needed(p: Any, t: Tally) -> None:
    for n_neg in range(1, 30):  # N_- negatives, then the positive: K = N_- + 1 has one hit and X = 0
        labels = np.array([False] * n_neg + [True])
        x = int(areas(labels[None, :])[0, -1])
        t.holds(x == 0 and labels[: n_neg + 1].sum() == 1, f"N_- = {n_neg}")


T3 = Claim(
    id="T3",
    title="Theorem 3: OPAUC(K / N_-) bounds Recall@K and Precision@K",
    where="Theorem 3",
    statement="For N_+ > K and N_- > K, every ranking has N_+ Recall@K = K Precision@K between "
    "floor((S - sqrt(S^2 - 4X)) / 2) and ceil(sqrt X), with S = N_+ + K and X = N_+ N_- OPAUC(K / N_-).",
    latex=r"\Big\lfloor\tfrac{S-\sqrt{S^2-4X}}2\Big\rfloor \le N_+\mathrm{Recall@}K = K\,\mathrm{Precision@}K \le "
    r"\lceil\sqrt X\rceil",
    domain="No ties; 1 <= K <= N_-. N_+ > K is not needed, and K = N_- is allowed.",
    verdict=Verdict(
        Status.SHARPENED, "True as printed, with fewer hypotheses; the rounding is on the loose side (T3-sharp)."
    ),
    sharp="i^2 <= X <= i (N_+ + K - i) with i the hits in the top K, for every K <= N_-; for K = N_- + 1 the left "
    "inequality fails. N_+ > K plays no part.",
    scope=(
        Axis("N_+", (1, math.inf), (1, 7), every=True, carried="formal: theorem3_paper_form"),
        Axis("N_-", (1, math.inf), (1, 7), every=True, carried="formal: theorem3_paper_form"),
    ),
    checks=(_every_ranking, _large, _library, _core, _any_k, _needed),
    parts={"rule": _paper, "shift": 0, "beyond": False, "slack": lambda n_pos: n_pos},
    mutants=(
        Mutant("beta = (K + 1) / N_- (off by one)", {"shift": 1}),
        Mutant("beta = (K - 1) / N_- (off by one)", {"shift": -1}),
        Mutant(
            "upper bound one lower: ceil(sqrt X) - 1",
            {"rule": lambda n, k, x: (_paper(n, k, x)[0], _paper(n, k, x)[1] - 1)},
        ),
        Mutant(
            "lower bound one higher: floor(...) + 1",
            {"rule": lambda n, k, x: (_paper(n, k, x)[0] + 1, _paper(n, k, x)[1])},
        ),
        Mutant("S = N_+ instead of N_+ + K", {"slack": lambda n_pos: 0}),
        Mutant("any K, also beyond N_-", {"beyond": True}),
    ),
    example=lambda: (
        "N_+ = 2, N_- = 3, K = 2, ranking + - + - - : X = P_1 + P_2 = 1 + 2 = 3, hits i = 1. i^2 = 1 <= "
        "3 <= i (N_+ + K - i) = 3.\n"
        f"Printed bounds: {_paper(2, 2, 3)}; sharp bounds: {_sharp(2, 2, 3)}. With K = N_- + 1 it breaks: ranking - "
        f"+, "
        f"K = 2: i = 1, X = 0."
    ),
)

# ---------------------------------------------------------------- T3-sharp


@check(
    "attained hits given X are exactly the integers lo(X)..hi(X), never none, for every 0 <= X <= K N_+",
    Kind.ENUMERATION,
)
def _attained_hits(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t):
        _, hits, x = _tables(n_pos, n_neg)
        pairs = np.unique(np.stack([x[:, k - 1], hits[:, k - 1]]), axis=1).T
        seen: dict[int, set[int]] = {}
        for count, i in pairs.tolist():
            seen.setdefault(count, set()).add(i)
        for count in range(k * n_pos + 1):
            low, high = p.rule(n_pos, k, count)
            t.holds(
                seen.get(count) == set(range(low, high + 1)),
                f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, X = {count}: attained {sorted(seen.get(count, ()))}, "
                f"claimed {low}..{high}",
            )


@check("attained pairs (i, X) are exactly i <= min(K, N_+), i^2 <= X <= i (S - i)", Kind.ENUMERATION)
def _attained_pairs(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        _, hits, x = _tables(n_pos, n_neg)
        found = set(zip(hits[:, k - 1].tolist(), x[:, k - 1].tolist()))
        claimed = {(i, c) for i in range(p.most(k, n_pos) + 1) for c in range(i * i, i * (n_pos + k - i) + 1)}
        t.holds(found == claimed, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: {sorted(found ^ claimed)[:3]}")


@check("a ranking for each attained pair, built by hand, at sizes up to a thousand", Kind.EXACT)
def _construction(p: Any, t: Tally) -> None:
    for _ in range(t.pick(400, 4000)):
        n_pos, n_neg = int(t.rng.integers(1, 800)), int(t.rng.integers(1, 800))
        k = int(t.rng.integers(1, n_neg + 1))
        i = int(t.rng.integers(0, min(k, n_pos) + 1))
        least, most = i * i, i * (n_pos + k - i)
        x = int(t.rng.choice([least, most, int(t.rng.integers(least, most + 1))]))
        labels = _ranking(n_pos, n_neg, k, i, x)
        t.holds(
            labels.sum() == n_pos and labels[:k].sum() == i and opauc_count(labels, k) == x,
            f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, i = {i}, X = {x}",
        )
        low, high = p.rule(n_pos, k, x)
        t.holds(low <= i <= high, f"N_+ = {n_pos}, K = {k}, X = {x}: {i} hits, claimed {low}..{high}")


@check("the library's sharp form, also at perfect squares and their neighbours up to 10^9", Kind.EXACT)
def _library_sharp(p: Any, t: Tally) -> None:
    for _ in range(t.pick(2000, 20000)):
        n_pos, k = (
            int(t.rng.integers(1, 10 ** int(t.rng.integers(1, 10)))),
            int(t.rng.integers(1, 10 ** int(t.rng.integers(1, 10)))),
        )
        root = int(t.rng.integers(0, isqrt(k * n_pos) + 1))
        x = min(max(root * root + int(t.rng.integers(-1, 2)), 0), k * n_pos)
        found = topk_bounds_from_opauc(n_pos, k, k, x)
        t.holds(found == p.rule(n_pos, k, x), f"N_+ = {n_pos}, K = {k}, X = {x}: {found}")


def _ranking(n_pos: int, n_neg: int, k: int, i: int, x: int) -> Any:
    """A ranking with i hits in the top k and X_k = x, for i^2 <= x <= i (n_pos + k - i) and k <= n_neg."""
    extra = x - i * i
    inside = min(extra, i * (k - i))  # pairs in the right order within the top k
    top = _box(i, k - i, inside)
    later = extra - inside  # at most i (n_pos - i): the i negatives below see up to n_pos - i more positives
    middle = _box(n_pos - i, i, later)
    return np.array([*top, *middle, *([False] * (n_neg - k))])


def _box(positives: int, negatives: int, pairs: int) -> list[bool]:
    """Labels of a list with the given classes and number of (positive above negative) pairs."""
    if positives == 0 or negatives == 0:
        return [True] * positives + [False] * negatives
    full, rest = divmod(pairs, negatives)
    out = [True] * full
    if full == positives:
        return out + [False] * negatives
    out += [False] * (negatives - rest) + [True] + [False] * rest
    return out + [True] * (positives - full - 1)


T3_SHARP = Claim(
    id="T3-sharp",
    title="Theorem 3 with the best possible bounds",
    where="Theorem 3, sharpened here",
    statement="For every ranking lo(X) <= hits in the top K <= hi(X), and given X every integer between the two is "
    "attained by some ranking.",
    latex=r"lo(X)=\Big\lceil\tfrac{S-\sqrt{S^2-4X}}2\Big\rceil \le i \le hi(X)=\min(\lfloor\sqrt X\rfloor, K, N_+)",
    domain="No ties, 1 <= K <= N_-, 0 <= X <= K N_+; any N_+ >= 1.",
    verdict=Verdict(
        Status.HOLDS,
        "Cannot be improved: the attainable hits given X are exactly lo(X)..hi(X). Up to one hit tighter than the "
        "paper on each side, more where the min binds.",
    ),
    scope=(
        Axis("N_+", (1, math.inf), (1, 7), every=True, carried="formal: attainable_pairs"),
        Axis("N_-", (1, math.inf), (1, 7), every=True, carried="formal: attainable_pairs"),
    ),
    checks=(_attained_hits, _attained_pairs, _construction, _library_sharp),
    parts={"rule": _sharp, "most": min},
    mutants=(
        Mutant("the paper's floor below and ceil above are attained too", {"rule": _paper}),
        Mutant("without min(K, N_+): floor(sqrt X)", {"rule": lambda n, k, x: (_sharp(n, k, x)[0], isqrt(x))}),
        Mutant(
            "min with K only", {"rule": lambda n, k, x: (_sharp(n, k, x)[0], min(isqrt(x), k)), "most": lambda k, n: k}
        ),
        Mutant("lower bound rounded down", {"rule": lambda n, k, x: (_paper(n, k, x)[0], _sharp(n, k, x)[1])}),
        Mutant(
            "floating-point square roots",
            {
                "rule": lambda n, k, x: (
                    int(np.ceil(((n + k) - np.sqrt(float((n + k) ** 2 - 4 * x))) / 2)),
                    min(int(np.sqrt(float(x))), k, n),
                )
            },
        ),
    ),
    example=lambda: (
        "K = 5, N_+ = 20, N_- = 80, X = 90: floor(sqrt X) = 9, but only 5 places: hi = 5. S = 25, S^2 - "
        "4X = 265, lo = ceil((25 - 16.28) / 2) = 5.\n"
        f"So X = 90 forces all five places to be hits. The paper's bounds: "
        f"{_paper(20, 5, 90)[0]} to {_paper(20, 5, 90)[1]}."
    ),
)

CLAIMS = (T3, T3_SHARP)
