"""The losses beside BPR's: values and gradients against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracles import bpr as oracle
from oracles import sampling as sampling_oracle
from oracles.toys import random_pairs
from scipy import sparse

from sim.bpr import BPRMF
from sim.sampling import DNS, Sampler, Softmax, SoftmaxV, Uniform

LOSSES = ("bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl")


def literal_loss(name: str, positive: float, negatives: np.ndarray, w: np.ndarray, n_neg: int, a: float) -> float:
    """The definitions; ``a`` is the margin or the temperature."""
    m = negatives - positive
    if name == "bpr":
        return float(w @ np.log1p(np.exp(m)))
    if name == "hinge":
        return float(w @ np.maximum(m + a, 0))
    if name == "bce":
        return float(np.log1p(np.exp(-positive)) + w @ np.log1p(np.exp(negatives)))
    if name == "llpauc":
        return float(w @ (1 - 1 / (1 + np.exp(-positive)) + 1 / (1 + np.exp(-negatives))) ** 2)
    k = n_neg if name == "sampled-softmax" else np.count_nonzero(w)
    rising = (1 + np.tanh(m)) ** (1 / a) if name == "psl" else np.exp(m / a)
    return float(np.log1p(k * (w @ rising)))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sampler", [Uniform(4), DNS(2, 9), DNS(1, 9), Softmax(0.5, 4)], ids=str)
def test_the_gradient_of_every_loss_is_that_of_its_definition(sampler: Sampler, loss: str) -> None:
    """A step of plain SGD against finite differences of the loss on the same pools, with the weights held fixed."""
    X = sparse.random(5, 12, 0.3, random_state=1, format="csr")
    a, seed = 0.7, 4
    options: dict[str, Any] = {
        "factors": 3, "init_scale": 0.5, "optimizer": "sgd", "weight_decay": 0.0, "lr": 1e-3, "batch_size": 1000,
        "dtype": "float64", "loss": loss, "margin": a, "temperature": a, "share": a,
        "rng": seed,
    }  # fmt: skip
    start, after = (BPRMF(sampler=sampler, epochs=n, **options).fit(X) for n in (0, 1))
    U, V = start.user_factors.copy(), start.item_factors.copy()
    X.sort_indices()
    users, items = X.nonzero()
    cases = []
    for number, (u, i) in enumerate(zip(users, items)):
        key = sampling_oracle.key_of(seed, 2, 0, number)
        pool = sampling_oracle.pool(key, 12, set(X[u].indices.tolist()), sampler.N, True)
        own = [(V[j] * U[u]).sum() for j in X[u].indices]
        best = int(np.ceil(a * len(own)))
        counts = sum(score > (V[i] * U[u]).sum() for score in own) < best
        factor = (len(own) / best if counts else 0.0) if loss == "llpauc" else 1.0
        cases.append((u, i, pool, factor * oracle.weights_of(sampler, np.log1p(np.exp((V[pool] - V[i]) @ U[u])))))

    def total() -> float:
        return sum(literal_loss(loss, U[u] @ V[i], V[pool] @ U[u], w, 12 - X[u].nnz, a) for u, i, pool, w in cases)

    if loss == "llpauc":
        assert {0.0} < {w.sum() for _, _, _, w in cases}  # some positives count and some do not
    assert after.history_[0]["loss"] == pytest.approx(total() / len(cases), rel=1e-9)
    for table, moved in ((U, after.user_factors), (V, after.item_factors)):
        for at in np.ndindex(table.shape):
            x, h = table[at], 1e-5
            table[at] = x + h
            up = total()
            table[at] = x - h
            down = total()
            table[at] = x
            assert (x - moved[at]) / 1e-3 == pytest.approx((up - down) / (2 * h), abs=1e-7)


def test_losses_that_samplers_see_are_those_that_are_minimised() -> None:
    """Softmax-v tilts by hinge losses under the hinge loss, here by margins and a constant."""
    X = sparse.random(30, 40, 0.1, random_state=0, format="csr")
    options: dict[str, Any] = {"epochs": 1, "rng": 0, "lr": 1e-3, "batch_size": 10_000, "dtype": "float64"}
    options |= {"loss": "hinge", "margin": 50.0, "optimizer": "sgd", "weight_decay": 0.0, "init_scale": 0.5}
    start, after = (BPRMF(4, SoftmaxV(0.5, 8), **(options | {"epochs": n})).fit(X) for n in (0, 1))
    U, V = start.user_factors, start.item_factors
    gradient = np.zeros_like(U)
    for number, (u, i) in enumerate(zip(*X.sorted_indices().nonzero())):
        key = sampling_oracle.key_of(0, 2, 0, number)
        pool = sampling_oracle.pool(key, 40, set(X[u].indices.tolist()), 8, True)
        w = sampling_oracle.softmax_v_weights((V[pool] - V[i]) @ U[u] + 50.0, 0.5)
        gradient[u] += w @ (V[pool] - V[i])
    np.testing.assert_allclose(after.user_factors, U - 1e-3 * gradient, rtol=1e-9)


def minimax(f_pos: np.ndarray, f_neg: np.ndarray, alpha: float, beta: float, point: np.ndarray) -> float:
    """The loss over points of Shi et al. (2024) with a sharp softplus, divided by alpha and beta, at a point.

    a, b and s- are to be minimised over, g and s+ maximised.
    """
    a, b, s_neg, g, s_pos = point
    loss_pos = (f_pos - a) ** 2 - 2 * (1 + g) * f_pos
    loss_neg = (f_neg - b) ** 2 + 2 * (1 + g) * f_neg
    return float(
        -s_pos - np.maximum(-loss_pos - s_pos, 0).mean() / alpha
        + s_neg + np.maximum(loss_neg - s_neg, 0).mean() / beta - g**2
    )  # fmt: skip


def test_llpauc_is_the_min_max_over_points_plus_one() -> None:
    """At a saddle, which is known, the two are equal; no small move of the wrong side gains."""
    rng = np.random.default_rng(0)
    f_pos, f_neg = np.sort(rng.beta(3, 2, 20))[::-1], np.sort(rng.beta(2, 3, 50))[::-1]
    alpha, beta = 0.35, 0.1
    best, hardest = f_pos[:7], f_neg[:5]
    a, b = best.mean(), hardest.mean()
    g = b - a
    assert g >= max(-a, b - 1)  # better scores lose less
    # thresholds between the last that is in and the first that is out
    s_pos = -((f_pos[6:8] - a) ** 2 - 2 * (1 + g) * f_pos[6:8]).mean()
    s_neg = ((f_neg[4:6] - b) ** 2 + 2 * (1 + g) * f_neg[4:6]).mean()
    saddle = np.array([a, b, s_neg, g, s_pos])
    value = minimax(f_pos, f_neg, alpha, beta, saddle)
    assert value + 1 == pytest.approx(((1 - best[:, None] + hardest) ** 2).mean(), rel=1e-12)
    for _ in range(500):
        move = 1e-3 * rng.uniform(-1, 1, 5)
        assert minimax(f_pos, f_neg, alpha, beta, saddle + move * [1, 1, 1, 0, 0]) >= value - 1e-12
        assert minimax(f_pos, f_neg, alpha, beta, saddle + move * [0, 0, 0, 1, 1]) <= value + 1e-12


def test_llpauc_ranks_all_of_a_users_positives() -> None:
    """So it takes no ignored pairs, and however small the share, the best one counts."""
    X = random_pairs()
    ignore = sparse.csr_matrix(([1.0], ([7], [5])), shape=X.shape)
    with pytest.raises(ValueError, match="ignore must be None with loss='llpauc'"):
        BPRMF(4, Uniform(1), epochs=1, loss="llpauc", share=0.5, rng=0).fit(X, ignore=ignore)
    start, after = (BPRMF(4, Uniform(1), epochs=n, loss="llpauc", share=1e-12, rng=0).fit(X) for n in (0, 1))
    assert not np.array_equal(start.user_factors, after.user_factors)
