"""The paper's definitions, word for word and in exact arithmetic: slow, obvious, and used by the checks only."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from .tally import Tally

__all__ = [
    "all_labels",
    "areas",
    "cumulative_with",
    "cumulative_without",
    "expected_over_pools",
    "family",
    "losses_of",
    "opauc_double_sum",
    "roc_area",
    "small_sizes",
    "worst_mean",
]


@functools.lru_cache(maxsize=256)
def all_labels(n_pos: int, n_neg: int) -> NDArray[np.bool_]:
    """Every ranking of the two classes as a row of labels, best item first, shape (C(n_pos + n_neg, n_pos), n)."""
    n = n_pos + n_neg
    places = np.array(list(combinations(range(n), n_pos)), dtype=np.int64).reshape(-1, n_pos)
    labels = np.zeros((len(places), n), dtype=np.bool_)
    np.put_along_axis(labels, places, True, axis=1)
    labels.setflags(write=False)
    return labels


def areas(labels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """X_1..X_{n_-} of every row: sums of P_j, the positives above the j-th negative."""
    above = np.cumsum(labels, axis=1)
    rows, columns = np.nonzero(~labels)
    counts = above[rows, columns].reshape(len(labels), -1)
    return np.cumsum(counts, axis=1)


def small_sizes(t: Tally, beyond: bool = False) -> Iterator[tuple[int, int, int]]:
    """All N_+, N_- <= 7 (full: 9) with every K; ``beyond``: K up to N_+ + N_-, else up to N_-."""
    top = t.pick(7, 9)
    for n_pos in range(1, top + 1):
        for n_neg in range(1, top + 1):
            for k in range(1, (n_pos + n_neg if beyond else n_neg) + 1):
                yield n_pos, n_neg, k


def opauc_double_sum(positives: Sequence[int], negatives: Sequence[int], m: int) -> Fraction:
    """Equation (8): 1 / (n_+ n_-) times the pairs r_i > r_j with j among the m top-scored negatives."""
    top = sorted(negatives, reverse=True)[:m]
    return Fraction(sum(i > j for i in positives for j in top), len(positives) * len(negatives))


def worst_mean(losses: Sequence[Fraction | int], m: int) -> Fraction:
    """The mean of the m largest losses, the inner part of objective (9)."""
    return sum(map(Fraction, sorted(losses, reverse=True)[:m]), Fraction(0)) / m


def roc_area(groups: Sequence[tuple[Fraction, Fraction]], beta: Fraction) -> Fraction:
    """Area to FPR ``beta`` under the ROC curve of groups (positive mass, negative mass) of tied items, best first."""
    fpr = tpr = area = Fraction(0)
    for positive, negative in groups:
        if negative > 0:
            step = min(negative, beta - fpr)
            if step <= 0:
                break
            area += step * (tpr + positive * step / negative / 2)
            fpr += step
        tpr += positive
    return area


def expected_over_pools(pools: Iterator[Sequence[int]], n: int, m: int) -> list[Fraction]:
    """Mean weight of ranks 0..n-1 when each pool (ranks, repeats allowed) gives 1/m to its m hardest members."""
    total = [0] * n
    count = 0
    for pool in pools:
        count += 1
        for rank in sorted(pool)[:m]:
            total[rank] += 1
    return [Fraction(t, count * m) for t in total]


def cumulative_with(n: int, m: int, size: int) -> list[Fraction]:
    """W(r) = E min(M, B) / M, B ~ Binomial(N, r/n): pools with replacement."""
    return [
        sum(
            (Fraction(comb(size, b) * r**b * (n - r) ** (size - b) * min(m, b), n**size * m) for b in range(size + 1)),
            Fraction(0),
        )
        for r in range(1, n + 1)
    ]


def cumulative_without(n: int, m: int, size: int) -> list[Fraction]:
    """The same with B ~ Hypergeometric(n, r, N): pools without replacement."""
    return [
        sum(
            (Fraction(comb(r, b) * comb(n - r, size - b) * min(m, b), comb(n, size) * m) for b in range(size + 1)),
            Fraction(0),
        )
        for r in range(1, n + 1)
    ]


def losses_of(scores: NDArray[np.float64], positive: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """l(r_i - r_j) for the logistic loss, by the plain formula; for scores small enough not to overflow."""
    return np.log1p(np.exp(scores - np.asarray(positive)))


def family(name: str, rng: np.random.Generator, rows: int, n: int) -> NDArray[np.float64]:
    """Losses of a named family, shape (rows, n): smooth, tied, heavy-tailed, nearly constant, one outlier."""
    if name == "normal scores":
        return losses_of(rng.normal(size=(rows, n)), rng.normal(size=(rows, 1)))
    if name == "heavy tails":
        return rng.pareto(1.5, (rows, n))
    if name == "ties":
        return rng.integers(0, 4, (rows, n)).astype(np.float64)
    if name == "nearly constant":
        return 1.0 + 1e-6 * rng.random((rows, n))
    if name == "one outlier":
        losses = rng.random((rows, n))
        losses[:, 0] += 50.0
        return losses
    return rng.random((rows, n)) * 10.0 ** rng.integers(-6, 7, (rows, 1))


FAMILIES = ("normal scores", "heavy tails", "ties", "nearly constant", "one outlier", "scales")
