"""Spearman and Kendall with ties, and their standard errors, against scipy, derivatives and known populations."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import rankings as oracle
from scipy import stats

from sim.rankings import METHODS, METRICS, Binormal, StudentT, correlate, simulate_correlation
from sim.rankings import kernels as kernels
from sim.rankings.models.base import roc_table
from sim.rankings.simulate import chosen_kernels as chosen
from sim.rankings.simulate.plan import make_plan
from sim.rankings.simulate.rank_correlation import influence_of

SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
few = st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), min_size=16, max_size=60)
many = st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(0, 9)), min_size=16, max_size=60)


@pytest.mark.parametrize("method", METHODS)
@given(pairs=few | many)
def test_equals_scipy_with_ties(method: str, pairs: list[tuple[float, float]]) -> None:
    x, y = np.array(pairs, dtype=np.float64).T
    value, error = correlate(x, y, method=method)
    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        assert math.isnan(value)
        assert math.isnan(error)
    else:
        scale = 1e-9 if method == "pearson" else 1e-12  # Pearson of nearly constant values loses digits in both
        if method != "pearson" or min(x.std() / (1 + abs(x).max()), y.std()) > 1e-6:
            assert abs(value - SCIPY[method](x, y).statistic) < scale


@pytest.mark.nojit
@pytest.mark.parametrize("method", METHODS)
def test_influence_is_the_derivative_in_an_observations_weight(method: str) -> None:
    # 40 copies of every observation, 41 or 39 of one: the central difference is exact to the square of 1/40
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 4, 16).astype(float), rng.integers(0, 6, 16).astype(float)
    n, copies = x.size, 40
    _, influence = influence_of(method, y[None], x[None], np.arange(n + 1))
    assert abs(influence.sum()) < 1e-12
    for i in range(n):
        ends = []
        for step in (1, -1):
            times = np.full(n, copies)
            times[i] += step
            ends.append(SCIPY[method](x.repeat(times), y.repeat(times)).statistic)
        assert abs((ends[0] - ends[1]) * 0.5 * copies - influence[i, 0, 0] / n) < 2e-4


@pytest.mark.parametrize(("method", "truth"), [("spearman", 6 / math.pi * math.asin(0.4)), ("kendall", 0.5903344706)])
def test_standard_error_covers_the_population(method: str, truth: float) -> None:
    # binormal pairs, r = 0.8: rho_S = (6/pi) asin(r/2), tau = (2/pi) asin(r). 400 runs, t-interval at 95%: 380 +- 4.4
    # covered if it is exact; bounds at 5.5 sd, false alarm below 1e-6
    rng = np.random.default_rng(5)
    quantile = stats.t.ppf(0.975, 63)
    covered = 0
    for _ in range(400):
        x = rng.standard_normal(1500)
        value, error = correlate(x, 0.8 * x + 0.6 * rng.standard_normal(1500), method=method)
        covered += abs(value - truth) < quantile * error
    assert 355 <= covered <= 399


@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", [None, Binormal(0.7, 1.5)])
def test_simulation_equals_scipy_on_the_same_rankings(method: str, alpha: float, model: Binormal | None) -> None:
    n_pos, n_neg, n = 6, 9, 300
    result = simulate_correlation(
        n_pos, n_neg, metrics=METRICS, ks=(4, 1), n_rankings=n, rng=3, alpha=alpha, score_model=model, method=method
    )
    rankings = np.zeros((n, n_pos), dtype=np.int64)
    kernels.draw_rankings(3, 0, n_pos, n_neg, roc_table(model), rankings)
    lists = [oracle.labels_from_above(b, n_neg) for b in rankings]
    x = np.array([oracle.areas(labels, round(alpha * n_pos)) for labels in lists])
    for name in METRICS:
        for k in (4, 1):
            r = np.array([oracle.metric(name, labels, k) for labels in lists]).round(12)
            expected = [SCIPY[method](r, x[:, m]).statistic for m in range(n_neg)]
            np.testing.assert_allclose(result.curve(name, k)[0], expected, atol=1e-12)
    assert result.method == method
    np.testing.assert_allclose(result.opauc_mean, x.mean(axis=0) / (n_pos * n_neg), atol=1e-14)
    np.testing.assert_allclose(result.opauc_std, x.std(axis=0) / (n_pos * n_neg), atol=1e-14)


@pytest.mark.nojit
def test_chosen_areas_equal_the_definition_and_sum_up() -> None:
    n_pos, n_neg, n, m = 4, 6, 9, np.array([1, 4, 6])
    what = (np.zeros((0, 2)), np.array([kernels.RECALL]), np.array([0]), np.array([3]), np.ones(3))
    b = np.zeros((n, n_pos), dtype=np.int64)
    kernels.draw_rankings(5, 0, n_pos, n_neg, what[0], b)
    for n_top in (4, 1):
        areas, values = np.zeros((3, n)), np.zeros((1, n))
        chosen.fill_values(5, n_pos, n_neg, n_top, *what, m, values, areas)
        lists = [oracle.labels_from_above(row, n_neg) for row in b]
        np.testing.assert_array_equal(areas.T, [np.array(oracle.areas(labels, n_top))[m - 1] for labels in lists])
        np.testing.assert_array_equal(values[0], [oracle.metric("recall", labels, 3) for labels in lists])
        out = np.zeros((2, 2, 1)), np.zeros((2, 2, 3)), np.zeros((2, 3))
        chosen.chosen_sums(
            5, np.array([0, 4, n]), n_pos, n_neg, n_top, *what, np.array([0.2]), m, np.array([1.0, 2, 3]), *out
        )
        y, x = values[0] - 0.2, areas - np.array([[1.0], [2], [3]])
        for g, part in enumerate((slice(0, 4), slice(4, n))):
            np.testing.assert_allclose(out[0][g, :, 0], [y[part].sum(), (y[part] ** 2).sum()])
            np.testing.assert_allclose(out[1][g], [x[:, part].sum(axis=1), x[:, part] @ y[part]])
            np.testing.assert_allclose(out[2][g], (x[:, part] ** 2).sum(axis=1))


def test_streamed_and_stored_pearson_agree_with_their_errors() -> None:
    # the stored route's influence function against the streamed route's delete-a-group jackknife
    n_pos, n_neg, n = 20, 60, 6400
    result = simulate_correlation(n_pos, n_neg, metrics=("ndcg",), ks=(5,), n_rankings=n, rng=1, ms=[7, 60])
    b = np.zeros((n, n_pos), dtype=np.int64)
    kernels.draw_rankings(1, 0, n_pos, n_neg, roc_table(None), b)
    gains = 1 / np.log2(np.arange(2, 7))
    position = b + np.arange(n_pos)
    dcg = np.where(position < 5, np.append(gains, 0.0)[np.minimum(position, 5)], 0.0).sum(axis=1)
    x = np.array([np.maximum(m - b, 0).sum(axis=1) for m in (7, 60)], dtype=np.float64)
    value, influence = influence_of("pearson", dcg[None], x, np.arange(65) * n // 64)
    np.testing.assert_allclose(result.curve("ndcg", 5)[0], value[0], atol=1e-12)
    np.testing.assert_allclose(result.influence("ndcg", 5), influence[:, 0], atol=0.02 * np.abs(influence).max())


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_areas_in_blocks_and_threads_give_the_same_bits(method: str) -> None:
    options = {"metrics": ("recall", "mrr"), "ks": (3, 8), "n_rankings": 1000, "rng": 8, "method": method}
    whole = simulate_correlation(10, 40, **options)
    small = 10**6  # room for a few areas at a time
    plan = make_plan(10, 40, ("recall", "mrr"), (3, 8), 1000, method=method, max_bytes=small)
    assert 1 <= plan.block < 40
    parts = [simulate_correlation(10, 40, max_bytes=small, **options)]
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        parts.append(simulate_correlation(10, 40, **options))
    finally:
        numba.set_num_threads(before)
    for other in parts:
        np.testing.assert_array_equal(other.correlation, whole.correlation)
        np.testing.assert_array_equal(other.standard_error, whole.standard_error)
        np.testing.assert_array_equal(other.opauc_std, whole.opauc_std)


def test_what_does_not_fit_is_said_beforehand_and_pearson_streams_it() -> None:
    options = {"ks": (5,), "n_rankings": 10**9, "rng": 0}
    with pytest.raises(MemoryError, match=r"kendall keeps every ranking's values: .* pearson, which is streamed") as e:
        simulate_correlation(10, 40, method="kendall", **options)
    assert "\n" not in str(e.value)
    assert make_plan(10, 40, ("recall",), (5,), 10**9, method="pearson").n_rankings == 10**9


def test_scores_without_a_variance_have_all_three_coefficients() -> None:
    # metrics and areas are bounded: Cauchy scores (and wilder ones) are no obstacle, whatever the method
    for method in METHODS:
        for df in (1.0, 0.2):
            model = StudentT.from_auc(0.8, df=df)
            assert not model.has_finite_variance
            result = simulate_correlation(
                10, 90, ks=(5,), n_rankings=500, rng=0, score_model=model, ms=[3, 90], method=method
            )
            assert np.isfinite(result.correlation).all()
            assert (result.standard_error < 0.2).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "tau"}, ValueError, "method must be one of 'pearson', 'spearman', 'kendall', got 'tau'"),
        ({"x": [1.0] * 15}, ValueError, r"x must be 1-D with at least 16 entries, got shape \(15,\)"),
        ({"y": np.zeros((4, 5))}, ValueError, "y must be 1-D"),
        ({"y": np.zeros(21)}, ValueError, "y must have as many entries as x, got 21 and 20"),
        ({"x": [math.nan] * 20}, ValueError, "x must be finite, got 20 NaN"),
        ({"groups": 7}, ValueError, "groups must be in 8..1000"),
    ],
)
def test_bad_input_is_one_line(arguments, error, message) -> None:  # type: ignore[no-untyped-def]
    given_ = {"x": np.arange(20.0), "y": np.arange(20.0)} | arguments
    with pytest.raises(error, match=message) as caught:
        correlate(given_.pop("x"), given_.pop("y"), **given_)
    assert "\n" not in str(caught.value)
