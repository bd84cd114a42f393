"""Property-based tests of the equivalences, with the shipped strategies."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs_check import strategies
from proofs_check.reference import opauc_double_sum, worst_mean
from sim.metrics import (
    hits_at_k_from_labels,
    ndcg_at_k,
    ndcg_bounds_from_opauc,
    opauc,
    opauc_count,
    topk_bounds_from_opauc,
)
from sim.objectives import (
    cvar_dual,
    cvar_optimal_eta,
    cvar_value,
    kl_dro_value,
    kl_dual,
    kl_of_weights,
    kl_temperature,
    logistic_loss,
    opauc_surrogate,
    softmax_loss,
    tilted_weights,
)
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, mixture_from_weights

small = settings(max_examples=60)


@small
@given(strategies.losses(), st.data())
def test_l1_worst_mean_is_cvar_and_its_dual(x: np.ndarray, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, x.size))
    beta = m / x.size
    scale = max(1.0, float(np.abs(x).max()))
    value = cvar_value(x, beta)
    from fractions import Fraction

    assert abs(value - float(worst_mean([Fraction(v) for v in x.tolist()], m))) <= 1e-12 * scale
    low, high = cvar_optimal_eta(x, beta)
    for eta in {high, max(low, float(x.min()) - 1.0)}:
        assert abs(cvar_dual(x, beta, eta) - value) <= 1e-9 * scale
    assert cvar_dual(x, beta, high + 0.1 * scale) >= value - 1e-9 * scale


@small
@given(strategies.losses(), st.data())
def test_t1_dns_over_all_negatives_is_the_worst_mean(x: np.ndarray, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, x.size))
    w = DNS(m, x.size).weights(x)
    assert abs(w @ x - cvar_value(x, m / x.size)) <= 1e-12 * max(1.0, float(np.abs(x).max()))
    assert sorted(set(w.tolist())) in ([1 / m], [0.0, 1 / m])


@small
@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=4),
    st.lists(st.floats(-20, 20), min_size=1, max_size=12),
    st.data(),
)
def test_t1_surrogate_is_the_mean_of_dns_losses(pos: list[float], neg: list[float], data: st.DataObject) -> None:
    m = data.draw(st.integers(1, len(neg)))
    pair = np.asarray(logistic_loss(np.subtract.outer(pos, neg)))
    expected = (DNS(m, len(neg)).weights(pair) * pair).sum(axis=1).mean()
    assert opauc_surrogate(pos, neg, m / len(neg)) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@small
@given(strategies.losses(min_size=2), st.floats(0.001, 6.0))
def test_t2_value_dual_tilt_and_order(x: np.ndarray, rho: float) -> None:
    scale = max(1.0, float(np.abs(x).max()))
    lam = kl_temperature(x, rho)
    value = kl_dro_value(x, rho)
    assert cvar_value(x, float(np.exp(-rho))) <= value + 1e-9 * scale
    q = tilted_weights(x, lam)
    assert abs(q @ x - value) <= 1e-8 * scale
    if 0.0 < lam < np.inf:
        assert kl_of_weights(q) == pytest.approx(rho, rel=1e-6)
        assert abs(kl_dual(x, rho, lam) - value) <= 1e-8 * scale
        assert kl_dual(x, rho, 2.0 * lam) >= value - 1e-9 * scale
    else:
        assert value in (pytest.approx(x.max(), abs=1e-9 * scale), pytest.approx(x.mean(), abs=1e-9 * scale))


@small
@given(strategies.losses(min_size=2, max_size=12), st.floats(0.01, 3.0), st.floats(1.01, 5.0))
def test_f7_larger_rho_is_harder_on_every_pool(x: np.ndarray, rho: float, factor: float) -> None:
    x = -np.sort(-x)
    for make in (SoftmaxV, SoftmaxExact):
        soft, hard = (np.cumsum(make(r, x.size).weights(x)) for r in (rho, rho * factor))
        assert (hard >= soft - 1e-9).all()


@small
@given(st.integers(2, 30), st.data())
def test_f7_dns_order(n: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, n - 1))
    m = data.draw(st.integers(1, size))
    here = np.cumsum(DNS(m, size).rank_distribution(n))
    assert (np.cumsum(DNS(m, size + 1).rank_distribution(n)) >= here - 1e-12).all()
    if m > 1:
        assert (np.cumsum(DNS(m - 1, size).rank_distribution(n)) >= here - 1e-12).all()


@small
@given(strategies.losses(max_size=12))
def test_t1_pool_abel_summation(x: np.ndarray) -> None:
    w = np.sort(np.abs(x))[::-1] + 1e-12
    w = w / w.sum()
    mixture = mixture_from_weights(w)
    assert (mixture >= -1e-12).all()
    back = np.cumsum((mixture / np.arange(1, w.size + 1))[::-1])[::-1]
    np.testing.assert_allclose(back, w, atol=1e-12)


@small
@given(strategies.theorem_3_cases())
def test_t3_bounds(case: tuple[np.ndarray, int]) -> None:
    y, k = case
    n_pos, n_neg = int(y.sum()), int((1 - y).sum())
    x, hits = int(opauc_count(y, k)), int(hits_at_k_from_labels(y, k))
    assert hits**2 <= x <= hits * (n_pos + k - hits)
    low, high = topk_bounds_from_opauc(n_pos, n_neg, k, x)
    wide_low, wide_high = topk_bounds_from_opauc(n_pos, n_neg, k, x, form="paper")
    assert wide_low <= low <= hits <= high <= wide_high
    worst, best = ndcg_bounds_from_opauc(n_pos, n_neg, k, x)
    assert worst - 1e-9 <= ndcg_at_k(y, np.arange(y.size, 0, -1.0), k) <= best + 1e-9


@small
@given(strategies.labels(max_pos=5, max_neg=6), st.data())
def test_definition_8(y: np.ndarray, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, int((y == 0).sum())))
    at = -np.arange(y.size)
    exact = opauc_double_sum(at[y == 1].tolist(), at[y == 0].tolist(), m)
    assert opauc(y, at.astype(float), m / int((y == 0).sum())) == pytest.approx(float(exact), abs=1e-14)


@small
@given(strategies.scored_lists())
def test_ties_count_one_half(case: tuple[np.ndarray, np.ndarray]) -> None:
    y, s = case
    pairs = np.subtract.outer(s[y == 1], s[y == 0])
    assert opauc(y, s, 1.0) == pytest.approx(float((np.sign(pairs) + 1).mean() / 2), abs=1e-12)


@small
@given(st.floats(-5, 5), st.lists(st.floats(-8, 8), min_size=1, max_size=15), st.floats(0.1, 10.0))
def test_af_chain(pos: float, neg: list[float], temperature: float) -> None:
    losses = np.asarray(logistic_loss(pos - np.array(neg)))
    low = temperature * (softmax_loss([pos], neg, temperature, positive_in_denominator=False)[0] - np.log(len(neg)))
    middle = kl_dual(losses, 0.0, temperature)
    high = tilted_weights(losses, temperature) @ losses
    assert low <= middle + 1e-9
    assert middle <= high + 1e-9


@small
@given(strategies.samplers(max_pool=8), st.data())
def test_samplers_give_laws_on_extreme_pools(sampler: Sampler, data: st.DataObject) -> None:
    rows = data.draw(strategies.pools(sampler.N, extreme=True))
    w = sampler.weights(rows)
    assert w.shape == rows.shape
    assert (w >= 0).all()
    np.testing.assert_allclose(w.sum(axis=-1), 1.0, atol=1e-9)


def test_strategies_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match="needs the package hypothesis, which is not installed"):
        strategies.losses()


def test_strategy_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="max_size must be >= 3, got 2"):
        strategies.losses(min_size=3, max_size=2)
    with pytest.raises(ValueError, match="max_pos must be >= 1, got 0"):
        strategies.labels(max_pos=0)
