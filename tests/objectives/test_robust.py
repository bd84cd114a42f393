"""CVaR and KL worst cases against linear programs, general solvers, decimal and rational arithmetic (L1, T1, T2)."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import objectives as oracle
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from sim.objectives import (
    cvar_dual,
    cvar_optimal_eta,
    cvar_value,
    kl_dro_value,
    kl_dual,
    kl_of_weights,
    kl_temperature,
    taylor_temperature,
    tilted_weights,
)
from sim.objectives import kernels as kernels

nice = st.lists(st.floats(0.0, 20.0), min_size=1, max_size=30).map(np.array)
wild = st.lists(
    st.one_of(st.floats(-1e4, 1e4), st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1e4, 1e4 + 1e-9, 1e-12, 3e-300])),
    min_size=1,
    max_size=20,
).map(np.array)
betas = st.one_of(st.floats(0.001, 1.0), st.integers(1, 30).flatmap(lambda n: st.integers(1, n).map(lambda k: k / n)))
rhos = st.one_of(st.floats(1e-12, 6.0), st.sampled_from([0.0, 1e-12, 1e-6, 0.01, 0.1, 1.0, 10.0, 100.0]))


# ---- CVaR ------------------------------------------------------------------------------------------------------------


@given(wild, betas)
def test_cvar_is_the_fractional_mean_of_the_largest(losses: np.ndarray, beta: float) -> None:
    expected = float(oracle.cvar_by_fractions(losses.tolist(), Fraction(beta)))
    scale = np.abs(losses).max()
    assert cvar_value(losses, beta) == pytest.approx(expected, abs=1e-13 * scale + 1e-300)


def test_L1_cvar_is_the_linear_program(rng: np.random.Generator) -> None:
    for n in (1, 2, 7, 20):
        for beta in (0.03, 0.25, 0.5, 0.71, 1.0):
            losses = rng.exponential(size=n)
            assert cvar_value(losses, beta) == pytest.approx(oracle.cvar_by_linear_program(losses, beta), abs=1e-9)


@given(nice, betas, st.floats(-5.0, 30.0))
def test_T1_dual_is_above_and_touches_at_the_quantile(losses: np.ndarray, beta: float, eta: float) -> None:
    value = cvar_value(losses, beta)
    low, high = cvar_optimal_eta(losses, beta)
    assert low <= high
    assert cvar_dual(losses, beta, eta) >= value - 1e-9
    for optimal in (high, low if math.isfinite(low) else high - 1.0):
        assert cvar_dual(losses, beta, optimal) == pytest.approx(value, abs=1e-9)
    inside = 0.5 * (max(low, high - 1.0) + high)
    assert cvar_dual(losses, beta, inside) == pytest.approx(value, abs=1e-9)


def test_T1_minimisers_end_where_the_interval_ends() -> None:
    losses = np.array([4.0, 1.0, 3.0, 2.0])
    for m in (1, 2, 3):
        low, high = cvar_optimal_eta(losses, m / 4)
        assert (low, high) == (float(4 - m), float(5 - m))
        value = cvar_value(losses, m / 4)
        assert cvar_dual(losses, m / 4, low - 0.1) > value + 1e-3
        assert cvar_dual(losses, m / 4, high + 0.1) > value + 1e-3
    assert cvar_optimal_eta(losses, 1.0) == (-np.inf, 1.0)
    assert cvar_optimal_eta(losses, 0.6) == (2.0, 2.0)


@pytest.mark.parametrize("n", [3, 10, 49, 1000, 4099])
def test_beta_of_a_whole_number_of_losses_is_recognised(n: int) -> None:
    losses = np.arange(float(n))
    for m in range(1, n, max(1, n // 50)):
        assert cvar_optimal_eta(losses, m / n) == (n - m - 1.0, float(n - m))


@given(nice, st.lists(betas, min_size=2, max_size=2))
def test_cvar_falls_in_beta(losses: np.ndarray, pair: list[float]) -> None:
    low, high = sorted(pair)
    assert cvar_value(losses, low) >= cvar_value(losses, high) - 1e-12
    assert cvar_value(losses, 1.0) == pytest.approx(losses.mean())
    assert cvar_value(losses, 1e-9) == pytest.approx(losses.max())


# ---- KL --------------------------------------------------------------------------------------------------------------


@given(wild, rhos)
@example(np.array([0.0, 2.3e-308, -1.0]), 1.0)  # no temperature that a float holds tells the upper two apart
def test_T2_temperature_realises_rho(losses: np.ndarray, rho: float) -> None:
    lam = kl_temperature(losses, rho)
    gaps = losses.max() - losses
    if rho == 0.0 or gaps.max() == 0.0:
        assert lam == np.inf
        return
    ties = int((gaps / gaps.max() < 1e-300).sum())
    if rho >= math.log(losses.size / ties):
        assert lam == 0.0
    else:
        assert 0.0 < lam < np.inf
        # the KL a relative step of 2e-12 away encloses rho; rounding of the log ties the top end down
        room = 1e-14 if rho > 1e-3 else 0.0
        assert float(oracle.kl_at(losses, lam * (1 + 2e-12))) <= rho + room
        assert float(oracle.kl_at(losses, lam * (1 - 2e-12))) >= rho - room


@pytest.mark.parametrize("n", [2, 3, 40, 1000])
@pytest.mark.parametrize("rho", [1e-3, 0.1, 0.5, 0.69])
def test_T2_temperature_by_root_search(rng: np.random.Generator, n: int, rho: float) -> None:
    for losses in (rng.normal(size=n), rng.exponential(size=n), 1e4 + 1e-3 * rng.normal(size=n), rng.pareto(1, size=n)):
        expected = oracle.kl_temperature_by_search(losses, rho)
        assert kl_temperature(losses, rho) == pytest.approx(expected, rel=1e-9)


def test_T2_temperature_between_near_ties() -> None:
    # KL has a plateau at log(n / 2) as long as the two largest look equal; the solve must not stall on either side
    losses = np.array([1.0, 1.0 + 1e-9, 0.0, -3.0])
    for rho in (math.log(2) - 1e-3, math.log(2) + 1e-3, math.log(4) - 1e-9):
        lam = kl_temperature(losses, rho)
        assert float(oracle.kl_at(losses, lam)) == pytest.approx(rho, abs=1e-12)


def test_T2_temperature_for_the_smallest_rho() -> None:
    for rho in (1e-30, 1e-200, 1e-300):
        assert kl_temperature([0.0, 1.0, 5.0], rho) == pytest.approx(
            taylor_temperature([0.0, 1.0, 5.0], rho), rel=1e-12
        )


@given(nice, rhos)
def test_T2_dual_21_equals_tilted_mean_23_at_lambda_star(losses: np.ndarray, rho: float) -> None:
    value = kl_dro_value(losses, rho)
    lam = kl_temperature(losses, rho)
    scale = max(1.0, losses.max())
    assert value == pytest.approx(tilted_weights(losses, lam) @ losses, abs=1e-10 * scale)
    if 0 < lam < np.inf:
        assert value == pytest.approx(kl_dual(losses, rho, lam), abs=1e-10 * scale)
        for factor in (0.5, 0.99, 1.01, 2.0):
            assert kl_dual(losses, rho, factor * lam) >= value - 1e-10 * scale


@given(nice, rhos)
def test_cvar_is_at_most_the_kl_worst_case(losses: np.ndarray, rho: float) -> None:
    tolerance = 1e-9 * max(1.0, losses.max())
    value = kl_dro_value(losses, rho)
    assert cvar_value(losses, math.exp(-rho)) <= value + tolerance
    assert losses.mean() - tolerance <= value <= losses.max() + tolerance


@given(nice, st.lists(rhos, min_size=2, max_size=2))
def test_kl_worst_case_grows_with_rho(losses: np.ndarray, pair: list[float]) -> None:
    low, high = sorted(pair)
    assert kl_dro_value(losses, low) <= kl_dro_value(losses, high) + 1e-9
    assert kl_temperature(losses, low) >= kl_temperature(losses, high) * (1 - 1e-11)


def test_T2_value_by_minimising_the_dual_and_by_the_primal(rng: np.random.Generator) -> None:
    for rho in (0.05, 0.4, 1.0):
        losses = rng.exponential(size=8)

        def dual(u: float, losses: np.ndarray = losses, rho: float = rho) -> float:
            return kl_dual(losses, rho, math.exp(u))

        found = minimize_scalar(dual, bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-10})
        assert kl_dro_value(losses, rho) == pytest.approx(found.fun, abs=1e-9)
        assert kl_dro_value(losses, rho) == pytest.approx(oracle.kl_dro_by_primal(losses, rho), abs=1e-6)


def test_limits_of_the_dual() -> None:
    losses = np.array([0.0, 1.0, 5.0])
    assert kl_dual(losses, 0.3, 0.0) == 5.0
    assert kl_dual(losses, 0.3, 1e-12) == pytest.approx(5.0)
    assert kl_dual(losses, 0.0, np.inf) == 2.0
    assert kl_dual(losses, 0.0, 1e12) == pytest.approx(2.0, abs=1e-11)
    assert kl_dual(losses, 0.3, np.inf) == np.inf
    assert kl_dro_value(losses, 0.0) == 2.0
    assert kl_dro_value(losses, 50.0) == 5.0
    assert kl_dro_value(losses, 1e-12) == pytest.approx(2.0, abs=1e-5)
    assert kl_dro_value([3.0, 3.0], 0.5) == 3.0
    assert kl_dro_value([1e4, 1e4 - 1e-8, 0.0], 0.3) == pytest.approx(
        oracle.kl_dro_by_primal(np.array([1.0, 1.0, 0.0]), 0.3) * 1e4
    )


def test_second_order_agreement_of_the_taylor_temperature(rng: np.random.Generator) -> None:
    losses = rng.normal(size=500)
    errors = [abs(taylor_temperature(losses, rho) / kl_temperature(losses, rho) - 1) for rho in (1e-3, 1e-5, 1e-7)]
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 5
    assert errors[2] < errors[1] / 5


def test_taylor_temperature() -> None:
    losses = np.array([[0.0, 1.0, 5.0], [1e8, 1e8 + 1, 1e8 + 2], [2.0, 2.0, 2.0]])
    for ddof in (0, 1):
        expected = np.sqrt(losses.var(axis=1, ddof=ddof) / 0.4)
        assert taylor_temperature(losses, 0.2, ddof=ddof) == pytest.approx(expected)
    assert taylor_temperature(losses, 0.0).tolist() == [np.inf] * 3
    assert taylor_temperature(losses, 0.2)[2] == 0.0
    assert taylor_temperature([7.0], 0.2) == 0.0


# ---- weights ---------------------------------------------------------------------------------------------------------


@given(wild, st.floats(1e-3, 1e6))
def test_tilted_weights_are_the_softmax(losses: np.ndarray, temperature: float) -> None:
    weights = tilted_weights(losses, temperature)
    assert weights == pytest.approx(softmax((losses - losses.max()) / temperature), abs=1e-12)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)


def test_tilted_weights_at_the_ends() -> None:
    losses = [1.0, 3.0, 3.0, -2.0]
    assert tilted_weights(losses, 0.0).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert tilted_weights(losses, np.inf).tolist() == [0.25] * 4
    assert tilted_weights(losses, 5e-324).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert tilted_weights(losses, 1e308).tolist() == pytest.approx([0.25] * 4)
    assert tilted_weights([1e4, -1e4], 1.0).tolist() == [1.0, 0.0]


@given(wild, st.floats(1e-2, 1e5))
def test_kl_of_weights(losses: np.ndarray, temperature: float) -> None:
    weights = tilted_weights(losses, temperature)
    expected = float(oracle.kl_at(losses, temperature))
    assert kl_of_weights(weights) == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert 0.0 <= kl_of_weights(weights) <= math.log(losses.size) + 1e-12


# ---- shapes, kernels, errors -----------------------------------------------------------------------------------------


def test_batches_run_along_the_last_axis(rng: np.random.Generator) -> None:
    losses = rng.exponential(size=(2, 3, 11))
    lam = rng.uniform(0.1, 2.0, size=(2, 3))
    for function, arguments in (
        (cvar_value, (0.3,)),
        (kl_temperature, (0.7,)),
        (taylor_temperature, (0.7,)),
        (kl_dro_value, (0.7,)),
        (kl_dual, (0.7, 0.4)),
        (cvar_dual, (0.3, 0.9)),
    ):
        batch = function(losses, *arguments)
        assert batch.shape == (2, 3)
        assert batch[1, 2] == function(losses[1, 2], *arguments)
        assert isinstance(function(losses[1, 2], *arguments), float)
    low, high = cvar_optimal_eta(losses, 0.3)
    assert (low[1, 2], high[1, 2]) == cvar_optimal_eta(losses[1, 2], 0.3)
    assert kl_dual(losses, 0.7, lam)[0, 1] == kl_dual(losses[0, 1], 0.7, lam[0, 1])
    assert cvar_dual(losses, 0.3, lam)[0, 1] == cvar_dual(losses[0, 1], 0.3, lam[0, 1])
    weights = tilted_weights(losses, lam)
    assert weights[1, 0].tolist() == tilted_weights(losses[1, 0], lam[1, 0]).tolist()
    assert kl_of_weights(weights).shape == (2, 3)
    assert kl_temperature(losses[::-1, :, ::2], 0.7)[0, 0] == kl_temperature(losses[1, 0, ::2], 0.7)


@pytest.mark.nojit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_on_small_inputs(dtype: type) -> None:
    losses = np.array([0.5, 2.0, 1.0, 2.0, 0.25], dtype)
    exact = losses.astype(float)
    lam = kernels.kl_temperature_1d(losses, 0.3)
    assert lam == pytest.approx(oracle.kl_temperature_by_search(exact, 0.3), rel=1e-10)
    assert kernels.kl_temperature_1d(losses, math.log(2.5)) == 0.0
    assert kernels.kl_temperature_1d(losses, 0.0) == np.inf
    assert kernels.kl_temperature_1d(losses[:1], 0.5) == np.inf
    out = np.empty(5, dtype)
    assert kernels.taylor_temperature_1d(losses, 0.5, 1, out) == pytest.approx(np.std(exact, ddof=1))
    assert kernels.taylor_temperature_1d(np.full(5, 0.1, dtype), 0.5, 1, out) == 0.0
    assert kernels.taylor_temperature_1d(losses, 0.0, 1, out) == math.inf
    for temperature in (0.0, 0.3, lam, np.inf):
        kernels.tilt_1d(losses, temperature, out)
        expected = softmax(exact / temperature) if temperature else np.array([0, 0.5, 0, 0.5, 0])
        assert out == pytest.approx(expected, abs=1e-6 if dtype == np.float32 else 1e-14)
    assert kernels.kl_dual_1d(losses, 0.3, lam) == pytest.approx(kl_dro_value(exact, 0.3))
    kernels.top_weights_1d(losses, 2.5, out)
    assert out == pytest.approx([0.0, 0.4, 0.2, 0.4, 0.0], abs=1e-6)
    kernels.top_weights_1d(losses, 1.5, out)
    assert out == pytest.approx([0.0, 0.5, 0.0, 0.5, 0.0], abs=1e-6)


@pytest.mark.nojit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scalar_kernels(dtype: type) -> None:
    for x in (-1e4, -708.5, -100.0, -30.0, -1.0, -1e-3, -1e-20, 0.0, 1e-20, 1e-3, 1.0, 30.0, 100.0, 1e4):
        x = float(dtype(x))
        loss = max(x, 0.0) + math.log1p(math.exp(-abs(x)))
        assert kernels.softplus(dtype(x)) == pytest.approx(loss, rel=1e-15, abs=4e-308)
        assert kernels.sigmoid(dtype(x)) == pytest.approx(
            math.exp(min(x, 0.0)) / (1 + math.exp(-abs(x))), abs=4e-308, rel=1e-15
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda losses: cvar_value(losses, 0.5),
        lambda losses: cvar_dual(losses, 0.5, 1.0),
        lambda losses: cvar_optimal_eta(losses, 0.5),
        lambda losses: kl_temperature(losses, 0.5),
        lambda losses: taylor_temperature(losses, 0.5),
        lambda losses: kl_dro_value(losses, 0.5),
        lambda losses: kl_dual(losses, 0.5, 1.0),
        lambda losses: tilted_weights(losses, 1.0),
    ],
)
def test_bad_losses(call: object) -> None:
    for bad in ([0.0, np.nan], [0.0, np.inf], [-np.inf]):
        with pytest.raises(ValueError, match="losses must be finite, got 1 NaN or infinite values"):
            call(bad)
    for bad in ([], 1.0, np.zeros((3, 0))):
        with pytest.raises(ValueError, match="losses must have at least one entry along its last axis"):
            call(bad)


@pytest.mark.parametrize("beta", [0.0, -1.0, 1.1, np.nan, np.inf])
def test_bad_beta(beta: float) -> None:
    for call in (cvar_value, cvar_optimal_eta):
        with pytest.raises(ValueError, match="beta must be"):
            call([1.0], beta)
    with pytest.raises(ValueError, match="beta must be"):
        cvar_dual([1.0], beta, 0.0)


@pytest.mark.parametrize("rho", [-0.1, np.nan, np.inf])
def test_bad_rho(rho: float) -> None:
    for call in (kl_temperature, taylor_temperature, kl_dro_value):
        with pytest.raises(ValueError, match="rho must be"):
            call([1.0], rho)
    with pytest.raises(ValueError, match="rho must be"):
        kl_dual([1.0], rho, 1.0)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match=r"lam must be in \[0, inf\], got -1"):
        kl_dual([1.0], 0.5, -1.0)
    with pytest.raises(ValueError, match=r"temperature must be in \[0, inf\], got nan"):
        tilted_weights([1.0], np.nan)
    with pytest.raises(ValueError, match=r"lam must be a number or broadcast to shape \(\), got shape \(2,\)"):
        kl_dual([1.0], 0.5, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"eta must be a number or broadcast to shape \(\), got shape \(2,\)"):
        cvar_dual([1.0], 0.5, [1.0, 2.0])
    with pytest.raises(ValueError, match="eta must be finite"):
        cvar_dual([1.0], 0.5, np.nan)
    with pytest.raises(ValueError, match=r"ddof must be in 0\.\.1, got 2"):
        taylor_temperature([1.0, 2.0], 0.5, ddof=2)
    with pytest.raises(ValueError, match="losses must have at least 2 entries along the last axis for ddof=1, got 1"):
        taylor_temperature([1.0], 0.5, ddof=1)
    with pytest.raises(ValueError, match=r"p must be >= 0, got -0\.5"):
        kl_of_weights([1.5, -0.5])
    with pytest.raises(ValueError, match=r"p must sum to 1 along the last axis, got sums from 0\.5 to 0\.5"):
        kl_of_weights([0.25, 0.25])


def test_rho_beyond_log_n_is_the_maximum() -> None:
    # rho beyond log n has no beta = exp(-rho) on n items: the worst case is the maximum, whatever rho
    losses = np.arange(200.0)
    assert kl_dro_value(losses, math.log(200)) == kl_dro_value(losses, 100.0) == 199.0


@pytest.mark.parametrize("gap", [1e-290, 1e-250, 1e-100, 1e-15, 1e-3])
def test_a_plateau_of_the_divergence_is_left_by_bisection(gap: float) -> None:
    """Between log(4/2) and log(4) it rises only where the two largest are told apart."""
    losses = [0.0, -gap, -1.0, -1.0]
    lam = kl_temperature(losses, 1.0)
    assert kl_of_weights(tilted_weights(losses, lam)) == pytest.approx(1.0, abs=1e-12)
