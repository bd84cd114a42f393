"""Training without sampling: the gradient over all negatives, batches of whole users."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from oracles import bpr as oracle
from oracles.toys import random_pairs
from scipy import sparse

from sim.bpr import BPRMF
from sim.bpr import epoch as training
from sim.sampling import NonSampling, Uniform


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spread", [0.5, 1.0, 3.0], ids="a spread of {}".format)
def test_non_sampling_is_the_gradient_over_all_negatives(exclude: bool, dtype: str, spread: float) -> None:
    """At every spread of the scores: those far apart are summed another way."""
    X = random_pairs()
    options: dict[str, Any] = {
        "optimizer": "sgd", "weight_decay": 0.0, "lr": 0.01, "batch_size": 10_000, "exclude_positives": exclude,
        "rng": 3, "dtype": dtype, "init_scale": spread,
    }  # fmt: skip
    start, after = (BPRMF(5, NonSampling(), epochs=n, **options).fit(X) for n in (0, 1))
    U, V = start.user_factors.astype(float), start.item_factors.astype(float)
    gU, gV, loss = np.zeros_like(U), np.zeros_like(V), 0.0
    for u, i in zip(*X.nonzero()):
        pool = [j for j in range(33) if not exclude or X[u, j] == 0]
        if pool:
            value, a, b = oracle.pair_gradients(U, V, u, i, pool, np.full(len(pool), 1 / len(pool)), 1.0)
            gU, gV, loss = gU + a, gV + b, loss + value
    rtol = 1e-9 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(after.user_factors, U - 0.01 * gU, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(after.item_factors, V - 0.01 * gV, rtol=rtol, atol=rtol)
    assert after.history_[0]["loss"] == pytest.approx(loss / X.nnz, rel=rtol)


def test_non_sampling_wants_whole_users_and_its_own_loss() -> None:
    X = random_pairs()
    with pytest.raises(ValueError, match="loss must be 'bpr' for training without sampling, got 'hinge'"):
        BPRMF(4, NonSampling(), epochs=1, loss="hinge").fit(X)
    for batch_size in (1, 7, 50):
        model = BPRMF(4, NonSampling(), epochs=0, batch_size=batch_size, rng=0).fit(X)
        epoch = training.Epoch(model, training.interactions(X))
        starts = epoch._deal(np.uint64(9))
        assert starts[0] == 0 and starts[-1] == X.nnz and (np.diff(starts) > 0).all()
        assert sorted(epoch.order.tolist()) == list(range(X.nnz))
        owners = [set(epoch.pair_user[epoch.order[a:b]].tolist()) for a, b in pairwise(starts)]
        assert sum(map(len, owners)) == len(set().union(*owners))


def test_ignored_pairs_stay_out_without_sampling() -> None:
    X = random_pairs()
    hidden = sparse.csr_matrix((np.random.default_rng(0).random(X.shape) < 0.2) & (X.toarray() == 0))
    options: dict[str, Any] = {"epochs": 1, "rng": 0, "weight_decay": 0.0, "optimizer": "sgd", "lr": 0.001 / X.nnz}
    many = BPRMF(4, Uniform(3000), **options).fit(X, ignore=hidden)
    full = BPRMF(4, NonSampling(), **options).fit(X, ignore=hidden)
    assert full.history_[0]["loss"] == pytest.approx(many.history_[0]["loss"], abs=1e-4)
