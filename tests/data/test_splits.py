"""Splits: sizes, disjointness, seeds, hashes; filters; the Dataset itself."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from oracles import data as oracle

from sim import data
from sim.data._interactions import k_core_mask
from sim.data._splits import share
from sim.data.kernels import split_rows


def _matrix(rng: np.random.Generator, users: int = 40, items: int = 60, density: float = 0.3) -> sp.csr_matrix:
    matrix = sp.random(users, items, density=density, format="csr", random_state=rng)
    matrix.data[:] = 1.0
    return matrix


@given(
    n=st.integers(1, 400),
    test=st.sampled_from(["0", "1/10", "1/5", "1/4", "1/3", "1/2", "9/10", "99/100"]),
    valid=st.sampled_from(["0", "1/10", "1/5", "1/2", "9/10"]),
)
def test_sizes_are_exact(n: int, test: str, valid: str) -> None:
    expected = oracle.split_sizes(n, Fraction(test), Fraction(valid))
    loaded = data.from_csr(np.ones((1, n)), test_fraction=float(Fraction(test)), valid_fraction=float(Fraction(valid)))
    assert (loaded.train.nnz, loaded.valid.nnz, loaded.test.nnz) == expected


def test_rounding_is_the_authors() -> None:
    # their program: train = round(0.8 * n) in Python; 0.8 n never ends in a half
    n = np.arange(1, 5000)
    assert share(n, 1.0 - 0.2).tolist() == [round(0.8 * int(k)) for k in n]


def test_parts_are_disjoint_and_complete(rng: np.random.Generator) -> None:
    matrix = _matrix(rng)
    loaded = data.from_csr(matrix, seed=4)
    assert (loaded.train + loaded.valid + loaded.test != matrix[:, loaded.items][loaded.users]).nnz == 0
    assert (loaded.fit != loaded.train + loaded.valid).nnz == 0
    for part in (loaded.train, loaded.valid, loaded.test, loaded.fit):
        assert isinstance(part, sp.csr_matrix) and part.shape == loaded.shape and part.dtype == np.float32
        assert part.has_sorted_indices and (part.data == 1).all()
        assert part.indices.dtype == np.int32 == part.indptr.dtype
    assert np.diff(loaded.train.indptr).min() >= 1


def test_seed_decides_the_split(rng: np.random.Generator) -> None:
    matrix = _matrix(rng)
    assert data.from_csr(matrix, seed=1).sha256 == data.from_csr(matrix, seed=1).sha256
    hashes = {data.from_csr(matrix, seed=s).sha256 for s in range(20)}
    assert len(hashes) == 20


@pytest.mark.nojit
def test_split_is_the_same_everywhere() -> None:
    # a golden value: a change of the generator, of the rounding or of the hash would change every published number
    with np.errstate(over="ignore"):
        loaded = data.from_csr(np.tri(12, 12), seed=7)
    assert loaded.test.indices.tolist() == [2, 3, 3, 5, 5, 3, 5, 0, 4, 6, 7, 3, 8, 2, 9]
    assert loaded.sha256.startswith("59c571dbb1d3dd88")


def test_a_users_draw_depends_on_no_other_user(rng: np.random.Generator) -> None:
    counts = rng.integers(1, 30, 50)
    test, valid = share(counts, 0.2), share(counts, 0.1)
    whole = np.split(split_rows(counts, test, valid, np.uint64(3)), np.cumsum(counts)[:-1])
    counts[0] += 5
    other = np.split(split_rows(counts, test, valid, np.uint64(3)), np.cumsum(counts)[:-1])
    assert all(np.array_equal(a, b) for a, b in zip(whole[1:], other[1:]))


def test_every_pair_is_equally_likely_to_be_test() -> None:
    # 1 of 5 pairs is test; 20,000 users, so each position's count is Binomial(20000, 1/5): mean 4000, sd 56.6.
    # 5.5 sd has a two-sided tail of 4e-8 per position, 2e-7 for the five.
    counts = np.full(20_000, 5)
    part = split_rows(counts, np.full(20_000, 1), np.full(20_000, 1), np.uint64(11)).reshape(-1, 5)
    for label in (1, 2):
        hits = (part == label).sum(axis=0)
        assert hits.sum() == 20_000
        assert np.abs(hits - 4000).max() < 5.5 * np.sqrt(20_000 * 0.2 * 0.8)


def test_temporal_split_never_looks_ahead(rng: np.random.Generator) -> None:
    n = 3000
    users, items, time = rng.integers(0, 50, n), rng.integers(0, 80, n), rng.integers(0, 500, n)
    loaded = data.from_pairs(users, items, time=time, split="temporal", test_fraction=0.2, valid_fraction=0.1)
    earliest: dict[tuple[int, int], int] = {}
    for u, i, t in zip(users, items, time):
        earliest[u, i] = min(t, earliest.get((u, i), t))
    spans = []
    for part in (loaded.train, loaded.valid, loaded.test):
        coo = part.tocoo()
        times = [earliest[loaded.users[u], loaded.items[i]] for u, i in zip(coo.row, coo.col)]
        spans.append((min(times), max(times)))
    assert spans[0][1] < spans[1][0] and spans[1][1] < spans[2][0]
    pairs = loaded.stats()["pairs"] + loaded.stats()["untrained_pairs"]
    assert pairs == len(earliest)
    assert loaded.test.nnz >= round(0.2 * pairs) - loaded.stats()["untrained_pairs"]


def test_temporal_split_leaves_out_users_who_come_late() -> None:
    loaded = data.from_pairs(
        ["a", "a", "a", "a", "late"], [1, 2, 3, 4, 9], time=[1, 2, 3, 4, 5], split="temporal", valid_fraction=0
    )
    assert loaded.users.tolist() == ["a"] and loaded.items.tolist() == [1, 2, 3, 4]
    assert loaded.stats()["untrained_users"] == 1 and loaded.stats()["untrained_pairs"] == 1


def test_temporal_split_of_one_moment_is_an_error() -> None:
    with pytest.raises(data.DataError, match="no train pair left after the cuts in time"):
        data.from_pairs([1, 1, 2, 2, 3], [1, 2, 3, 4, 5], time=[7] * 5, split="temporal")


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1), st.integers(1, 4))
def test_k_core_is_the_largest_one(pairs: set[tuple[int, int]], k: int) -> None:
    rows = np.array(sorted(pairs))
    kept = rows[k_core_mask(rows[:, 0], rows[:, 1], k)]
    assert {(int(u), int(i)) for u, i in kept} == oracle.k_core(pairs, k)


def test_k_core_comes_after_the_rating_filter() -> None:
    users, items = np.repeat(np.arange(6), 6), np.tile(np.arange(6), 6)
    rating = np.where((users == 5) & (items > 1), 1, 5)
    loaded = data.from_pairs(users, items, rating=rating, min_rating=4, k_core=5)
    stats = loaded.stats()
    assert loaded.shape == (5, 6) and (stats["below_min_rating"], stats["outside_k_core"]) == (4, 2)
    assert (stats["dropped_users"], stats["dropped_items"]) == (1, 0)


def test_filters_that_leave_nothing_say_so() -> None:
    with pytest.raises(data.DataError, match=r"no pair left: 2 rows, min_rating=None leaves out 0, k_core=3 leaves"):
        data.from_pairs([1, 2], [1, 2], k_core=3)
    with pytest.raises(data.DataError, match="no pair left: 2 rows, min_rating=9"):
        data.from_pairs([1, 2], [1, 2], rating=[1, 2], min_rating=9)
    with pytest.raises(ValueError, match="min_rating must be None for pairs: it has no ratings"):
        data.from_pairs([1, 2], [1, 2], min_rating=4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"test_fraction": 1.0}, ValueError, r"test_fraction must be in \[0, 1\), got 1"),
        ({"test_fraction": -0.1}, ValueError, r"test_fraction must be in \[0, 1\), got -0.1"),
        ({"valid_fraction": 1.5}, ValueError, r"valid_fraction must be in \[0, 1\), got 1.5"),
        ({"valid_fraction": float("nan")}, ValueError, "valid_fraction must be finite, got nan"),
        ({"valid_fraction": "x"}, TypeError, "valid_fraction must be a number, got 'x'"),
        ({"seed": -1}, ValueError, "seed must be .*, got -1"),
        ({"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
        ({"k_core": -2}, ValueError, "k_core must be >= 0, got -2"),
        ({"min_rating": float("inf")}, ValueError, "min_rating must be finite"),
        ({"split": "loo"}, ValueError, "split must be one of 'default', 'random', 'own', 'temporal', got 'loo'"),
        ({"split": "own"}, ValueError, "split must be 'random' or 'temporal' for pairs, got 'own'"),
        ({"split": "temporal"}, ValueError, "split must be 'random' for pairs, got 'temporal'"),
    ],
)
def test_bad_arguments(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.from_pairs([1, 1, 2], [1, 2, 1], **options)  # type: ignore[arg-type]


def test_description_has_the_sizes(rng: np.random.Generator) -> None:
    loaded = data.from_csr(_matrix(rng), name="toy")
    stats = loaded.stats()
    assert stats["fit"] == stats["train"] + stats["valid"] and stats["pairs"] == stats["fit"] + stats["test"]
    assert stats["sparsity"] == pytest.approx(1 - stats["pairs"] / (loaded.n_users * loaded.n_items))
    for text in (loaded.describe(), repr(loaded)):
        assert "toy" in text and f"{loaded.n_users:,} users" in text
    with pytest.raises(AttributeError):
        loaded.name = "other"  # type: ignore[misc]
