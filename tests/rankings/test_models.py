"""Score models: curve, area and samples against each other and against closed forms."""

from __future__ import annotations

import math
import operator
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from sim.rankings import (
    BetaScores,
    Binormal,
    Empirical,
    FalseNegatives,
    GumbelShift,
    LogisticShift,
    PopularitySkewed,
    PowerROC,
    ScoreModel,
    StudentT,
    simulate_correlation,
)
from sim.rankings import kernels as kernels
from sim.rankings.models._laws import LogitBeta
from sim.rankings.models.base import roc_table, table_error

MODELS = [
    Binormal(1.3, 2.0),
    Binormal(3.0, 0.5),
    StudentT(1.0, 1.0, 2.0),
    StudentT(5.0, 1.5),
    LogisticShift(1.5),
    GumbelShift(1.0),
    GumbelShift(-1.0),
    PowerROC(0.3),
    BetaScores(),
    BetaScores(0.5, 0.4, 0.6, 2.0),
    BetaScores(20.0, 5.0, 5.0, 20.0),
    PopularitySkewed(),
    PopularitySkewed(1.5, 0.5, 0.3),
    FalseNegatives(Binormal(1.5), 0.1),
    FalseNegatives(StudentT(3.0, 1.0), 0.02),
]
FAMILIES = [Binormal, StudentT, LogisticShift, GumbelShift, PowerROC, BetaScores, PopularitySkewed, FalseNegatives]
ids = [f"{type(m).__name__}{i}" for i, m in enumerate(MODELS)]


def as_law(model: ScoreModel, scores: np.ndarray) -> np.ndarray:
    """Survival function of the (true) negatives at given scores."""
    base = model.base if isinstance(model, FalseNegatives) else model
    return base._laws()[1].sf(special.logit(scores) if isinstance(base, BetaScores) else scores)


@pytest.mark.parametrize("model", MODELS, ids=ids)
def test_samples_follow_the_population_roc(model: ScoreModel) -> None:
    # Dvoretzky-Kiefer-Wolfowitz: the empirical law leaves a band of this width with probability 1e-7
    n = 40_000
    band = math.sqrt(math.log(2 / 1e-7) / (2 * n))
    pos, neg = model.sample(200, 200, n // 200, rng=11)
    grid = np.linspace(0.0, 1.0, 2001)[1:-1]
    base = model.base if isinstance(model, FalseNegatives) else model
    share = model.share if isinstance(model, FalseNegatives) else 0.0
    for scores, law in ((pos, base.tpr(grid)), (neg, (1 - share) * grid + share * base.tpr(grid))):
        placed = np.sort(as_law(model, scores).ravel())
        found = np.searchsorted(placed, grid, side="right") / n
        assert np.abs(found - law).max() < band


@pytest.mark.parametrize("model", MODELS, ids=ids)
def test_table_draws_rankings_with_the_population_area(model: ScoreModel) -> None:
    # the mean AUC of 20,000 lists is unbiased for the population's; 6 standard errors: 2e-9
    result = simulate_correlation(5, 20, metrics=("auc",), ks=(1,), n_rankings=20_000, rng=4, score_model=model)
    half = 6 * result.opauc_std[-1] / math.sqrt(result.n_rankings)
    assert abs(result.opauc_mean[-1] - model.auc) < half


@pytest.mark.parametrize("model", [*MODELS, Empirical([3, 2, 2, 0.5], [2.5, 2, 1, 0, -1])], ids=[*ids, "Empirical"])
def test_table_and_score_routes_draw_the_same_rankings(model: ScoreModel) -> None:
    # two routes to E[P_1], E[P_5], E[P_20] from 4,000 lists each: z of the differences below 6 (2e-9 each)
    n, n_pos, n_neg = 4000, 6, 20
    b = np.zeros((n, n_pos), dtype=np.int64)
    kernels.draw_rankings(3, 0, n_pos, n_neg, roc_table(model), b)
    pos, neg = model.sample(n_pos, n_neg, n, rng=99)
    tie = np.random.default_rng(0).random((n, n_pos, n_neg)) < 0.5  # ties in random order: half, on average
    beaten = (neg[:, None, :] > pos[:, :, None]) | ((neg[:, None, :] == pos[:, :, None]) & tie)
    above = np.sort(beaten.sum(axis=2), axis=1)
    for j in (1, 5, 20):
        one, two = (b < j).sum(axis=1), (above < j).sum(axis=1)
        z = (one.mean() - two.mean()) / math.sqrt((one.var() + two.var()) / n + 1e-12)
        assert abs(z) < 6.0


@pytest.mark.parametrize("model", MODELS, ids=ids)
def test_area_is_the_integral_of_the_curve(model: ScoreModel) -> None:
    betas = np.array([0.0, 1e-5, 0.01, 0.3, 1.0])
    value, error = model.opauc_with_error(betas)
    again, quadrature_error = model.opauc_quadrature(betas)
    assert (np.abs(value - again) <= 1e-12 * betas + error + quadrature_error).all()
    assert (quadrature_error <= 1e-10).all()
    # an independent rule: trapezoids in FPR on a grid that is fine at both ends
    s = special.betainc(3.0, 3.0, np.linspace(0.0, 1.0, 20_001))
    assert abs(np.trapezoid(model.tpr(s), s) - model.auc) < 1e-6


@pytest.mark.parametrize("model", MODELS, ids=ids)
def test_curve_is_monotone_and_the_table_inverts_it(model: ScoreModel) -> None:
    s = np.concatenate((np.geomspace(1e-9, 0.5, 200), 1 - np.geomspace(0.5, 1e-6, 100)))
    tpr = model.tpr(s)
    assert (np.diff(tpr) >= 0).all()
    assert float(model.tpr(0.0)) == 0.0
    assert float(model.tpr(1.0)) == 1.0
    assert table_error(model, 20.0) < 1e-6
    inside = (tpr > 1e-12) & (tpr < 1 - 1e-9)
    table = roc_table(model)
    back = np.array([kernels.roc_inverse(table, u) for u in tpr[inside]])
    np.testing.assert_allclose(special.logit(back), special.logit(s[inside]), atol=2e-5, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("auc", [0.55, 0.75, 0.95])
def test_from_auc(family, auc: float) -> None:  # type: ignore[no-untyped-def]
    model = family.from_auc(auc)
    assert abs(model.auc - auc) < 1e-10
    assert (model.opauc([0.1, 0.5]) < [0.1, 0.5]).all()


def test_samples_do_not_depend_on_threads_or_on_the_other_class() -> None:
    before = numba.get_num_threads()
    drawn = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            drawn.append(BetaScores(0.5, 2.0, 1.0, 1.0).sample(3, 5, 40, rng=6))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1])
    more = BetaScores(0.5, 2.0, 1.0, 1.0).sample(4, 5, 40, rng=6)
    np.testing.assert_array_equal(more[1], drawn[0][1])
    np.testing.assert_array_equal(more[0][:, :3], drawn[0][0])


@pytest.mark.nojit
def test_samplers_as_plain_python() -> None:
    for model in (Binormal(), StudentT(), LogisticShift(), GumbelShift(), PowerROC(), BetaScores(0.5, 1.0, 1.0, 1.0)):
        pos, neg = model.sample(2, 3, 2, rng=1)
        assert np.isfinite(pos).all()
        assert neg.shape == (2, 3)
    pos, neg, hidden = FalseNegatives(PopularitySkewed(), 0.5).sample_hidden(2, 3, 2, rng=1)
    assert hidden.shape == neg.shape
    assert set(Empirical([1.0, 2.0], [0.0]).sample(5, 2, 1, rng=1)[0].ravel()) <= {1.0, 2.0}
    out = np.zeros((2, 3), dtype=np.int64)
    kernels.draw_rankings(1, 0, 3, 4, roc_table(Empirical([1.0, 2.0], [0.0, 1.5])), out)
    assert (np.diff(out, axis=1) >= 0).all()


def test_hidden_positives_are_marked() -> None:
    model = FalseNegatives(Binormal(50.0), 0.3)
    _, neg, hidden = model.sample_hidden(1, 500, 40, rng=2)
    np.testing.assert_array_equal(hidden, neg > 25.0)
    # 20,000 coins of 0.3: 5.5 standard errors, false alarm 4e-8
    assert abs(hidden.mean() - 0.3) < 5.5 * math.sqrt(0.21 / hidden.size)
    clean = FalseNegatives(Binormal(), 0.0)
    assert not clean.sample_hidden(2, 3, 2, rng=1)[2].any()
    np.testing.assert_allclose(clean.opauc([0.1, 1.0]), Binormal().opauc([0.1, 1.0]), atol=1e-13)


def test_hidden_positives_in_an_empirical_model() -> None:
    base = Empirical([3.0, 1.0], [2.0, 0.0])
    model = FalseNegatives(base, 0.25)
    result = simulate_correlation(4, 10, metrics=("auc",), ks=(1,), n_rankings=20_000, rng=4, score_model=model)
    expected = 0.75 * base.auc + 0.125
    assert abs(result.opauc_mean[-1] - expected) < 6 * result.opauc_std[-1] / math.sqrt(result.n_rankings)


@given(st.data())
def test_empirical_area_counts_pairs(data: st.DataObject) -> None:
    scores = st.lists(st.integers(-3, 3), min_size=1, max_size=8)
    pos, neg = np.array(data.draw(scores), float), np.array(data.draw(scores), float)
    model = Empirical(pos, neg)
    wins = (pos[:, None] > neg).mean() + 0.5 * (pos[:, None] == neg).mean()
    assert abs(model.auc - wins) < 1e-12
    # the area is the integral of the curve, at any limit
    beta = data.draw(st.floats(0.0, 1.0))
    s = np.unique(np.concatenate((np.linspace(0.0, beta, 3001), model._corners[model._corners[:, 1] < beta, 1])))
    middle = 0.5 * (s[1:] + s[:-1])
    assert abs(float(model.opauc(beta)) - float((model.tpr(middle) * np.diff(s)).sum())) < 1e-12


def pairs_area(pos: list[int], neg: list[int], share: Fraction, beta: Fraction) -> Fraction:
    """OPAUC(beta) where a share of the negatives follow the positives' law, pair by pair of atoms, in fractions."""
    atoms = [(score, share / len(pos)) for score in pos] + [(score, (1 - share) / len(neg)) for score in neg]
    total = Fraction(0)
    for score in set(pos + neg):
        start, mass = (sum(m for x, m in atoms if keep(x, score)) for keep in (operator.gt, operator.eq))
        inside = min(max(beta - start, Fraction(0)), mass)  # of the FPR that this score's negatives cover
        above, tied = (Fraction(sum(keep(x, score) for x in pos), len(pos)) for keep in (operator.gt, operator.eq))
        total += inside * above
        total += tied * inside**2 / (2 * mass) if mass else 0  # ties in random order
    return total


@given(st.data())
def test_area_with_hidden_positives_from_data_counts_pairs(data: st.DataObject) -> None:
    scores = st.lists(st.integers(-3, 3), min_size=1, max_size=6)
    pos, neg = data.draw(scores), data.draw(scores)
    share, beta = data.draw(st.fractions(0, Fraction(9, 10))), data.draw(st.fractions(0, 1))
    model = FalseNegatives(Empirical(np.array(pos, float), np.array(neg, float)), float(share))
    expected = float(pairs_area(pos, neg, Fraction(float(share)), Fraction(float(beta))))
    value, error = model.opauc_with_error(float(beta))
    assert abs(float(value) - expected) < 1e-13 + float(error)
    # the curve is the area's derivative
    step = Fraction(1, 10**9)
    if 3 * step < beta < 1 - 3 * step:
        low, high = (pairs_area(pos, neg, share, beta + sign * step) for sign in (-1, 1))
        before, after = (float(model.tpr(float(beta) + sign * 2e-9)) for sign in (-1, 1))
        assert before - 1e-9 <= float((high - low) / (2 * step)) <= after + 1e-9


def test_hidden_positives_of_a_curve_too_steep_for_its_rates() -> None:
    # at TPR u the base's rate is u^100: nearly all of the hardest observed negatives are hidden, FPR = share u
    model = FalseNegatives(PowerROC(0.01), 0.3)
    s = np.array([1e-12, 1e-6, 1e-3, 0.1])
    np.testing.assert_allclose(model.tpr(s), s / 0.3, rtol=1e-12)
    np.testing.assert_allclose(model.opauc(s), s**2 / 0.6, rtol=1e-12)
    np.testing.assert_allclose(model.opauc_quadrature(s)[0], s**2 / 0.6, rtol=1e-10)


def test_beta_quantiles_beyond_the_middle_keep_both_tails() -> None:
    # a narrow law above 1/2: its lower tail, and with it the mirrored law's upper one, lies where 1 - q rounds to 1
    q = np.geomspace(1e-17, 1e-60, 40)
    law = LogitBeta(377.0, 72.0)
    np.testing.assert_allclose(law.logcdf(law.ppf(q)), np.log(q), rtol=1e-9)
    np.testing.assert_allclose(LogitBeta(72.0, 377.0).isf(q), -law.ppf(q), rtol=1e-12)
    s = np.geomspace(1e-25, 1.0, 500)
    assert (np.diff(BetaScores(0.85, 0.6, 72.0, 377.0).tpr(s)) >= 0.0).all()


def test_hidden_positives_that_are_all_easy() -> None:
    # positives far below all negatives: true negatives fill the FPR up to 1 - share, hidden positives the rest
    model = FalseNegatives(PopularitySkewed(3.0, -40.0, 0.3), 0.4)
    s = np.array([0.3, 0.6, 0.7, 0.9, 1.0])
    u = np.maximum(s - 0.6, 0.0) / 0.4
    np.testing.assert_allclose(model.tpr(s), u, atol=1e-14)
    np.testing.assert_allclose(model.opauc(s), 0.2 * u**2, atol=1e-14)


def test_finite_variance_is_said() -> None:
    assert Binormal().has_finite_variance
    assert not StudentT(2.0).has_finite_variance
    assert not FalseNegatives(StudentT(1.5), 0.1).has_finite_variance


def test_popularity_alone_is_the_power_roc() -> None:
    s = np.array([1e-3, 0.1, 0.5, 0.9])
    np.testing.assert_allclose(PopularitySkewed(2.0, 0.0, 0.01).tpr(s), PowerROC(0.5).tpr(s), atol=2e-3)


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
        (lambda: StudentT(0.0), ValueError, r"df must be in \(0, inf\)"),
        (lambda: StudentT(4.0, math.inf), ValueError, "mu must be finite"),
        (lambda: LogisticShift(501.0), ValueError, "mu must be in"),
        (lambda: GumbelShift(31.0), ValueError, "mu must be in"),
        (lambda: PowerROC(0.0), ValueError, "theta must be in"),
        (lambda: BetaScores(a_pos=0.0), ValueError, "a_pos must be in"),
        (lambda: BetaScores.from_auc(0.8, concentration=0.1), ValueError, "concentration must be in"),
        (lambda: PopularitySkewed(1.0), ValueError, "tail must be in"),
        (lambda: PopularitySkewed(sigma=0.0), ValueError, "sigma must be in"),
        (lambda: FalseNegatives("x"), TypeError, "base must be a ScoreModel"),
        (lambda: FalseNegatives(FalseNegatives(Binormal())), TypeError, "without hidden positives"),
        (lambda: FalseNegatives(Binormal(), 1.0), ValueError, "share must be below 1"),
        (lambda: FalseNegatives(Binormal(), -0.1), ValueError, "share must be in"),
        (lambda: FalseNegatives.from_auc(0.97, share=0.1), ValueError, r"auc must be in \(0.05, 0.95\)"),
        (lambda: BetaScores.from_auc(1 - 1e-13, concentration=0.2), ValueError, "auc must be in the range"),
        (lambda: Empirical([], [1.0]), ValueError, "pos_scores must have at least one score"),
        (lambda: Empirical([1.0], [math.nan]), ValueError, "neg_scores must be finite"),
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


def test_two_samples_of_scores_are_two_models():
    """Their tables are kept by equality: one must never get the other's."""
    one, two = Empirical([2.0, 0.0], [1.0]), Empirical([5.0, 4.0], [1.0])
    assert one != two and one == one and FalseNegatives(one, 0.1) != FalseNegatives(two, 0.1)
    assert roc_table(one).tolist() != roc_table(two).tolist()
    assert Binormal(1.0) == Binormal(1.0) != Binormal(2.0)
