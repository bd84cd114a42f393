"""The large-sample law of any score model against closed forms, simulation and its own scaling (claim F6-law)."""

from __future__ import annotations

import numpy as np
import pytest

from sim.rankings import (
    BetaScores,
    Binormal,
    Empirical,
    FalseNegatives,
    GumbelShift,
    LogisticShift,
    PopularitySkewed,
    PowerROC,
    StudentT,
    exact_correlation,
    expected_negatives,
    limit_correlation,
    simulate_correlation,
)

MODELS = [
    Binormal.from_auc(0.75),
    Binormal.from_auc(0.9),
    Binormal.from_auc(0.9, sigma=2.0),
    Binormal.from_auc(0.9, sigma=0.5),
    StudentT.from_auc(0.9, df=3.0),
    LogisticShift.from_auc(0.9),
    GumbelShift.from_auc(0.9),
    PowerROC.from_auc(0.7),
    BetaScores.from_auc(0.9),
    PopularitySkewed.from_auc(0.9),
    FalseNegatives.from_auc(0.9),
]


@pytest.mark.parametrize("metric", ["recall", "precision", "ndcg"])
@pytest.mark.parametrize(("n_pos", "n_neg"), [(200, 800), (800, 200), (300, 29_700)])
def test_random_rankings_are_the_exact_closed_form_up_to_discreteness(metric: str, n_pos: int, n_neg: int) -> None:
    for k in (1, 5, 20, 100, 600):
        limit, exact = limit_correlation(n_pos, n_neg, metric, k), exact_correlation(n_pos, n_neg, metric, k)
        n_k = expected_negatives(n_pos, n_neg, k)
        assert n_k == pytest.approx(k * n_neg / (n_pos + n_neg), rel=1e-12)
        assert np.abs(limit - exact)[int(n_k) :].max() < 0.004 + 0.5 / (1 + n_k)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_score_models_follow_the_law_where_the_top_holds_many_negatives(model) -> None:  # type: ignore[no-untyped-def]
    # six standard errors (2e-9 each, 240 of them) plus the size of the neglected terms, of order 1 / n_K
    n_pos, n_neg, ks = 100, 4900, (100, 300, 1000)
    ms = np.unique(np.geomspace(1, n_neg, 40).astype(int))
    result = simulate_correlation(n_pos, n_neg, metrics=("recall", "ndcg"), ks=ks, n_rankings=4000, rng=1,
                                  score_model=model, ms=ms)  # fmt: skip
    for k in ks:
        n_k = expected_negatives(n_pos, n_neg, k, score_model=model)
        # Precision@K of the simulation says the same to within one item
        assert abs(k - n_pos * result.metric_mean[0, ks.index(k)] - n_k) < 1.0
        for metric in result.metrics:
            value, error = result.curve(metric, k)
            law = limit_correlation(n_pos, n_neg, metric, k, score_model=model, ms=ms)
            late = ms > 5
            assert (np.abs(value - law)[late] < 6 * error[late] + 1.0 / n_k + 0.01).all(), (metric, k)


def test_head_exponent_moves_the_peak_from_one_and_a_half_to_two() -> None:
    # rare positives, R(s) = s^theta: m* = (2 + theta) / (1 + theta) n_K
    for theta in (1.5, 0.8, 0.4, 0.1):
        model, n_pos, n_neg, k = PowerROC(theta), 2, 200_000, 20_000
        n_k = expected_negatives(n_pos, n_neg, k, score_model=model)
        best = int(limit_correlation(n_pos, n_neg, "recall", k, score_model=model).argmax()) + 1
        assert best / n_k == pytest.approx((2 + theta) / (1 + theta), rel=0.02)


def test_the_law_in_k_over_n_is_refuted_by_a_good_ranking() -> None:
    # Binormal of AUC 0.9 at 200 + 800: K/N puts the peak of Recall@100 at m = 120; it is near 1.5 n_K
    model = Binormal.from_auc(0.9)
    n_k = expected_negatives(200, 800, 100, score_model=model)
    peaks = simulate_correlation(200, 800, metrics=("recall",), ks=(100,), n_rankings=5000, rng=0,
                                 score_model=model).peaks(1 - 1e-6, n_resamples=4000)  # fmt: skip
    assert peaks.m_high[0, 0] < 50 < 1.5 * 100 * 0.8
    assert 1.2 * 1.5 * n_k < peaks.m[0, 0] < 1.4 * 1.5 * n_k


def test_the_whole_list_has_no_limit_and_subsets_are_subsets() -> None:
    assert np.isnan(limit_correlation(3, 7, "recall", 10)).all()
    full = limit_correlation(30, 70, "ndcg", 5, score_model=Binormal(1.0))
    np.testing.assert_array_equal(
        limit_correlation(30, 70, "ndcg", 5, score_model=Binormal(1.0), ms=[9, 2]), full[[8, 1]]
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: limit_correlation(0, 5, "recall", 1), ValueError, "n_pos must be in 1.."),
        (lambda: limit_correlation(5, 5, "ap", 1), ValueError, "metric must be one of"),
        (lambda: limit_correlation(5, 5, "recall", 11), ValueError, "k must be in 1..10, got 11"),
        (lambda: limit_correlation(5, 5, "recall", 1, ms=[6]), ValueError, "ms must be in 1..5"),
        (lambda: limit_correlation(5, 5, "recall", 1, score_model="x"), TypeError, "smooth ROC curve, got str"),
        (
            lambda: expected_negatives(5, 5, 1, score_model=Empirical([1.0], [0.0])),
            TypeError,
            "smooth ROC curve, got Empirical",
        ),
        (lambda: expected_negatives(5, 5, 0), ValueError, "k must be in 1..10, got 0"),
    ],
)
def test_bad_input_is_one_line(call, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
