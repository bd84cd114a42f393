"""Every sampler and loss in the trainer: a known right answer, literal gradients, threads, resumed runs, limits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracles import bpr as oracle
from oracles import sampling as sampling_oracle
from scipy import sparse, stats

from sim.bpr import BPRMF, LightGCN
from sim.bpr import _training as training
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Refresh,
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
LOSSES = ("bpr", "hinge", "bce", "infonce", "sampled-softmax", "psl")
COMBINATIONS = [(s, "bpr") for s in SAMPLERS] + [(s, x) for s in (Uniform(3), DNS(2, 6), pris(6)) for x in LOSSES[1:]]
by_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
by_both = pytest.mark.parametrize(("sampler", "loss"), COMBINATIONS, ids=str)


def checkerboard() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Two groups of users with six items each; one pair of every user's is kept for the test."""
    full = np.kron(np.eye(2), np.ones((30, 6)))
    held = np.zeros_like(full)
    for u in range(60):
        held[u, 6 * (u // 30) + u % 6] = 1
    return sparse.csr_matrix(full - held), sparse.csr_matrix(held)


def random_pairs(seed: int = 3) -> sparse.csr_matrix:
    """Some users have everything, nothing, or a single pair."""
    dense = np.random.default_rng(seed).random((40, 33)) < 0.15
    dense[3], dense[5], dense[7] = False, True, False
    dense[7, 2] = True
    return sparse.csr_matrix(dense.astype(np.float32))


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
        epoch = training.Epoch(stopped, training.interactions(X, stopped))
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


# -- against literal versions -----------------------------------------------------------------------------------------


def weigh(sampler: Sampler, losses: np.ndarray) -> np.ndarray:
    """Weights of the samplers by score and rank on BPR's losses, from which the margins follow."""
    margins = np.log(np.expm1(losses))
    if isinstance(sampler, Softmax):
        return sampling_oracle.softmax_weights(margins, sampler.tau)
    if isinstance(sampler, WARP):
        return sampling_oracle.warp_weights(list(margins), sampler.margin, sampler.n_neg)
    if isinstance(sampler, TopKOptimal):
        return sampling_oracle.ranked_weights(list(margins), sampler.params)
    return oracle.weights_of(sampler, losses)


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
    run = oracle.train(X, sampler, 7, sparse_updates=sparse_updates, weigh=weigh, **options)
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


def literal_loss(name: str, positive: float, negatives: np.ndarray, w: np.ndarray, n_neg: int, a: float) -> float:
    """The definitions; ``a`` is the margin or the temperature."""
    m = negatives - positive
    if name == "bpr":
        return float(w @ np.log1p(np.exp(m)))
    if name == "hinge":
        return float(w @ np.maximum(m + a, 0))
    if name == "bce":
        return float(np.log1p(np.exp(-positive)) + w @ np.log1p(np.exp(negatives)))
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
        "dtype": "float64", "loss": loss, "margin": a, "temperature": a, "rng": seed,
    }  # fmt: skip
    start, after = (BPRMF(sampler=sampler, epochs=n, **options).fit(X) for n in (0, 1))
    U, V = start.user_factors.copy(), start.item_factors.copy()
    X.sort_indices()
    users, items = X.nonzero()
    cases = []
    for number, (u, i) in enumerate(zip(users, items)):
        key = sampling_oracle.key_of(seed, 2, 0, number)
        pool = sampling_oracle.pool(key, 12, set(X[u].indices.tolist()), sampler.N, True)
        cases.append((u, i, pool, weigh(sampler, np.log1p(np.exp((V[pool] - V[i]) @ U[u])))))

    def total() -> float:
        return sum(literal_loss(loss, U[u] @ V[i], V[pool] @ U[u], w, 12 - X[u].nnz, a) for u, i, pool, w in cases)

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


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_non_sampling_is_the_gradient_over_all_negatives(exclude: bool, dtype: str) -> None:
    X = random_pairs()
    options: dict[str, Any] = {
        "optimizer": "sgd", "weight_decay": 0.0, "lr": 0.01, "batch_size": 10_000, "exclude_positives": exclude,
        "rng": 3, "dtype": dtype, "init_scale": 0.5,
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
        epoch = training.Epoch(model, training.interactions(X, model))
        starts = epoch._deal(np.uint64(9))
        assert starts[0] == 0 and starts[-1] == X.nnz and (np.diff(starts) > 0).all()
        assert sorted(epoch.order.tolist()) == list(range(X.nnz))
        owners = [set(epoch.data[0][epoch.order[a:b]].tolist()) for a, b in pairwise(starts)]
        assert sum(map(len, owners)) == len(set().union(*owners))


def test_ignored_pairs_stay_out_without_sampling() -> None:
    X = random_pairs()
    hidden = sparse.csr_matrix((np.random.default_rng(0).random(X.shape) < 0.2) & (X.toarray() == 0))
    options: dict[str, Any] = {"epochs": 1, "rng": 0, "weight_decay": 0.0, "optimizer": "sgd"}
    many = BPRMF(4, Uniform(3000), **options, mean_batch=True).fit(X, ignore=hidden)
    full = BPRMF(4, NonSampling(), **options, mean_batch=True).fit(X, ignore=hidden)
    assert full.history_[0]["loss"] == pytest.approx(many.history_[0]["loss"], abs=1e-4)


# -- samplers with a memory -------------------------------------------------------------------------------------------


def refresh(sampler: Sampler, key: int, state: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    U, V = np.zeros((2, 8)), np.zeros((20, 8))
    U[:, :3], V[:, :3] = rng.normal(size=(2, 3)), rng.normal(size=(20, 3))
    rows = {"indptr": np.array([0, 3, 3]), "indices": np.array([1, 4, 9], np.int32)}
    counts = rng.integers(1, 9, 20).astype(float)
    now = Refresh(**({"U": U, "V": V, **rows, "exclude": True, "counts": counts, "key": np.uint64(key)} | changed))
    state = {} if state is None else state
    sampler.refresh(now, state)
    return state | {"now": now}


@pytest.mark.parametrize("proposal", ["uniform", "log-count"])
def test_fresh_caches_follow_the_softmax_over_all_negatives(proposal: str) -> None:
    """Chi-square at 1e-7 over caches of 500 from 40 refreshments; one entry of each, as those of one are dependent."""
    sampler = AdaSIR(1, 500, 0.8, proposal=proposal)
    drawn = [refresh(sampler, key) for key in range(4_000)]
    now = drawn[0]["now"]
    for u, excluded in ((0, [1, 4, 9]), (1, [])):
        law = np.exp(now.V @ now.U[u] / 0.8)
        law[excluded] = 0
        law /= law.sum()
        counts = np.bincount([s["caches"][u, 17] for s in drawn], minlength=20)
        assert not counts[law == 0].any()
        # the law of a finite pool is off by O(1/C): far below the test's resolution
        assert stats.chisquare(counts[law > 0], law[law > 0] * counts.sum()).pvalue > 1e-7


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_kernel_caches_follow_their_law_and_know_their_weights(alpha: float) -> None:
    """Chi-square at 1e-7 over 20,000 independent draws a user."""
    state = refresh(Kernel(1, 20_000, alpha), 11)
    now = state["now"]
    for u, excluded in ((0, [1, 4, 9]), (1, [])):
        weights = alpha * (now.V @ now.U[u]) ** 2 + 1
        np.testing.assert_allclose(state["weights"][u], weights[state["caches"][u]], rtol=1e-12)
        weights[excluded] = 0
        counts = np.bincount(state["caches"][u], minlength=20)
        assert not counts[excluded].any()
        kept = weights > 0
        assert stats.chisquare(counts[kept], weights[kept] / weights.sum() * 20_000).pvalue > 1e-7


def test_the_generator_plays_as_the_oracle() -> None:
    state = refresh(IRGAN(1, 7, 0.5, 2.0), 21)
    now = state["now"]
    GU, GV = now.U.copy(), now.V.copy()
    for u in sampling_oracle.Stream(21).shuffled([0, 1]):
        p = sampling_oracle.tilt(GV @ GU[u], 0.5)
        p[now.indices[now.indptr[u] : now.indptr[u + 1]]] = 0
        p /= p.sum()
        draws = sampling_oracle.Stream(sampling_oracle.key_of(21, u))
        drawn = [int(np.searchsorted(np.cumsum(p), draws.uniform(c), side="right")) for c in range(7)]
        assert drawn == state["caches"][u].tolist()
        rewards = np.log1p(np.exp(now.V[drawn] @ now.U[u]))
        gU, gV = np.zeros_like(GU[u]), np.zeros_like(GV)
        for j, advantage in zip(drawn, rewards - rewards.mean()):  # REINFORCE with the whole gradient of log p
            gU += advantage * (GV[j] - p @ GV) / 0.5 / 7
            gV[j] += advantage * GU[u] / 0.5 / 7
            gV -= advantage * np.outer(p, GU[u]) / 0.5 / 7
        GU[u] += 2.0 * gU
        GV += 2.0 * gV
    np.testing.assert_allclose(state["GU"], GU, atol=1e-12)
    np.testing.assert_allclose(state["GV"], GV, atol=1e-12)
    assert not np.allclose(GU, now.U)


def test_a_fast_generator_hunts_down_unobserved_positives() -> None:
    """The danger of adversarial negatives: the kept pairs of the checkerboard are found, and unlearnt."""
    train, held = checkerboard()
    options: dict[str, Any] = {"lr": 0.02, "weight_decay": 0.05, "epochs": 60, "batch_size": 32, "rng": 1}
    slow, fast = (
        BPRMF(2, IRGAN(2, 6, 0.5, rate), **options).fit(train).evaluate(held, exclude=train, ks=[1])["recall@1"]
        for rate in (0.01, 0.05)
    )
    assert slow == 1.0 and fast < 0.7


def test_caches_keep_old_entries_at_their_share() -> None:
    old = np.full((2, 10_000), 19, np.int32)
    old[0] = 13
    sampler = AdaSIR(1, 10_000, 1.0, reuse=0.3)
    state = {"caches": old}
    fresh = refresh(AdaSIR(1, 10_000, 1.0), 5)["caches"]
    refresh(sampler, 5, state)
    for u, item in ((0, 13), (1, 19)):
        p = (fresh[u] == item).mean()
        expected = 0.3 + 0.7 * p
        # 7 standard errors of two proportions from 10,000
        assert abs((state["caches"][u] == item).mean() - expected) < 7 * np.sqrt(0.5 / 10_000)


def test_the_items_are_sorted_by_every_factor() -> None:
    state = refresh(AOBPR(7.0), 0)
    V = state["now"].V
    for f in range(8):
        assert state["order"][f].tolist() == sorted(range(20), key=lambda j: (-V[j, f], j))
    np.testing.assert_allclose(state["numbers"], [V.std(axis=0), np.full(8, 7.0)])


def test_a_state_is_refreshed_at_the_start_of_every_epoch_only() -> None:
    X = random_pairs()
    seen: list[np.ndarray] = []

    def look(model: BPRMF, record: dict[str, Any]) -> None:
        seen.append(model._tables["state_caches"].copy())

    BPRMF(4, AdaSIR(1, 9), epochs=3, batch_size=32, rng=0).fit(X, callbacks=[look])
    assert not np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])
    for caches in seen:
        for u in range(40):
            assert (caches[u] == -1).all() if X[u].nnz == 33 else not set(caches[u]) & set(X[u].indices)


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
