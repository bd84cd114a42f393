"""Every sampler and loss in the trainer: a known right answer, threads, resumed runs, limits, literal training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracles import bpr as oracle
from oracles import sampling as sampling_oracle
from oracles.toys import checkerboard, random_pairs
from scipy import sparse

from sim.bpr import BPRMF, LightGCN
from sim.bpr import epoch as training
from sim.bpr.kernels.batch import task_pairs
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Sampler,
    Softmax,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
)

SAMPLERS: list[Sampler] = [
    Uniform(3), popularity(0.75, 3), DNS(2, 6), DNS(2, 6, proposal="log-count"), Softmax(0.5, 6), SoftmaxV(1.0, 6),
    SoftmaxExact(0.5, 6), TopKOptimal("ndcg", 3, 6, 5, 6), pris(6), pris(6, popular=True), WARP(6, 1.0, 6),
    Kernel(3, 6), Kernel(3, 6, 5.0, corrected=False), IRGAN(2, 6, 0.5, 0.01), AHNS(0.5, 1.0, -2.0, 6),
    AOBPR(3.0, 2), AdaSIR(2, 6), AdaSIR(2, 6, proposal="log-count"), NonSampling(),
]  # fmt: skip
LOSSES = ("bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl")
COMBINATIONS = [(s, "bpr") for s in SAMPLERS] + [(s, x) for s in (Uniform(3), DNS(2, 6), pris(6)) for x in LOSSES[1:]]
by_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
by_both = pytest.mark.parametrize(("sampler", "loss"), COMBINATIONS, ids=str)


def same(a: BPRMF, b: BPRMF) -> None:
    assert set(a._tables) == set(b._tables)
    for name, table in a._tables.items():
        assert table.tobytes() == b._tables[name].tobytes(), name


class TestEverySampler:
    """What must hold for each of them, and for each loss."""

    @by_both
    def test_it_finds_the_other_half_of_a_checkerboard(self, sampler: Sampler, loss: str) -> None:
        """Two factors: more could also learn that the kept pairs, drawn as negatives, are some."""
        train, held = checkerboard()
        options: dict[str, Any] = {"lr": 0.02, "weight_decay": 0.05, "epochs": 60, "batch_size": 32, "rng": 1}
        model = BPRMF(2, sampler, loss=loss, **options).fit(train)
        assert model.history_[-1]["loss"] < 0.8 * model.history_[0]["loss"]
        assert model.evaluate(held, exclude=train, ks=[1])["recall@1"] == 1.0

    @by_both
    def test_the_bits_do_not_depend_on_threads(self, sampler: Sampler, loss: str) -> None:
        X = sparse.random(300, 150, 0.03, random_state=1, format="csr")
        options: dict[str, Any] = {"epochs": 2, "batch_size": 128, "rng": 5, "lr": 0.02, "loss": loss}
        one, two = (BPRMF(8, sampler, n_threads=n, **options).fit(X) for n in (1, 2))
        same(one, two)

    @by_sampler
    def test_it_resumes_to_the_same_bits(
        self, sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From a checkpoint at the end of an epoch, and from a saved model in the midst of one."""
        X = random_pairs()
        options: dict[str, Any] = {"batch_size": 32, "rng": 2, "lr": 0.02}
        whole = BPRMF(4, sampler, epochs=3, **options).fit(X)
        path = tmp_path / "run.npz"
        BPRMF(4, sampler, epochs=2, **options).fit(X, checkpoint=path)
        same(BPRMF(4, sampler, epochs=3, **options).fit(X, checkpoint=path), whole)

        monkeypatch.setattr(training, "_SLICE_SECONDS", 0.0)  # slices of one batch
        stopped = BPRMF(4, sampler, epochs=3, **options).fit(X, callbacks=[lambda m, r: True])
        epoch = training.Epoch(stopped, training.interactions(X))
        looks = iter([False, False, True])
        stopped._advance(epoch, lambda n: None, lambda: next(looks))
        assert stopped._batch == 2 < epoch.n_batches
        stopped.save(tmp_path / "model.npz")
        same(BPRMF.load(tmp_path / "model.npz").partial_fit(X, epochs=2), whole)
        same(stopped.partial_fit(X, epochs=2), whole)

    @by_both
    @pytest.mark.parametrize("replace", [True, False])
    def test_users_with_all_items_or_none_and_equal_scores(self, sampler: Sampler, loss: str, replace: bool) -> None:
        options: dict[str, Any] = {"epochs": 2, "batch_size": 16, "rng": 0, "replace": replace, "loss": loss}
        model = BPRMF(4, sampler, **options).fit(random_pairs())
        assert np.isfinite([h["loss"] for h in model.history_]).all() and np.isfinite(model.item_factors).all()
        flat = BPRMF(4, sampler, init_scale=0.0, **options).fit(random_pairs())  # all scores are equal, and stay so
        assert not flat.user_factors.any() and not flat.item_factors.any()

    @by_both
    def test_one_item_left(self, sampler: Sampler, loss: str) -> None:
        """A user with a single negative: the pool is that item, whatever the sampler."""
        X = sparse.csr_matrix(np.array([[1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0]]))
        options: dict[str, Any] = {"epochs": 1, "batch_size": 100, "lr": 0.1, "optimizer": "sgd", "weight_decay": 0.0}
        start, after = (BPRMF(4, sampler, rng=4, loss=loss, **(options | e)).fit(X) for e in ({"epochs": 0}, {}))
        assert np.isfinite(after.history_[0]["loss"])
        moved = (after.item_factors - start.item_factors)[6]
        assert np.abs(moved).max() > 0

    @by_sampler
    def test_the_smallest_pools(self, sampler: Sampler) -> None:
        smallest = {"N": 1} if "N" in sampler.get_params() else {}
        smallest |= {"M": 1} if isinstance(sampler, DNS) else {}
        smallest |= {"C": 1} if isinstance(sampler, (AdaSIR, Kernel)) else {}
        small = type(sampler)(**(sampler.get_params() | smallest))
        model = BPRMF(4, small, epochs=2, batch_size=16, rng=0).fit(random_pairs())
        assert np.isfinite(model.item_factors).all()
        if not isinstance(sampler, WARP):
            assert small.weights([0.3]).tolist() == [1.0]

    @by_sampler
    def test_pools_longer_than_the_catalogue(self, sampler: Sampler) -> None:
        """Refused in one line without replacement; with it they hold items more than once."""
        if "N" not in sampler.get_params():
            return
        longer = type(sampler)(
            **(sampler.get_params() | {"N": 40, **({"n_neg": 40} if hasattr(sampler, "n_neg") else {})})
        )
        with pytest.raises(
            ValueError, match="N must be <= 33 items to draw pools without replacement, got 40"
        ) as error:
            BPRMF(4, longer, epochs=1, replace=False).fit(random_pairs())
        assert "\n" not in str(error.value)
        assert np.isfinite(BPRMF(4, longer, epochs=1, rng=0).fit(random_pairs()).item_factors).all()


def test_dns_that_keeps_the_whole_pool_is_uniform() -> None:
    """M = N: the same bits."""
    same(*(BPRMF(4, s, epochs=2, batch_size=16, rng=0).fit(random_pairs()) for s in (DNS(5, 5), Uniform(5))))


@pytest.mark.parametrize(
    "sampler",
    [Softmax(0.3, 6), Softmax(1e-3, 6), WARP(20, 0.02, 9), WARP(20, 1.0, 9), TopKOptimal("ndcg", 8, 10, 10, 25)],
    ids=str,
)
@pytest.mark.parametrize("sparse_updates", [False, True])
def test_it_trains_as_the_oracle(sampler: Sampler, sparse_updates: bool) -> None:
    options: dict[str, Any] = {
        "factors": 5, "lr": 0.02, "weight_decay": 0.05, "epochs": 2, "batch_size": 37, "lr_decay_every": 1,
        "init_scale": 0.3,
    }  # fmt: skip
    X = sparse.random(12, 23, 0.2, random_state=2, format="csr")
    model = BPRMF(sampler=sampler, rng=7, dtype="float64", sparse=sparse_updates, **options).fit(X)
    run = oracle.train(X, sampler, 7, sparse_updates=sparse_updates, **options)
    np.testing.assert_allclose(model.user_factors, run.U, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.item_factors, run.V, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([h["loss"] for h in model.history_], run.losses, rtol=1e-9)


@pytest.mark.parametrize("sparse_updates", [False, True])
def test_large_tasks_of_small_pools_train_as_the_oracle(sparse_updates: bool) -> None:
    """A batch of several tasks, each of more than the least number of pairs."""
    size = task_pairs(4096, 2)
    assert 64 < size < 4096 / 16 and task_pairs(4096, 6) == task_pairs(1024, 2) == task_pairs(1, 2) == 64
    options: dict[str, Any] = {"factors": 5, "lr": 0.02, "weight_decay": 0.05, "epochs": 1, "batch_size": 4096}
    X = sparse.random(200, 150, 0.2, random_state=2, format="csr")
    model = BPRMF(sampler=Uniform(1), rng=7, dtype="float64", sparse=sparse_updates, **options).fit(X)
    run = oracle.train(X, Uniform(1), 7, sparse_updates=sparse_updates, **options)
    np.testing.assert_allclose(model.user_factors, run.U, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.item_factors, run.V, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([h["loss"] for h in model.history_], run.losses, rtol=1e-9)


def test_ahns_sees_the_positive() -> None:
    """One step of SGD moves, besides the positives, the negatives nearest to the targets of their positives."""
    X = sparse.random(30, 40, 0.1, random_state=0, format="csr").sorted_indices()
    options: dict[str, Any] = {
        "lr": 1e-3, "batch_size": 10_000, "dtype": "float64", "optimizer": "sgd", "weight_decay": 0.0,
        "init_scale": 0.6,
    }  # fmt: skip
    chosen = []
    for p in (-2.0, -1.0, 1.5):
        sampler = AHNS(0.3, 0.8, p, 9)
        start, after = (BPRMF(4, sampler, rng=0, epochs=n, **options).fit(X) for n in (0, 1))
        U, V = start.user_factors, start.item_factors
        gradient = np.zeros_like(V)
        for number, (u, i) in enumerate(zip(*X.nonzero())):
            pool = sampling_oracle.pool(
                sampling_oracle.key_of(0, 2, 0, number), 40, set(X[u].indices.tolist()), 9, True
            )
            base = U[u] @ V[i] + 0.3
            target = 0.8 * base ** (p + 1) if base > 0 else {-2.0: np.inf, -1.0: 0.8, 1.5: 0.0}[p]
            scores = V[pool] @ U[u]
            at = int(scores.argmax() if np.isinf(target) else np.abs(scores - target).argmin())
            chosen.append(at)
            gradient += oracle.pair_gradients(U, V, u, i, [pool[at]], np.ones(1), 1.0)[2]
        np.testing.assert_allclose(after.item_factors, V - 1e-3 * gradient, rtol=1e-9)
    assert len(set(chosen)) == 9


@pytest.mark.parametrize("sampler", [AOBPR(3.0, 2), AdaSIR(2, 6), NonSampling(), pris(6, popular=True)], ids=str)
def test_on_a_graph_of_no_layers_it_is_the_same(sampler: Sampler) -> None:
    options: dict[str, Any] = {"epochs": 2, "batch_size": 64, "rng": 3, "lr": 0.02}
    flat = BPRMF(8, sampler, **options).fit(random_pairs())
    graph = LightGCN(8, sampler, layers=0, **options).fit(random_pairs())
    for name in training.TABLES:
        assert flat._tables[name].tobytes() == graph._tables[name].tobytes(), name


def test_on_a_graph_the_memory_is_of_final_embeddings() -> None:
    options: dict[str, Any] = {"batch_size": 64, "rng": 3, "lr": 0.02, "layers": 2}
    before, after = (LightGCN(8, AOBPR(3.0, 2), epochs=n, **options).fit(random_pairs()) for n in (2, 3))
    expected = np.argsort(-before.item_factors.T, axis=1, kind="stable")
    assert np.array_equal(after._tables["state_order"][:8], expected)
    assert not np.array_equal(np.argsort(-before._tables["V"].T[:8], axis=1, kind="stable"), expected)
