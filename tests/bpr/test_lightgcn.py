"""LightGCN: propagation and gradient against dense matrices, BPRMF at zero layers, runs that resume to the bit."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
from oracles import lightgcn as oracle
from oracles import sampling as sampling_oracle
from oracles.bpr import weights_of
from scipy import sparse

from sim.bpr import BPRMF, Diverged, LightGCN
from sim.bpr import epoch as training
from sim.bpr.lightgcn import Graph, GraphEpoch
from sim.core.npz import read_npz, write_npz
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    WARP,
    AdaSIR,
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

BASE: dict[str, Any] = {
    "factors": 5, "lr": 0.02, "weight_decay": 0.05, "epochs": 2, "batch_size": 7, "lr_decay": 0.5, "lr_decay_every": 1,
}  # fmt: skip


def small_data(users: int = 9, items: int = 23, density: float = 0.15) -> sparse.csr_matrix:
    """Random pairs; a user and an item without any, and a user and an item that have only each other."""
    dense = np.random.default_rng(3).random((users, items)) < density
    dense[2] = dense[4] = False
    dense[:, 7] = dense[:, 11] = False
    dense[4, 7] = True
    return sparse.csr_matrix(dense.astype(np.float32))


def spread(pairs: Any, layers: int, table: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """P @ table by the kernels; ``table`` has a row a user, then a row an item."""
    csr, width = sparse.csr_matrix(pairs), -(-table.shape[1] // 8) * 8
    padded = np.zeros((len(table), width), dtype)
    padded[:, : table.shape[1]] = table
    base = tuple(np.ascontiguousarray(t) for t in np.split(padded, [csr.shape[0]]))
    out = tuple(np.full_like(t, np.nan) for t in base)
    Graph(csr, layers, width, dtype).spread(base, out)
    return np.vstack(out)[:, : table.shape[1]]


# -- the graph ----------------------------------------------------------------------------------------------------


def test_adjacency_of_a_path_by_hand() -> None:
    """u0 - i0 - u1 - i1, and u2, i2 alone: every edge counts in both directions, once."""
    pairs = [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    h = 1 / np.sqrt(2)  # between an end of the path and its neighbour; 1/2 between the two in the middle
    expected = np.zeros((6, 6))
    for u, i, weight in ((0, 0, h), (1, 0, 0.5), (1, 1, h)):
        expected[u, 3 + i] = expected[3 + i, u] = weight
    one = 2 * spread(pairs, 1, np.eye(6)) - np.eye(6)
    np.testing.assert_allclose(one, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(oracle.adjacency(pairs), expected, rtol=0, atol=1e-15)


@pytest.mark.nojit
@pytest.mark.parametrize("layers", [0, 1, 2, 3, 5])
def test_propagation_is_that_of_dense_matrices(layers: int) -> None:
    data = small_data()
    table = np.random.default_rng(layers).normal(size=(sum(data.shape), 5))
    P = oracle.mean_propagation(data, layers)
    np.testing.assert_allclose(spread(data, layers, table), P @ table, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(P, P.T, rtol=1e-14)  # so the gradient is propagated back by the same kernels
    for alone in (2, data.shape[0] + 11):
        np.testing.assert_allclose(spread(data, layers, table)[alone], table[alone] / (layers + 1), rtol=1e-14)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("width", [8, 32, 72])
def test_propagation_is_that_of_scipy(dtype: str, rtol: float, width: int) -> None:
    """Uneven degrees, more rows and edges than one task takes; compared in units of the row's absolute sum."""
    rng = np.random.default_rng(1)
    n_users, n_items = 700, 500
    data = sparse.csr_matrix(
        (np.ones(6000), (rng.integers(0, n_users, 6000), (n_items * rng.random(6000) ** 3).astype(int))),
        (n_users, n_items),
    )
    data.data[:] = 1
    A = sparse.bmat([[None, data], [data.T, None]]).tocsr()
    degree = np.maximum(A.sum(axis=1).A1 if hasattr(A.sum(axis=1), "A1") else A.sum(axis=1), 1)
    A = sparse.diags(degree**-0.5) @ A @ sparse.diags(degree**-0.5)
    table = rng.normal(size=(n_users + n_items, width)).astype(dtype)
    exact = size = table.astype(np.float64)
    size = np.abs(size)
    for _ in range(3):
        exact, size = table + A @ exact, np.abs(table) + A @ size
    np.testing.assert_array_less(np.abs(spread(data, 3, table, dtype) - exact / 4), rtol * size / 4)


def test_ignored_pairs_are_no_edges() -> None:
    data = small_data()
    hidden = data.copy()
    hidden.data[::3] = 0
    hidden.eliminate_zeros()
    options = BASE | {"layers": 2, "sampler": DNS(2, 6), "rng": 1}
    shown = LightGCN(**options).fit(hidden, ignore=data - hidden)
    E, F = (np.vstack([table[:, :5] for table in tables]) for tables in (
        [shown._tables["U"], shown._tables["V"]], [shown.user_factors, shown.item_factors],
    ))  # fmt: skip
    np.testing.assert_allclose(F, oracle.mean_propagation(hidden, 2) @ E, rtol=1e-5, atol=1e-8)


# -- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (DNS(3, 9), {"layers": 1}),
        (DNS(3, 9), {"layers": 2}),
        (DNS(3, 9), {"layers": 3}),
        (Uniform(1), {"layers": 3}),
        (SoftmaxV(1.0, 6), {"layers": 3}),
        (DNS(2, 6), {"layers": 2, "optimizer": "sgd"}),
        (DNS(2, 6), {"layers": 2, "refresh": 2}),
        (DNS(2, 6), {"layers": 2, "refresh": 100, "epochs": 3}),
        (DNS(2, 6), {"layers": 2, "batch_size": 1000, "factors": 13}),
    ],
    ids=str,
)
def test_training_is_that_of_the_oracle(sampler: Sampler, options: dict[str, Any]) -> None:
    data, options = small_data(), BASE | options
    model = LightGCN(sampler=sampler, rng=17, dtype="float64", **options).fit(data)
    run = oracle.train(data, sampler, 17, **options)
    np.testing.assert_allclose(model.user_factors, run.U, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(model.item_factors, run.V, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose([r["loss"] for r in model.history_], run.losses, rtol=1e-9)
    assert not model._tables["U"][:, options["factors"] :].any()


@pytest.mark.nojit
def test_tiny_run() -> None:
    data = sparse.csr_matrix(np.eye(4, 9) + np.eye(4, 9, k=1))
    options = BASE | {"factors": 3, "batch_size": 4, "layers": 2, "refresh": 2}
    model = LightGCN(sampler=DNS(2, 5), rng=1, dtype="float64", **options).fit(data)
    np.testing.assert_allclose(model.user_factors, oracle.train(data, DNS(2, 5), 1, **options).U, rtol=1e-9)


def test_one_step_is_the_gradient_of_the_loss() -> None:
    """SGD without decay on one batch of all pairs: the change of the parameters is -lr times finite differences."""
    data, seed, sampler, layers = small_data(users=5, items=12), 4, DNS(2, 6), 3
    options = BASE | {"optimizer": "sgd", "weight_decay": 0.0, "lr": 1e-3, "batch_size": 1000, "layers": layers}
    options |= {"factors": 3, "init_scale": 0.5, "sampler": sampler, "rng": seed, "dtype": "float64"}
    start, after = (LightGCN(**(options | {"epochs": n})).fit(data) for n in (0, 1))
    E, moved = (np.vstack([model._tables[name][:, :3] for name in "UV"]) for model in (start, after))
    pairs = list(zip(*data.nonzero()))
    P = oracle.mean_propagation(data, layers)

    def margins() -> list[np.ndarray]:
        U, V = np.split(P @ E, [5])
        return [np.array([U[u] @ (V[j] - V[i]) for j in pool]) for pool, (u, i) in zip(pools, pairs)]

    pools = [
        sampling_oracle.pool(sampling_oracle.key_of(seed, 2, 0, k), 12, set(data[u].indices.tolist()), sampler.N, True)
        for k, (u, _) in enumerate(pairs)
    ]
    weights = [weights_of(sampler, np.logaddexp(0, margin)) for margin in margins()]

    def loss() -> float:
        return sum(float(p @ np.log1p(np.exp(margin))) for p, margin in zip(weights, margins()))

    assert after.history_[0]["loss"] == pytest.approx(loss() / len(pairs), rel=1e-12)
    for at in np.ndindex(E.shape):
        x, h, values = E[at], 1e-5, []
        for shift in (h, -h):
            E[at] = x + shift
            values.append(loss())
        E[at] = x
        assert (x - moved[at]) / 1e-3 == pytest.approx((values[0] - values[1]) / (2 * h), abs=1e-7)


SAMPLERS = [
    Uniform(2), DNS(3, 9), SoftmaxV(1.0, 6), SoftmaxExact(0.4, 6), Softmax(0.5, 6), TopKOptimal(N=6), WARP(N=6),
    popularity(0.75, 3), pris(6), pris(6, popular=True), AHNS(N=6), AOBPR(), AdaSIR(N=6), NonSampling(),
]  # fmt: skip


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_every_sampler_trains_and_zero_layers_are_bprmf_to_the_bit(sampler: Sampler) -> None:
    data = sparse.random(60, 50, 0.1, random_state=1, format="csr")
    options = BASE | {"sampler": sampler, "batch_size": 50, "rng": 5, "factors": 8}
    mf, none, two = BPRMF(**options), LightGCN(layers=0, **options), LightGCN(layers=2, **options)
    for model in (mf, none, two):
        model.fit(data)
    same_state(mf, none)
    assert np.array_equal(mf.user_factors, none.user_factors) and np.array_equal(mf.item_factors, none.item_factors)
    assert [h["loss"] for h in mf.history_] == [h["loss"] for h in none.history_]
    assert np.isfinite(two.user_factors).all() and not np.array_equal(two.user_factors, mf.user_factors)


@pytest.mark.parametrize(
    "options",
    [{"optimizer": "sgd"}, {"dtype": "float64"},
     {"sum_negatives": True}, {"exclude_positives": False}, {"loss": "hinge"}, {"loss": "infonce"}],
    ids=str,
)  # fmt: skip
def test_zero_layers_are_bprmf_for_every_option(options: dict[str, Any]) -> None:
    data = sparse.random(300, 200, 0.02, random_state=1, format="csr")
    options = BASE | {"sampler": DNS(3, 9), "batch_size": 100, "rng": 5, "factors": 8, "epochs": 3} | options
    same_state(BPRMF(**options).fit(data), LightGCN(layers=0, **options).fit(data))


@pytest.mark.parametrize("sampler", [DNS(3, 40), SoftmaxV(1.0, 40)], ids=str)
def test_same_bits_for_any_number_of_threads(sampler: Sampler) -> None:
    data = sparse.random(600, 500, 0.02, random_state=1, format="csr")
    one, two = (LightGCN(16, sampler, epochs=2, batch_size=256, rng=5, n_threads=n).fit(data) for n in (1, 2))
    same_state(one, two)
    assert one.user_factors.tobytes() == two.user_factors.tobytes()


def test_neighbours_of_neighbours_fill_the_gaps() -> None:
    """Two groups of 30 users and 20 items, 3 train items a user: the group's other items come before all others.

    A user of one group shares no path with the other's items, so a correct graph can hardly fail to part them.
    """
    rng = np.random.default_rng(0)
    items = np.stack([20 * (u % 2) + rng.permutation(20) for u in range(60)])
    users = np.repeat(np.arange(60), 3)
    train, test = (
        sparse.csr_matrix((np.ones(180), (users, part.ravel())), (60, 40)) for part in (items[:, :3], items[:, 3:6])
    )
    model = LightGCN(8, Uniform(1), layers=3, lr=0.02, weight_decay=0.1, epochs=30, batch_size=64, rng=0).fit(train)
    assert model.evaluate(test, exclude=train, ks=[17])["recall@17"] > 0.99


# -- state --------------------------------------------------------------------------------------------------------


def same_state(a: BPRMF, b: BPRMF) -> None:
    assert a._epoch == b._epoch and a._batch == b._batch
    for name in training.TABLES:
        assert a._tables[name].tobytes() == b._tables[name].tobytes(), name


@pytest.fixture
def X() -> sparse.csr_matrix:
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


@pytest.mark.parametrize(("number", "refresh"), [(1, 1), (3, 1), (1, 2), (2, 2), (1, 3), (3, 3)])
def test_after_ctrl_c_training_goes_on_to_the_same_bits(X, tmp_path, monkeypatch, number, refresh) -> None:
    """4 batches an epoch; with ``refresh`` an interruption waits for the end of its period."""
    options = {"epochs": 4, "batch_size": 30, "rng": 3, "layers": 2, "refresh": refresh}
    assert -(-X.nnz // 30) == 4
    whole, stopped = (LightGCN(4, DNS(1, 5), **options) for _ in range(2))
    whole.fit(X)
    path, count = tmp_path / "run.npz", iter(range(1, 10**9))
    inner = GraphEpoch.__init__

    def start(self: GraphEpoch, *arguments: Any) -> None:
        inner(self, *arguments)
        batches = self.batches

        def batch(*rest: Any) -> None:
            batches(*rest)
            if next(count) == 4 + number:
                signal.raise_signal(signal.SIGINT)

        self.batches = batch

    with monkeypatch.context() as patch:
        patch.setattr(training, "_SLICE_SECONDS", 0.0)
        patch.setattr(GraphEpoch, "__init__", start)
        done = min(4, -(-number // refresh) * refresh)
        with pytest.raises(KeyboardInterrupt, match=rf"epoch {2 + done // 4} after {done % 4} batches"):
            stopped.fit(X, checkpoint=path)
    stopped.save(tmp_path / "model.npz")
    loaded = LightGCN.load(tmp_path / "model.npz")
    assert np.array_equal(loaded.item_factors, stopped.item_factors)
    resumed = LightGCN(4, DNS(1, 5), **options).fit(X, checkpoint=path)
    left = 3 - done // 4
    for model in (stopped.partial_fit(X, epochs=left), loaded.partial_fit(X, epochs=left), resumed):
        same_state(model, whole)
        assert np.array_equal(model.user_factors, whole.user_factors)


def test_the_best_epoch_is_put_back_with_its_final_embeddings(tmp_path) -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((80, 60))
    train, held = (sparse.csr_matrix(part, dtype=np.float32) for part in (cells < 0.2, cells > 0.95))
    options = {"lr": 0.1, "weight_decay": 0.0, "batch_size": 64, "rng": 0, "layers": 1}
    watch = {"valid": held, "metric": "ndcg@5", "evaluate_every": 1}
    model = LightGCN(8, DNS(2, 20), epochs=12, **options).fit(train, **watch)
    values = [h["valid"]["ndcg@5"] for h in model.history_]
    best = int(np.argmax(values)) + 1
    assert best < 12
    assert model.evaluate(held, exclude=train, ks=[5])["ndcg@5"] == max(values)
    same_state(model, LightGCN(8, DNS(2, 20), epochs=best, **options).fit(train))
    for cut in (best, 12):  # a checkpoint at the best epoch and one of a finished run
        path = tmp_path / f"{cut}.npz"
        LightGCN(8, DNS(2, 20), epochs=12, **options).fit(
            train, checkpoint=path, callbacks=[lambda _, record, cut=cut: record["epoch"] == cut], **watch
        )
        again = LightGCN(8, DNS(2, 20), epochs=12, **options).fit(train, checkpoint=path, **watch)
        same_state(again, model)
        assert np.array_equal(again.user_factors, model.user_factors)


def test_callbacks_see_the_embeddings_of_their_epoch(X) -> None:
    seen: list[np.ndarray] = []
    options = {"batch_size": 30, "rng": 3, "layers": 2}
    LightGCN(4, DNS(1, 5), epochs=3, **options).fit(X, callbacks=[lambda m, _: seen.append(m.item_factors.copy())])
    for epoch, factors in enumerate(seen, 1):
        assert np.array_equal(factors, LightGCN(4, DNS(1, 5), epochs=epoch, **options).fit(X).item_factors)


def test_save_and_load(X, tmp_path) -> None:
    model = LightGCN(4, SoftmaxV(0.5, 9), 0.01, 0.02, 2, 64, rng=1, layers=2, refresh=2).fit(X)
    model.save(tmp_path / "m.npz")
    loaded = LightGCN.load(tmp_path / "m.npz")
    assert loaded.get_params() == model.get_params() | {"rng": 1}
    assert np.array_equal(loaded.recommend(3, X[3])[0], model.recommend(3, X[3])[0])
    same_state(loaded.partial_fit(X, epochs=2), model.partial_fit(X, epochs=2))
    with pytest.raises(ValueError, match="path must be a saved BPRMF, got .*: kind 'LightGCN'"):
        BPRMF.load(tmp_path / "m.npz")
    BPRMF(4, DNS(1, 5), epochs=1, rng=1).fit(X).save(tmp_path / "mf.npz")
    with pytest.raises(ValueError, match="path must be a saved LightGCN, got .*: kind 'BPRMF'"):
        LightGCN.load(tmp_path / "mf.npz")
    meta, arrays = read_npz(tmp_path / "m.npz")
    arrays["FV"] = arrays["FV"][:-1]
    write_npz(tmp_path / "m.npz", {k: v for k, v in meta.items() if k != "format"}, arrays)
    with pytest.raises(ValueError, match=r"must hold FV as float32 of shape \(31, 8\)"):
        LightGCN.load(tmp_path / "m.npz")


def test_checkpoints_of_other_models_are_refused(X, tmp_path) -> None:
    options: dict[str, Any] = {"epochs": 1, "rng": 0, "weight_decay": 0.01}
    LightGCN(4, DNS(1, 5), layers=2, **options).fit(X, checkpoint=tmp_path / "gcn.npz")
    BPRMF(4, DNS(1, 5), **options).fit(X, checkpoint=tmp_path / "mf.npz")
    with pytest.raises(ValueError, match="layers is 2 there, 3 here"):
        LightGCN(4, DNS(1, 5), **options).fit(X, checkpoint=tmp_path / "gcn.npz")
    with pytest.raises(ValueError, match="layers is unknown here"):
        BPRMF(4, DNS(1, 5), **options).fit(X, checkpoint=tmp_path / "gcn.npz")
    with pytest.raises(ValueError, match="layers is unknown there"):
        LightGCN(4, DNS(1, 5), layers=0, **options).fit(X, checkpoint=tmp_path / "mf.npz")


# -- surface ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"layers": -1}, ValueError, "layers must be >= 0, got -1"),
        ({"layers": 1.5}, TypeError, "layers must be an integer, got 1.5"),
        ({"refresh": 0}, ValueError, "refresh must be >= 1, got 0"),
        ({"item_bias": True}, ValueError, "item_bias must be False for LightGCN, got True"),
        ({"sparse": True}, ValueError, "sparse must be False for LightGCN, got True"),
        ({"lr": -1.0}, ValueError, "lr must be in"),
        ({"layer": 2}, TypeError, "layer"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        LightGCN(**options)


def test_parameters_and_repr() -> None:
    model = LightGCN(8, DNS(2, 6), layers=1, refresh=4, optimizer="sgd")
    assert {"layers": 1, "refresh": 4, "optimizer": "sgd", "factors": 8}.items() <= model.get_params().items()
    assert LightGCN(**model.get_params()).get_params() == model.get_params()
    model.set_params(layers=2)
    assert model.settings.layers == 2 and model.settings.refresh == 4
    assert repr(model) == "LightGCN(factors=8, sampler=DNS(M=2, N=6), optimizer='sgd', layers=2, refresh=4)"
    assert repr(LightGCN()) == "LightGCN()"
    with pytest.raises(RuntimeError, match="not fitted"):
        model.user_factors  # noqa: B018


def test_divergence_names_the_epoch(X) -> None:
    with pytest.raises(Diverged, match=r"epoch \d+: use a smaller lr"), np.errstate(all="ignore"):
        LightGCN(4, DNS(1, 5), lr=1e30, epochs=50, optimizer="sgd", rng=0).fit(X)
