"""The estimator studies at the smallest profile: what they claim must show in their tables."""

from __future__ import annotations

import numpy as np
import pytest

from sim.sampling import DNS, SoftmaxExact, SoftmaxV
from sim.studies.estimators import e_beta as realised_beta
from sim.studies.estimators import e_bias as estimator_bias
from sim.studies.estimators import e_error as estimator_error
from sim.studies.estimators import e_rates as estimator_rates
from sim.studies.estimators.common import MODELS, SAMPLERS, at_beta

SIGMAS = 7.0
"""128 positives in 64 groups: Student's t with 63 degrees of freedom exceeds 7 with probability 2e-9."""


@pytest.fixture(scope="module")
def bias(smoke_table):
    return smoke_table("E-bias")


@pytest.fixture(scope="module")
def rates(smoke_table):
    return smoke_table("E-rates")


@pytest.fixture(scope="module")
def betas(smoke_table):
    return smoke_table("E-beta")


def test_nominal_beta():
    assert at_beta("DNS", 0.1, 200) == DNS(20, 200)
    assert at_beta("Softmax-v", np.exp(-1.0), 200) == SoftmaxV(1.0, 200)
    assert at_beta("Softmax-exact", np.exp(-2.0), 50) == SoftmaxExact(2.0, 50)
    with pytest.raises(ValueError, match="beta \\* N must be an integer for DNS, got 2.5"):
        at_beta("DNS", 0.025, 100)


def test_bias_rows_are_complete_and_consistent(bias):
    assert set(bias["sampler"]) == set(SAMPLERS) and set(bias.sweep) == {"N", "beta", "auc"}
    assert np.allclose(bias.bias, bias["mean"] - bias.truth)
    assert (bias.truth_error < 1e-10).all() and (bias[bias.kind == "simulated"].mean_error > 0).all()
    by = ["sweep", "N", "beta", "auc", "quantity"]
    exact = bias[(bias["sampler"] == "DNS") & (bias.kind == "exact")].set_index(by)
    drawn = bias[(bias["sampler"] == "DNS") & (bias.kind == "simulated")].set_index(by)
    assert ((drawn["mean"] - exact["mean"]).abs() < SIGMAS * drawn.mean_error).all()


def test_dns_underrates_and_the_first_order_term_says_by_how_much(bias):
    value = bias[(bias["sampler"] == "DNS") & (bias.kind == "exact") & (bias.quantity == "value")]
    assert (value.bias < 0).all()
    large = value[(value.N >= 160) & (value.N * value.beta >= 15)]
    assert len(large) >= 3 and np.allclose(large.bias, large.leading, rtol=0.06)


def test_softmax_v_is_harder_than_softmax_exact_and_that_than_dns(bias):
    part = bias[(bias.sweep == "auc") & (bias.quantity == "value")]
    means = {n: part[(part["sampler"] == n) & (part.kind == "simulated")].set_index("auc") for n in SAMPLERS}
    soft, very = means["Softmax-exact"], means["Softmax-v"]
    assert (very["mean"] > soft["mean"]).all() and (soft["mean"] > means["DNS"]["mean"]).all()  # on the same draws


def test_error_of_dns_vanishes_with_the_whole_pool_and_that_of_softmax_does_not(smoke_table):
    table = smoke_table("E-error")
    whole = table.N.eq(estimator_error.SAMPLE[1]) & (table.target == "sample")
    sample = table[whole].set_index(["quantity", "sampler"])
    for quantity in ("value", "gradient"):
        assert sample.rmse[quantity, "DNS"] < 1e-10
        for name in SAMPLERS[1:]:
            assert sample.rmse[quantity, name] == pytest.approx(sample.bias[quantity, name], rel=1e-6)
            assert sample.bias[quantity, name] > 0.2
    assert sample.cosine["gradient", "DNS"] == pytest.approx(1.0)
    for name in SAMPLERS[1:]:
        assert sample.cosine["gradient", name] < 0.8 < sample.nearest_cosine["gradient", name]
        assert sample.nearest_beta["gradient", name] < estimator_error.BETA / 5
    population = table[(table.target == "population") & (table.quantity == "value")]
    for _, part in population.groupby("sampler"):
        variance = part.rmse**2 - part.bias**2
        assert np.allclose(variance * part.n_pos, variance.iloc[0], rtol=1e-6)


def test_rates_of_dns_are_near_one_over_n_and_those_of_softmax_v_are_not(rates):
    fits = rates.set_index(["sampler", "model", "statistic", "quantity"])
    for name in MODELS:
        for statistic in ("bias", "variance"):
            assert -1.02 < fits.exponent["DNS", name, statistic, "value"] < -0.85
        if name != "beta":
            assert fits.low["Softmax-v", name, "bias", "value"] > -0.5
    assert fits.low["Softmax-v", "student-t", "bias", "value"] > 0.0  # the objective grows faster and faster
    assert ((rates.low <= rates.exponent) | rates.exponent.isna()).all()


def test_realised_beta(betas):
    exact = betas[(betas["sampler"] == "Softmax-exact")]
    expected = np.maximum(exact.nominal, 1 / exact.N)
    assert np.allclose(exact.realised, expected, rtol=1e-6)
    rough = betas[(betas["sampler"] == "Softmax-v") & (betas.rho == 1.0) & (betas.N == realised_beta.POOL)]
    assert len(rough) >= len(MODELS)
    for row in rough[rough.model != "beta"].itertuples():
        assert row.realised_high < 0.15 * row.nominal and row.matched_high < 0.15 * row.nominal
    sizes = betas[(betas.sweep == "N") & (betas.model == "student-t")].sort_values("N")
    assert sizes.negatives.iloc[-1] < sizes.negatives.iloc[0] and sizes.N.iloc[-1] > 4 * sizes.N.iloc[0]


@pytest.mark.parametrize("module", [estimator_bias, estimator_error, estimator_rates, realised_beta])
def test_captions_hold_no_missing_number(module, smoke_table):
    text = module.caption(smoke_table(module.STUDY.id))
    assert "nan" not in text and "inf" not in text.replace("infinit", "")
