"""The studies of hardness: optimal weights, synthetic scores, false negatives; and what a cell may hide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF
from sim.rankings import hidden_attenuation, optimal_weights, peak
from sim.runs.cells import Cell, observed
from sim.sampling import DNS, rank_distribution
from sim.studies import fn as false_negatives
from sim.studies.hardness import f7_synthetic as hardness_synthetic
from sim.studies.hardness import g2_optimal as optimal_hardness


@pytest.fixture(scope="module")
def optimal(smoke_table):
    return smoke_table("G2-optimal")


@pytest.fixture(scope="module")
def synthetic(smoke_table):
    return smoke_table("F7-synthetic")


@pytest.fixture(scope="module")
def hidden(smoke_table):
    return smoke_table("FN")


def test_g2_optimal_is_the_exact_theory_where_rankings_are_random(optimal):
    random = optimal[optimal.model == "random"].set_index(["metric", "k", "family"])
    for metric in ("recall", "ndcg"):
        best = peak(200, 800, metric, 20)
        cut = random.loc[(metric, 20, optimal_hardness.CUT)]
        assert (cut.parameter, cut.correlation) == (best.m, pytest.approx(best.correlation, abs=1e-9))
        assert random.loc[(metric, 20, "any weights")].correlation == optimal_weights(200, 800, metric, 20)[1]
    assert (random.drop(index="LLPAUC(α, β)", level="family").efficiency <= 1 + 1e-12).all()
    # every sampler that prefers harder negatives stays under the ceiling of falling weights
    falling = random.xs("falling weights", level="family").correlation
    for family in (optimal_hardness.CUT, optimal_hardness.POOL):
        assert (random.xs(family, level="family").correlation <= falling + 1e-12).all()


def test_g2_optimal_reports_intervals_where_it_simulates(optimal):
    models = optimal[optimal.model != "random"]
    assert len(models) > 0
    assert ((models.low < models.correlation) & (models.correlation < models.high)).all()
    assert (models.n_rankings > 0).all()


def test_f7_synthetic_dns_is_free_of_the_scores_and_softmax_is_not(synthetic):
    effective = hardness_synthetic.effective(synthetic).set_index(["family", "parameter", "N", "model"])
    for m in hardness_synthetic.MS:
        exact = rank_distribution(DNS(m, 200), hardness_synthetic.N_NEG).effective_beta
        for model in hardness_synthetic.MODELS:
            assert effective.loc[("DNS", m, 200, model)].effective_beta == pytest.approx(exact, rel=1e-12)
    light, heavy = (effective.loc[("SoftmaxV", 1.0, 200, model)] for model in hardness_synthetic.MODELS)
    assert heavy.effective_beta < light.effective_beta / 2  # 200 pools; 0.012 and 0.070, errors below 0.005
    # the floor of a pool of 200: DNS(1, 200), whatever rho
    floor = effective.loc[("DNS", 1, 200, "binormal")].effective_beta
    rows = effective[effective.index.get_level_values("N") == 200]
    assert (rows.effective_beta > floor - 7 * rows.effective_beta_error - 1e-12).all()


def test_f7_synthetic_exact_curves_agree_with_the_simulated_ones(synthetic):
    exact = synthetic[(synthetic.kind == "exact") & (synthetic.check_error > 1e-3)]
    assert len(exact) > 100
    # batch errors of 64 blocks: 8 standard errors of Student's t with 63 degrees, below 1e-10 for each of < 1000 points
    assert (abs(exact.check - exact.cumulative) < 8 * exact.check_error).all()


def test_fn_random_rankings_attenuate_and_score_models_shift(hidden):
    found = false_negatives.peaks(hidden).set_index(["study", "model", "metric", "k", "hidden"]).sort_index()
    random = found.loc[("random", "random rankings", "recall", 20)]
    assert random.m.nunique() == 1
    for n_hidden, row in random.iterrows():
        assert row.value == pytest.approx(random.value[0] * hidden_attenuation(200, 800, int(n_hidden)), abs=1e-12)
    shown = found.loc[("model", false_negatives.SHOWN, "recall", 20)]
    assert shown.m[80] > 2 * shown.m[0]
    points = hidden[hidden.exact.notna()]
    z = abs(points.value - points.exact) / ((points.high - points.low) / 4)
    assert z.max() < 8  # 2 standard errors are a half-width: below 1e-10 for each of < 1000 points


def test_fn_trained_rows_are_paired(hidden):
    trained, cost = hidden[hidden.study == "trained"], hidden[hidden.study == "cost"]
    grid = false_negatives.GRIDS["smoke"]
    conditions = 2 * len(grid.shares) - 1
    assert len(trained) == conditions * len(grid.Ms) * 6
    assert len(cost) == (len(grid.shares) - 1) * len(grid.Ms) * 6
    by = ["metric", "k", "hidden", "m"]
    inside = trained[trained.model == false_negatives.POOLS].set_index(by).value
    out = trained[trained.model == false_negatives.SHIELDED].set_index(by).value
    for key, row in cost.set_index(by).iterrows():
        assert row.value == pytest.approx(inside[key] / out[key] - 1, abs=1e-12)
        assert row.low < row.value < row.high


# -- what a cell hides ----------------------------------------------------------------------------------------------


def test_hidden_pairs_are_a_share_of_every_user():
    rng = np.random.default_rng(0)
    train = sparse.csr_matrix((rng.random((40, 60)) < 0.3).astype(np.float32))
    shown = observed(train, 0.25)
    counts, left = np.diff(train.indptr), np.diff(shown.indptr)
    assert (left == counts - np.floor(counts * 0.25 + 0.5)).all()
    assert (shown > train).nnz == 0
    assert observed(train, 0.0) is train
    assert np.diff(observed(train, 0.999).indptr).min() == 1  # at most all but one
    assert (observed(train, 0.25) != shown).nnz == 0


def test_hidden_pairs_are_in_the_name_and_leave_old_names_alone():
    cell = Cell("ml-100k", DNS(1, 2), 0)
    assert "hidden" not in cell.config()
    keys = {cell.key, replace(cell, hidden=0.5).key, replace(cell, hidden=0.5, shielded=True).key}
    assert len(keys) == 3


def test_ignored_pairs_are_neither_trained_on_nor_drawn():
    pairs = sparse.csr_matrix(np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]))
    ignored = sparse.csr_matrix(np.array([[0, 1, 0, 0, 0], [0, 1, 0, 0, 0]]))
    settings = {"factors": 4, "sampler": DNS(1, 3), "optimizer": "sgd", "sparse": True, "weight_decay": 0.0, "rng": 1}
    start = BPRMF(epochs=0, **settings).fit(pairs).item_factors.copy()
    with_it = BPRMF(epochs=40, **settings).fit(pairs, ignore=ignored).item_factors
    without = BPRMF(epochs=40, **settings).fit(pairs).item_factors
    assert (start != with_it).any(axis=1).tolist() == [True, False, True, True, True]
    assert (start != without).any(axis=1).all()


@pytest.mark.parametrize(
    ("settings", "ignore", "says"),
    [
        ({}, np.eye(3), "ignore must not contain pairs of user_items, got 3"),
        ({}, np.ones((2, 3)), "ignore must have shape"),
        ({"exclude_positives": False}, np.zeros((3, 3)), "exclude_positives=False"),
    ],
)
def test_bad_ignored_pairs_are_one_line(settings, ignore, says):
    with pytest.raises(ValueError, match=says) as error:
        BPRMF(rng=0, **settings).fit(sparse.eye(3, format="csr"), ignore=sparse.csr_matrix(ignore))
    assert "\n" not in str(error.value)
