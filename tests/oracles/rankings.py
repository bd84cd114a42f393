"""Slow, obvious versions of what sim.rankings computes, in the paper's symbols."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np


def all_rankings(n_pos: int, n_neg: int) -> Iterator[list[int]]:
    """Every ranking as a list of labels, best first; all are equally likely."""
    n_items = n_pos + n_neg
    for positions in itertools.combinations(range(n_items), n_pos):
        yield [1 if t in positions else 0 for t in range(n_items)]


def positives_above(labels: list[int]) -> list[int]:
    """P_j: the number of positives ranked above the j-th negative."""
    counts, above = [], 0
    for label in labels:
        if label:
            above += 1
        else:
            counts.append(above)
    return counts


def areas(labels: list[int], n_top: int | None = None) -> list[int]:
    """X_m = N_+ N_- OPAUC(m/N_-), m = 1..N_-; with ``n_top`` only the best positives count (LLPAUC)."""
    counts = [p if n_top is None else min(p, n_top) for p in positives_above(labels)]
    return list(itertools.accumulate(counts))


def metric(name: str, labels: list[int], k: int) -> float:
    """Metric@K of one ranking, from its definition."""
    n_pos, n_neg = sum(labels), len(labels) - sum(labels)
    top = labels[:k]
    ranks = [t for t, label in enumerate(top, start=1) if label]
    if name == "recall":
        return sum(top) / n_pos
    if name == "precision":
        return sum(top) / k
    if name == "dcg":
        return sum(1.0 / math.log2(t + 1) for t in ranks)
    if name == "ndcg":
        return metric("dcg", labels, k) / sum(1.0 / math.log2(t + 1) for t in range(1, min(n_pos, k) + 1))
    if name == "ap":
        return sum(sum(labels[:t]) / t for t in ranks) / min(n_pos, k)
    if name == "mrr":
        return 1.0 / ranks[0] if ranks else 0.0
    if name == "hit":
        return 1.0 if ranks else 0.0
    if name == "auc":
        return areas(labels)[-1] / (n_pos * n_neg)
    raise ValueError(name)


def enumerated(n_pos: int, n_neg: int, value: Callable[[list[int]], float]) -> dict[str, np.ndarray]:
    """Moments and correlation of any metric with OPAUC(m/N_-) over all rankings."""
    rankings = list(all_rankings(n_pos, n_neg))
    r = np.array([value(labels) for labels in rankings])
    x = np.array([areas(labels) for labels in rankings]) / (n_pos * n_neg)
    covariance = ((r - r.mean())[:, None] * (x - x.mean(axis=0))).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.sqrt(r.var() * x.var(axis=0))
    return {
        "mean": r.mean(), "var": r.var(), "area_mean": x.mean(axis=0), "area_var": x.var(axis=0),
        "covariance": covariance, "correlation": correlation,
    }  # fmt: skip


def enumerated_fractions(n_pos: int, n_neg: int, weights: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    """Var X_m and Cov(R, X_m) for R = sum_t w_t 1(position t is positive), exactly."""
    rankings = list(all_rankings(n_pos, n_neg))
    n = len(rankings)
    r = [sum((w for w, y in zip(weights, labels) if y), Fraction(0)) for labels in rankings]
    x = [areas(labels) for labels in rankings]
    mean_r = sum(r, Fraction(0)) / n
    variances, covariances = [], []
    for m in range(n_neg):
        mean_x = Fraction(sum(row[m] for row in x), n)
        variances.append(sum(((row[m] - mean_x) ** 2 for row in x), Fraction(0)) / n)
        covariances.append(sum(((a - mean_r) * (row[m] - mean_x) for a, row in zip(r, x)), Fraction(0)) / n)
    return variances, covariances


def labels_from_above(b: np.ndarray, n_neg: int) -> list[int]:
    """Labels of a ranking given as negatives above each positive."""
    labels = [0] * (len(b) + n_neg)
    for i, above in enumerate(b):
        labels[int(above) + i] = 1
    return labels


def correlation_of(name: str, k: int, rankings: np.ndarray, n_neg: int, n_top: int | None = None) -> np.ndarray:
    """Sample correlation of a metric with the areas over given rankings, by numpy.corrcoef."""
    lists = [labels_from_above(b, n_neg) for b in rankings]
    r = np.array([metric(name, labels, k) for labels in lists])
    x = np.array([areas(labels, n_top) for labels in lists], dtype=float)
    return np.array([np.corrcoef(r, x[:, m])[0, 1] for m in range(n_neg)])
