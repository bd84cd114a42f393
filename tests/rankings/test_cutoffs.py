"""Correlations for every cut-off at once."""

from __future__ import annotations

import numpy as np
import pytest

from sim.rankings import Binormal, PowerROC, correlation_by_cutoff, exact_correlation, roc_exponent


@pytest.mark.parametrize(("n_pos", "n_neg"), [(1, 1), (1, 8), (7, 5), (30, 3), (3, 40), (200, 800)])
@pytest.mark.parametrize("metric", ["recall", "precision", "dcg", "ndcg"])
def test_rows_are_the_curves_of_one_cutoff(n_pos: int, n_neg: int, metric: str) -> None:
    n = n_pos + n_neg
    found = correlation_by_cutoff(n_pos, n_neg, metric, n)
    assert found.shape == (n, n_neg)
    for k in {1, 2, n // 2, max(n - 1, 1), n}:
        one = exact_correlation(n_pos, n_neg, metric, k)
        np.testing.assert_allclose(found[k - 1], one, atol=1e-10, equal_nan=True)
    np.testing.assert_array_equal(correlation_by_cutoff(n_pos, n_neg, metric), found[: max(n - 1, 1)])


def test_recall_of_everything_does_not_vary() -> None:
    assert np.isnan(correlation_by_cutoff(3, 4, "recall", 7)[-1]).all()
    assert np.isfinite(correlation_by_cutoff(3, 4, "ndcg", 7)).all()


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"metric must be one of 'recall'"):
        correlation_by_cutoff(3, 4, "ap")
    with pytest.raises(ValueError, match=r"k_max must be in 1\.\.7, got 8"):
        correlation_by_cutoff(3, 4, "recall", 8)
    with pytest.raises(ValueError, match=r"use exact_correlation"):
        correlation_by_cutoff(30_000, 70_000, "recall")
    with pytest.raises(ValueError, match="n_pos must be"):
        correlation_by_cutoff(0, 4, "recall")


def test_local_exponent_is_the_slope_in_logarithms() -> None:
    s = np.array([1e-6, 1e-3, 0.1, 0.7])
    np.testing.assert_allclose(roc_exponent(s), 1.0)
    np.testing.assert_allclose(roc_exponent(s, score_model=PowerROC(0.3)), 0.3, rtol=1e-5)
    for model in (Binormal.from_auc(0.9), Binormal.from_auc(0.8, sigma=2.0)):
        step = 1e-4
        slope = np.log(model.tpr(s * (1 + step)) / model.tpr(s * (1 - step))) / np.log((1 + step) / (1 - step))
        np.testing.assert_allclose(roc_exponent(s, score_model=model), slope, rtol=1e-3)
    for bad in (0.0, 1.0, [0.5, np.nan]):
        with pytest.raises(ValueError, match=r"fpr must be in \(0, 1\)"):
            roc_exponent(bad)
