"""Slow, obvious versions of sim.metrics, in the paper's symbols and, where possible, in rational arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np


def roc_points(y: Sequence[int], s: Sequence[float]) -> list[tuple[Fraction, Fraction]]:
    """Corners (FPR, TPR) of the ROC curve, one per distinct score, from (0, 0) to (1, 1)."""
    n_pos, n_neg = sum(y), len(y) - sum(y)
    points = [(Fraction(0), Fraction(0))]
    for threshold in sorted(set(s), reverse=True):
        tp = sum(1 for label, v in zip(y, s) if v >= threshold and label)
        fp = sum(1 for label, v in zip(y, s) if v >= threshold and not label)
        points.append((Fraction(fp, n_neg), Fraction(tp, n_pos)))
    return points


def lower_left_area(y: Sequence[int], s: Sequence[float], alpha: float, beta: float) -> Fraction:
    """Integral of min(TPR, alpha) over FPR in [0, beta] along the straight pieces of the ROC curve."""
    a, b = Fraction(alpha), Fraction(beta)
    area = Fraction(0)
    points = roc_points(y, s)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        end = min(x1, b)
        if end <= x0:
            continue
        slope = (y1 - y0) / (x1 - x0)
        if y0 >= a:
            area += a * (end - x0)
            continue
        cross = min(end, x0 + (a - y0) / slope) if slope else end
        area += (y0 + slope * (cross - x0) / 2) * (cross - x0) + a * (end - cross)
    return area


def auc_by_pairs(y: Sequence[int], s: Sequence[float]) -> Fraction:
    """Share of pairs in the right order, ties one half."""
    pairs = [(p, q) for p, lp in zip(s, y) if lp for q, lq in zip(s, y) if not lq]
    return sum(
        (Fraction(1) if p > q else Fraction(1, 2) if p == q else Fraction(0) for p, q in pairs), Fraction(0)
    ) / len(pairs)


def x_by_pairs(labels: Sequence[int], m: int) -> int:
    """X_m of eq. (8) for labels best first: pairs in the right order with the m best negatives."""
    negatives = [r for r, label in enumerate(labels) if not label][:m]
    return sum(1 for j in negatives for i, label in enumerate(labels) if label and i < j)


def all_rankings(n_pos: int, n_neg: int) -> Iterator[list[int]]:
    """Every arrangement of n_pos ones and n_neg zeros."""
    for chosen in itertools.combinations(range(n_pos + n_neg), n_pos):
        labels = [0] * (n_pos + n_neg)
        for i in chosen:
            labels[i] = 1
        yield labels


def topk_of_labels(labels: Sequence[int], n_pos: int, k: int) -> dict[str, float]:
    """Appendix C's metrics of a ranking given best first, ranks from 1."""
    top = list(labels[:k])
    hits = sum(top)
    ranks = [r for r, label in enumerate(top, start=1) if label]
    dcg = sum(1 / math.log2(r + 1) for r in ranks)
    ideal = sum(1 / math.log2(r + 1) for r in range(1, min(n_pos, k) + 1))
    return {
        "recall": hits / n_pos,
        "precision": hits / k,
        "ndcg": dcg / ideal,
        "ap": sum((q + 1) / r for q, r in enumerate(ranks)) / min(n_pos, k),
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "hit": float(bool(ranks)),
    }


def orders(y: Sequence[int], s: Sequence[float]) -> Iterator[list[int]]:
    """Labels best first under every order of every group of ties (all equally likely)."""
    groups = [[label for label, v in zip(y, s) if v == score] for score in sorted(set(s), reverse=True)]
    for arrangement in itertools.product(*(itertools.permutations(g) for g in groups)):
        yield [label for group in arrangement for label in group]


def topk(y: Sequence[int], s: Sequence[float], k: int, ties: str) -> dict[str, float]:
    """Top-K metrics under the stated rule for ties."""
    n_pos = sum(y)
    if ties == "expected":
        values = [topk_of_labels(labels, n_pos, k) for labels in orders(y, s)]
        return {name: float(np.mean([v[name] for v in values])) for name in values[0]}
    second = {"stable": lambda i: 0, "best": lambda i: -y[i], "worst": lambda i: y[i]}[ties]
    ranking = sorted(range(len(y)), key=lambda i: (-s[i], second(i), i))
    return topk_of_labels([y[i] for i in ranking], n_pos, k)
