"""The guideline experiments on the smallest grid: what the tables must satisfy whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sim.runs.realised import realised_hardness
from sim.sampling import DNS, SoftmaxExact, SoftmaxV, Uniform
from sim.studies import Options, get_study
from sim.studies.guideline import f11 as fig11
from sim.studies.guideline import g1_sets as data_sets
from sim.studies.guideline import g_ablation as ablation
from sim.studies.guideline import g_collapse as collapse
from sim.studies.guideline import grids as guideline
from sim.studies.guideline.curves import best
from sim.studies.guideline.g2_trend import trend_rows
from sim.studies.tables import f1 as fig1
from sim.studies.tables import table2


@pytest.fixture(scope="module")
def model():
    """40 users, 300 items, random factors, and their train pairs."""
    rng = np.random.default_rng(3)
    train = sparse.csr_matrix((rng.uniform(size=(40, 300)) < 0.1).astype(float))
    return SimpleNamespace(user_factors=rng.normal(size=(40, 4)), item_factors=rng.normal(size=(300, 4))), train


@pytest.mark.parametrize("sampler", [DNS(1, 20), DNS(5, 20), DNS(20, 20), Uniform(4)])
def test_realised_hardness_is_the_law_of_dns(model, sampler):
    """(M + 1)/(N + 1) for pools with replacement of many items, up to 1/n; M/N by divergence. 6 standard errors."""
    found = realised_hardness(sampler, *model, n_pairs=3000)
    M, N = getattr(sampler, "M", sampler.N), sampler.N
    assert found["beta_divergence"] == pytest.approx(M / N)
    assert found["beta_rank"] == pytest.approx((M + 1) / (N + 1), abs=6 * found["beta_rank_error"] + 1 / 250)


def test_realised_hardness_of_softmax_exact_is_its_radius(model):
    assert realised_hardness(SoftmaxExact(0.7, 50), *model)["beta_divergence"] == pytest.approx(np.exp(-0.7), rel=1e-6)
    harder = [realised_hardness(SoftmaxV(rho, 50), *model)["beta_rank"] for rho in (0.01, 0.1, 1.0, 10.0)]
    assert (np.diff(harder) < 0).all()


def test_every_plan_has_distinct_samplers_and_known_data():
    from sim import data

    for grid in (*guideline.GRIDS["paper"], guideline.SMOKE):
        assert grid.data in data.available()
        for samplers in grid.points.values():
            assert len({guideline.nominal(s) for s in samplers}) == len(samplers) >= 3


def test_cells_of_the_plans_keep_their_names():
    """The names of two finished cells: a change of grid or trainer must not lose them unnoticed."""
    cells = [
        guideline._cell(guideline.ML100K, DNS(75, 200), 0.1, 22, 1, "test"),
        guideline._cell(guideline.GOWALLA, DNS(5, 200), 0.003, 30, 0, "valid"),
    ]
    assert [c.key for c in cells] == ["08936d66c4ff9a895511", "1dea8f46b82ecfbd1fd9"]


def test_curves(smoke_table):
    table = smoke_table("F8")
    models = table[table.hardness > 0]
    assert set(models.sampler) == {str(s) for s in guideline.SMOKE.points["M"]}
    assert (models.low <= models["mean"]).all() and (models["mean"] <= models.high).all()
    assert (models.relative <= 1).all() and models.p_best.between(0, 1).all()
    tops = best(table)
    assert (tops.relative == 1).all() and (tops.p_best > 0.3).all()
    assert len(tops) == len(guideline.KS) * len(guideline.METRICS)
    assert (table[table.hardness == 0].groupby(["metric", "k"]).size() == 1).all()
    assert models[models.metric == "recall"].groupby("sampler")["mean"].apply(lambda x: x.is_monotonic_increasing).all()


def test_map(smoke_table):
    table = smoke_table("G-map")
    assert (table.set_low <= table.beta).all() and (table.beta <= table.set_high).all()
    assert (table.beta_hardest <= table.peak).all() and (table.peak <= table.beta_softest).all()
    assert table[["p_hardest", "p_softest"]].stack().between(0, 1).all()
    assert set(table.axis) == {"M", "N", "rho", "rho-exact"}


def test_trend_rows(options):
    (study,) = guideline.axis_runs(options, "M")
    for row in trend_rows(study, 0):
        assert row["low"] <= row["high"]
        assert 0 < row["p"] <= 1
        assert all(0 <= row[f"power_{e}"] <= 1 for e in ("0.1", "1"))


@pytest.mark.parametrize(("module", "data"), [(get_study("F9"), "ml-10m"), (collapse, "irb-amazon2014-movie")])
def test_a_data_set_without_the_axes_is_an_error_that_names_those_with(module, data):
    with pytest.raises(ValueError, match=rf"data must be .*gowalla.*, got '{data}'"):
        module.run(Options(profile="paper", data=(data,)))


def test_best_sets_are_read_off_the_levels(smoke_table):
    table = smoke_table("G1-sets")
    (row,) = data_sets.best_sets(table).itertuples()
    levels = smoke_table("F8").query("metric == 'ndcg' and k == 20 and hardness > 0").set_index("hardness")
    assert row.best == levels["mean"].idxmax() and row.value == levels["mean"].max()
    inside = levels.index[levels.p_best > 0.05]
    assert (row.low, row.high) == (inside.min(), inside.max()) and row.low <= row.best <= row.high
    assert row.density == pytest.approx(table.density.iloc[0]) and 0.04 < row.density < 0.06
    later = "sparser-temporal"
    others = {"sparser": row.density / 7, "sparsest": row.density / 9, later: row.density / 8}
    copies = (table.assign(data=name, density=at, hardness=table.hardness * at) for name, at in others.items())
    several = pd.concat([table, *copies])
    assert data_sets.best_sets(several).data.tolist() == ["ml-100k", "sparser", later, "sparsest"]
    assert data_sets.caption(several).endswith("over the 3 split at random: 1.00.")
    left = data_sets.plot(several).axes[0]
    assert [line.get_label() for line in left.lines if line.get_linestyle() == "--"] == [later]


def test_fig11_is_relative_to_the_best(smoke_table):
    table = smoke_table("F11")
    assert (table.groupby(["metric", "k"]).relative.max() == 1).all()
    assert set(table.k) == set(fig11.KS)


def test_collapse_has_no_distance_from_itself(smoke_table):
    table = smoke_table("G-collapse")
    assert np.allclose(table[table.axis == "M"].off, 0)
    assert (table.groupby(["metric", "k", "scale"]).relative.max() == 1).all()
    assert table[table.axis != "M"].off.notna().any()


def test_correlations_are_those_of_numpy(options, smoke_table):
    """Over models and within users, against the definitions on all tables at once."""
    table = smoke_table("F6-data")
    assert table.correlation.between(-1, 1).all()
    grid = guideline.SMOKE
    studies = [guideline.train(grid, axis, options) for axis in ("M", "N", "rho", "rho-exact")]
    runs = [result.at() for study in studies for level in study.levels for result in level.results]
    beta = table.beta.unique()[5]
    x = np.array([r.opauc([beta])[f"opauc({beta:g})"] for r in runs])
    y = np.array([r.top_k([20])["ndcg@20"] for r in runs])
    row = table[(table.metric == "ndcg") & (table.k == 20) & (table.beta == beta)].set_index("over").correlation
    assert row["models"] == pytest.approx(np.corrcoef(x.mean(axis=1), y.mean(axis=1))[0, 1])
    assert row["users"] == pytest.approx(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(x, y)]))
    within = np.corrcoef((x - x.mean(axis=0)).ravel(), (y - y.mean(axis=0)).ravel())[0, 1]
    assert row["within"] == pytest.approx(within)


def test_ablation_changes_one_thing_at_a_time():
    variants = ablation.variants(guideline.ML100K)
    own, positives, summed, both = variants.values()
    assert own.model.items() <= positives.model.items()
    assert {k: v for k, v in both.model.items() if k not in own.model} == {
        "sum_negatives": True, "exclude_positives": False,
    }  # fmt: skip
    assert positives.decays == own.decays and summed.decays == both.decays == (ablation.FIXED_DECAY,)


def test_fig1_has_the_means_of_table2_and_compares_with_uniform(options, smoke_table):
    table = smoke_table("F1").set_index(["data", "method", "metric"])
    rows = table2.run(replace(options, methods=fig1.METHODS)).set_index(["data", "method", "metric"])
    assert sorted(table.index) == sorted(rows.index)
    pd.testing.assert_series_equal(table["mean"], rows["mean"].loc[table.index], rtol=1e-12)
    for ratio, base in (("gain", "BPR"), ("lead", "NonSampling")):
        own = table.xs(base, level="method")
        assert (own[[ratio, f"{ratio}_low", f"{ratio}_high"]] == 1).all(axis=None)
        expected = table["mean"] / own["mean"].loc[table["mean"].droplevel("method").index].to_numpy()
        np.testing.assert_allclose(table[ratio], expected)
        assert ((table[f"{ratio}_low"] <= table[ratio]) & (table[ratio] <= table[f"{ratio}_high"])).all()
    fig1.plot(table.reset_index())
