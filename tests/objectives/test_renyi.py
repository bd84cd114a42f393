"""Worst cases over Renyi balls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_check import strategies
from sim.objectives import cvar_value, kl_dro_value, renyi_divergence, renyi_value, renyi_weights

ORDERS = st.sampled_from([1.1, 1.5, 2.0, 4.0, 30.0])


@given(strategies.losses(min_size=2, max_size=12), st.floats(0.0, 4.0), ORDERS)
def test_weights_are_a_law_in_the_ball_and_rise_with_the_loss(losses: np.ndarray, rho: float, order: float) -> None:
    weights = renyi_weights(losses, rho, order)
    assert weights.sum() == pytest.approx(1.0) and weights.min() >= 0.0
    uniform = np.full(losses.size, 1.0 / losses.size)
    assert renyi_divergence(weights, uniform, order) <= rho + 1e-6
    order_of = np.argsort(losses, kind="stable")
    assert (np.diff(weights[order_of]) >= -1e-9).all()


@given(strategies.losses(min_size=2, max_size=12), st.floats(0.0, 3.0), ORDERS)
def test_values_lie_between_cvar_and_kl(losses: np.ndarray, rho: float, order: float) -> None:
    value = renyi_value(losses, rho, order)
    slack = 1e-6 * max(1.0, float(np.abs(losses).max()))
    assert cvar_value(losses, float(np.exp(-rho))) - slack <= value <= kl_dro_value(losses, rho) + slack


def test_no_law_in_the_ball_does_better() -> None:
    rng = np.random.default_rng(0)
    losses, uniform = rng.normal(size=5), np.full(5, 0.2)
    for order, rho in ((1.5, 0.2), (2.0, 0.5), (5.0, 0.3)):
        best = renyi_value(losses, rho, order)
        for law in rng.dirichlet(np.ones(5), 3_000):
            if renyi_divergence(law, uniform, order) <= rho:
                assert law @ losses <= best + 1e-9


def test_ends_and_limits() -> None:
    losses = np.array([[3.0, 1.0, 1.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    assert renyi_value(losses, 0.3, 1.0).tolist() == kl_dro_value(losses, 0.3).tolist()
    assert renyi_value(losses, 0.3, np.inf).tolist() == cvar_value(losses, np.exp(-0.3)).tolist()
    assert renyi_weights(losses, 50.0, 2.0).tolist() == [[1.0, 0.0, 0.0, 0.0], [0.25] * 4]
    assert renyi_weights(losses, 0.0, 2.0).tolist() == [[0.25] * 4] * 2
    assert isinstance(renyi_value(losses[0], 0.3, 2.0), float)


def test_divergence_rises_with_the_order_and_is_zero_at_equality() -> None:
    p, q = [0.2, 0.3, 0.5], [0.5, 0.25, 0.25]
    values = [renyi_divergence(p, q, a) for a in (0.5, 0.999, 1.0, 1.001, 2.0, 50.0, np.inf)]
    assert (np.diff(values) > 0).all()
    assert renyi_divergence(q, q, 3.0) == pytest.approx(0.0, abs=1e-15)
    assert renyi_divergence([1.0, 0.0], [0.5, 0.5], 2.0) == pytest.approx(np.log(2.0))


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"order must be in \(1, inf\], got 1"):
        renyi_weights([1.0, 2.0], 0.1, 1.0)
    with pytest.raises(ValueError, match=r"order infinity is DNS"):
        renyi_weights([1.0, 2.0], 0.1, np.inf)
    with pytest.raises(TypeError, match=r"order must be a number, got 'two'"):
        renyi_value([1.0, 2.0], 0.1, "two")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rho must be in"):
        renyi_value([1.0, 2.0], -0.1, 2.0)
    with pytest.raises(ValueError, match="losses must be finite"):
        renyi_value([1.0, np.nan], 0.1, 2.0)
    with pytest.raises(ValueError, match=r"p and q must be probabilities"):
        renyi_divergence([0.5, 0.6], [0.5, 0.5], 2.0)
    with pytest.raises(ValueError, match=r"p and q must be lists of one length"):
        renyi_divergence([0.5, 0.5], [1.0], 2.0)
