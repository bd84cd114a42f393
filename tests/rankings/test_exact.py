"""Closed forms against full enumeration, exact fractions and the reference points (claims F6-1..4, G2)."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import rankings as oracle

from sim.rankings import (
    LINEAR_METRICS,
    exact_correlation,
    exact_moments,
    metric_position_weights,
    optimal_weights,
    peak,
    rational_moments,
    scaling_law,
    weights_correlation,
)

SIZES = [(a, b) for a in range(1, 7) for b in range(1, 7)]


@pytest.mark.parametrize(("n_pos", "n_neg"), SIZES)
def test_f6_moments_equal_full_enumeration_for_every_k(n_pos: int, n_neg: int) -> None:
    for k in range(1, n_pos + n_neg + 1):
        for name in LINEAR_METRICS:
            truth = oracle.enumerated(n_pos, n_neg, lambda labels, n=name, c=k: oracle.metric(n, labels, c))
            got = exact_moments(n_pos, n_neg, name, k)
            assert abs(got.metric_mean - truth["mean"]) < 1e-12
            assert abs(got.metric_var - truth["var"]) < 1e-12
            np.testing.assert_allclose(got.opauc_mean, truth["area_mean"], atol=1e-12)
            np.testing.assert_allclose(got.opauc_var, truth["area_var"], atol=1e-12)
            np.testing.assert_allclose(got.covariance, truth["covariance"], atol=1e-12)
            if truth["var"] > 1e-20:
                np.testing.assert_allclose(exact_correlation(n_pos, n_neg, name, k), truth["correlation"], atol=1e-12)
            else:
                assert np.isnan(exact_correlation(n_pos, n_neg, name, k)).all()


@pytest.mark.parametrize(("n_pos", "n_neg"), [(1, 1), (2, 3), (4, 2), (3, 5)])
def test_rational_moments_equal_enumeration_exactly(n_pos: int, n_neg: int) -> None:
    for weights in ([Fraction(1)], [Fraction(3, 7), Fraction(-2), Fraction(0)][: n_pos + n_neg]):
        variances, covariances = oracle.enumerated_fractions(n_pos, n_neg, weights)
        got = rational_moments(n_pos, n_neg, weights)
        assert list(got.area_var) == variances
        assert list(got.covariance) == covariances
        np.testing.assert_allclose(
            exact_moments(n_pos, n_neg, position_weights=[float(w) for w in weights]).covariance * n_pos * n_neg,
            [float(c) for c in covariances],
            atol=1e-14,
        )


@pytest.mark.parametrize(("n_pos", "n_neg", "k"), [(12, 17, 9), (30, 4, 20), (3, 60, 11), (25, 25, 50), (60, 90, 40)])
def test_floats_agree_with_fractions_at_middle_sizes(n_pos: int, n_neg: int, k: int) -> None:
    weights = [Fraction(1, t) for t in range(1, k + 1)]
    truth = rational_moments(n_pos, n_neg, weights)
    got = exact_moments(n_pos, n_neg, position_weights=[float(w) for w in weights])
    scale = math.sqrt(n_pos * n_neg)
    np.testing.assert_allclose(got.covariance * n_pos * n_neg, [float(c) for c in truth.covariance], rtol=1e-12)
    np.testing.assert_allclose(got.correlation**2, [float(c) for c in truth.squared_correlation], rtol=1e-12)
    assert abs(got.metric_var - float(truth.metric_var)) < 1e-13 * scale


@pytest.mark.parametrize(
    ("metric", "k", "m", "height", "auc"),
    [
        ("recall", 5, 6, 0.9226, 0.1222),
        ("recall", 20, 24, 0.9362, 0.2425),
        ("recall", 50, 60, 0.9376, 0.3775),
        ("ndcg", 5, 5, 0.9566, 0.1145),
        ("ndcg", 20, 18, 0.9450, 0.2166),
        ("ndcg", 50, 48, 0.9282, 0.3349),
        ("recall", 200, 240, 0.9276, 0.6928),
    ],
)
def test_f6_reference_points_at_200_800(metric: str, k: int, m: int, height: float, auc: float) -> None:
    best = peak(200, 800, metric, k)
    assert best.m == m
    assert best.beta == m / 800
    assert abs(best.correlation - height) < 5.1e-5
    assert abs(exact_correlation(200, 800, metric, k)[-1] - auc) < 5.1e-5


def test_g2_peak_follows_one_and_a_half_k() -> None:
    for n_pos, n_neg, k in [(200, 800, 20), (50, 9950, 50), (1000, 9000, 100), (20_000, 80_000, 300)]:
        assert abs(peak(n_pos, n_neg, "recall", k).m - 1.5 * k * n_neg / (n_pos + n_neg)) <= 1.5


@pytest.mark.parametrize(("n_pos", "n_neg"), [(5_000, 95_000), (50_000, 50_000)])
def test_scaling_law_is_the_limit(n_pos: int, n_neg: int) -> None:
    k = 2000
    curve = exact_correlation(n_pos, n_neg, "recall", k)
    m = np.arange(100, 8001)
    x = m * (n_pos + n_neg) / (k * n_neg)
    # K/N = 0.02 and the finite counts leave differences of that order
    assert np.abs(curve[m - 1] - scaling_law(x)).max() < 0.02


def test_scaling_law_values_and_shape() -> None:
    assert abs(scaling_law(1.5) - 2 * math.sqrt(2) / 3) < 1e-15
    assert abs(scaling_law(1.0) - math.sqrt(3) / 2) < 1e-15
    x = np.linspace(0, 6, 60_001)
    assert x[scaling_law(x).argmax()] == 1.5
    assert abs(scaling_law(1 - 1e-9) - scaling_law(1 + 1e-9)) < 1e-8
    assert scaling_law([[0.0, 1.0]]).shape == (1, 2)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_properties_of_any_linear_metric(n_pos: int, n_neg: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, n_pos + n_neg))
    weights = data.draw(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=size, max_size=size))
    weights = np.sort(np.array(weights))[::-1]
    got = exact_moments(n_pos, n_neg, position_weights=weights)
    assert (got.covariance >= -1e-15).all()  # weights that fall with the position: never a negative correlation
    scaled = exact_moments(n_pos, n_neg, position_weights=4.0 * weights)
    np.testing.assert_array_equal(scaled.covariance, 4.0 * got.covariance)
    if got.metric_var > 1e-9:
        best, ceiling = optimal_weights(n_pos, n_neg, position_weights=weights)
        curve = exact_correlation(n_pos, n_neg, position_weights=weights)
        assert ceiling >= curve.max() - 1e-9
        assert abs(weights_correlation(best, n_pos, n_neg, position_weights=weights) - ceiling) < 1e-7
        dns = np.zeros(n_neg)
        dns[0] = 3.0
        assert abs(weights_correlation(dns, n_pos, n_neg, position_weights=weights) - curve[0]) < 1e-9


@pytest.mark.parametrize(("n_pos", "n_neg"), [(2, 3), (4, 4), (5, 2), (1, 6)])
def test_optimal_weights_beat_every_direction_of_the_full_enumeration(n_pos: int, n_neg: int) -> None:
    rankings = list(oracle.all_rankings(n_pos, n_neg))
    p = np.array([oracle.positives_above(labels) for labels in rankings], dtype=float)
    for k in range(1, n_pos + n_neg):
        r = np.array([oracle.metric("ndcg", labels, k) for labels in rankings])
        fit, *_ = np.linalg.lstsq(p - p.mean(axis=0), r - r.mean(), rcond=None)
        expected = np.corrcoef(p @ fit, r)[0, 1]
        weights, ceiling = optimal_weights(n_pos, n_neg, "ndcg", k)
        assert abs(ceiling - expected) < 1e-12
        assert abs(weights.sum() - 1.0) < 1e-12
        assert (weights[k:] == 0.0).all()  # nothing beyond rank K


def test_ceiling_at_200_800() -> None:
    assert abs(optimal_weights(200, 800, "recall", 20)[1] - 0.9684) < 5e-5
    assert abs(optimal_weights(200, 800, "ndcg", 20)[1] - 0.9814) < 5e-5


def test_hundred_thousand_items_stay_cheap() -> None:
    start = time.perf_counter()
    best = peak(1000, 99_000, "ndcg", 1000)
    assert time.perf_counter() - start < 5.0
    assert 0.9 < best.correlation < 1.0
    # K = N - 1: the metric is (1 - share of the last position) and all but uncorrelated with the top
    assert exact_correlation(20_000, 80_000, "recall", 99_999)[0] < 1e-4


@pytest.mark.nojit
def test_rank_mass_sums_to_the_weight() -> None:
    moments = exact_moments(3, 4, "recall", 2)
    truth = rational_moments(3, 4, [Fraction(1, 3)] * 2)
    np.testing.assert_allclose(moments.covariance * 12, [float(c) for c in truth.covariance], rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: exact_moments(0, 5, "recall", 1), ValueError, "n_pos must be in 1.."),
        (lambda: exact_moments(5, 0, "recall", 1), ValueError, "n_neg must be in 1.."),
        (lambda: exact_moments(10**9, 5, "recall", 1), ValueError, "n_pos must be in 1.."),
        (lambda: exact_moments(2.5, 5, "recall", 1), TypeError, "n_pos must be an integer"),
        (lambda: exact_moments(5, 5, "map", 1), ValueError, "metric must be one of"),
        (lambda: exact_moments(5, 5, "recall", 11), ValueError, "k must be in 1..10, got 11"),
        (lambda: exact_moments(5, 5, "recall"), TypeError, "k must be an integer"),
        (lambda: exact_moments(5, 5), ValueError, "either metric and k or position_weights, got neither"),
        (lambda: exact_moments(5, 5, "recall", 1, position_weights=[1]), ValueError, "got both"),
        (lambda: exact_moments(5, 5, k=1, position_weights=[1]), ValueError, "k must be None"),
        (lambda: exact_moments(5, 5, position_weights=[]), ValueError, "position_weights must be 1-D with 1..10"),
        (lambda: exact_moments(2, 2, position_weights=[1] * 5), ValueError, "position_weights must be 1-D with 1..4"),
        (lambda: exact_moments(2, 2, position_weights=[math.nan]), ValueError, "position_weights must be finite"),
        (lambda: peak(3, 3, "recall", 6), ValueError, "the metric must differ between rankings"),
        (lambda: optimal_weights(3, 3, "precision", 6), ValueError, "the metric must differ between rankings"),
        (lambda: weights_correlation([1, 0], 3, 3, "recall", 2), ValueError, r"weights must have shape \(3,\)"),
        (lambda: weights_correlation([0, 0, 0], 3, 3, "recall", 2), ValueError, "weights must not all be 0"),
        (lambda: weights_correlation([1, 0, math.inf], 3, 3, "recall", 2), ValueError, "weights must be finite"),
        (lambda: weights_correlation([1, 0, 0], 3, 3, "recall", 6), ValueError, "the metric must differ"),
        (lambda: scaling_law([-1.0]), ValueError, "x must be >= 0, got -1"),
        (lambda: scaling_law([math.nan]), ValueError, "x must be finite"),
        (lambda: rational_moments(300, 300, [1]), ValueError, "n_neg must be in 1..100, got 300"),
        (lambda: rational_moments(3, 3, [0.5]), TypeError, "position_weights must be ints or Fractions"),
        (lambda: rational_moments(3, 3, []), ValueError, "position_weights must have 1..6 entries"),
        (lambda: metric_position_weights(3, 3, "ap", 2), ValueError, "metric must be one of"),
    ],
)
def test_bad_input_is_one_line(call, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
