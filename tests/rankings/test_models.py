"""Score models: curve, area and samples against each other and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.rankings import Binormal, ScoreModel


def test_binormal_area_equals_the_bivariate_normal_and_quadrature() -> None:
    for model in (Binormal(), Binormal(1.3, 2.0), Binormal(-0.4, 0.6), Binormal(0.0), Binormal(0.0, 3.0)):
        betas = np.array([0.0, 1e-6, 0.01, 0.3, 0.5, 0.9, 1.0])
        value, error = model.opauc_with_error(betas)
        again, quadrature_error = model.opauc_quadrature(betas)
        assert (np.abs(value - again) <= 1e-13 + error + quadrature_error).all()
        scale = math.hypot(1.0, model.sigma)
        cov = [[1.0, -1.0 / scale], [-1.0 / scale, 1.0]]
        for beta in (0.01, 0.3, 0.9):
            reference = stats.multivariate_normal([0, 0], cov).cdf([stats.norm.ppf(beta), model.mu / scale])
            assert abs(float(model.opauc(beta)) - reference) < 1e-7


def test_binormal_from_auc() -> None:
    for auc in (0.05, 0.5, 0.8, 0.999):
        for sigma in (1.0, 0.3):
            assert abs(Binormal.from_auc(auc, sigma=sigma).auc - auc) < 1e-14


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Binormal(math.nan), ValueError, "mu must be finite"),
        (lambda: Binormal(1.0, 0.0), ValueError, r"sigma must be in \(0, inf\)"),
        (lambda: Binormal("a"), TypeError, "mu must be a number"),
        (lambda: Binormal.from_auc(1.0), ValueError, "auc must be below 1"),
        (lambda: Binormal.from_auc(0.0), ValueError, r"auc must be in \(0, 1\]"),
        (lambda: Binormal().tpr(1.5), ValueError, r"fpr must be in \[0, 1\]"),
        (lambda: Binormal().opauc([0.1, -0.1]), ValueError, r"beta must be in \[0, 1\]"),
        (lambda: Binormal().opauc(math.nan), ValueError, "beta must be finite"),
        (lambda: Binormal().sample(0, 1), ValueError, "n_pos must be >= 1"),
        (lambda: Binormal().sample(1, 1, 0), ValueError, "size must be >= 1"),
        (lambda: Binormal().sample(10**6, 10**6, 10**6), MemoryError, "max_bytes must cover the run"),
        (lambda: ScoreModel().opauc(0.5), TypeError, "must be one of the score models"),
    ],
)
def test_bad_input_is_one_line(call, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
