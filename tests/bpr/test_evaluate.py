"""Ranks, metrics, recommendations and similar items against naive rankings, ties and cache borders included."""

from __future__ import annotations

import os
import warnings
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import bpr as oracle
from oracles import metrics as metrics_oracle
from scipy import sparse

from sim.bpr import BPRMF, evaluate, rank_positives
from sim.bpr.evaluate import METRICS, recommend_rows
from sim.sampling import DNS


class Model:
    """The least that evaluate asks for."""

    def __init__(self, U: np.ndarray, V: np.ndarray) -> None:
        self.user_factors, self.item_factors = U, V


def problem(
    seed: int, users: int, items: int, d: int, dtype: str = "float32", levels: int = 3, density: float = 0.2
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Small whole numbers as factors (sums are exact, ties abound), test and excluded items without overlap."""
    rng = np.random.default_rng(seed)
    U, V = (rng.integers(-levels, levels + 1, (n, d)).astype(dtype) for n in (users, items))
    parts = rng.random((users, items))
    test, exclude = parts < density, parts > 1 - density
    test[rng.random(users) < 0.2] = False
    return U, V, test, exclude


def ranks_by_hand(U: np.ndarray, V: np.ndarray, test: np.ndarray, exclude: np.ndarray) -> list[int]:
    rankings = oracle.rankings(U, V, test, exclude)
    return [r for _, labels in rankings.values() for r, label in enumerate(labels, start=1) if label]


def check_ranks(U: np.ndarray, V: np.ndarray, test: np.ndarray, exclude: np.ndarray) -> None:
    found = rank_positives(U, V, sparse.csr_matrix(test), exclude=sparse.csr_matrix(exclude))
    assert found.ranks.tolist() == ranks_by_hand(U, V, test, exclude)
    assert found.indptr.tolist() == [0, *np.cumsum(test.sum(axis=1))]
    assert found.n_candidates.tolist() == (len(V) - exclude.sum(axis=1)).tolist()


@given(
    st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 70), st.integers(1, 5), st.booleans(), st.floats(0, 0.5)
)
def test_ranks_are_those_of_a_sort(seed: int, users: int, items: int, d: int, wide: bool, density: float) -> None:
    check_ranks(*problem(seed, users, items, d, "float64" if wide else "float32", density=density))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("users", "items"), [(1, 1), (7, 31), (8, 32), (9, 33), (64, 512), (65, 513), (130, 1100)])
def test_ranks_at_the_borders_of_panels_strips_and_blocks(users: int, items: int, dtype: str) -> None:
    check_ranks(*problem(users, users, items, 3, dtype, levels=1, density=0.05))


@pytest.mark.nojit
def test_small_ranks_and_recommendations() -> None:
    U, V, test, exclude = problem(5, 5, 40, 2)
    check_ranks(U, V, test, exclude)
    check_best(U, V, exclude, 7)


def test_all_scores_equal_ranks_by_item_number() -> None:
    _, _, test, exclude = problem(3, 20, 600, 1)
    check_ranks(np.zeros((20, 4), np.float32), np.zeros((600, 4), np.float32), test, exclude)
    check_best(np.zeros((20, 4)), np.zeros((600, 4)), exclude, 9)


def test_neighbouring_floats_are_told_apart() -> None:
    """Scores one unit in the last place apart, of both signs and around zero, are no ties."""
    for dtype in (np.float32, np.float64):
        steps = [np.nextafter(dtype(x), dtype(np.inf)) for x in (1, -1, 0)]
        V = np.array([[1, *steps, -1, 0, -0.0, 1, *steps]], dtype).T
        test = np.zeros((1, len(V)), bool)
        for i in range(len(V)):
            test[:], test[0, i] = False, True
            check_ranks(np.ones((1, 1), dtype), V, test, np.zeros_like(test))


def score_by_hand(u: np.ndarray, v: np.ndarray) -> Any:
    """The stated score: a chain of fused multiply-adds in ascending order of the factors."""
    total = u.dtype.type(0)
    for a, b in zip(u, v):
        if u.dtype == np.float64:  # exact, then rounded once
            total = np.float64(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(total)))
        else:  # the product is exact in float64; its sum is rounded twice, which differs by chance with 2**-29
            total = np.float32(np.float64(a) * np.float64(b) + np.float64(total))
    return total


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_score_is_the_stated_one_to_the_bit(dtype: str) -> None:
    rng = np.random.default_rng(8)
    U, V = rng.normal(size=(3, 37)).astype(dtype), rng.normal(size=(70, 37)).astype(dtype)
    ids, scores = recommend_rows(U, V, 70)
    by_hand = [[score_by_hand(u, V[i]) for i in row] for u, row in zip(U, ids)]
    assert scores.dtype == dtype and scores.tolist() == np.array(by_hand).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranks_do_not_depend_on_threads_or_neighbours(dtype: str) -> None:
    rng = np.random.default_rng(1)
    U, V = rng.normal(size=(200, 24)).astype(dtype), rng.normal(size=(1500, 24)).astype(dtype)
    test = sparse.csr_matrix(rng.random((200, 1500)) < 0.01)
    whole = rank_positives(U, V, test).ranks
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert np.array_equal(rank_positives(U, V, test).ranks, whole)
    finally:
        numba.set_num_threads(before)
    part = rank_positives(U[77:], V, test[77:]).ranks
    assert np.array_equal(part, whole[test[:77].nnz :])
    ids, scores = recommend_rows(U, V, 5)
    alone = [recommend_rows(U[u : u + 1], V, 5) for u in range(0, 200, 37)]
    assert all(np.array_equal(ids[u], a[0][0]) for u, a in zip(range(0, 200, 37), alone))
    assert all(np.array_equal(scores[u], a[1][0]) for u, a in zip(range(0, 200, 37), alone))


@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(2, 40))
def test_metrics_are_those_of_the_ranking(seed: int, users: int, items: int) -> None:
    U, V, test, exclude = problem(seed, users, items, 2)
    if not test.any():
        return
    ks, betas = (1, 3, items, 200), (0.05, 0.3, 1.0)
    found = evaluate(Model(U, V), sparse.csr_matrix(test), exclude=sparse.csr_matrix(exclude), ks=ks, betas=betas)
    labels = [labels for _, labels in oracle.rankings(U, V, test, exclude).values()]
    for k in ks:
        per_user = [metrics_oracle.topk_of_labels(y, sum(y), k) for y in labels]
        for name in METRICS:
            assert found[f"{name}@{k}"] == pytest.approx(np.mean([v[name] for v in per_user]), rel=1e-12)
    for beta in betas:
        areas = [
            float(metrics_oracle.lower_left_area(y, range(len(y), 0, -1), 1, beta)) / beta
            for y in labels
            if sum(y) < len(y)
        ]
        assert found[f"opauc({beta:g})"] == pytest.approx(np.mean(areas) if areas else np.nan, rel=1e-9, nan_ok=True)


def test_without_negatives_the_area_is_nan_and_nobody_is_warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(
            Model(np.ones((1, 1)), np.ones((3, 1))), sparse.csr_matrix(np.ones((1, 3))), ks=[2], betas=[0.5]
        )
    assert found["recall@2"] == pytest.approx(2 / 3) and np.isnan(found["opauc(0.5)"])


def check_best(U: np.ndarray, V: np.ndarray, exclude: np.ndarray, n: int) -> None:
    ids, scores = recommend_rows(U, V, n, sparse.csr_matrix(exclude))
    rankings = oracle.rankings(U, V, np.ones_like(exclude), exclude)
    for u, (items, _) in rankings.items():
        want = (items + [-1] * n)[:n]
        assert ids[u].tolist() == want
        assert scores[u].tolist() == [U[u] @ V[i] if i >= 0 else -np.inf for i in want]


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 90), st.booleans(), st.data())
def test_the_best_items_are_those_of_a_sort(seed: int, users: int, items: int, wide: bool, data: st.DataObject) -> None:
    U, V, _, exclude = problem(seed, users, items, 2, "float64" if wide else "float32", levels=2, density=0.4)
    check_best(U, V, exclude, data.draw(st.integers(1, items)))


@pytest.mark.parametrize("n", [1, 2, 40, 400, 1100])
@pytest.mark.parametrize("order", ["random", "ascending", "descending"])
def test_the_best_items_of_long_lists(n: int, order: str) -> None:
    """Ascending scores make every item a candidate, so the candidates are cut down as often as can be."""
    U, V, _, exclude = problem(n, 70, 1100, 1, levels=40)
    U = np.abs(U) + 1
    if order != "random":
        V = np.sort(V, axis=0)[:: 1 if order == "ascending" else -1].copy()
    check_best(U, V, exclude, n)


def fitted(items: int = 60) -> tuple[BPRMF, sparse.csr_matrix]:
    X = sparse.random(40, items, 0.1, random_state=5, format="csr")
    return BPRMF(6, DNS(2, 9), epochs=3, lr=0.05, batch_size=32, rng=2).fit(X), X


def test_recommend_one_and_many() -> None:
    model, X = fitted()
    users = [7, 0, 7]
    ids, scores = model.recommend(users, X[users], N=5)
    assert ids.shape == scores.shape == (3, 5) and np.array_equal(ids[0], ids[2])
    rankings = oracle.rankings(model.user_factors, model.item_factors, np.ones(X.shape, bool), X.toarray() > 0)
    assert [row.tolist() for row in ids] == [rankings[u][0][:5] for u in users]
    one, best = model.recommend(7, X[7], N=5)
    assert np.array_equal(one, ids[0]) and np.array_equal(best, scores[0])
    free, _ = model.recommend(7, N=60, filter_already_liked_items=False)
    assert sorted(free.tolist()) == list(range(60))
    none, empty = model.recommend([], X[[]], N=5)
    assert none.shape == empty.shape == (0, 5)
    with pytest.raises(ValueError, match=r"user_items must have shape \(1, 60\), got \(40, 60\)"):
        model.recommend(7, X)


def test_recommendations_and_ranks_are_the_same_ranking() -> None:
    model, X = fitted()
    ids, _ = model.recommend(np.arange(40), X, N=3)
    test = sparse.csr_matrix((np.ones(120), (np.repeat(np.arange(40), 3), ids.ravel())), shape=X.shape)
    found = rank_positives(model.user_factors, model.item_factors, test, exclude=X)
    assert found.ranks.tolist() == [1, 2, 3] * 40


def test_similar_items_by_cosine_itself_first() -> None:
    model, _ = fitted()
    V = model.item_factors.astype(np.float64)
    for item in (0, 31, 59):
        ids, cosines = model.similar_items(item, N=60)
        by_hand = V @ V[item] / np.linalg.norm(V, axis=1) / np.linalg.norm(V[item])
        assert ids[0] == item and cosines[0] == 1 and sorted(ids.tolist()) == list(range(60))
        np.testing.assert_allclose(cosines, by_hand[ids], atol=1e-6)
        assert (np.diff(cosines[1:]) <= 0).all()
        assert model.similar_items(item, N=1)[0].tolist() == [item]
    model._tables["V"][3] = model._tables["V"][9]  # a twin ranks second, an item without factors has cosine 0
    model._tables["V"][4] = 0
    ids, cosines = model.similar_items(9, N=2)
    assert ids.tolist() == [9, 3] and cosines[1] == pytest.approx(1, abs=1e-6)
    assert (model.similar_items(4, N=60)[1][1:] == 0).all()


def test_the_callers_matrices_are_left_alone_and_stored_zeros_are_no_pairs() -> None:
    U, V, test, exclude = problem(2, 6, 30, 3)
    columns, starts = np.tile(np.arange(30)[::-1], 6), np.arange(0, 181, 30)  # every cell stored, last column first
    given = [sparse.csr_matrix((m[:, ::-1].ravel() * 2.0, columns, starts), shape=m.shape) for m in (test, exclude)]
    before = [(m.indices.copy(), m.data.copy(), m.indptr.copy()) for m in given]
    found = rank_positives(U, V, given[0], exclude=given[1])
    assert found.ranks.tolist() == ranks_by_hand(U, V, test, exclude)
    for matrix, arrays in zip(given, before):
        assert all(np.array_equal(a, b) for a, b in zip((matrix.indices, matrix.data, matrix.indptr), arrays))


def test_duplicates_are_one_pair_and_types_are_brought_together() -> None:
    U, V = np.array([[1.0]], np.float32), np.array([[3.0], [2.0], [1.0]])
    twice = sparse.csr_matrix((np.full(2, 128, np.uint8), [1, 1], [0, 2]), shape=(1, 3))  # 256 would be 0
    assert rank_positives(U, V, twice).ranks.tolist() == [2]
    assert rank_positives(U.astype(int), V.astype(np.float16), sparse.coo_matrix([[0, 1, 0]])).ranks.tolist() == [2]
    assert recommend_rows(U, V, 1)[1].dtype == np.float64


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"test": np.ones((2, 3))}, "test must be a scipy sparse matrix"),
        ({"test": sparse.csr_matrix((2, 4))}, r"test must have shape \(2, 3\), got \(2, 4\)"),
        ({"test": sparse.csr_matrix([[1, np.nan, 0], [0, 0, 0]])}, "test must be finite"),
        ({"test": sparse.csr_matrix([[1, -1, 0], [0, 0, 0]])}, "test must be >= 0, got -1"),
        ({"test": sparse.csr_matrix([[1j, 0, 0], [0, 0, 0]])}, "real"),
        ({"test": sparse.csr_matrix((2, 3))}, "at least one positive"),
        ({"exclude": sparse.csr_matrix([[1, 0, 0], [0, 0, 0]])}, "test must not contain excluded items, got 1"),
        ({"exclude": sparse.csr_matrix((1, 3))}, "exclude must have shape"),
        ({"U": np.full((2, 1), np.nan)}, "user_factors must be finite"),
        ({"V": np.ones((3, 2))}, r"shapes \(m, d\), \(n, d\), got \(2, 1\), \(3, 2\)"),
        ({"U": np.full((2, 1), 1e30, "f4"), "V": np.full((3, 1), 1e30, "f4")}, "range of float32"),
        ({"ks": [0]}, "k must be >= 1"),
        ({"betas": [1.5]}, "beta must be in"),
    ],
)
def test_bad_input_is_one_line(change: dict[str, Any], says: str) -> None:
    given = {"U": np.ones((2, 1), "f4"), "V": np.ones((3, 1), "f4"), "test": sparse.eye(2, 3, format="csr")} | change
    with pytest.raises((ValueError, TypeError), match=says) as error:
        evaluate(Model(given.pop("U"), given.pop("V")), **given)
    assert "\n" not in str(error.value)


def test_no_users_and_factors_of_width_zero() -> None:
    nobody = rank_positives(np.ones((0, 2)), np.ones((3, 2)), sparse.csr_matrix((0, 3)))
    assert nobody.ranks.size == 0 and nobody.users.size == 0
    flat = rank_positives(np.ones((1, 0)), np.ones((3, 0)), sparse.csr_matrix([[0, 0, 1]]))
    assert flat.ranks.tolist() == [3]


@pytest.mark.skipif("HNS_DATA_DIR" not in os.environ, reason="needs local copies: set HNS_DATA_DIR")
def test_gowalla_metrics_are_those_of_argsort() -> None:
    """One real catalogue: recall and NDCG of a sample of users by a full NumPy sort in float64."""
    from sim.data import load

    data = load("gowalla")
    rng = np.random.default_rng(0)
    U, V = (rng.normal(size=(n, 16)).astype(np.float32) for n in data.fit.shape)
    chosen = rng.choice(np.flatnonzero(np.diff(data.test.indptr)), 40, replace=False)
    found = rank_positives(U[chosen], V, data.test[chosen], exclude=data.fit[chosen])
    want = []
    for u in chosen:
        scores = V.astype(np.float64) @ U[u]
        scores[data.fit[u].indices] = -np.inf
        place = np.empty(len(V), int)
        place[np.argsort(-scores, kind="stable")] = np.arange(1, len(V) + 1)
        want += sorted(place[data.test[u].indices].tolist())
    # float32 scores that differ by rounding only may change places: at most a few in the long middle
    assert np.mean(np.abs(found.ranks - np.array(want)) <= 1) > 0.99
