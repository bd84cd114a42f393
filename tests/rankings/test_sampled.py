"""Sampled metrics: gains against enumeration, the closed form against full enumeration and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from oracles import rankings as oracle

from sim.rankings import (
    SAMPLED_METRICS,
    Binormal,
    exact_correlation,
    sampled_correlation,
    sampled_gain,
    simulate_sampled_correlation,
)

GAIN = {"recall": lambda r: 1.0, "ndcg": lambda r: 1 / math.log2(1 + r), "mrr": lambda r: 1 / r}


@pytest.mark.parametrize("metric", SAMPLED_METRICS)
@pytest.mark.parametrize("replace", [True, False])
def test_gains_equal_enumeration_of_every_sample(metric: str, replace: bool) -> None:
    n_neg, k = 5, 2
    for n in (1, 2, 3):
        draws = itertools.product(range(n_neg), repeat=n) if replace else itertools.combinations(range(n_neg), n)
        draws = list(draws)
        mean, variance = sampled_gain(n_neg, n, metric, k, replace=replace)
        for b in range(n_neg + 1):
            ranks = [1 + sum(j < b for j in draw) for draw in draws]
            gains = np.array([GAIN[metric](r) if r <= k else 0.0 for r in ranks])
            assert mean[b] == pytest.approx(gains.mean(), abs=1e-12)
            assert variance[b] == pytest.approx(gains.var(), abs=1e-12)


@pytest.mark.parametrize("metric", SAMPLED_METRICS)
def test_correlation_equals_enumeration_of_every_ranking(metric: str) -> None:
    n_pos, n_neg, n, k = 3, 4, 2, 2
    mean, variance = sampled_gain(n_neg, n, metric, k)
    above, areas = [], []
    for labels in oracle.all_rankings(n_pos, n_neg):
        negatives = np.cumsum([1 - y for y in labels])
        above.append([negatives[t] for t, y in enumerate(labels) if y])
        areas.append(oracle.areas(labels))
    x, b = np.array(areas, dtype=float), np.array(above)
    value = mean[b].sum(axis=1)
    noise = variance[b].sum(axis=1).mean()
    covariance = ((value - value.mean())[:, None] * (x - x.mean(axis=0))).mean(axis=0)
    for with_noise in (True, False):
        spread = value.var() + noise * with_noise
        expected = covariance / np.sqrt(spread * x.var(axis=0))
        found = sampled_correlation(n_pos, n_neg, n, metric, k, noise=with_noise)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_one_sampled_negative_makes_every_metric_auc() -> None:
    # with one negative sampled the rank is 1 or 2: f is linear in b, the weights are all equal
    for metric in SAMPLED_METRICS:
        mean, _ = sampled_gain(30, 1, metric, 1)
        np.testing.assert_allclose(mean, 1.0 - np.arange(31) / 30, atol=1e-12)
        assert sampled_correlation(10, 30, 1, metric, 1, noise=False)[-1] == pytest.approx(1.0, abs=1e-12)
        assert sampled_correlation(10, 30, 1, metric, 1)[-1] < 0.9  # the noise of one draw


def test_fewer_samples_drift_to_auc_and_the_law_has_n_for_big_n() -> None:
    for k in (1, 10):
        with_auc = [sampled_correlation(100, 9900, n, "recall", k, noise=False)[-1] for n in (9900, 1000, 300, 100, 30)]
        assert (np.diff(with_auc) > 0).all()
    for n in (100, 300, 1000):
        best = (sampled_correlation(100, 9900, n, "recall", 10).argmax() + 1) / 9900
        assert best == pytest.approx(1.5 * 10 / n, rel=0.1)


def test_all_negatives_sampled_is_the_unsampled_metric() -> None:
    # rare positives: being among K sampled negatives is being in the top K
    everything = sampled_correlation(20, 4000, 4000, "recall", 30, replace=False)
    assert np.abs(everything - exact_correlation(20, 4000, "recall", 30))[5:].max() < 0.01


@pytest.mark.parametrize("metric", SAMPLED_METRICS)
@pytest.mark.parametrize("replace", [True, False])
def test_simulation_agrees_with_the_closed_form(metric: str, replace: bool) -> None:
    # Student's t with 63 degrees of freedom exceeds 6.5 with probability 1.5e-8; 3 x 4 of them, two settings, 3 metrics
    ns, ms = [1, 10, 200], [5, 40, 120, 200]
    value, error = simulate_sampled_correlation(40, 200, ns, metric, 1, ms=ms, n_rankings=8000, rng=2, replace=replace)
    for i, n in enumerate(ns):
        exact = sampled_correlation(40, 200, n, metric, 1, replace=replace)[np.array(ms) - 1]
        assert (np.abs(value[i] - exact) < 6.5 * error[i]).all()
        assert (error[i] < 0.02).all()


def test_simulation_reproduces_and_takes_models() -> None:
    options = {"ms": [3, 60], "n_rankings": 500, "score_model": Binormal(1.0)}
    one = simulate_sampled_correlation(10, 60, [5], "ndcg", 3, rng=4, **options)
    two = simulate_sampled_correlation(10, 60, [5], "ndcg", 3, rng=4, **options)
    three = simulate_sampled_correlation(10, 60, [5], "ndcg", 3, rng=5, **options)
    np.testing.assert_array_equal(one, two)
    assert (one[0] != three[0]).any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "ap"}, ValueError, "metric must be one of 'recall', 'ndcg', 'mrr'"),
        ({"k": 0}, ValueError, "k must be >= 1, got 0"),
        ({"n_sampled": [0]}, ValueError, "n_sampled must be in 1.."),
        ({"n_sampled": [21], "replace": False}, ValueError, "n_sampled must be in 1..20, got 21"),
        ({"ms": [21]}, ValueError, "ms must be in 1..20"),
        ({"n_rankings": 100}, ValueError, "n_rankings must be >= 128"),
        ({"max_bytes": 10}, MemoryError, "max_bytes must cover the run"),
        ({"score_model": "x"}, TypeError, "score_model must be"),
    ],
)
def test_bad_input_is_one_line(arguments, error, message) -> None:  # type: ignore[no-untyped-def]
    given = {"n_sampled": [5], "metric": "recall", "k": 2, "ms": [3], "rng": 0} | arguments
    with pytest.raises(error, match=message) as caught:
        simulate_sampled_correlation(10, 20, given.pop("n_sampled"), given.pop("metric"), given.pop("k"), **given)
    assert "\n" not in str(caught.value)
