"""Pair losses and the surrogate of OPAUC (9): values by loops, gradients by finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import objectives as oracle

from sim.objectives import (
    bce_loss,
    cvar_value,
    kl_dual,
    logistic_loss,
    logistic_loss_grad,
    opauc_surrogate,
    opauc_surrogate_grad,
    softmax_loss,
    tilted_weights,
    triplet_loss,
)

scores = st.lists(st.floats(-30.0, 30.0), min_size=1, max_size=12)


def test_logistic_loss_and_its_derivative() -> None:
    t = np.array([-1e4, -50.0, -1.0, 0.0, 1.0, 50.0, 1e4])
    assert logistic_loss(t) == pytest.approx(np.logaddexp(0.0, -t), rel=1e-15)
    step = 1e-6
    numeric = (logistic_loss(t[1:-1] + step) - logistic_loss(t[1:-1] - step)) / (2 * step)
    assert logistic_loss_grad(t[1:-1]) == pytest.approx(numeric, abs=1e-8)
    assert logistic_loss_grad(t)[[0, -1]].tolist() == [-1.0, 0.0]
    single = np.float32([-200.0, 0.0, 200.0])
    assert logistic_loss(single).dtype == logistic_loss_grad(single).dtype == np.float32
    assert logistic_loss(np.zeros((2, 3))).shape == (2, 3)
    assert isinstance(logistic_loss(0.5), float)
    assert isinstance(logistic_loss_grad(0.5), float)


@given(scores, scores, st.data())
def test_surrogate_is_equation_9(pos: list[float], neg: list[float], data: st.DataObject) -> None:
    m = data.draw(st.integers(1, len(neg)))
    expected = oracle.opauc_surrogate_by_loops(pos, neg, m)
    assert opauc_surrogate(pos, neg, m / len(neg)) == pytest.approx(expected, rel=1e-12)


@given(scores, scores, st.floats(0.01, 1.0))
def test_L1_surrogate_is_the_mean_cvar_of_the_losses(pos: list[float], neg: list[float], beta: float) -> None:
    losses = logistic_loss(np.array(pos)[:, None] - np.array(neg))
    assert opauc_surrogate(pos, neg, beta) == pytest.approx(np.mean(cvar_value(losses, beta)), rel=1e-9)


@pytest.mark.parametrize("beta", [0.1, 0.25, 0.33, 0.5, 0.9, 1.0])
def test_surrogate_gradient_by_finite_differences(rng: np.random.Generator, beta: float) -> None:
    pos, neg = rng.normal(size=5), rng.normal(size=8)
    _, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, beta)
    step = 1e-6
    for i in range(5):
        d = step * np.eye(5)[i]
        numeric = (opauc_surrogate(pos + d, neg, beta) - opauc_surrogate(pos - d, neg, beta)) / (2 * step)
        assert grad_pos[i] == pytest.approx(numeric, abs=1e-8)
    for j in range(8):
        d = step * np.eye(8)[j]
        numeric = (opauc_surrogate(pos, neg + d, beta) - opauc_surrogate(pos, neg - d, beta)) / (2 * step)
        assert grad_neg[j] == pytest.approx(numeric, abs=1e-8)
    assert grad_pos.sum() == pytest.approx(-grad_neg.sum())


@given(
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=6),
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=9),
    st.floats(0.05, 1.0),
    st.integers(0, 2**32 - 1),
)
def test_surrogate_gradient_is_a_subgradient_at_ties(
    pos: list[float], neg: list[float], beta: float, seed: int
) -> None:
    # the objective is convex in all scores together, so the linear bound holds everywhere
    rng = np.random.default_rng(seed)
    p, q = np.array(pos), np.array(neg)
    value, grad_pos, grad_neg = opauc_surrogate_grad(p, q, beta)
    for scale in (1e-3, 1.0, 10.0):
        dp, dq = scale * rng.normal(size=p.size), scale * rng.normal(size=q.size)
        moved = opauc_surrogate(p + dp, q + dq, beta)
        assert moved >= value + grad_pos @ dp + grad_neg @ dq - 1e-10
    for tied in np.unique(q):
        assert np.ptp(grad_neg[q == tied]) <= 1e-15


@pytest.mark.nojit
def test_surrogate_on_small_inputs() -> None:
    value, grad_pos, grad_neg = opauc_surrogate_grad([0.0, 1.0], [1.0, 0.5, 1.0], 1 / 3)
    expected = (math.log1p(math.e) + math.log(2.0)) / 2
    assert value == pytest.approx(expected)
    up = 1 / (1 + math.exp(-1.0))
    assert grad_pos == pytest.approx([-up / 2, -0.25])
    assert grad_neg == pytest.approx([(up + 0.5) / 4, 0.0, (up + 0.5) / 4])


@given(scores, scores, st.floats(-5.0, 5.0))
def test_triplet_and_bce_by_loops(pos: list[float], neg: list[float], margin: float) -> None:
    expected = [[max(margin - (p - q), 0.0) for q in neg] for p in pos]
    assert triplet_loss(pos, neg, margin) == pytest.approx(np.array(expected))
    by_loops = np.mean([np.logaddexp(0, -p) for p in pos]) + np.mean([np.logaddexp(0, q) for q in neg])
    assert bce_loss(pos, neg) == pytest.approx(by_loops)


def test_triplet_selects_a_top_m_by_a_margin_per_pair(rng: np.random.Generator) -> None:
    neg = np.sort(rng.normal(size=9))[::-1]
    for pos in (-1.0, 0.3, 2.0):
        for m in (1, 4, 8):
            margin = pos - (neg[m - 1] + neg[m]) / 2  # exactly the m hardest violate it
            active = triplet_loss([pos], neg, margin)[0] > 0
            assert active.tolist() == [True] * m + [False] * (9 - m)


@given(scores, scores, st.floats(0.05, 20.0))
def test_softmax_loss_and_the_chain_of_bounds(pos: list[float], neg: list[float], t: float) -> None:
    p, q = np.array(pos), np.array(neg)
    full = softmax_loss(pos, neg, t)
    bare = softmax_loss(pos, neg, t, positive_in_denominator=False)
    for i in range(p.size):
        assert full[i] == pytest.approx(np.logaddexp.reduce(np.append(q, p[i]) / t) - p[i] / t, abs=1e-9)
        assert bare[i] == pytest.approx(np.logaddexp.reduce(q / t) - p[i] / t, abs=1e-9)
    losses = logistic_loss(p[:, None] - q)
    middle = kl_dual(losses, 0.0, np.full(p.size, t))
    upper = (tilted_weights(losses, np.full(p.size, t)) * losses).sum(axis=1)
    assert (t * (bare - math.log(q.size)) <= middle + 1e-9).all()
    assert (middle <= upper + 1e-9).all()


@pytest.mark.parametrize("beta", [0.0, 1.5, np.nan])
def test_bad_beta(beta: float) -> None:
    with pytest.raises(ValueError, match="beta must be"):
        opauc_surrogate([0.0], [0.0], beta)


@pytest.mark.parametrize(
    "call",
    [
        lambda p, q: opauc_surrogate(p, q, 0.5),
        lambda p, q: triplet_loss(p, q, 1.0),
        lambda p, q: bce_loss(p, q),
        lambda p, q: softmax_loss(p, q, 1.0),
    ],
)
def test_bad_scores(call: object) -> None:
    with pytest.raises(ValueError, match="pos_scores must be finite"):
        call([np.nan], [0.0])
    with pytest.raises(ValueError, match="neg_scores must be finite"):
        call([0.0], [np.inf])
    with pytest.raises(ValueError, match="pos_scores must be 1-D with at least one score, got shape"):
        call([], [0.0])
    with pytest.raises(ValueError, match=r"neg_scores must be 1-D with at least one score, got shape \(1, 2\)"):
        call([0.0], [[0.0, 1.0]])


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="margin must be finite"):
        triplet_loss([0.0], [0.0], np.inf)
    with pytest.raises(ValueError, match="margin must be finite, got 1 NaN"):
        logistic_loss([0.0, np.nan])
    with pytest.raises(ValueError, match="margin must be finite"):
        logistic_loss_grad(np.inf)
    for temperature in (0.0, -1.0):
        with pytest.raises(ValueError, match=r"temperature must be in \(0, inf\)"):
            softmax_loss([0.0], [0.0], temperature)
