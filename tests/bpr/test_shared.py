"""Pools that pairs share: the trainer against the oracle, the law of a pair's pool, and what is refused."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from bpr.test_training import both, same, small_data
from oracles import sampling as oracle
from scipy import sparse

from sim.bpr import BPRMF, LightGCN
from sim.sampling import AOBPR, DNS, NonSampling, Sampler, SoftmaxExact, SoftmaxV, Uniform

SAMPLERS = [Uniform(6), DNS(2, 9), DNS(5, 9), SoftmaxV(1.0, 6), SoftmaxExact(0.4, 40)]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize(("batch_size", "pairs_per_pool"), [(7, 2), (20, 6), (10_000, 9)])
def test_it_trains_as_the_oracle(sampler: Sampler, batch_size: int, pairs_per_pool: int) -> None:
    """Groups of every size, more pairs of a user than groups, pools with repeated items and with positives."""
    same(*both(small_data(), sampler, batch_size=batch_size, pairs_per_pool=pairs_per_pool))


@pytest.mark.parametrize("sampler", [DNS(2, 9), DNS(5, 9)], ids=str)
@pytest.mark.parametrize("options", [
    {"exclude_positives": False}, {"replace": False}, {"replace": False, "exclude_positives": False},
    {"sparse_updates": True}, {"optimizer": "sgd", "sparse_updates": True}, {"sum_negatives": True},
    {"item_bias": True}, {"factors": 40},
], ids=str)  # fmt: skip
def test_every_option_is_that_of_the_oracle(sampler: Sampler, options: dict[str, Any]) -> None:
    same(*both(small_data(density=0.3), sampler, batch_size=20, pairs_per_pool=5, **options))
    if not options.get("replace", True):  # some users have few negatives, and draw alone
        same(*both(small_data(density=0.7), sampler, batch_size=20, pairs_per_pool=5, **options))


def test_users_with_next_to_no_negatives_draw_alone() -> None:
    dense = small_data(40, 60).toarray()
    dense[:3], dense[0, 5], dense[1, 7:9] = 1, 0, 0
    same(*both(sparse.csr_matrix(dense), DNS(2, 9), batch_size=50, pairs_per_pool=8, epochs=1))


@pytest.mark.parametrize("loss", ["hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl"])
@pytest.mark.parametrize("sampler", [DNS(1, 9), SoftmaxV(1.0, 6)], ids=str)
def test_where_pools_are_equal_every_loss_trains_as_without_sharing(sampler: Sampler, loss: str) -> None:
    """Of one item in the catalogue that nobody has, and no other negative, all pools are copies."""
    dense = np.ones((8, 12))
    dense[:, 4] = 0
    options: dict[str, Any] = {"epochs": 2, "batch_size": 30, "rng": 1, "dtype": "float64", "lr": 0.05}
    alone, shared = (
        BPRMF(3, sampler, loss=loss, pairs_per_pool=k, **options).fit(sparse.csr_matrix(dense)) for k in (1, 7)
    )  # fmt: skip
    np.testing.assert_allclose(shared.item_factors, alone.item_factors, rtol=1e-9)
    np.testing.assert_allclose(shared.user_factors, alone.user_factors, rtol=1e-9)


def test_same_bits_for_any_number_of_threads_and_after_a_resume() -> None:
    data = small_data(300, 200, 0.1)
    options: dict[str, Any] = {"epochs": 2, "batch_size": 500, "rng": 3, "pairs_per_pool": 16}
    for sampler in (DNS(2, 40), SoftmaxV(1.0, 40)):
        one, two, again = (BPRMF(8, sampler, n_threads=n, **options) for n in (1, 2, 2))
        one.fit(data), two.fit(data)
        again.set_params(epochs=1)
        again = BPRMF(8, sampler, n_threads=2, **(options | {"epochs": 1})).fit(data).partial_fit(data)
        assert np.array_equal(one.item_factors, two.item_factors)
        assert np.array_equal(one.user_factors, two.user_factors)
        assert np.array_equal(two.item_factors, again.item_factors)
        assert [r["loss"] for r in one.history_] == [r["loss"] for r in two.history_]


def shared_law(n_items: int, excluded: set[int], size: int, replace: bool) -> Counter[tuple[int, ...]]:
    """Law of a pair's pool in units: the group's pool by all its outcomes, each place drawn again by all its own."""
    law: Counter[tuple[int, ...]] = Counter()
    items = range(n_items)
    groups = itertools.product(items, repeat=size) if replace else itertools.permutations(items, size)
    for group in groups:
        partial = Counter({group: 1.0})
        for j in sorted((j for j in range(size) if group[j] in excluded), key=lambda j: (group[j], j)):
            following: Counter[tuple[int, ...]] = Counter()
            for pool, share in partial.items():
                free = [i for i in items if i not in excluded and (replace or i not in pool)]
                for i in free:
                    following[(*pool[:j], i, *pool[j + 1 :])] += share / len(free)
            partial = following
        law.update(partial)
    return law


@pytest.mark.parametrize("replace", [True, False])
def test_a_pairs_pool_keeps_its_law(replace: bool) -> None:
    """By enumeration: every ordered pool of negatives is as likely as any other, as when the pair draws alone."""
    for excluded in ({0}, {1, 4}, {0, 2, 5}):
        law = shared_law(6, excluded, 2, replace)
        negatives = [i for i in range(6) if i not in excluded]
        wanted = itertools.product(negatives, repeat=2) if replace else itertools.permutations(negatives, 2)
        assert set(law) == set(wanted)
        np.testing.assert_allclose(list(law.values()), sum(law.values()) / len(law), rtol=1e-12)


@pytest.mark.parametrize("replace", [True, False])
def test_the_oracles_pools_follow_it(replace: bool) -> None:
    """Chi-square of 6,000 pools of two, false alarm 1e-6; and the group's other places are kept."""
    from scipy.stats import chi2

    counts, excluded, draws = Counter[tuple[int, ...]](), {1, 4}, 6000
    for n in range(draws):
        group = oracle.pool(oracle.key_of(n, 1), 9, set(), 2, replace)
        pool = oracle.shared_pool(oracle.key_of(n, 1), oracle.key_of(n, 2), 9, excluded, 2, replace)
        assert all(a == b for a, b in zip(group, pool) if a not in excluded) and not set(pool) & excluded
        counts[tuple(pool)] += 1
    cells = 49 if replace else 42
    expected = draws / cells
    statistic = sum((counts[pool] - expected) ** 2 / expected for pool in counts)
    statistic += expected * (cells - len(counts))
    assert statistic < chi2.isf(1e-6, cells - 1)


@pytest.mark.parametrize(("options", "message"), [
    ({"pairs_per_pool": 0}, "pairs_per_pool must be >= 1, got 0"),
    ({"pairs_per_pool": 9, "batch_size": 8}, "pairs_per_pool must be <= batch_size = 8, got 9"),
    ({"pairs_per_pool": 2, "sampler": AOBPR(N=5)}, "pairs_per_pool must be 1 for AOBPR.*, got 2"),
    ({"pairs_per_pool": 2, "sampler": NonSampling()}, "pairs_per_pool must be 1 for NonSampling.*, got 2"),
])  # fmt: skip
def test_what_cannot_be_shared_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BPRMF(**({"sampler": DNS(2, 5), "epochs": 1} | options)).fit(small_data())
    with pytest.raises(TypeError, match="pairs_per_pool"):
        BPRMF(pairs_per_pool=1.5)  # type: ignore[arg-type]


def test_one_pair_a_pool_is_as_before_and_on_a_graph_pools_are_shared_too() -> None:
    data = small_data()
    graph = [LightGCN(4, DNS(2, 9), layers=0, pairs_per_pool=3, epochs=2, batch_size=9, rng=0, dtype="float64",
                      lr=0.02, weight_decay=0.01).fit(data)]  # fmt: skip
    plain = BPRMF(4, DNS(2, 9), pairs_per_pool=3, epochs=2, batch_size=9, rng=0, dtype="float64", lr=0.02,
                  weight_decay=0.01).fit(data)  # fmt: skip
    assert graph[0].item_factors.shape == plain.item_factors.shape
