"""Fitted powers: exact laws, coverage of the intervals, and the rates of DNS."""

from __future__ import annotations

import numpy as np
import pytest

from sim.estimators import dns_moments, fit_rate, population_objective
from sim.sampling import DNS
from sim.studies.estimators.common import MODELS

SIZES = np.array([20.0, 40.0, 80.0, 160.0])


def test_an_exact_power_is_found_exactly():
    rate = fit_rate(SIZES, np.tile(-3.0 * SIZES**-0.7, (10, 1)))
    assert (rate.slope, rate.low, rate.high) == pytest.approx((-0.7,) * 3)
    assert (rate.constant, rate.misfit) == pytest.approx((3.0, 1.0))
    bent = fit_rate(SIZES, np.tile([1.0, 0.5, 0.25, 0.5], (10, 1)))
    assert bent.misfit > 1.3


def test_intervals_cover_as_they_say():
    # 95% intervals of 400 fits with correlated columns: fewer than 340 hits have probability 1e-13 at 95%, 1e-6 at 90%
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        shared = rng.normal(size=(64, 1))
        noise = 0.05 * SIZES**-1.0 * (shared + rng.normal(size=(64, SIZES.size)))
        rate = fit_rate(SIZES, 2.0 / SIZES + 5.0 * noise)
        hits += rate.low <= -1.0 <= rate.high
    assert 340 <= hits < 400


def test_noise_and_changes_of_sign_are_no_law():
    rng = np.random.default_rng(1)
    assert np.isnan(fit_rate(SIZES, rng.normal(size=(64, 4))).slope)
    assert np.isnan(fit_rate(SIZES, np.tile([2.0, 1.0, -1.0, -2.0], (8, 1))).slope)
    partly = fit_rate(SIZES, 1.0 / SIZES + np.array([1e-4, 1e-4, 1e-4, 1.0]) * rng.normal(size=(64, 4)))
    assert partly.used.tolist() == [True, True, True, False] and partly.slope == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize("name", ["beta", "binormal", "logistic", "student-t"])
def test_bias_and_pool_variance_of_dns_fall_as_one_over_n(name):
    model, sizes = MODELS[name](0.9), [2_000, 4_000, 8_000]
    truth = population_objective(model, 0.1).value
    found = [dns_moments(DNS(size // 10, size), model) for size in sizes]
    for q in range(2):
        for values in ([m.mean[q] - truth[q] for m in found], [m.within[q] for m in found]):
            assert fit_rate(sizes, np.tile(values, (8, 1))).slope == pytest.approx(-1.0, abs=2e-3)
    # what no pool removes: the variance between positives
    assert found[-1].between == pytest.approx(found[0].between, rel=5e-3)
    assert (found[-1].between > 100 * found[-1].within).all()


@pytest.mark.parametrize(
    ("sizes", "groups", "message"),
    [
        ([1, 2], np.ones((8, 2)), "at least 3 sizes"),
        ([1, 2, 3], np.ones((7, 3)), ">= 8"),
        ([1, 2, 3], np.ones((8, 4)), "shape"),
        ([1, 2, 3], np.full((8, 3), np.nan), "groups must be finite"),
    ],
)
def test_bad_input_is_one_line(sizes, groups, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit_rate(sizes, groups)
    assert "\n" not in str(caught.value)
