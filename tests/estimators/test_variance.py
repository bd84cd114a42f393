"""Gradient variances against all pools, a simulation, and their refusals."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.estimators import (
    best_kept,
    dns_sample_moments,
    dns_spread,
    exact_cut,
    pair_gradients,
    shared_spread,
    tilted_spread,
)
from sim.sampling import DNS


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.data())
def test_dns_is_the_law_over_all_pools(n: int, size: int, data) -> None:
    m = data.draw(st.integers(1, size))
    g = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=n, max_size=n)))
    pools = np.sort(np.array(list(product(range(n), repeat=size))), axis=1)[:, :m]
    values = g[pools].mean(axis=1)
    found = dns_spread(g, m, size)
    assert found.mean[0] == pytest.approx(values.mean(), abs=1e-10)
    assert found.variance == pytest.approx(values.var(), abs=1e-9)
    if size <= n:
        values = g[np.array(list(combinations(range(n), size)))[:, :m]].mean(axis=1)
        found = dns_spread(g, m, size, replace=False)
        assert found.mean[0] == pytest.approx(values.mean(), abs=1e-12)
        assert found.variance == pytest.approx(values.var(), abs=1e-10)


@pytest.mark.parametrize(("m", "size"), [(1, 7), (3, 7), (7, 7), (2, 30), (30, 30)])
def test_same_as_the_estimators_module(m: int, size: int) -> None:
    scores = np.sort(np.random.default_rng(3).normal(size=30))[::-1]
    known = dns_sample_moments(DNS(m, size), [0.4], scores)
    g = pair_gradients(0.4, scores)
    found = dns_spread(g, m, size, replace=False)
    assert -found.mean[0] == pytest.approx(known.mean[1], rel=1e-12)
    assert found.variance == pytest.approx(known.variance[1], abs=1e-12)
    if m == size == 30:
        assert found.variance < 1e-15  # the full gradient


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_softmax_against_simulation(spread: float) -> None:
    """|z| < 6 on four statistics: false alarm below 1e-8."""
    rng = np.random.default_rng(5)
    g, x = rng.normal(size=(40, 1)), spread * rng.normal(size=40)
    found = tilted_spread(g, x, 12)
    pools = rng.integers(40, size=(200_000, 12))
    a = np.exp(x - x.max())[pools]
    values = (a * g[pools, 0]).sum(axis=1) / a.sum(axis=1)
    assert abs(values.mean() - found.mean[0]) < 6 * values.std() / np.sqrt(values.size)
    squares = (values - found.mean[0]) ** 2
    assert abs(squares.mean() - found.variance) < 6 * squares.std() / np.sqrt(values.size)


def test_weights_of_any_range() -> None:
    """At a temperature near 0 the hardest of the pool takes all: DNS(1, N)."""
    g = np.random.default_rng(4).normal(size=(8, 2))
    steps = -np.arange(8.0)
    for scale in (60.0, 400.0):
        soft, hard = tilted_spread(g, scale * steps, 4), dns_spread(g, 1, 4)
        np.testing.assert_allclose(soft.mean, hard.mean, atol=1e-6)
        assert soft.variance == pytest.approx(hard.variance, abs=1e-6)


def test_equal_weights_are_uniform_sampling() -> None:
    g = np.random.default_rng(0).normal(size=(25, 3))
    soft, plain = tilted_spread(g, np.zeros(25), 6), dns_spread(g, 6, 6)
    np.testing.assert_allclose(soft.mean, plain.mean, atol=1e-12)
    assert soft.variance == pytest.approx(plain.variance, abs=1e-12)


def test_one_pool_for_all_rows() -> None:
    rows = np.random.default_rng(1).normal(size=(4, 9, 2))
    alike = np.broadcast_to(rows[:1], rows.shape)
    assert shared_spread(alike, 3, shared=True).variance == pytest.approx(
        4 * shared_spread(alike, 3, shared=False).variance
    )
    np.testing.assert_allclose(shared_spread(rows, 3, shared=True).mean, shared_spread(rows, 3, shared=False).mean)


def test_many_pools_leave_the_bias() -> None:
    g = np.exp(-np.arange(100) / 10.0)
    target = exact_cut(g, 25)
    found = [dns_spread(g, m, 20) for m in range(1, 21)]
    bias = [abs(float(f.mean[0] - target[0])) for f in found]
    assert best_kept(g, 20, target, 10**9) == int(np.argmin(bias)) + 1
    assert found[3].mse(target, 2) == pytest.approx(bias[3] ** 2 + found[3].variance / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dns_spread([], 1, 1), "^vectors must have shape"),
        (lambda: dns_spread([1.0, np.nan], 1, 1), "^vectors must be finite"),
        (lambda: dns_spread([1.0, 0.0], 3, 2), "^M must be in 1..2, got 3$"),
        (lambda: dns_spread([1.0, 0.0], 1, 3, replace=False), "^N must be in 1..2, got 3$"),
        (lambda: exact_cut([1.0], 2), "^m must be in 1..1, got 2$"),
        (lambda: tilted_spread([1.0, 0.0], [0.0], 2), "^log_weights must have one entry a negative, 2"),
        (lambda: shared_spread([1.0], 2, shared=True), r"^vectors must have shape \(rows, n, d\)"),
        (lambda: pair_gradients(0.0, [0.0, 1.0]), "^negatives must be scores of one list, hardest first"),
        (lambda: dns_spread([1.0], 1, 1).mse(np.zeros(1), 0), "^repeats must be >= 1, got 0$"),
    ],
)
def test_refusals_are_one_line(call, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
