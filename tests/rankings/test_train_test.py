"""Train against test labels: enumeration, simulation, the limit, and refusals."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.metrics import opauc_count
from sim.rankings import (
    Binormal,
    PowerROC,
    exact_correlation,
    family_correlation,
    phi,
    predictive_correlation,
    propensity_moments,
    split_correlation,
)


@given(*(st.integers(0, 6) for _ in range(4)))
def test_phi_is_the_correlation_of_the_labels(a: int, b: int, c: int, d: int) -> None:
    assume(min(a + b, c + d, a + c, b + d) > 0)
    train = np.repeat([1, 1, 0, 0], (a, b, c, d))
    test = np.repeat([1, 0, 1, 0], (a, b, c, d))
    assert phi(a, b, c, d) == pytest.approx(np.corrcoef(train, test)[0, 1], abs=1e-12)


def test_all_orders_of_six_items() -> None:
    train, test = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 0, 0, 1, 1, 0])
    areas, hits = [], []
    for order in permutations(range(6)):
        y, z = train[list(order)], test[list(order)]
        areas.append([opauc_count(y, m) for m in (1, 2, 3)])
        hits.append(z[:2].sum())
    found = split_correlation(1, 2, 2, 1, "recall", 2)
    expected = [np.corrcoef(column, hits)[0, 1] for column in np.array(areas).T]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_same_labels_are_figure_6() -> None:
    np.testing.assert_allclose(split_correlation(20, 0, 0, 80, "ndcg", 5), exact_correlation(20, 80, "ndcg", 5))
    assert not split_correlation(0, 20, 10, 70, "recall", 5, filtered=True).any()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), st.data())
def test_floats_and_fractions_agree(means: list[float], data) -> None:
    k = data.draw(st.integers(1, len(means)))
    exact = propensity_moments([Fraction(v) for v in means], [Fraction(1)] * k, concentration=Fraction(3))
    plain = propensity_moments(means, [1.0] * k, concentration=3.0)
    for name in ("area_mean", "area_var", "covariance", "metric_mean", "metric_var"):
        np.testing.assert_allclose(np.asarray(getattr(exact, name), float), getattr(plain, name), atol=1e-12)


def test_moments_against_simulation() -> None:
    """|z| < 6 on 15 statistics: false alarm below 1e-7."""
    rng = np.random.default_rng(2)
    means, weights, runs = np.linspace(0.7, 0.1, 12), np.array([1.0, 0.6, 0.5]), 100_000
    found = propensity_moments(means, weights, concentration=4.0)
    p = rng.beta(4.0 * means, 4.0 * (1.0 - means), size=(runs, 12))
    train, test = rng.random(p.shape) < p, rng.random(p.shape) < p
    above, negative = np.cumsum(train, axis=1), ~train
    metric = test[:, :3] @ weights
    for m in (1, 2, 3, 5, 12):
        area = (above * negative * (np.cumsum(negative, axis=1) <= m)).sum(axis=1)
        cross = (area - found.area_mean[m - 1]) * (metric - found.metric_mean)
        square = (area - found.area_mean[m - 1]) ** 2
        for sample, value in ((area, found.area_mean), (cross, found.covariance), (square, found.area_var)):
            assert abs(sample.mean() - value[m - 1]) < 6 * sample.std() / np.sqrt(runs)


def test_one_ranking_alone_correlates_by_its_labels_only() -> None:
    means = np.full(30, 0.3)
    apart = family_correlation([means], np.ones(5), concentration=None).correlation
    shared = family_correlation([means], np.ones(5), concentration=1.0).correlation
    assert np.abs(apart).max() < 1e-12
    same = family_correlation([means], np.ones(5), concentration=1e-9).correlation
    np.testing.assert_allclose(shared, 0.5 * same, atol=1e-6)


def test_less_noise_never_hurts() -> None:
    family, betas = [Binormal(v) for v in (1.0, 1.5, 2.0)], [1e-3, 0.05, 1.0]
    found = [predictive_correlation(family, betas, 1e-2, n, 10).correlation for n in (1, 10, 100)]
    assert all((more > less).all() for less, more in pairwise(found))
    many = predictive_correlation(family, betas, 1e-2, 10**9, 10**9)
    np.testing.assert_allclose(many.correlation, many.alignment, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phi(0, 0, 3, 4), "^counts must leave at least one of the train positives"),
        (lambda: phi(1, 2, 0, 0), "^counts must leave at least one of the train negatives"),
        (lambda: phi(-1, 2, 3, 4), "^both must be >= 0, got -1$"),
        (lambda: propensity_moments([], [1.0]), "^weights must have between 1 and n entries"),
        (lambda: propensity_moments([0.2], [1.0, 1.0]), "^weights must have between 1 and n entries"),
        (lambda: propensity_moments([0.2, 1.5], [1.0]), r"^propensities must be in \[0, 1\], got 0.2..1.5$"),
        (lambda: propensity_moments([0.2], [1.0], concentration=0), "^concentration must be > 0, got 0$"),
        (lambda: family_correlation([], [1.0]), "^shares must be one probability a ranking"),
        (lambda: family_correlation([[0.0, 0.0]], [1.0]), "^rankings must have positives at the head"),
        (lambda: predictive_correlation([PowerROC(0.5)], [0.0], 0.1, 1, 1), r"^betas must be in \(0, 1\], got 0$"),
        (lambda: predictive_correlation([PowerROC(0.5)], [0.1], 0.0, 1, 1), r"^fpr must be in \(0, 1\], got 0$"),
        (lambda: predictive_correlation([0.5], [0.1], 0.1, 1, 1), "^models must be ScoreModels, got float$"),
        (lambda: predictive_correlation([PowerROC(0.5)], [0.1], 0.1, 1, 1, shares=[0.5]), "^shares must be one prob"),
    ],
)
def test_refusals_are_one_line(call, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
