"""The samplers against slow definitions, exact enumeration of pools, and bad input."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sim.bpr import BPRMF
from sim.objectives import kl_of_weights
from sim.sampling import DNS, SoftmaxExact, SoftmaxV, Uniform, mixture_from_weights, simulate_rank_distribution


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.data())
def test_dns_keeps_the_largest_earlier_position_first(losses, data):
    m = data.draw(st.integers(1, len(losses)))
    p = DNS(m, len(losses)).weights(losses)
    kept = sorted(range(len(losses)), key=lambda j: (-losses[j], j))[:m]
    assert np.allclose(p[kept], 1 / m) and np.count_nonzero(p) == m


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(("n", "N", "M"), [(6, 3, 1), (6, 3, 2), (5, 4, 2), (4, 4, 4), (5, 1, 1)])
def test_rank_distribution_is_the_mean_over_all_pools(n, N, M, replace):
    pools = list(product(range(n), repeat=N) if replace else combinations(range(n), N))
    exact = [Fraction(0)] * n
    for pool in pools:
        for rank in sorted(pool)[:M]:
            exact[rank] += Fraction(1, M * len(pools))
    assert np.allclose(DNS(M, N).rank_distribution(n, replace=replace), [float(x) for x in exact], atol=1e-14)


def test_simulated_rank_distribution_agrees_and_ignores_threads():
    # 40 ranks, each within 6 standard errors: false alarm below 1e-7
    losses = np.random.default_rng(1).normal(size=40)
    for replace in (False, True):
        estimate = simulate_rank_distribution(DNS(3, 10), losses, n_pools=50_000, replace=replace, rng=2)
        exact = DNS(3, 10).rank_distribution(40, replace=replace)
        seen = exact * 50_000 > 50
        assert (np.abs(estimate.probability - exact) <= 6 * estimate.standard_error)[seen].all()
        assert estimate.probability.sum() == pytest.approx(1, abs=1e-12)


def test_softmax_weights():
    losses = np.random.default_rng(0).normal(size=(50, 30)) ** 2
    tau = np.sqrt(losses.var(axis=1, ddof=1, keepdims=True) / (2 * 0.7))
    tilt = np.exp((losses - losses.max(axis=1, keepdims=True)) / tau)
    assert np.allclose(SoftmaxV(0.7, 30).weights(losses), tilt / tilt.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.allclose(kl_of_weights(SoftmaxExact(0.7, 30).weights(losses)), 0.7, rtol=1e-9)
    assert np.allclose(SoftmaxExact(50.0, 30).weights(losses), DNS(1, 30).weights(losses))


@pytest.mark.parametrize("sampler", [Uniform(5), DNS(2, 5), SoftmaxV(1.0, 5), SoftmaxExact(1.0, 5)], ids=str)
def test_degenerate_pools(sampler):
    assert sampler.weights([3.0]).tolist() == [1.0]
    assert sampler.weights([2.0] * 5).sum() == pytest.approx(1)
    if not isinstance(sampler, DNS):
        assert np.allclose(sampler.weights([2.0] * 5), 0.2)


def test_draws_follow_the_weights():
    # binomial, 7 sigma: below 1e-11 each
    losses = [0.1, 2.0, 0.5, 1.0]
    sampler, n = SoftmaxV(1.0, 4), 100_000
    p = sampler.weights(losses)
    share = np.bincount(sampler.draw(losses, n, rng=3), minlength=4) / n
    assert (np.abs(share - p) <= 7 * np.sqrt(p * (1 - p) / n)).all()


def test_mixture_and_hardness():
    assert mixture_from_weights(DNS(3, 3).rank_distribution(3)).tolist() == [0, 0, pytest.approx(1)]
    betas = [DNS(m, 50).effective_beta(500) for m in (1, 5, 20, 50)]
    assert betas == sorted(betas) and betas[-1] == pytest.approx(1)
    assert DNS(5, 100).effective_beta(500) < DNS(5, 50).effective_beta(500)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: DNS(6, 5), "M must be <= N"), (lambda: DNS(0, 5), "M must be"), (lambda: DNS(1, 0), "N must be"),
        (lambda: Uniform(0), "N must be"), (lambda: SoftmaxV(-1.0, 5), "rho must be"),
        (lambda: DNS(1.5, 5), "M must be"),
        (lambda: SoftmaxV(float("nan"), 5), "rho must be"), (lambda: SoftmaxExact(1.0, 0), "N must be"),
        (lambda: DNS(1, 5).weights([]), "losses"), (lambda: DNS(1, 5).weights([1.0, np.nan]), "losses"),
        (lambda: DNS(1, 5).weights([1.0, np.inf]), "losses"), (lambda: DNS(1, 5).rank_distribution(4), "n_neg"),
        (lambda: SoftmaxV(1.0, 5).rank_distribution(10), "simulate_rank_distribution"),
        (lambda: DNS(1, 2).draw([1.0, 2.0], -1), "size"), (lambda: DNS(1, 2).draw([[1.0, 2.0]], 1), "one pool"),
        (lambda: simulate_rank_distribution(DNS(1, 5), [1.0, 2.0]), "losses"),
        (lambda: BPRMF(4, DNS(1, 9), replace=False, rng=0).fit(sparse.eye(5, format="csr")), "N must be <= 5"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(make, says):
    with pytest.raises((ValueError, TypeError), match=says) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("n", "m"), [(20, 5), (40, 20), (64, 16)])
def test_positions_stay_inside_the_pool_when_losses_are_nan(n: int, m: int) -> None:
    """A diverging run hands NaN to the kernels before its epoch ends."""
    from sim.sampling.kernels.weigh import top_m

    losses = np.full(n, np.nan)
    losses[3], losses[7] = 1, 2
    idx = np.full(n, 10**9)
    top_m(losses, m, idx, np.empty(n))
    assert ((idx[:m] >= 0) & (idx[:m] < n)).all()
