"""Truths by quadrature against slow oracles, exact sums over atoms, and each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, special

from sim.estimators import dns_moments, leading_bias, matched_beta, population_objective, robust_objective
from sim.objectives import (
    kl_dro_value,
    kl_temperature,
    logistic_loss,
    logistic_loss_grad,
    opauc_surrogate_grad,
    tilted_weights,
)
from sim.rankings import Binormal, Empirical, FalseNegatives, GumbelShift, LogisticShift, ScoreModel, StudentT
from sim.sampling import DNS
from sim.studies.estimators.common import MODELS

TERMS = (logistic_loss, logistic_loss_grad)
POS = np.array([0.3, 1.2, 1.2, -0.4])
NEG = np.array([0.5, -1.0, 0.1, 0.1, -2.0, 1.4, -0.3])


def simpson(model: ScoreModel, beta: float, term: Callable) -> float:
    """The objective by Simpson's rule over scores on an even grid, twelve standard deviations wide."""
    positives, negatives = model._laws()
    r = np.linspace(positives.mean() - 12 * positives.std(), positives.mean() + 12 * positives.std(), 2001)
    x = np.linspace(negatives.isf(beta) if beta < 1 else -12.0, 12.0, 2001)
    inner = integrate.simpson(term(r[:, None] - x) * np.exp(negatives.logpdf(x)), x=x, axis=1)
    return integrate.simpson(inner * np.exp(positives.logpdf(r)), x=r) / beta


@pytest.mark.parametrize("beta", [0.025, 0.5, 1.0])
def test_binormal_against_simpson(beta):
    model = Binormal(1.3, 0.7)
    truth = population_objective(model, beta)
    assert truth.value == pytest.approx([simpson(model, beta, term) for term in TERMS], abs=1e-9)
    assert truth.error.max() < 1e-11


@pytest.mark.parametrize("name", MODELS)
def test_every_model_against_ranked_quantiles(name):
    # means over evenly spaced quantiles: 800 positives, 36,000 negatives and, of a mixture, 4,000 hidden positives
    model, beta = MODELS[name](0.8), 0.1
    positives, negatives = (law.isf((np.arange(n) + 0.5) / n) for law, n in zip(model._laws(), (800, 36_000)))
    if isinstance(model, FalseNegatives):
        negatives = np.append(negatives, model._laws()[0].isf((np.arange(4_000) + 0.5) / 4_000))
    if name == "beta":
        positives, negatives = special.expit(positives), special.expit(negatives)
    hardest = np.sort(negatives)[-int(beta * negatives.size) :]
    margin = positives[:, None] - hardest
    assert population_objective(model, beta).value == pytest.approx([term(margin).mean() for term in TERMS], rel=4e-3)


@pytest.mark.parametrize("beta", [0.1, 2 / 7, 0.4, 1.0])
def test_scores_from_data_are_summed_exactly(beta):
    value, grad_pos, _ = opauc_surrogate_grad(POS, NEG, beta)
    truth = population_objective(Empirical(POS, NEG), beta).value
    assert np.allclose(truth, [value, grad_pos.sum()], atol=1e-13)


def test_hidden_positives_in_data_are_the_mixture_of_atoms():
    share = 0.2
    merged = np.repeat(np.concatenate((NEG, POS)), [16] * 7 + [7] * 4)  # masses 0.8 / 7 and 0.2 / 4
    truth = population_objective(FalseNegatives(Empirical(POS, NEG), share), 0.3).value
    value, grad_pos, _ = opauc_surrogate_grad(POS, merged, 0.3)
    assert np.allclose(truth, [value, grad_pos.sum()], atol=1e-12)


@pytest.mark.parametrize("family", [Binormal, LogisticShift, GumbelShift])
def test_the_slope_is_the_derivative_in_the_shift(family):
    step = 1e-4
    for objective in (population_objective, robust_objective) if family is Binormal else (population_objective,):
        up, down = (objective(family(1.0 + d), 0.05).value[0] for d in (step, -step))
        assert objective(family(1.0), 0.05).value[1] == pytest.approx((up - down) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("rho", [0.0, 0.05, 1.5, 3.0])
def test_robust_objective_on_data_is_the_mean_of_the_worst_cases(rho):
    losses = logistic_loss(POS[:, None] - NEG)
    weights = tilted_weights(losses, kl_temperature(losses, rho))
    found = robust_objective(Empirical(POS, NEG), rho)
    slope = (weights * logistic_loss_grad(POS[:, None] - NEG)).sum(axis=1).mean()
    assert np.allclose(found.value, [np.mean(kl_dro_value(losses, rho)), slope], atol=1e-8)
    assert found.escaped == 0.0


def test_the_soft_objective_bounds_the_hard_one_t2d():
    for name, rho in (("beta", 0.01), ("beta", 2.0), ("binormal", 0.3), ("false-negatives", 2.0)):
        model = MODELS[name](0.9)
        assert robust_objective(model, rho).value[0] > population_objective(model, np.exp(-rho)).value[0] + 1e-3


def test_no_number_where_the_worst_case_escapes():
    heavy = robust_objective(StudentT.from_auc(0.9), 0.1)
    assert np.isnan(heavy.value).all() and heavy.escaped == pytest.approx(1.0)
    exponential = robust_objective(LogisticShift.from_auc(0.9), 1.0)
    assert np.isnan(exponential.value).all() and 1e-4 < exponential.escaped < 0.1


@pytest.mark.parametrize("name", MODELS)
def test_leading_bias_is_the_limit_of_n_times_the_bias_t1_pool(name):
    model, beta, size = MODELS[name](0.9), 0.1, 20_000
    exact = size * (dns_moments(DNS(2_000, size), model).mean - population_objective(model, beta).value)
    leading = leading_bias(model, beta)
    assert exact == pytest.approx(leading, rel=3e-3)
    assert leading[0] < 0.0 < leading[1]  # value and slope are both underrated
    for mutant in (2.0, 0.5, 1.0 / (1.0 - beta), (1.0 + beta) / (1.0 - beta), -1.0):
        assert exact != pytest.approx(mutant * leading, rel=3e-3)


@pytest.mark.parametrize("name", MODELS)
def test_matched_beta_inverts_the_objective(name):
    model, betas = MODELS[name](0.8), np.array([1e-5, 0.003, 0.2, 0.7])
    values = [population_objective(model, beta).value[0] for beta in betas]
    assert matched_beta(model, values) == pytest.approx(betas, rel=3e-5)
    assert matched_beta(model, [0.0, 1e80]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: population_objective("x", 0.1), TypeError, "model must be a ScoreModel, got str"),
        (lambda: population_objective(StudentT(2.0), 0.1), ValueError, "finite variance"),
        (lambda: population_objective(Binormal(), 0.0), ValueError, r"beta must be in \(0, 1\]"),
        (lambda: robust_objective(Binormal(), -1.0), ValueError, "rho must be in"),
        (lambda: matched_beta(Binormal(), np.nan), ValueError, "values must be finite"),
        (lambda: leading_bias(Empirical(POS, NEG), 0.1), ValueError, "continuous law"),
        (lambda: leading_bias(FalseNegatives(Empirical(POS, NEG)), 0.1), ValueError, "continuous law"),
    ],
)
def test_bad_input_is_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
