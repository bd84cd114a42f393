"""T3-ndcg: tight bounds on NDCG@K from OPAUC(K / N_-)."""

from __future__ import annotations

import math
from math import isqrt
from typing import Any

import numpy as np

from sim.metrics import ndcg_at_k, ndcg_bounds_from_opauc, opauc_count

from ..model import Axis, Claim, Kind, Mutant, Status, Verdict, check
from ..reference import all_labels, areas, small_sizes
from ..tally import Tally

# ---------------------------------------------------------------- T3-ndcg


def _programme(n_pos: int, k: int, gains: Any, largest: bool) -> Any:
    """Extreme DCG@k for each X by dynamic programming over positions: state (hits, pairs in order within the top k)."""
    worst = -np.inf if largest else np.inf
    better = np.maximum if largest else np.minimum
    most = min(k, n_pos)
    table = np.full((most + 1, k * most + 1), worst)
    table[0, 0] = 0.0
    for position in range(k):
        following = np.full_like(table, worst)
        for i in range(min(position, most) + 1):
            if i < most:
                following[i + 1] = better(following[i + 1], table[i] + gains[position])
            width = table.shape[1] - i
            following[i, i:] = better(following[i, i:], table[i, :width])
        table = following
    out = np.full(k * n_pos + 1, worst)
    for i in range(most + 1):
        for pairs in range(table.shape[1]):
            if np.isfinite(table[i, pairs]):
                span = slice(
                    pairs + i * i, pairs + i * n_pos + 1
                )  # the i best negatives below the top k see i..N_+ positives
                out[span] = better(out[span], table[i, pairs])
    return out


def _gains(k: int) -> Any:
    return 1.0 / np.log2(np.arange(2.0, k + 2.0))


def _ideal(n_pos: int, k: int) -> float:
    return float(_gains(k)[: min(n_pos, k)].sum())


@check("the dynamic programme's extremes are the extremes over every ranking", Kind.ENUMERATION, tolerance=1e-12)
def _programme_exact(p: Any, t: Tally) -> None:
    for n_pos, n_neg, k in small_sizes(t):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        labels = all_labels(n_pos, n_neg)
        x = areas(labels)
        value = labels[:, :k] @ _gains(k)
        low, high = np.full(k * n_pos + 1, np.inf), np.full(k * n_pos + 1, -np.inf)
        np.minimum.at(low, x[:, k - 1], value)
        np.maximum.at(high, x[:, k - 1], value)
        label = f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, X"
        t.all_small(np.nan_to_num(p.extreme(n_pos, k, _gains(k), False), posinf=9e9) - low, f"least DCG, {label}")
        t.all_small(np.nan_to_num(p.extreme(n_pos, k, _gains(k), True), neginf=-9e9) - high, f"largest DCG, {label}")


@check("the library's closed form against the dynamic programme at larger sizes", Kind.NUMERICAL, tolerance=1e-12)
def _closed_form(p: Any, t: Tally) -> None:
    for n_pos, k in ((1, 12), (4, 4), (9, 5), (5, 12), (20, 10), (3, 25), (30, 14))[: t.pick(6, 7)]:
        low, high = ndcg_bounds_from_opauc(n_pos, k, k, np.arange(k * n_pos + 1))
        ideal = p.ideal(n_pos, k)
        label = f"N_+ = {n_pos}, K = {k}, X"
        t.all_small(p.extreme(n_pos, k, _gains(k), False) / ideal - low, f"least NDCG, {label}")
        t.all_small(p.extreme(n_pos, k, _gains(k), True) / ideal - high, f"largest NDCG, {label}")


@check("NDCG@K of random rankings lies between the bounds", Kind.PROPERTY)
def _inside(p: Any, t: Tally) -> None:
    for _ in range(t.pick(300, 3000)):
        n_pos, n_neg = int(t.rng.integers(1, 30)), int(t.rng.integers(1, 60))
        k = int(t.rng.integers(1, n_neg + 1))
        bias = np.repeat([float(t.rng.uniform(0, 3)), 0.0], [n_pos, n_neg])
        y = np.repeat([1, 0], [n_pos, n_neg])[np.argsort(-(bias + t.rng.normal(size=n_pos + n_neg)))]
        low, high = ndcg_bounds_from_opauc(n_pos, n_neg, k, int(opauc_count(y, k)))
        value = ndcg_at_k(y, np.arange(y.size, 0, -1.0), k)
        t.holds(
            low - 1e-9 <= value <= high + 1e-9, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: {value} not in [{low}, {high}]"
        )


T3_NDCG = Claim(
    id="T3-ndcg",
    title="Tight bounds on NDCG@K from OPAUC(K / N_-)",
    where="Beyond Theorem 3, which covers Recall and Precision",
    statement="The least and the largest NDCG@K of the rankings with a given X = N_+ N_- OPAUC(K / N_-), by dynamic "
    "programming and in closed form.",
    latex=r"\min/\max\{\mathrm{DCG@}K : X_K = X\} = \min/\max_{i,\,c:\ c+i^2\le X\le c+iN_+} "
    r"\mathrm{DCG}_{\min/\max}(i, c)",
    domain="No ties, 1 <= K <= N_-, 0 <= X <= K N_+.",
    verdict=Verdict(Status.HOLDS, "Both bounds are attained; c counts the pairs in the right order within the top K."),
    scope=(
        Axis(
            "N_+",
            (1, math.inf),
            (1, 7),
            every=True,
            carried="proof: the dynamic programme visits every attainable pair of hits and X, T3-sharp",
        ),
        Axis(
            "N_-",
            (1, math.inf),
            (1, 7),
            every=True,
            carried="proof: the dynamic programme visits every attainable pair of hits and X, T3-sharp",
        ),
    ),
    checks=(_programme_exact, _closed_form, _inside),
    parts={"extreme": _programme, "ideal": _ideal},
    mutants=(
        Mutant(
            "gains 1 / log2(rank + 2): ranks from 0",
            {"extreme": lambda n, k, g, up: _programme(n, k, 1 / np.log2(np.arange(3.0, k + 3.0)), up)},
        ),
        Mutant("least and largest exchanged", {"extreme": lambda n, k, g, up: _programme(n, k, g, not up)}),
        Mutant("all hits at the head of the top K", {"extreme": lambda n, k, g, up: _head(n, k, g)}),
        Mutant("ideal over K instead of min(K, N_+)", {"ideal": lambda n, k: float(_gains(k).sum())}),
    ),
    example=lambda: (
        "N_+ = 2, N_- = 4, K = 2, X = 2. One hit only (i^2 <= 2 <= i (4 - i)). Hit first: + - | - + : X "
        "= 1 + 1 = 2, DCG = 1. Hit second: "
        "- + | + - : X = 0 + 2 = 2, DCG = 0.631. Ideal DCG = 1.631, so NDCG@2 is 0.387 to 0.613, both attained."
    ),
)


def _head(n_pos: int, k: int, gains: Any) -> Any:
    return np.array([gains[: min(isqrt(x), k, n_pos)].sum() for x in range(k * n_pos + 1)])


CLAIMS = (T3_NDCG,)
