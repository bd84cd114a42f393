"""Composite Gauss-Legendre rules over the levels of a score model's laws, fine in both tails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..rankings import BetaScores, Empirical, FalseNegatives, ScoreModel, StudentT

__all__ = ["EDGE", "ORDER", "Levels", "negative_levels", "negative_scores", "positive_rule"]

Floats = NDArray[np.float64]

EDGE = 690.0
"""Rules reach to levels of exp(-690), near the least float64."""

ORDER = 8
"""Points of a panel."""

_PANELS = 96


@dataclass(frozen=True)
class Levels:
    """A rule for integrals over levels s in (0, 1), by panels of z = logit(s).

    Attributes
    ----------
    z, s : ndarray of shape (points,)
        Points, rising.
    mass : ndarray of shape (points,)
        Weights: the integral of f over s is ``f @ mass``.
    density : ndarray of shape (points,)
        ds/dz times half the panel's width: what :meth:`cumulative` multiplies with.
    """

    z: Floats
    s: Floats
    mass: Floats
    density: Floats

    def cumulative(self, f: Floats) -> Floats:
        """The integral of f from 0 to every point, along the last axis, to the accuracy of the rule."""
        panels = (*f.shape[:-1], -1, ORDER)
        inside = (f * self.density).reshape(panels) @ _legendre()[2].T
        whole = (f * self.mass).reshape(panels).sum(axis=-1)
        before = np.cumsum(whole[..., :-1], axis=-1)  # summed from the smallest levels: no cancellation
        before = np.concatenate((np.zeros((*f.shape[:-1], 1)), before), axis=-1)
        return (before[..., None] + inside).reshape(f.shape)


@cache
def _legendre() -> tuple[Floats, Floats, Floats]:
    """Nodes and weights on [-1, 1], and the matrix that integrates from -1 to every node."""
    x, w = np.polynomial.legendre.leggauss(ORDER)
    p = np.polynomial.legendre.legvander(x, ORDER)
    series = p[:, 1:-1] @ (p[:, 2:] - p[:, :-2]).T  # sum over k of P_k(x_j) (2k + 1) times the integral of P_k
    return x, w, w * (0.5 * (x[:, None] + 1.0) + 0.5 * series.T)


def _levels(edges: Floats) -> Levels:
    x, w, _ = _legendre()
    half = 0.5 * np.diff(edges)
    z = ((0.5 * (edges[1:] + edges[:-1]))[:, None] + half[:, None] * x).ravel()
    s = special.expit(z)
    density = s * special.expit(-z) * np.repeat(half, ORDER)
    return Levels(z, s, density * np.tile(w, half.size), density)


def _edges(high: float, panels: int) -> Floats:
    """Edges in [-EDGE, high], close together around 0 and ever wider outwards."""
    edges = EDGE * np.sinh(np.linspace(-6.0, 6.0, panels + 1)) / np.sinh(6.0)
    return np.append(edges[edges < high], high)


def negative_levels(model: ScoreModel, fineness: int = 1, marks: ArrayLike = ()) -> Levels:
    """The rule over false positive rates; panels also end at the ``marks`` (in logit) and where the law has atoms."""
    # rates nearer to 1 than 1e-15 belong to negatives so easy that their losses do not matter
    edges = [_edges(34.0, _PANELS * fineness), np.asarray(marks, dtype=np.float64)]
    base = model.base if isinstance(model, FalseNegatives) else model
    if isinstance(base, Empirical):
        corners = model._table()[:-1, 1]
        edges.append(special.logit(corners[(corners > 0.0) & (corners < 1.0)]))
    z = np.unique(np.concatenate(edges))
    z = z[(z >= -EDGE) & (z <= 34.0)]
    return _levels(z[np.append(True, np.diff(z) > 1e-12 * np.maximum(np.abs(z[1:]), 1.0))])


def negative_scores(model: ScoreModel, s: Floats) -> Floats:
    """Score of the (observed) negative at false positive rate s."""
    base = model.base if isinstance(model, FalseNegatives) else model
    if isinstance(base, Empirical):
        return _empirical_isf(base, s, model.share if isinstance(model, FalseNegatives) else 0.0)
    scores = _isf(base, s, positive=False)
    if isinstance(model, FalseNegatives):
        scores = _mixture_isf(model, s, scores, _isf(base, s, positive=True))
    return special.expit(scores) if isinstance(base, BetaScores) else scores


def positive_rule(model: ScoreModel, fineness: int = 1) -> tuple[Floats, Floats]:
    """Scores and weights that turn means over positives into sums."""
    base = model.base if isinstance(model, FalseNegatives) else model
    if isinstance(base, Empirical):
        scores, counts = np.unique(base.pos_scores, return_counts=True)
        return scores, counts / counts.sum()
    rule = _levels(_edges(EDGE, _PANELS // 2 * fineness))
    tail = special.expit(-np.abs(rule.z))
    scores = np.where(rule.z < 0.0, _isf(base, tail, positive=True), _isf(base, tail, positive=True, lower=True))
    return special.expit(scores) if isinstance(base, BetaScores) else scores, rule.mass


def _isf(base: ScoreModel, s: Floats, *, positive: bool, lower: bool = False) -> Floats:
    """The score with probability s above it, or below it if ``lower``, down to the smallest s."""
    if not isinstance(base, StudentT):
        law = base._laws()[0 if positive else 1]
        return np.asarray(law.ppf(s) if lower else law.isf(s), dtype=np.float64)
    # scipy's own inverse fails below about 1e-100 for most degrees of freedom
    y = special.betaincinv(0.5 * base.df, 0.5, 2.0 * np.minimum(s, 1.0 - s))
    score = np.sqrt(base.df * (1.0 - y) / y) * np.where((s < 0.5) != lower, 1.0, -1.0)
    return base.mu + base.sigma * score if positive else score


def _mixture_isf(model: FalseNegatives, s: Floats, low: Floats, high: Floats) -> Floats:
    """Invert the mixture's survival function by bisection between the two laws' quantiles."""
    positives, negatives = model._laws()
    low, high = np.minimum(low, high), np.maximum(low, high)
    for _ in range(100):
        middle = 0.5 * (low + high)
        above = (1.0 - model.share) * negatives.sf(middle) + model.share * positives.sf(middle) > s
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)


def _empirical_isf(base: Empirical, s: Floats, share: float) -> Floats:
    scores = np.concatenate((base.neg_scores, base.pos_scores))
    mass = np.repeat(
        [(1.0 - share) / base.neg_scores.size, share / base.pos_scores.size],
        [base.neg_scores.size, base.pos_scores.size],
    )
    order = np.argsort(-scores, kind="stable")
    at = np.searchsorted(np.cumsum(mass[order]), s, side="left")
    return scores[order][np.minimum(at, scores.size - 1)]
