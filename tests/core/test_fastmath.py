"""exp, sigmoid and softplus of inner loops against float64, in units in the last place."""

from __future__ import annotations

import math
from decimal import Decimal

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core import fastmath as f
from sim.core.jit import JIT_ENABLED

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="plain Python uses the C library")


@numba.njit
def exps(x, out):
    for i in range(x.size):
        out[i] = f.exp(x[i])


@numba.njit
def pairs(x, sigmoid, softplus):
    for i in range(x.size):
        sigmoid[i], softplus[i] = f.sigmoid_softplus(x[i])


@numba.njit
def split(x):
    return f.mantissa_exponent(x)


def grid() -> np.ndarray:
    """Where float32 exp is a normal number: dense, uniform and log-spaced, with the ends and both zeros."""
    small = np.logspace(-38, 1.9, 40_000)
    ends = np.array([-87, 88, 0.0, -0.0, np.log(2) / 2, -np.log(2) / 2, 1e-45, -1e-45])
    x = np.concatenate([np.linspace(-87, 88, 400_001), small, -small, ends]).astype(np.float32)
    return x[(x >= -87) & (x <= 88)]


def ulps(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    return np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)


def exact_pair(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y = x.astype(np.float64)
    e = np.exp(-np.abs(y))
    return np.where(y >= 0, 1, e) / (1 + e), np.maximum(y, 0) + np.log1p(e)


def test_exp_is_within_four_ulp() -> None:
    x = grid()
    out = np.empty_like(x)
    exps(x, out)
    assert ulps(out, np.exp(x.astype(np.float64))).max() <= 4


@given(st.floats(-708.0, 709.0))
def test_exp_of_float64_is_within_two_ulp(x: float) -> None:
    exact = float(Decimal(x).exp())
    out = np.empty(1)
    exps(np.array([x]), out)
    assert abs(out[0] - exact) <= 2 * math.ulp(exact)


def test_float64_beyond_the_range() -> None:
    out = np.empty(5)
    exps(np.array([-708.5, -1e300, 709.5, 1e300, 709.0]), out)
    assert out.tolist() == [0.0, 0.0, out[4], out[4], out[4]] and out[4] > 8e307


def test_sigmoid_and_softplus_are_within_their_bound() -> None:
    x = grid()
    sigmoid, softplus = np.empty_like(x), np.empty_like(x)
    pairs(x, sigmoid, softplus)
    for got, exact in zip((sigmoid, softplus), exact_pair(x)):
        assert ulps(got, exact).max() <= 5


def test_float32_beyond_the_range_stays_at_its_ends() -> None:
    x = np.array([-87.5, -1e4, -3e38, 88.5, 1e4, 3e38], np.float32)
    out = np.empty_like(x)
    exps(x, out)
    ends = np.empty(2, np.float32)
    exps(np.array([-87, 88], np.float32), ends)
    assert out.tolist() == [ends[0]] * 3 + [ends[1]] * 3
    sigmoid, softplus = np.empty_like(x), np.empty_like(x)
    pairs(x, sigmoid, softplus)
    exact = exact_pair(x)
    np.testing.assert_allclose(sigmoid, exact[0], rtol=1e-6, atol=2e-38)
    np.testing.assert_allclose(softplus, exact[1], rtol=1e-6, atol=2e-38)


def test_sigmoid_and_softplus_of_float64_are_the_c_librarys() -> None:
    x = np.concatenate([np.linspace(-745, 709, 20_001), [0.0, 1e-300, -1e-300, 1e4, -1e4]])
    sigmoid, softplus = np.empty_like(x), np.empty_like(x)
    pairs(x, sigmoid, softplus)
    for got, exact in zip((sigmoid, softplus), exact_pair(x)):
        np.testing.assert_allclose(got, exact, rtol=1e-15)


def test_plain_python_agrees() -> None:
    for x in (-30.0, -1.0, 0.0, 1e-9, 2.5, 700.0):
        assert f.exp(x) == pytest.approx(np.exp(x), rel=1e-15)
        np.testing.assert_allclose(f.sigmoid_softplus(x), [v[0] for v in exact_pair(np.array([x]))], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(m=st.floats(1, 2, exclude_max=True, width=32), e=st.integers(-126, 127))
def test_mantissa_and_exponent_are_exact(dtype: type[np.floating], m: float, e: int) -> None:
    x = dtype(m) * dtype(2.0) ** dtype(e)
    found = split(x)
    assert found == (m, e) and found[0] * dtype(2.0) ** found[1] == x
