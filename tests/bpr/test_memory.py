"""Samplers with a memory: what their caches and rankings hold, and when they are brought up to date."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracles import sampling as sampling_oracle
from oracles.toys import checkerboard, random_pairs
from scipy import stats

from sim.bpr import BPRMF, Diverged
from sim.sampling import AOBPR, IRGAN, AdaSIR, Kernel, Refresh, Sampler


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


@pytest.mark.parametrize("sampler", [AdaSIR(2, 6), IRGAN(2, 6, rate=20.0)], ids=str)
def test_ctrl_c_between_two_epochs_does_not_refresh_a_state_twice(sampler: Sampler, tmp_path: Path) -> None:
    X, options = random_pairs(), {"epochs": 3, "batch_size": 64, "rng": 1}
    whole = BPRMF(4, sampler, **options).fit(X)

    def press(model: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] == 1:
            signal.raise_signal(signal.SIGINT)

    stopped = BPRMF(4, sampler, **options)
    with pytest.raises(KeyboardInterrupt, match="epoch 2 after 0 batches"):
        stopped.fit(X, checkpoint=tmp_path / "run.npz", callbacks=[press])
    resumed = BPRMF(4, sampler, **options).fit(X, checkpoint=tmp_path / "run.npz")
    for model in (stopped.partial_fit(X, epochs=2), resumed):
        for name, table in whole._tables.items():
            assert np.array_equal(model._tables[name], table), name


def test_ctrl_c_in_the_midst_of_a_refresh_is_heard_after_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    X, options = random_pairs(), {"epochs": 2, "batch_size": 64, "rng": 1}
    whole, stopped = BPRMF(4, AdaSIR(2, 6), **options).fit(X), BPRMF(4, AdaSIR(2, 6), **options)
    inner = AdaSIR.refresh

    def pressed(self: AdaSIR, now: Refresh, state: dict[str, Any]) -> None:
        inner(self, now, state)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(AdaSIR, "refresh", pressed)
        with pytest.raises(KeyboardInterrupt, match="epoch 1 after [1-9]"):
            stopped.fit(X)
    stopped.partial_fit(X, epochs=2)
    for name, table in whole._tables.items():
        assert np.array_equal(stopped._tables[name], table), name


@pytest.mark.parametrize("lr", [1e2, 1e4, 1e6, 1e9])
def test_a_model_that_diverges_says_so_and_draws_no_item_that_is_not_there(lr: float) -> None:
    model = BPRMF(2, Kernel(2, 8), epochs=6, batch_size=8, lr=lr, weight_decay=0.0, optimizer="sgd", rng=1)
    try:
        model.fit(random_pairs())
    except Diverged:
        return
    assert np.isfinite(model.user_factors).all() and np.isfinite(model.item_factors).all()


def test_scores_whose_squares_overflow_still_give_caches() -> None:
    U, V = np.zeros((2, 8), np.float32), np.zeros((20, 8), np.float32)
    U[:, 0], V[:, 0] = 1e10, np.linspace(-1e20, 1e20, 20)
    state = refresh(Kernel(2, 50), 3, U=U, V=V)
    assert state["caches"].min() >= 0 and state["caches"].max() < 20
    assert np.isfinite(state["weights"]).all()


def test_a_generator_that_diverges_is_an_error() -> None:
    with pytest.raises(Diverged, match="IRGAN's state is not finite: use a smaller rate"):
        BPRMF(4, IRGAN(1, 8, rate=1e30), epochs=5, rng=0).fit(random_pairs())
