"""The resolution law against S1's exact minimiser, at any population, and its refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs_check import strategies
from proofs_check.claims.s1 import _cut, _levels, _masses
from proofs_check.claims.s1_pool import _solve
from sim.estimators import (
    cut_elasticity,
    hardest_cut,
    hardest_kept,
    hardest_kept_at,
    head_slope,
    model_hardest_cut,
    model_resolution,
    pool_resolution,
    pool_weight,
    resolution,
)
from sim.rankings import Binormal, FalseNegatives, GumbelShift, LogisticShift, PowerROC, StudentT

THETAS = st.floats(0.02, 0.98)


@given(THETAS, st.floats(-10.0, -0.02))
def test_cut_and_resolution_are_inverse(theta: float, log10_a: float) -> None:
    a = 10.0**log10_a
    cut = float(hardest_cut(theta, a))
    assert a < cut < 1.0
    assert abs(np.log(float(resolution(theta, cut)) / a)) < 1e-6
    assert 0.0 < float(cut_elasticity(theta, a)) < 1.0 - theta


def test_half_in_closed_form() -> None:
    beta = np.linspace(0.01, 1.0, 50)
    np.testing.assert_allclose(resolution(0.5, beta), (1.0 - np.sqrt(1.0 - beta)) ** 2, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(strategies.populations(), st.integers(1, 8), st.integers(1, 8))
def test_harder_orders_no_more_in_any_population(population, m: int, extra: int) -> None:
    pos, neg = (_masses(v.tolist()) for v in population)

    def ties(M: int, N: int) -> set[tuple[int, int]]:
        slopes = _solve(pos, neg, M, N)
        return {(i, j) for i, a in enumerate(slopes) for j, b in enumerate(slopes) if a == b}

    assert ties(m + 1, m + extra) <= ties(m, m + extra)
    assert ties(m, m + extra) <= ties(m, m + extra + 1)


@settings(max_examples=60, deadline=None)
@given(strategies.populations(), st.integers(1, 40))
def test_tangent_rule_in_any_population(population, share: int) -> None:
    """The last ordered corner is where the line to (beta, 1) is least steep, from every other corner."""
    pos, neg = (_masses(v.tolist()) for v in population)
    beta = Fraction(share, 41)
    s = _cut(pos, neg, beta)
    levels = _levels(pos, neg, beta, s)
    ordered = [i for i, v in enumerate(levels) if v is None or v > s]
    corner = sum(neg[i] for i in ordered), sum(pos[i] for i in ordered)
    fpr = tpr = Fraction(0)
    slopes = []
    for i in [None, *sorted(range(len(pos)), key=lambda i: pos[i] / neg[i], reverse=True)]:
        if i is not None:
            fpr, tpr = fpr + neg[i], tpr + pos[i]
        if fpr < beta:
            slopes.append((1 - tpr) / (beta - fpr))
    assert (1 - corner[1]) / (beta - corner[0]) == min(slopes)


@pytest.mark.parametrize("model", [Binormal.from_auc(0.85), PowerROC(0.35), LogisticShift(2.0), GumbelShift(1.5)])
def test_models_and_pools(model) -> None:
    for a in (1e-4, 3e-3, 0.1):
        assert model_resolution(model, float(model_hardest_cut(model, a))) == pytest.approx(a, rel=1e-3)
    for m in (20, 60, 150):
        at = pool_resolution(model, m, 200)
        if at > 0.0:
            assert hardest_kept(model, at, 200) == pytest.approx(m, rel=1e-3)
    assert model_resolution(model, 1.0) == pool_resolution(model, 50, 50) == 1.0


def test_power_models_agree_with_the_formula() -> None:
    a = np.geomspace(1e-6, 0.5, 9)
    np.testing.assert_allclose(model_hardest_cut(PowerROC(0.3), a), hardest_cut(0.3, a), rtol=1e-6)


def test_pool_weight_interpolates_and_normalises() -> None:
    for m in (0.3, 1.0, 2.5, 7.0, 9.9):
        weight, density = pool_weight(m, 10, np.linspace(0.0, 1.0, 20_001))
        assert weight[-1] == pytest.approx(1.0, abs=1e-12)
        trapezoid = np.sum(0.5 * (density[1:] + density[:-1])) / 20_000
        assert trapezoid == pytest.approx(1.0, abs=2e-3)


def test_a_population_without_a_head_orders_nothing() -> None:
    assert model_resolution(GumbelShift(np.log(9.0)), 0.1) == 0.0
    assert pool_resolution(LogisticShift(0.2), 1, 200) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hardest_cut(1.0, 0.1), r"^theta must be in \(0, 1\), got 1$"),
        (lambda: hardest_cut(0.0, 0.1), r"^theta must be in \(0, 1\), got 0$"),
        (lambda: resolution(-0.5, 0.1), r"^theta must be in \(0, 1\), got -0.5$"),
        (lambda: resolution(np.nan, 0.1), "^theta must be finite, got nan$"),
        (lambda: resolution(0.5, 0.0), r"^beta must be in \(0, 1\], got 0..0$"),
        (lambda: resolution(0.5, [0.2, 1.1]), r"^beta must be in \(0, 1\], got 0.2..1.1$"),
        (lambda: hardest_cut(0.5, []), "^fpr must have at least one entry, got none$"),
        (lambda: cut_elasticity(0.5, [np.inf]), "^fpr must be finite"),
        (lambda: model_hardest_cut(Binormal(), 1.0), r"^fpr must be in \(0, 1\), got 1..1$"),
        (lambda: model_hardest_cut(0.5, 0.1), "^model must be a ScoreModel, got float$"),
        (lambda: model_hardest_cut(StudentT(3.0, 1.0), 1e-6), "^model must have an ROC curve under its tangent"),
        (lambda: pool_weight(0, 5, 0.1), r"^M must be in \(0, 5\], got 0$"),
        (lambda: pool_weight(6, 5, 0.1), r"^M must be in \(0, 5\], got 6$"),
        (lambda: hardest_kept(Binormal(), 0.1, 1), "^N must be >= 2, got 1$"),
        (lambda: hardest_kept_at(0.1, 0.3, 0.0, 20), r"^slope must be in \(0, inf\), got 0$"),
        (lambda: head_slope([0.1, 0.2], [0.0, 0.3]), r"^tpr must be in \(0, 1\], got 0..0.3$"),
        (lambda: head_slope([0.1, 0.1], [0.2, 0.3]), "^fpr and tpr must be of one length, with two different rates"),
    ],
)
def test_refusals_are_one_line(call, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_false_negatives_flatten_the_head() -> None:
    """Hidden positives among the negatives: the ROC curve has a finite slope at the origin, 1/share."""
    model = FalseNegatives.from_auc(0.9, share=0.05)
    assert model_resolution(model, 0.01) < 1e-3
