"""Rank distributions and effective beta: enumeration of pools, closed forms, repetitions, bad input (F7)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.sampling import (
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    Sampler,
    SoftmaxExact,
    SoftmaxV,
    Uniform,
    mixture_from_weights,
    rank_distribution,
    simulate_rank_distribution,
)

# False alarms: comparisons at 7 standard errors from 64 blocks or thousands of pools, under 1e-8 each.

LOSSES = np.array([3.1, 0.2, 1.7, 1.0, 0.4, 0.05, 2.2])


def enumerated(sampler: Sampler, losses: np.ndarray, replace: bool) -> np.ndarray:
    """Mean weight by rank over all pools, from the sampler's weights."""
    by_rank = np.sort(losses)[::-1]
    n = by_rank.size
    pools = list(product(range(n), repeat=sampler.N) if replace else combinations(range(n), sampler.N))
    total = np.zeros(n)
    for pool in pools:
        np.add.at(total, list(pool), sampler.weights(by_rank[list(pool)]))
    return total / len(pools)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("sampler", [Uniform(3), DNS(1, 3), DNS(2, 3), SoftmaxV(1.0, 3), SoftmaxExact(0.7, 3)], ids=str)
def test_f7_every_sampler_against_all_pools(sampler, replace):
    exact = enumerated(sampler, LOSSES, replace)
    law = rank_distribution(sampler, LOSSES, replace=replace, n_pools=40_000, rng=1)
    if isinstance(sampler, (Uniform, DNS)):
        assert law.n_pools == 0 and law.effective_beta_error == 0.0
        np.testing.assert_allclose(law.probability, exact, atol=1e-14)
    simulated = simulate_rank_distribution(sampler, LOSSES, replace=replace, n_pools=40_000, rng=1)
    rounding = 1e-12
    assert (abs(simulated.probability - exact) <= 7 * simulated.standard_error + rounding).all()
    assert (abs(simulated.cumulative - np.cumsum(exact)) <= 7 * simulated.cumulative_error + rounding).all()
    beta = (2 * exact @ np.arange(1, 8) - 1) / 7
    assert abs(simulated.effective_beta - beta) <= 7 * simulated.effective_beta_error + rounding
    if not isinstance(sampler, Uniform):
        assert 0 < simulated.effective_beta_error < 0.01


@pytest.mark.parametrize("sampler", [SoftmaxV(1.0, 7), SoftmaxExact(0.7, 7)], ids=str)
def test_a_pool_of_all_negatives_is_exact(sampler):
    law = rank_distribution(sampler, LOSSES)
    assert law.n_pools == 0
    np.testing.assert_allclose(law.probability, enumerated(sampler, LOSSES, False), atol=1e-15)


@pytest.mark.nojit
@given(st.integers(1, 40), st.data())
def test_effective_beta_is_the_mean_of_the_mixture_and_for_dns_a_closed_form(n, data):
    pool = data.draw(st.integers(1, n))
    m = data.draw(st.integers(1, pool))
    law = rank_distribution(DNS(m, pool), n)
    mixture = mixture_from_weights(law.probability)
    assert law.effective_beta == pytest.approx(mixture @ np.arange(1, n + 1) / n, abs=1e-12)
    assert law.effective_beta == pytest.approx(((m + 1) * (n + 1) / (pool + 1) - 1) / n, abs=1e-12)
    assert law.effective_beta >= (2 * (n + 1) / (pool + 1) - 1) / n - 1e-12  # a pool's floor, whatever M


def test_the_urn_is_precise_in_the_tail():
    law = rank_distribution(DNS(1, 200), 2_000).probability
    # rank r is kept where no harder one is pooled: 200/2000 times a product of ratios
    r = 1_000
    ratios = 1.0 - 199.0 / (1_999.0 - np.arange(r - 1))
    assert law[r - 1] == pytest.approx(0.1 * np.prod(ratios), rel=1e-12)
    assert law.sum() == pytest.approx(1.0, abs=1e-13)


def test_claimed_errors_are_those_of_repetitions():
    # 40 runs: the ratio of variances leaves [1/4, 4] with probability under 1e-6 (chi-squared, 39 degrees of freedom)
    losses = np.random.default_rng(0).normal(size=50)
    runs = [simulate_rank_distribution(SoftmaxV(1.0, 10), losses, n_pools=640, rng=seed) for seed in range(40)]
    beta = np.std([r.effective_beta for r in runs], ddof=1)
    assert 0.5 < beta / np.sqrt(np.mean([r.effective_beta_error**2 for r in runs])) < 2.0
    at = np.std([r.cumulative[4] for r in runs], ddof=1)
    assert 0.5 < at / np.sqrt(np.mean([r.cumulative_error[4] ** 2 for r in runs])) < 2.0


@pytest.mark.parametrize("family", [SoftmaxV, SoftmaxExact])
def test_f7_effective_beta_falls_with_rho(family):
    losses = np.random.default_rng(0).normal(size=300)
    betas = [rank_distribution(family(rho, 300), losses).effective_beta for rho in (0.0, 0.1, 1.0, 3.0, 5.0)]
    assert betas[0] == pytest.approx(1.0)
    assert (np.diff(betas) < 0).all()


def test_ties_and_own_samplers_are_simulated():
    @numba.njit
    def first(losses, params, idx, w):
        idx[0], w[0] = 0, 1.0
        return 1

    @dataclass(frozen=True)
    class First(Sampler):
        N: int = 2
        kernel = staticmethod(first)
        params = ()
        rank_based = True

    assert rank_distribution(DNS(1, 2), [1.0, 1.0, 0.0], n_pools=100, rng=0).n_pools == 100
    assert rank_distribution(First(), [1.0, 2.0, 0.0], n_pools=100, rng=0).n_pools == 100


def test_same_bits_for_any_number_of_threads():
    laws = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        laws.append(simulate_rank_distribution(SoftmaxV(1.0, 3), LOSSES, n_pools=1_000, rng=5))
    assert (laws[0].probability == laws[1].probability).all()
    assert (laws[0].cumulative_error == laws[1].cumulative_error).all()
    assert laws[0].effective_beta_error == laws[1].effective_beta_error


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: rank_distribution(SoftmaxV(1.0, 3), 10), "simulate_rank_distribution"),
        (lambda: rank_distribution(DNS(1, 5), 4), "n_neg must be >= N=5"),
        (lambda: rank_distribution(DNS(1, 5), 0), "losses must be >= 1"),
        (lambda: rank_distribution(DNS(1, 5), 10.5), "losses must be an integer"),
        (lambda: rank_distribution(DNS(1, 2), [[1.0, 2.0]]), "losses must be 1-D"),
        (lambda: rank_distribution(SoftmaxV(1.0, 2), [1.0, np.nan]), "losses must be finite"),
        (lambda: rank_distribution(SoftmaxV(1.0, 5), [1.0, 2.0]), "losses must have >= N=5"),
        (lambda: rank_distribution(SoftmaxV(1.0, 2), [1.0, 2.0, 3.0], n_pools=1), "n_pools must be >= 2"),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises((ValueError, TypeError), match=says) as error:
        make()
    assert "\n" not in str(error.value)


def test_correcting_uniform_pools_changes_nothing():
    plain, corrected = (
        simulate_rank_distribution(SoftmaxV(1.0, 4, corrected=c), np.linspace(0, 5, 20), n_pools=200, rng=0)
        for c in (False, True)
    )
    np.testing.assert_allclose(corrected.probability, plain.probability, rtol=1e-12)
    assert corrected.probability.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("sampler", [AOBPR(1.0, 2), AdaSIR(2, 4), Kernel(2, 4), IRGAN(2, 4)], ids=str)
@pytest.mark.parametrize("function", [rank_distribution, simulate_rank_distribution])
def test_samplers_that_draw_by_the_model_have_no_law_of_losses(sampler, function):
    with pytest.raises(ValueError, match="sampler must weigh pools by their losses, got"):
        function(sampler, LOSSES)


def test_the_beta_of_warp_is_that_of_its_weights_however_many():
    """All v violators weigh the same on average: beta = v / n."""
    margins = np.linspace(-3.0, 1.0, 40)
    law = simulate_rank_distribution(WARP(40, 1.0, 10), margins, n_pools=50_000, rng=0)
    violators = (margins > -1.0).sum()
    assert law.probability.sum() < 0.9
    assert abs(law.effective_beta - violators / 40) < 7 * law.effective_beta_error
    assert 0 < law.effective_beta_error < 0.01
    assert np.isnan(simulate_rank_distribution(WARP(40, 0.1, 5), margins - 9.0, n_pools=50, rng=0).effective_beta)
