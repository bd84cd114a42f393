"""The trainer against the oracle: the same factors to float64 accuracy, for every option of the algorithm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from oracles import bpr as oracle
from oracles import sampling as sampling_oracle
from scipy import sparse

from sim.bpr import BPRMF
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform

BASE: dict[str, Any] = {
    "factors": 5, "lr": 0.02, "weight_decay": 0.05, "epochs": 2, "batch_size": 7, "lr_decay": 0.5, "lr_decay_every": 1,
}  # fmt: skip


def small_data(users: int = 9, items: int = 23, density: float = 0.15, seed: int = 3) -> sparse.csr_matrix:
    """Random pairs; one user without any, one with a single pair, one item without any."""
    dense = np.random.default_rng(seed).random((users, items)) < density
    dense[2] = False
    dense[4] = False
    dense[4, 7] = True
    dense[:, 11] = False
    return sparse.csr_matrix(dense.astype(np.float32))


def both(
    data: Any, sampler: Sampler, *, seed: int = 17, sparse_updates: bool = False, **options: Any
) -> tuple[BPRMF, oracle.Run]:
    options = BASE | options
    model = BPRMF(sampler=sampler, rng=seed, dtype="float64", sparse=sparse_updates, **options).fit(data)
    return model, oracle.train(data, sampler, seed, sparse_updates=sparse_updates, **options)


def same(model: BPRMF, run: oracle.Run, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(model.user_factors, run.U, rtol=rtol, atol=1e-11)
    np.testing.assert_allclose(model.item_factors, run.V, rtol=rtol, atol=1e-11)
    np.testing.assert_allclose([r["loss"] for r in model.history_], run.losses, rtol=rtol)


SAMPLERS = [Uniform(1), Uniform(6), DNS(1, 1), DNS(1, 9), DNS(3, 9), DNS(9, 9), DNS(3, 40), DNS(20, 40)]
SOFT = [SoftmaxV(0.0, 6), SoftmaxV(1.0, 6), SoftmaxV(1.0, 1), SoftmaxV(30.0, 6), SoftmaxExact(0.4, 6)]
SOFT += [SoftmaxExact(50.0, 6)]


@pytest.mark.parametrize("sampler", SAMPLERS + SOFT, ids=str)
def test_every_sampler_trains_as_the_oracle(sampler: Sampler) -> None:
    same(*both(small_data(), sampler))


@pytest.mark.parametrize("sampler", [DNS(2, 6), SoftmaxV(1.0, 6)], ids=str)
@pytest.mark.parametrize("exclude_positives", [True, False])
@pytest.mark.parametrize("replace", [True, False])
def test_pools(sampler: Sampler, exclude_positives: bool, replace: bool) -> None:
    same(*both(small_data(), sampler, exclude_positives=exclude_positives, replace=replace))


@pytest.mark.parametrize("sum_negatives", [True, False])
def test_sums_and_means(sum_negatives: bool) -> None:
    same(*both(small_data(), DNS(3, 8), sum_negatives=sum_negatives))


@pytest.mark.parametrize("sparse_updates", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_optimisers(optimizer: str, sparse_updates: bool) -> None:
    same(*both(small_data(), DNS(2, 6), optimizer=optimizer, sparse_updates=sparse_updates, epochs=3))


@pytest.mark.parametrize("factors", [1, 8, 13, 72])
def test_numbers_of_factors(factors: int) -> None:
    model, run = both(small_data(), DNS(2, 6), factors=factors, epochs=1)
    same(model, run)
    assert not model._tables["U"][:, factors:].any() and not model._tables["V"][:, factors:].any()


@pytest.mark.parametrize("sparse_updates", [False, True])
@pytest.mark.parametrize("factors", [5, 8])
def test_item_bias(factors: int, sparse_updates: bool) -> None:
    """The users' column of ones stays; the bias is learnt, also where the padding has no room for it."""
    model, run = both(small_data(), DNS(2, 6), factors=factors, item_bias=True, sparse_updates=sparse_updates)
    same(model, run)
    assert (model.user_factors[:, -1] == 1).all() and np.ptp(model.item_factors[:, -1]) > 0


@pytest.mark.parametrize("batch_size", [1, 5, 10_000])
def test_batch_sizes(batch_size: int) -> None:
    """One pair a batch, a partial last batch, all in one: users stay away for long and come back."""
    data = small_data()
    assert data.nnz % 5
    same(*both(data, DNS(2, 6), batch_size=batch_size))


def test_learning_rate_steps_down_between_epochs() -> None:
    options = {"lr_decay": 0.3, "lr_decay_every": 2, "epochs": 5, "batch_size": 20}
    model, run = both(small_data(), DNS(2, 6), **options)
    np.testing.assert_allclose(run.lr, np.array([1, 1, 0.3, 0.3, 0.09]) * BASE["lr"])
    same(model, run)


def test_pools_without_replacement_are_cut_to_what_is_left() -> None:
    dense = small_data().toarray()
    dense[0] = 1  # owns every item
    dense[1] = 1
    dense[1, 3] = 0  # lacks one
    for sampler in (DNS(2, 20), SoftmaxV(1.0, 20)):
        same(*both(sparse.csr_matrix(dense), sampler, replace=False, batch_size=20))
        same(*both(sparse.csr_matrix(dense), sampler, replace=True, batch_size=20))


def test_postponed_user_steps_give_the_bits_of_immediate_ones() -> None:
    """A user who is in every batch is never postponed; the others' rows must not care when their steps are made up.

    Making up the steps batch by batch (slices of one batch, everyone caught up after each) is dense Adam itself.
    """
    from sim.bpr import epoch as training
    from sim.bpr.kernels.optimizer import catch_up

    data = small_data(users=14, items=23, density=0.3)
    options = BASE | {"batch_size": 6, "epochs": 3}
    postponed = BPRMF(sampler=DNS(2, 6), rng=5, dtype="float64", **options).fit(data)

    class Immediate(training.Epoch):
        def __init__(self, model: BPRMF, train: sparse.csr_matrix) -> None:
            super().__init__(model, train)
            inner = self.loop

            def loop(first: int, last: int, *rest: Any) -> None:
                for b in range(first, last):
                    inner(b, b + 1, *rest)
                    catch_up(0, 1, b + 1, self.work.tables, self.work.optimizer)

            self.loop = loop

    immediate = BPRMF(sampler=DNS(2, 6), rng=5, dtype="float64", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.bpr.model.Epoch", Immediate)
        immediate.fit(data)
    for name in ("U", "mU", "vU", "V", "mV", "vV"):
        assert postponed._tables[name].tobytes() == immediate._tables[name].tobytes(), name


def test_float32_follows_float64() -> None:
    data = small_data()
    options = BASE | {"factors": 16, "batch_size": 10, "weight_decay": 0.01, "epochs": 1}
    one = BPRMF(sampler=Uniform(4), rng=5, dtype="float32", **options).fit(data)
    two = BPRMF(sampler=Uniform(4), rng=5, dtype="float64", **options).fit(data)
    assert one.user_factors.dtype == np.float32
    # 10 steps of size lr; a gradient near zero may turn its sign, so the bound is on the mean
    assert np.abs(one.user_factors - two.user_factors).mean() < 1e-5
    assert np.abs(one.item_factors - two.item_factors).mean() < 1e-5


def test_losses_do_not_depend_on_where_an_epoch_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock decides after how many batches Python looks up; the reported loss must not show it."""
    data = small_data(users=30, items=40, density=0.3)
    options = BASE | {"batch_size": 4, "epochs": 3}
    histories = []
    for seconds in (0.0, 60.0):
        monkeypatch.setattr("sim.bpr.epoch._SLICE_SECONDS", seconds)
        model = BPRMF(sampler=DNS(2, 6), rng=5, **options).fit(data)
        histories.append([record["loss"] for record in model.history_])
    assert histories[0] == histories[1]


def test_start_values_are_normal() -> None:
    model = BPRMF(factors=10, sampler=DNS(2, 6), epochs=0, init_scale=0.3, rng=8, dtype="float64").fit(small_data())
    np.testing.assert_allclose(model.user_factors, oracle.start_value(8, 0, 9, 10, 0.3), rtol=1e-12)
    np.testing.assert_allclose(model.item_factors, oracle.start_value(8, 1, 23, 10, 0.3), rtol=1e-12)
    big = BPRMF(factors=8, sampler=Uniform(1), epochs=0, init_scale=0.3, rng=8, dtype="float64").fit(
        sparse.csr_matrix(np.ones((3000, 2)))
    )
    z = big.user_factors / 0.3
    # 24,000 values: mean and variance within 5 standard errors, each beyond them by chance with 6e-7
    assert abs(z.mean()) < 5 / np.sqrt(z.size) and abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_oracle_gradients_are_finite_differences_with_constant_weights(factor: float) -> None:
    """So that the oracle, which the trainer is held to, is itself held to the loss."""
    rng = np.random.default_rng(0)
    U, V = rng.normal(size=(3, 4)), rng.normal(size=(8, 4))
    pool = [2, 5, 5, 7, 0]  # an item twice, as with replacement
    p = sampling_oracle.softmax_v_weights([float(U[1] @ (V[j] - V[3])) for j in pool], 0.7)
    _, gU, gV = oracle.pair_gradients(U, V, 1, 3, pool, p, factor)
    for table, gradient in ((U, gU), (V, gV)):
        for at in np.ndindex(table.shape):
            x, h, values = table[at], 1e-6, []
            for shift in (h, -h):
                table[at] = x + shift
                values.append(oracle.pair_gradients(U, V, 1, 3, pool, p, factor)[0])
            table[at] = x
            assert (values[0] - values[1]) / (2 * h) == pytest.approx(gradient[at], abs=1e-8)


def test_one_step_of_the_trainer_is_the_gradient_of_the_loss() -> None:
    """SGD without decay on one batch of all pairs: the change of the factors is -lr times finite differences."""
    data, seed, sampler = small_data(users=5, items=12), 4, DNS(2, 6)
    options = BASE | {"optimizer": "sgd", "weight_decay": 0.0, "lr": 1e-3, "epochs": 1, "batch_size": 1000}
    options |= {"factors": 3, "init_scale": 0.5}
    start = BPRMF(sampler=sampler, rng=seed, dtype="float64", **(options | {"epochs": 0})).fit(data)
    after = BPRMF(sampler=sampler, rng=seed, dtype="float64", **options).fit(data)
    U, V = start.user_factors.copy(), start.item_factors.copy()
    pairs = list(zip(*data.nonzero()))
    pools = [
        sampling_oracle.pool(
            sampling_oracle.key_of(seed, 2, 0, number), 12, set(data[u].indices.tolist()), sampler.N, True
        )
        for number, (u, _) in enumerate(pairs)
    ]
    weights = [
        oracle.weights_of(sampler, np.logaddexp(0, [U[u] @ (V[j] - V[i]) for j in pool]))
        for pool, (u, i) in zip(pools, pairs)
    ]

    def loss() -> float:
        return sum(
            float(p @ np.log1p(np.exp(np.array([U[u] @ (V[j] - V[i]) for j in pool]))))
            for pool, p, (u, i) in zip(pools, weights, pairs)
        )

    for table, moved in ((U, after.user_factors), (V, after.item_factors)):
        for at in np.ndindex(table.shape):
            x, h = table[at], 1e-5
            table[at] = x + h
            up = loss()
            table[at] = x - h
            down = loss()
            table[at] = x
            assert (x - moved[at]) / 1e-3 == pytest.approx((up - down) / (2 * h), abs=1e-7)


@pytest.mark.nojit
def test_tiny_run() -> None:
    dense = np.eye(4, 9) + np.eye(4, 9, k=1)
    options = {"factors": 3, "batch_size": 4, "epochs": 2}
    same(*both(sparse.csr_matrix(dense), DNS(2, 5), **options))
    same(*both(sparse.csr_matrix(dense), SoftmaxV(1.0, 4), replace=False, sparse_updates=True, **options))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("sparse_updates", [False, True])
def test_large_tables_and_every_optimizer(optimizer: str, sparse_updates: bool) -> None:
    # more rows than one task of the parallel passes takes, and a decay that matters
    X = sparse.random(700, 600, 0.01, random_state=1, format="csr")
    options: dict[str, Any] = {"factors": 32, "lr": 0.02, "weight_decay": 2.0, "batch_size": 256, "epochs": 2}
    model = BPRMF(
        sampler=Uniform(1), rng=3, dtype="float64", optimizer=optimizer, sparse=sparse_updates, **options
    ).fit(X)
    run = oracle.train(X, Uniform(1), model.seed_, optimizer=optimizer, sparse_updates=sparse_updates, **options)
    np.testing.assert_allclose(model.user_factors, run.U, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(model.item_factors, run.V, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("sampler", [Uniform(1), DNS(3, 40), DNS(30, 40), SoftmaxV(1.0, 40)], ids=str)
def test_same_bits_for_any_number_of_threads(sampler: Sampler) -> None:
    X = sparse.random(600, 500, 0.02, random_state=1, format="csr")
    one, two = (BPRMF(16, sampler, epochs=2, batch_size=256, rng=5, n_threads=n).fit(X) for n in (1, 2))
    assert np.array_equal(one.user_factors, two.user_factors)
    assert np.array_equal(one.item_factors, two.item_factors)


def test_same_bits_for_many_more_threads_than_cores_and_every_option() -> None:
    """In processes of 1, 3 and 8 threads: optimisers, sparse updates, biases, precisions, losses, pools."""
    code = (
        "import hashlib\nfrom scipy import sparse\nfrom sim.bpr import BPRMF\n"
        "from sim.sampling import DNS, NonSampling\n"
        "X = sparse.random(600, 500, 0.02, random_state=1, format='csr')\n"
        "options = [{'sparse': True}, {'optimizer': 'sgd', 'sparse': True}, {'optimizer': 'sgd'},"
        " {'sparse': True, 'replace': False}, {'item_bias': True}, {'dtype': 'float64', 'exclude_positives': False},"
        " {'loss': 'bce'}, {'loss': 'llpauc', 'share': 0.5}, {'sampler': NonSampling()}]\n"
        "for o in options:\n"
        "    o = {'factors': 16, 'sampler': DNS(3, 40), 'epochs': 2, 'batch_size': 256, 'rng': 5, **o}\n"
        "    m = BPRMF(**o).fit(X)\n"
        "    factors = m.user_factors.tobytes() + m.item_factors.tobytes()\n"
        "    print(o, [h['loss'] for h in m.history_], hashlib.sha256(factors).hexdigest())\n"
    )
    one, *others = (
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "NUMBA_NUM_THREADS": str(n)},
            capture_output=True, text=True, check=True,
        ).stdout
        for n in (1, 3, 8)
    )  # fmt: skip
    assert len(set(one.splitlines())) == 9 and others == [one, one]
