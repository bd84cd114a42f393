"""Pools that pairs share: the trainer against the oracle, the law of a pair's pool, and what is refused."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bpr.test_training import both, same, small_data
from oracles import sampling as oracle
from scipy import sparse

from sim.bpr import BPRMF, LightGCN
from sim.bpr.settings import Settings
from sim.runs.cells import Cell, key_of
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
        one, two = (BPRMF(8, sampler, n_threads=n, **options).fit(data) for n in (1, 2))
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


def test_on_a_graph_of_no_layers_it_is_the_same() -> None:
    options: dict[str, Any] = {"epochs": 2, "batch_size": 9, "rng": 0, "lr": 0.02, "pairs_per_pool": 3}
    for sampler in (DNS(2, 9), SoftmaxV(1.0, 6)):
        flat, graph = (kind(4, sampler, **more, **options).fit(small_data())
                       for kind, more in ((BPRMF, {}), (LightGCN, {"layers": 0})))  # fmt: skip
        for name, table in flat._tables.items():
            assert table.tobytes() == graph._tables[name].tobytes(), name


def test_files_of_before_are_read_and_the_setting_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model or checkpoint that knows nothing of shared pools had none; one with other pools is another run."""
    options: dict[str, Any] = {"sampler": DNS(2, 9), "epochs": 2, "batch_size": 20, "rng": 0}
    as_dict = Settings.as_dict
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "as_dict", lambda s: {k: v for k, v in as_dict(s).items() if k != "pairs_per_pool"})
        old = BPRMF(**options).fit(small_data(), checkpoint=tmp_path / "run.npz")
        old.save(tmp_path / "old.npz")
    assert BPRMF.load(tmp_path / "old.npz").settings == old.settings
    again = BPRMF(**options).fit(small_data(), checkpoint=tmp_path / "run.npz")
    assert np.array_equal(again.item_factors, old.item_factors)
    shared = BPRMF(**options, pairs_per_pool=4)
    with pytest.raises(ValueError, match="pairs_per_pool is 1 there, 4 here"):
        shared.fit(small_data(), checkpoint=tmp_path / "run.npz")
    shared.fit(small_data()).save(tmp_path / "new.npz")
    assert BPRMF.load(tmp_path / "new.npz").settings.pairs_per_pool == 4


def test_a_cell_has_the_key_of_before_without_it() -> None:
    plain, one, more = (Cell("ml-100k", DNS(2, 9), 0, m) for m in ({}, {"pairs_per_pool": 1}, {"pairs_per_pool": 8}))
    assert key_of(plain.config()) == key_of(one.config()) != key_of(more.config())
    assert "pairs_per_pool" not in str(plain.config()) and Cell.from_config(more.config()) == more


def test_the_command_line_hands_it_on() -> None:
    """Through the parser of ``hns train``."""
    import argparse

    from sim.cli import train

    parser = argparse.ArgumentParser()
    train._declare(parser)
    options = parser.parse_args(["ml-100k", "--pairs-per-pool", "16"])
    assert train.model_of(options).settings.pairs_per_pool == 16
