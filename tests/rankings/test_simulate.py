"""The Monte Carlo against its oracle, the closed forms, and itself on other thread counts (claim F6)."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from oracles import rankings as oracle

from sim.rankings import Binormal, exact_correlation, exact_moments, simulate_correlation
from sim.rankings import kernels as kernels
from sim.rankings.models.base import roc_table
from sim.rankings.simulate.plan import METRICS

NO_MODEL = np.zeros((0, 2))


def drawn(seed: int, n: int, n_pos: int, n_neg: int, model: Binormal | None = None) -> np.ndarray:
    out = np.zeros((n, n_pos), dtype=np.int64)
    kernels.draw_rankings(seed, 0, n_pos, n_neg, roc_table(model), out)
    return out


@pytest.mark.nojit
@pytest.mark.parametrize(("n_pos", "n_neg"), [(1, 1), (3, 5), (5, 3), (2, 70)])
def test_drawn_rankings_are_well_formed(n_pos: int, n_neg: int) -> None:
    for model in (None, Binormal(1.0)):
        b = drawn(5, 20, n_pos, n_neg, model)
        assert b.min() >= 0
        assert b.max() <= n_neg
        assert (np.diff(b, axis=1) >= 0).all()


@pytest.mark.nojit
def test_metric_values_equal_the_definitions() -> None:
    n_pos, n_neg, ks = 4, 6, [1, 3, 7, 10]
    names = ["recall", "dcg", "ap", "mrr", "hit", "auc"]
    codes = np.array([c for c in range(6) for _ in ks])
    which = np.array([q for _ in range(6) for q in range(4)])
    gains = 1 / np.log2(np.arange(2, 12))
    out = np.zeros(24)
    for b in drawn(9, 12, n_pos, n_neg):
        kernels.metric_values(
            b, n_pos, n_neg, codes, which, np.array(ks), gains, np.zeros(4), np.zeros(4), np.zeros(4), out
        )
        labels = oracle.labels_from_above(b, n_neg)
        expected = [oracle.metric(name, labels, k) for name in names for k in ks]
        np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n_rankings", [10, 37, 1000])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("model", [None, Binormal(0.7, 1.5)])
def test_correlation_equals_corrcoef_of_the_same_rankings(
    n_rankings: int, alpha: float, model: Binormal | None
) -> None:
    n_pos, n_neg, ks = 6, 9, (4, 1, 8)
    result = simulate_correlation(
        n_pos, n_neg, metrics=METRICS, ks=ks, n_rankings=n_rankings, rng=3, alpha=alpha, score_model=model
    )
    rankings = drawn(3, n_rankings, n_pos, n_neg, model)
    n_top = round(alpha * n_pos)
    x = np.array([oracle.areas(oracle.labels_from_above(b, n_neg), n_top) for b in rankings]) / (n_pos * n_neg)
    np.testing.assert_allclose(result.opauc_mean, x.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(result.opauc_std, x.std(axis=0), atol=1e-12)
    for i, name in enumerate(METRICS):
        for j, k in enumerate(ks):
            r = np.array([oracle.metric(name, oracle.labels_from_above(b, n_neg), k) for b in rankings])
            assert abs(result.metric_mean[i, j] - r.mean()) < 1e-12
            assert abs(result.metric_std[i, j] - r.std()) < 1e-12
            if r.std() > 1e-9 and x.std(axis=0).min() > 0:
                expected = oracle.correlation_of(name, k, rankings, n_neg, n_top)
                np.testing.assert_allclose(result.curve(name, k)[0], expected, atol=1e-10)


def test_f6_five_sigma_agreement_with_the_exact_curve() -> None:
    # 100,000 rankings of 200 + 800. Student's t with 63 degrees of freedom exceeds 6.5 with probability 1.5e-8; times
    # 10 curves whose points are all but copies of a few (12,000 points at the very most: 2e-4; about 100 effective).
    result = simulate_correlation(200, 800, metrics=("recall", "precision", "ndcg"), n_rankings=100_000, rng=20230430)
    for name in result.metrics:
        for k in result.ks:
            value, error = result.curve(name, k)
            z = (value - exact_correlation(200, 800, name, k)) / error
            assert np.abs(z).max() < 5.0
            # the area's and the metric's own moments
        moments = exact_moments(200, 800, name, 20)
        j = result.ks.index(20)
        i = result.metrics.index(name)
        half = 5.5 * math.sqrt(moments.metric_var / result.n_rankings)  # false alarm 4e-8
        assert abs(result.metric_mean[i, j] - moments.metric_mean) < half
        assert np.abs(result.opauc_mean - moments.opauc_mean).max() < 6 * np.sqrt(moments.opauc_var.max() / 1e5)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            for model in (None, Binormal(1.0)):
                results.append(simulate_correlation(30, 70, ks=(5, 20), n_rankings=3001, rng=8, score_model=model))
    finally:
        numba.set_num_threads(before)
    for one, two in zip(results[:2], results[2:], strict=True):
        for field in ("correlation", "standard_error", "metric_mean", "metric_std", "opauc_mean", "opauc_std"):
            np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


def test_seed_is_reported_and_reproduces() -> None:
    first = simulate_correlation(10, 20, ks=(5,), n_rankings=100, rng=np.random.default_rng(4))
    again = simulate_correlation(10, 20, ks=(5,), n_rankings=100, rng=first.seed)
    np.testing.assert_array_equal(first.correlation, again.correlation)
    other = simulate_correlation(10, 20, ks=(5,), n_rankings=100, rng=first.seed + 1)
    assert (first.correlation != other.correlation).any()


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("model", [None, Binormal(1.0, 2.0)])
@pytest.mark.parametrize("ms", [[30, 1, 7, 30], np.arange(40, 5, -1)])  # few: only these areas; many: all, then chosen
def test_reported_areas_may_be_a_subset_in_any_order(ms, model, alpha) -> None:  # type: ignore[no-untyped-def]
    options = {"ks": (5,), "n_rankings": 500, "rng": 1, "alpha": alpha, "score_model": model}
    full = simulate_correlation(10, 40, **options)
    part = simulate_correlation(10, 40, ms=ms, **options)
    at = np.asarray(ms) - 1
    np.testing.assert_array_equal(part.m, ms)
    np.testing.assert_allclose(part.correlation, full.correlation[..., at], atol=1e-13)
    np.testing.assert_allclose(part.standard_error, full.standard_error[..., at], atol=1e-12)
    np.testing.assert_allclose(part.opauc_mean, full.opauc_mean[at], atol=1e-14)
    np.testing.assert_allclose(part.opauc_std, full.opauc_std[at], atol=1e-14)
    np.testing.assert_allclose(part.influence("recall", 5), full.influence("recall", 5)[:, at], atol=1e-11)
    np.testing.assert_array_equal(part.beta, np.asarray(ms) / 40)


def test_uniform_draw_is_uniform_over_all_rankings() -> None:
    # 10 rankings of 3 + 2, each seen about 20,000 times: chi-square with 9 degrees of freedom exceeds 49 w.p. 2e-7
    n = 200_000
    for n_pos, n_neg in ((3, 2), (2, 3)):
        b = drawn(77, n, n_pos, n_neg)
        _, counts = np.unique(b, axis=0, return_counts=True)
        assert counts.size == 10
        assert ((counts - n / 10) ** 2 / (n / 10)).sum() < 49.0


def test_model_draw_without_separation_is_uniform_over_all_rankings() -> None:
    n = 200_000
    b = drawn(78, n, 3, 2, Binormal(0.0))
    _, counts = np.unique(b, axis=0, return_counts=True)
    assert counts.size == 10
    assert ((counts - n / 10) ** 2 / (n / 10)).sum() < 49.0  # 2e-7


def test_standard_error_covers() -> None:
    # 400 runs; the t-interval at 95% covers in 380 +- 4.4. Bounds at 5.5 sd: false alarm below 1e-6 (coverage 0.95)
    n_runs, hits = 400, np.zeros(2)
    exact = [exact_correlation(20, 80, "recall", 5)[9], exact_correlation(20, 80, "ndcg", 20)[29]]
    for seed in range(n_runs):
        result = simulate_correlation(
            20, 80, metrics=("recall", "ndcg"), ks=(5, 20), n_rankings=1000, rng=seed, ms=[10, 30]
        )
        low, high = result.interval(0.95)
        hits += [low[0, 0, 0] <= exact[0] <= high[0, 0, 0], low[1, 1, 1] <= exact[1] <= high[1, 1, 1]]
    assert (hits >= 355).all(), hits
    assert (hits <= 399).all(), hits


def test_constant_metric_and_constant_area_are_nan() -> None:
    result = simulate_correlation(3, 4, metrics=("recall", "hit"), ks=(7, 1), n_rankings=50, rng=0)
    assert np.isnan(result.curve("recall", 7)[0]).all()
    assert np.isnan(result.curve("hit", 7)[0]).all()
    assert not np.isnan(result.curve("recall", 1)[0]).any()


def test_auc_column_is_the_last_area() -> None:
    result = simulate_correlation(12, 30, metrics=("auc",), ks=(1, 9), n_rankings=200, rng=0)
    assert abs(result.correlation[0, 0, -1] - 1.0) < 1e-9
    np.testing.assert_array_equal(result.correlation[0, 0], result.correlation[0, 1])
    assert abs(result.metric_mean[0, 0] - result.opauc_mean[-1]) < 1e-12


def test_error_falls_as_one_over_root_n() -> None:
    exact = exact_correlation(20, 60, "recall", 5)
    errors = []
    for n in (2_000, 200_000):
        result = simulate_correlation(20, 60, metrics=("recall",), ks=(5,), n_rankings=n, rng=5)
        errors.append(math.sqrt(((result.correlation[0, 0] - exact) ** 2).mean()))
        assert errors[-1] < 6 * result.standard_error.max()
    assert errors[1] < errors[0]


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    simulate_correlation(3, 4, ks=(1,), n_rankings=20, rng=0, progress=True)
    assert "rankings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_pos": 0}, ValueError, "n_pos must be in 1.."),
        ({"n_neg": 2.0}, TypeError, "n_neg must be an integer"),
        ({"metrics": ("recall", "map")}, ValueError, "metrics must be one of"),
        ({"metrics": "recall"}, TypeError, "metrics must be a sequence"),
        ({"metrics": ()}, ValueError, "metrics must have distinct entries"),
        ({"ks": (5, 5)}, ValueError, "ks must have distinct entries"),
        ({"ks": (31,)}, ValueError, "ks must be in 1..30, got 31"),
        ({"ks": 5}, TypeError, "ks must be a sequence"),
        ({"n_rankings": 9}, ValueError, "n_rankings must be in 10.."),
        ({"alpha": 0.0}, ValueError, r"alpha must be in \(0, 1\]"),
        ({"alpha": 0.55}, ValueError, "alpha must make alpha \\* n_pos an integer"),
        ({"ms": [0]}, ValueError, "ms must be in 1..20"),
        ({"ms": [21]}, ValueError, "ms must be in 1..20"),
        ({"ms": [1.5]}, ValueError, "ms must be a 1-D array"),
        ({"ms": []}, ValueError, "ms must be a 1-D array"),
        ({"groups": 4}, ValueError, "groups must be in 8..1000"),
        ({"rng": "x"}, TypeError, "rng must be"),
        ({"score_model": "binormal"}, TypeError, "score_model must be a ScoreModel or None, got str"),
        ({"max_bytes": 100}, MemoryError, "max_bytes must cover the run: it needs"),
        ({"n_pos": 10**9, "n_neg": 10**9}, MemoryError, "max_bytes must cover the run"),
    ],
)
def test_bad_input_is_one_line(options, error, message) -> None:  # type: ignore[no-untyped-def]
    arguments = {"n_pos": 10, "n_neg": 20, "ks": (5,), "n_rankings": 20, "rng": 0} | options
    with pytest.raises(error, match=message) as caught:
        simulate_correlation(arguments.pop("n_pos"), arguments.pop("n_neg"), **arguments)
    assert "\n" not in str(caught.value)


def test_result_refuses_what_was_not_simulated() -> None:
    result = simulate_correlation(3, 4, ks=(1,), n_rankings=20, rng=0)
    with pytest.raises(ValueError, match="metric must be one of"):
        result.curve("ap", 1)
    with pytest.raises(ValueError, match="k must be one of 1, got 2"):
        result.curve("recall", 2)
    with pytest.raises(ValueError, match="level must be in"):
        result.interval(0.0)
