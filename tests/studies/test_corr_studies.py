"""The correlation studies say what closed forms say, and their captions what their tables say."""

from __future__ import annotations

import numpy as np
import pytest

from sim.data import FetchError
from sim.rankings import lattice_moments
from sim.studies.correlation import f6_llpauc as corr_llpauc
from sim.studies.correlation import f6_methods as corr_methods
from sim.studies.correlation import f6_models as corr_models
from sim.studies.correlation import f6_sampled as corr_sampled


@pytest.fixture(scope="module")
def models(smoke_table):
    return smoke_table("F6-models")


@pytest.fixture(scope="module")
def llpauc(smoke_table):
    return smoke_table("F6-llpauc")


def test_random_rankings_meet_their_closed_form(models):
    # 1,000 rankings: intervals of 95% widened to 3.5 times (about 7 standard errors, 3e-12 each)
    random = models[(models.model == "random") & models.m.notna()]
    for value, low, high, exact in (
        (random.height, random.height_low, random.height_high, random.random_height),
        (random.auc, random.auc_low, random.auc_high, random.random_auc),
    ):
        assert ((value - exact).abs() < 3.5 * np.maximum(high - value, value - low) + 0.02).all()


def test_peaks_follow_the_negatives_in_the_top_and_not_k_over_n(models):
    part = corr_models.drawn(models)
    part = part[part.negatives >= 5]
    ratio = part.m / (1.5 * part.negatives)
    assert ratio.between(0.6, 1.7).all()
    binormal = part[(part.model == "binormal") & (part.k == 100)].iloc[0]
    assert binormal.m < 0.5 * binormal.law_m
    few = corr_models.drawn(models)
    assert (few[few.negatives < 0.1].height < 0.8).all()


def test_verdicts_have_a_row_a_model_and_the_caption_its_numbers(models):
    verdicts = corr_models.verdicts(models)
    assert list(verdicts.model) == list(dict.fromkeys(corr_models.drawn(models).model))
    assert verdicts.set_index("model").ordered["random"]
    part = corr_models.drawn(models)
    many = part[part.negatives >= 5]
    assert f"{many.height.min():.2f} to {many.height.max():.2f}" in corr_models.caption(models)


def test_studies_do_without_the_data(options, monkeypatch):
    def offline(*args, **kwargs):
        raise FetchError("ml-100k could not be downloaded (no network)")

    monkeypatch.setattr("sim.studies.recommender.load", offline)
    assert corr_models.trained_scores(options) is None


def test_llpauc_gains_where_the_closed_form_says_so(llpauc):
    # 600 rankings judge. The interval is +-2 standard errors; the closed form at the chosen corner is within 6.5
    random = llpauc[(llpauc.model == "random") & (llpauc.kind == "best")]
    assert len(random) > 20
    for row in random.itertuples():
        exact = lattice_moments(row.n_pos, row.n_neg, row.metric, row.k, alpha=row.ll_top / row.n_pos).correlation
        plain = lattice_moments(row.n_pos, row.n_neg, row.metric, row.k).correlation
        gain = exact[int(row.ll_m) - 1] - plain[int(row.m) - 1]
        assert abs(row.gain - gain) < 3.3 * (row.gain_high - row.gain) + 0.01
    gains = random.set_index(["metric", "k"]).gain
    assert (gains.loc["mrr"] > 0.05).all()
    assert (gains.loc["recall"].loc[[50, 100, 200]].abs() < 0.02).all()


def test_llpauc_helps_counting_metrics_where_the_top_has_few_negatives(llpauc):
    best = llpauc[(llpauc.kind == "best") & llpauc.metric.isin(corr_llpauc.COUNTING)]
    assert (best[best.negatives < 0.3].gain > 0.2).all()
    assert (best[best.negatives > 30].gain.abs() < 0.03).all()
    grid = llpauc[llpauc.kind == "map"]
    assert len(grid) == grid.ll_top.nunique() * grid.ll_m.nunique()


def test_sampled_metrics_meet_their_closed_form(smoke_table):
    table = smoke_table("F6-sampled")
    random = table[table.exact.notna()]
    # Student t, 63 degrees of freedom: 7.5 with probability 3e-10, some 800 strongly dependent points; 300 rankings
    # leave the errors themselves uncertain where hits are rare
    assert ((random.simulated - random.exact).abs() < 7.5 * random.standard_error + 0.05).all()
    auc = random[(random.m == corr_sampled.N_NEG) & (random.metric == "recall") & (random.k == 10)]
    assert auc.sort_values("n_sampled").exact.is_monotonic_decreasing
    assert f"{auc.set_index('n_sampled').exact[100]:.2f} with 100" in corr_sampled.caption(table)


def test_coefficients_agree_on_the_place_and_not_on_the_height(smoke_table):
    table = smoke_table("F6-methods")
    peaks = corr_methods.peaks_of(table)
    far = peaks[(peaks["peak_m", "pearson"] >= 10) & peaks.metric.isin(["recall", "ndcg"])]
    assert len(far) >= 4
    for method in ("spearman", "kendall"):
        assert (far["peak_m", method] / far["peak_m", "pearson"]).between(0.5, 2.0).all()
    assert (far["height", "kendall"] < far["height", "spearman"] - 0.05).all()
    pearson = table[table.exact.notna() & table.correlation.notna()]
    assert ((pearson.correlation - pearson.exact).abs() < 7.5 * pearson.standard_error + 0.05).all()
