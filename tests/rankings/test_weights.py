"""Weighted areas: lattice moments, best weights and simulation against enumeration, closed forms and bad input (G2)."""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import rankings as oracle
from scipy.optimize import nnls

from sim.core.random import stream2
from sim.rankings import (
    Binormal,
    StudentT,
    exact_correlation,
    exact_moments,
    fit_weights,
    hidden_attenuation,
    lattice_moments,
    optimal_weights,
    peak,
    simulate_areas,
    simulate_correlation,
    weights_correlation,
)
from sim.rankings.kernels import draw_ranking
from sim.rankings.models.base import roc_table
from sim.rankings.simulate.area_kernels import area_sums, choose
from sim.rankings.simulate.plan import make_plan

METRICS = ("recall", "precision", "dcg", "ndcg", "ap", "mrr", "hit")
SMALL = [(4, 6, 3), (3, 7, 10), (5, 2, 4), (1, 5, 2), (6, 4, 7), (2, 1, 1)]


def cuts(n_neg: int, ms: list[int]) -> np.ndarray:
    return (np.arange(1, n_neg + 1) <= np.array(ms)[:, None]).astype(float)


# -- the lattice ----------------------------------------------------------------------------------------------------


@pytest.mark.nojit
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n_pos", "n_neg", "k"), SMALL)
def test_lattice_moments_are_those_of_all_rankings(metric, n_pos, n_neg, k):
    rankings = list(oracle.all_rankings(n_pos, n_neg))
    r = np.array([oracle.metric(metric, labels, k) for labels in rankings])
    for n_top in range(1, n_pos + 1):
        x = np.array([oracle.areas(labels, n_top) for labels in rankings]) / (n_pos * n_neg)
        got = lattice_moments(n_pos, n_neg, metric, k, alpha=n_top / n_pos)
        assert got.metric_mean == pytest.approx(r.mean(), abs=1e-14)
        assert got.metric_var == pytest.approx(r.var(), abs=1e-14)
        np.testing.assert_allclose(got.opauc_mean, x.mean(axis=0), atol=1e-14)
        np.testing.assert_allclose(got.opauc_var, x.var(axis=0), atol=1e-14)
        np.testing.assert_allclose(got.covariance, ((r - r.mean())[:, None] * x).mean(axis=0), atol=1e-14)


@pytest.mark.parametrize("metric", ["recall", "ndcg"])
@pytest.mark.parametrize(("n_pos", "n_neg", "k"), [(200, 800, 20), (50, 40_000, 5)])
def test_lattice_moments_agree_with_the_closed_form(metric, n_pos, n_neg, k):
    a, b = lattice_moments(n_pos, n_neg, metric, k), exact_moments(n_pos, n_neg, metric, k)
    np.testing.assert_allclose(a.opauc_var, b.opauc_var, rtol=1e-8)
    np.testing.assert_allclose(a.correlation, b.correlation, atol=1e-9)


def test_a_constant_metric_has_no_correlation_and_a_nearly_constant_one_has():
    assert np.isnan(lattice_moments(3, 4, "recall", 7).correlation).all()
    assert lattice_moments(200, 800, "hit", 300).metric_var == 0.0  # missed once in 10^32 rankings
    rare = lattice_moments(200, 800, "hit", 100)  # missed once in 10^10
    assert 1e-11 < rare.metric_var < 1e-9
    assert np.nanmax(rare.correlation) < 1e-3


# -- the best weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["ap", "mrr", "hit"])
@pytest.mark.parametrize(("n_pos", "n_neg", "k"), [(4, 6, 3), (3, 7, 5), (2, 8, 7)])
def test_best_weights_for_nonlinear_metrics_are_the_regression_over_all_rankings(metric, n_pos, n_neg, k):
    rankings = list(oracle.all_rankings(n_pos, n_neg))
    r = np.array([oracle.metric(metric, labels, k) for labels in rankings])
    p = np.array([oracle.positives_above(labels) for labels in rankings], dtype=float)
    slope = np.linalg.lstsq(p - p.mean(axis=0), r - r.mean(), rcond=None)[0]
    weights, ceiling = optimal_weights(n_pos, n_neg, metric, k)
    assert ceiling == pytest.approx(np.corrcoef(p @ slope, r)[0, 1], abs=1e-12)
    np.testing.assert_allclose(weights, slope / slope.sum(), atol=1e-9)
    assert (weights[k:] == 0.0).all()


@pytest.mark.parametrize("metric", METRICS)
def test_with_one_positive_every_metric_is_a_weighted_area(metric):
    """P_j is then 1 iff the positive stands above negative j: weights are the metric's fall from rank j to j + 1."""
    k = 6
    weights, ceiling = optimal_weights(1, 30, metric, k)
    alone = [oracle.metric(metric, [int(t == at) for t in range(31)], k) for at in range(31)]
    fall = -np.diff(alone)
    assert ceiling == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(weights, fall / fall.sum(), atol=1e-9)


@given(st.integers(1, 6), st.integers(2, 12), st.data())
def test_falling_weights_are_the_best_mixture_of_cuts(n_pos, n_neg, data):
    n = n_pos + n_neg
    w = np.array(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=n)), dtype=float)
    w[::-1].cumsum(out=w[::-1])  # a metric that prefers the top, so that some cut follows it
    if ((w == w[0]).all() and w.size == n) or not w.any():
        return
    weights, ceiling = optimal_weights(n_pos, n_neg, position_weights=w, falling=True)
    assert (weights >= 0).all() and (np.diff(weights) <= 1e-12).all()
    assert weights.sum() == pytest.approx(1.0)
    assert weights_correlation(weights, n_pos, n_neg, position_weights=w) == pytest.approx(ceiling, abs=1e-9)
    # brute force: non-negative least squares on all cuts at once, in the coordinates of the bridge
    moments = exact_moments(n_pos, n_neg, position_weights=w)
    steps = np.diff(np.concatenate(([0.0], np.diff(moments.covariance, prepend=0.0), [0.0])))
    hinges = np.maximum(np.arange(1, n_neg + 1) - np.arange(n_neg + 1)[:, None], 0.0)
    hinges -= hinges.mean(axis=0)
    share, _ = nnls(hinges, steps / np.linalg.norm(steps))
    best = np.linalg.norm(hinges @ share) * optimal_weights(n_pos, n_neg, position_weights=w)[1]
    assert ceiling == pytest.approx(best, abs=1e-7)
    assert ceiling >= np.nanmax(moments.correlation) - 1e-9


@pytest.mark.parametrize(("n_pos", "n_neg"), [(200, 800), (50, 40_000), (2_000, 8_000)])
@pytest.mark.parametrize("k", [5, 20, 100])
def test_g2_no_falling_weights_follow_recall_better_than_a_hard_cut(n_pos, n_neg, k):
    weights, ceiling = optimal_weights(n_pos, n_neg, "recall", k, falling=True)
    best = peak(n_pos, n_neg, "recall", k)
    assert 0.0 <= ceiling - best.correlation < 5e-4
    used = np.flatnonzero(np.diff(np.append(weights, 0.0)) < -1e-9) + 1
    assert abs(used - best.m).max() <= 2  # neighbouring cuts, as m is an integer
    # not so for NDCG: weights that fall from the first rank on gain there
    assert optimal_weights(n_pos, n_neg, "ndcg", k, falling=True)[1] > peak(n_pos, n_neg, "ndcg", k).correlation + 5e-3


def test_g2_in_the_limit_the_hard_cut_at_three_halves_is_optimal():
    """KKT of projecting 1(x < 1) on convex falling tails: no hinge has a positive product with what is left."""
    x = np.linspace(0.0, 6.0, 600_001)
    middle, width = 0.5 * (x[1:] + x[:-1]), x[1]
    left = (middle < 1.0) - 8.0 / 9.0 * np.maximum(1.5 - middle, 0.0)
    product = np.cumsum(np.cumsum(left)) * width**2
    assert product.max() < 1e-5
    assert abs(product[np.argmin(abs(x[1:] - 1.5))]) < 1e-5
    wrong = (middle < 1.0) - np.maximum(1.4 - middle, 0.0) * (1.4 - 0.5) / (1.4**3 / 3.0)
    assert (np.cumsum(np.cumsum(wrong)) * width**2).max() > 1e-3  # a cut elsewhere fails


def test_rows_of_weights_are_scored_together():
    rows = cuts(30, [1, 4, 30])
    together = weights_correlation(rows, 10, 30, "ap", 5)
    assert together.shape == (3,)
    for row, value in zip(rows, together):
        assert weights_correlation(row, 10, 30, "ap", 5) == pytest.approx(value, abs=1e-14)
    np.testing.assert_allclose(
        weights_correlation(rows, 10, 30, "ndcg", 5), exact_correlation(10, 30, "ndcg", 5)[[0, 3, 29]], atol=1e-12
    )


# -- hidden positives, exactly --------------------------------------------------------------------------------------


def _three_classes(n_pos: int, n_hidden: int, n_neg: int):
    """All rankings of observed (2), hidden (1) and true negatives (0)."""
    return sorted(set(itertools.permutations([2] * n_pos + [1] * n_hidden + [0] * n_neg)))


@pytest.mark.parametrize(("n_pos", "n_hidden", "n_neg", "k"), [(2, 2, 3, 3), (1, 3, 3, 2), (3, 1, 3, 3)])
@pytest.mark.parametrize("metric", ["recall", "dcg"])
def test_g2_hidden_positives_attenuate_every_area_by_one_factor(n_pos, n_hidden, n_neg, k, metric):
    rankings = _three_classes(n_pos, n_hidden, n_neg)
    true = np.array([oracle.metric(metric, [int(c > 0) for c in ranking], k) for ranking in rankings])
    x = np.array([oracle.areas([int(c == 2) for c in ranking]) for ranking in rankings], dtype=float)
    held_out = np.array([oracle.metric(metric, [c for c in ranking if c < 2], k) for ranking in rankings])
    factor = hidden_attenuation(n_pos, n_hidden + n_neg, n_hidden)
    curve = exact_correlation(n_pos, n_hidden + n_neg, metric, k)
    for m in range(n_hidden + n_neg):
        assert np.corrcoef(true, x[:, m])[0, 1] == pytest.approx(factor * curve[m], abs=1e-12)
        assert abs(np.corrcoef(held_out, x[:, m])[0, 1]) < 1e-12


@pytest.mark.nojit
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("model", [None, Binormal(1.0)], ids=["random", "binormal"])
def test_area_sums_are_those_of_the_same_rankings_one_by_one(model, masked):
    n_pos, n_hidden, n_neg, k, table = 3, 2, 6, 4, roc_table(model)
    weights = np.array([[0.5, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0] * 8])
    tails = np.vstack((np.cumsum(weights[:, ::-1], axis=1)[:, ::-1].T, np.zeros(2)))
    shift, bounds = np.array([0.1, 0.2, 0.3]), np.array([0, 7, 20])
    sums, products = np.zeros((2, 3)), np.zeros((2, 3, 3))
    plan = make_plan(n_hidden if masked else n_pos + n_hidden, n_neg, ["ap"], [k], 20)
    area_sums(
        np.uint64(9), bounds, n_pos, n_hidden, n_neg, table, masked, plan.codes, plan.which, plan.cuts, plan.gains,
        tails, shift, sums, products,
    )  # fmt: skip
    found = []
    for ranking in range(20):
        b, hidden = np.zeros(n_pos + n_hidden, dtype=np.int64), np.zeros(n_pos + n_hidden, dtype=np.bool_)
        bits, levels = np.zeros(1, dtype=np.uint64), np.empty(n_pos + n_hidden + n_neg + 2)
        draw_ranking(np.uint64(stream2(np.uint64(9), 0, ranking)), n_pos + n_hidden, n_neg, table, bits, levels, b)
        choose(np.uint64(stream2(np.uint64(9), 1, ranking)), n_hidden, hidden)
        assert hidden.sum() == n_hidden
        classes = np.array(oracle.labels_from_above(b, n_neg))
        classes[classes == 1] = np.where(hidden, 1, 2)
        counted = [int(c > 0) for c in classes if c < 2 or not masked]
        p = oracle.positives_above([int(c == 2) for c in classes])
        found.append(np.append(oracle.metric("ap", counted, k), weights @ p) - shift)
    values = np.array(found)
    for g, part in enumerate((values[:7], values[7:])):
        np.testing.assert_allclose(sums[g], part.sum(axis=0), atol=1e-12)
        np.testing.assert_allclose(products[g], np.tril(part.T @ part), atol=1e-12)


# -- simulation -----------------------------------------------------------------------------------------------------
# False alarms: every comparison below is at 7 standard errors from at least 32 groups, under 1e-7 each by Student's t.


def test_simulated_areas_agree_with_the_exact_theory_with_and_without_hidden_positives():
    rows = cuts(80, [1, 6, 20, 80])
    for n_hidden in (0, 20):
        got = simulate_areas(20, 80, rows, ks=[5, 10], n_hidden=n_hidden, n_rankings=40_000, rng=4)
        factor = hidden_attenuation(20, 80, n_hidden)
        for i, j in itertools.product(range(2), range(2)):
            exact = factor * weights_correlation(rows, 20, 80, got.metrics[i], got.ks[j])
            assert (abs(got.correlation[i, j] - exact) < 7 * got.standard_error[i, j]).all()
            assert got.standard_error[i, j].max() < 0.01
    apart = simulate_areas(20, 80, rows, ks=[5], n_hidden=20, held_out=True, n_rankings=40_000, rng=4)
    assert (abs(apart.correlation) < 7 * apart.standard_error).all()


def test_simulated_areas_under_a_score_model_agree_with_other_code():
    model = Binormal.from_auc(0.8)
    mine = simulate_areas(20, 80, cuts(80, [2, 9]), metrics=["ap"], ks=[5], score_model=model, rng=2)
    other = simulate_correlation(20, 80, metrics=["ap"], ks=[5], ms=[2, 9], score_model=model, n_rankings=50_000, rng=3)
    error = np.hypot(mine.standard_error, other.standard_error)
    assert (abs(mine.correlation - other.correlation) < 7 * error).all()


@pytest.mark.parametrize("held_out", [False, True])
def test_simulated_areas_with_hidden_positives_agree_with_sorted_scores(held_out):
    n_pos, n_hidden, n_neg, k, lists = 6, 3, 9, 4, 4_000
    model, rows = Binormal.from_auc(0.75), np.array([[0.5, 0.3, 0.2] + [0.0] * 9, [1.0] * 12])
    pos, neg = model.sample(n_pos + n_hidden, n_neg, lists, rng=5)
    values = []
    for p, q in zip(pos, neg):
        order = np.argsort(-np.concatenate((p, q)))
        classes = np.where(order < n_pos, 2, np.where(order < n_pos + n_hidden, 1, 0))
        counted = [int(c > 0) for c in classes if c < 2] if held_out else [int(c > 0) for c in classes]
        values.append((oracle.metric("ndcg", counted, k), oracle.positives_above([int(c == 2) for c in classes])))
    r, x = np.array([v[0] for v in values]), np.array([v[1] for v in values]) @ rows.T
    got = simulate_areas(
        n_pos, n_hidden + n_neg, rows, metrics=["ndcg"], ks=[k], n_hidden=n_hidden, held_out=held_out,
        score_model=model, rng=6,
    )  # fmt: skip
    for a in range(2):
        sample = np.corrcoef(r, x[:, a])[0, 1]
        assert abs(got.correlation[0, 0, a] - sample) < 7 * 1.5 / np.sqrt(lists)  # 1.5: generous for a non-normal pair


def test_rankers_of_several_qualities_raise_the_correlation_with_auc():
    rankers = [Binormal.from_auc(a) for a in (0.6, 0.7, 0.8, 0.9)]
    options = {"metrics": ["recall"], "ks": [5], "n_hidden": 20, "held_out": True, "n_rankings": 20_000, "rng": 1}
    one = simulate_areas(20, 80, cuts(80, [80]), score_model=rankers[2], **options)
    all_four = simulate_areas(20, 80, cuts(80, [80]), score_model=rankers, **options)
    assert all_four.correlation.item() > one.correlation.item() + 0.2
    assert all_four.n_rankings == 20_000


def test_simulated_areas_have_the_same_bits_for_any_number_of_threads():
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        model = StudentT.from_auc(0.8)
        results.append(simulate_areas(9, 21, cuts(21, [3]), n_hidden=4, ks=[5], score_model=model, rng=1))
    assert (results[0].correlation == results[1].correlation).all()
    assert (results[0].standard_error == results[1].standard_error).all()


def test_standard_errors_are_those_of_repetitions():
    # 40 independent runs: the ratio of variances leaves [1/4, 4] with probability under 1e-6 (chi-squared, 39 and 31)
    runs = [simulate_areas(10, 40, cuts(40, [8]), ks=[5], n_rankings=640, rng=s) for s in range(40)]
    spread = np.std([r.correlation[1, 0, 0] for r in runs], ddof=1)
    claimed = np.sqrt(np.mean([r.standard_error[1, 0, 0] ** 2 for r in runs]))
    assert 0.5 < spread / claimed < 2.0


# -- regression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("falling", [False, True])
def test_fitted_weights_come_near_the_exact_ceiling_and_not_above_it(falling):
    fit = fit_weights(40, 160, ks=[5, 20], falling=falling, n_rankings=40_000, rng=3)
    for i, j in itertools.product(range(2), range(2)):
        metric, k = ("recall", "ndcg")[i], (5, 20)[j]
        ceiling = optimal_weights(40, 160, metric, k, falling=falling)[1]
        assert ceiling - 0.005 - 7 * fit.standard_error[i, j] < fit.correlation[i, j]
        assert fit.correlation[i, j] < ceiling + 7 * fit.standard_error[i, j]
        exact = weights_correlation(fit.weights[i, j], 40, 160, metric, k)
        assert abs(exact - fit.correlation[i, j]) < 7 * fit.standard_error[i, j]
        if falling:
            assert fit.weights[i, j].min() >= 0 and (np.diff(fit.weights[i, j]) <= 1e-12).all()


def test_fitted_weights_beat_every_cut_under_a_score_model_with_hidden_positives():
    model = Binormal.from_auc(0.8)
    options = {"ks": [10], "n_hidden": 40, "score_model": model, "n_rankings": 40_000}
    fit = fit_weights(40, 160, rng=3, **options)
    best = simulate_areas(40, 160, cuts(160, list(range(1, 161, 3))), rng=4, **options)
    at = best.correlation[:, 0].argmax(axis=1)
    value, error = best.correlation[[0, 1], 0, at], best.standard_error[[0, 1], 0, at]
    assert (fit.correlation[:, 0] > value - 7 * np.hypot(error, fit.standard_error[:, 0])).all()
    low, high = fit.interval()
    assert ((low < fit.correlation) & (fit.correlation < high)).all()
    assert abs(fit.weights).sum(axis=-1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lattice_moments(0, 3, "recall", 1), "n_pos must be"),
        (lambda: lattice_moments(3, 3, "auc", 1), "metric must be one of"),
        (lambda: lattice_moments(3, 3, "ap", 7), "k must be"),
        (lambda: lattice_moments(3, 3, "ap", 2, alpha=0.5), "alpha must make"),
        (lambda: lattice_moments(10**6, 10**6, "ap", 2), "use simulate_correlation"),
        (lambda: optimal_weights(3, 3, "auc", 2), "metric must be one of"),
        (lambda: optimal_weights(3, 3, "mrr"), "k must be an integer"),
        (lambda: optimal_weights(3, 3, position_weights=[0, 0, 0, 0, 0, 1], falling=True), "must rise with an area"),
        (lambda: optimal_weights(3, 3, "hit", 6), "must differ between rankings"),
        (lambda: weights_correlation([[1, 0], [0, 1]], 3, 3, "recall", 2), r"weights must have shape \(3,\)"),
        (lambda: weights_correlation([[1, 0, 0], [0, 0, 0]], 3, 3, "recall", 2), "must not all be 0"),
        (lambda: hidden_attenuation(3, 3, 3), "n_hidden must be"),
        (lambda: simulate_areas(3, 3, [1.0, 0, 0]), "weights must be 2-D"),
        (lambda: simulate_areas(3, 3, [[1.0, 0]], ks=[2]), "weights must have rows"),
        (lambda: simulate_areas(3, 3, [[1.0, 0, np.nan]], ks=[2]), "weights must be finite"),
        (lambda: simulate_areas(3, 3, cuts(3, [1]), ks=[2], held_out=True), "n_hidden must be >= 1"),
        (lambda: simulate_areas(3, 3, cuts(3, [1]), ks=[2], score_model=[]), "score_model must have"),
        (lambda: simulate_areas(3, 3, cuts(3, [1]), ks=[2], score_model="binormal"), "score_model must be"),
        (lambda: simulate_areas(3, 3, cuts(3, [1]), ks=[2], n_rankings=5), "n_rankings must be"),
        (lambda: simulate_areas(3, 3, cuts(3, [1]), ks=[2], max_bytes=10), "max_bytes must cover"),
        (lambda: fit_weights(3, 30, ks=[2], n_rankings=50), "n_rankings must be"),
        (lambda: fit_weights(3, 30, ks=[33]), "each metric must differ"),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises((ValueError, TypeError, MemoryError), match=says) as error:
        make()
    assert "\n" not in str(error.value)
