"""Vector code against NumPy, for every width from 8 to 136."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from sim.core import simd as v
from sim.core.jit import JIT_ENABLED

WIDTHS = [*range(8, 137, 8)]


@numba.njit
def dot(a, i, b, j):
    return v.row_dot(a, i, b, j)


@numba.njit
def dots(a, i, b, rows, j, out):
    v.row_dots(a, i, b, rows, j, out)


@numba.njit
def axpy(c, a, i, out, j):
    v.prefetch_row(a, i)
    v.row_axpy(c, a, i, out, j)


@numba.njit
def rows_sum(c, b, rows, count, out, j):
    v.rows_sum(c, b, rows, count, out, j)


@numba.njit
def array_sum(a, count):
    return v.array_sum(a, count)


@numba.njit
def mask(a, j, threshold):
    return v.at_least_mask(a, j, threshold)


@numba.njit
def lowest(bits):
    return v.lowest_bit(bits)


def tables(width: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(width)
    return rng.normal(size=(5, width)).astype(dtype), rng.normal(size=(30, width)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", WIDTHS)
def test_dots(width: int, dtype: type) -> None:
    """The bound on the error of a sum of d products is about d u sum |a_k b_k|."""
    a, b = tables(width, dtype)
    rows = np.array([3, 29, 0, 0, 17, 5, 28, 1, 2, 2, 29, 11, 9, 8, 7, 6, 4], np.int32)
    out = np.full(17, 7, dtype)
    dots(a, 2, b, rows, 1, out)
    assert out[0] == 7 and (out[9:] == 7).all()  # only its own eight
    for lane in range(8):
        row = b[rows[1 + lane]]
        if JIT_ENABLED:
            assert out[1 + lane] == dot(a, 2, b, rows[1 + lane])  # to the bit
        exact = a[2].astype(np.float64) @ row
        bound = width * np.finfo(dtype).eps * (np.abs(a[2]).astype(np.float64) @ np.abs(row))
        assert abs(out[1 + lane] - exact) <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", WIDTHS)
def test_sums(width: int, dtype: type) -> None:
    a, b = tables(width, dtype)
    tolerance = 50 * np.finfo(dtype).eps
    out = b.copy()
    axpy(dtype(0.3), a, 4, out, 6)
    np.testing.assert_allclose(out[6], b[6] + dtype(0.3) * a[4], atol=tolerance)
    assert np.array_equal(np.delete(out, 6, 0), np.delete(b, 6, 0))
    rows = np.array([5, 5, 0, 29, 12, 7], np.int32)
    c = np.random.default_rng(1).normal(size=6).astype(dtype)
    for count in (0, 1, 5):
        out = np.full_like(a, 9)
        rows_sum(c, b, rows, count, out, 3)
        np.testing.assert_allclose(out[3], c[:count].astype(float) @ b[rows[:count]], atol=tolerance)
        assert (np.delete(out, 3, 0) == 9).all()


@pytest.mark.nojit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_array_sums(dtype: type) -> None:
    """Each count alone, and nothing read beyond it; up to seven numbers are added one by one."""
    numbers = np.random.default_rng(2).normal(size=100).astype(dtype)
    for count in range(100):
        a = numbers.copy()
        a[count:] = np.nan
        got = array_sum(a, count)
        assert abs(got - math.fsum(a[:count])) <= 20 * np.finfo(dtype).eps * np.abs(a[:count]).sum()
        if JIT_ENABLED and count < v.LANES:
            assert got == sum(a[:count], start=dtype(0))


@pytest.mark.nojit
def test_dot_and_axpy_without_jit() -> None:
    a, b = tables(8, np.float64)
    out = b.copy()
    axpy(0.5, a, 1, out, 2)
    np.testing.assert_allclose(out[2], b[2] + 0.5 * a[1])
    assert dot(a, 1, b, 2) == pytest.approx(a[1] @ b[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_comparison_masks(dtype: type) -> None:
    a = np.random.default_rng(0).integers(0, 4, 40).astype(dtype)
    a[5] = np.nan
    a[20] = -0.0
    for j in (0, 3, 24):
        for threshold in (-1, 0, 2, 3, 9):
            expected = sum(1 << k for k in range(16) if a[j + k] >= threshold)
            assert mask(a, j, dtype(threshold)) == expected
    assert mask(a, 0, dtype(np.nan)) == 0


@pytest.mark.nojit
def test_lowest_bit() -> None:
    for bit in range(16):
        assert lowest(1 << bit) == bit and lowest((1 << bit) | (1 << 15)) == min(bit, 15)


@pytest.mark.skipif(not JIT_ENABLED, reason="about the compiler's types")
def test_wrong_types_do_not_compile() -> None:
    a = np.zeros((2, 8), np.float32)
    for other in (np.zeros((2, 8)), np.zeros((8, 2), np.float32).T):
        with pytest.raises(numba.TypingError):
            dot(a, 0, other, 0)
