"""The real sets: ml-100k from the package index, the others from local copies where there are some."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from sim import data
from sim.data._registry import REGISTRY


def test_ml_100k_comes_with_the_package_index() -> None:
    try:
        loaded = data.load("ml-100k", seed=0)
    except data.FetchError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs the package index: {error}")
    stats = loaded.stats()
    assert (stats["users"], stats["items"], stats["pairs"]) == (938, 1008, 54_413)
    assert (stats["below_min_rating"], stats["duplicates"]) == (44_625, 0)
    assert loaded.sha256 == "90ba78bdc479679505a8f2e910e3727d92b8ecbd668b4438d7faefbbaceb8ecc"
    counts_u, counts_i = (
        np.bincount(ix, minlength=n) for ix, n in zip((loaded.fit + loaded.test).nonzero(), loaded.shape)
    )
    assert counts_u.min() >= 5 and counts_i.min() >= 5
    everything = data.load("ml-100k", min_rating=0, k_core=0)
    assert everything.shape == (943, 1682) and everything.stats()["pairs"] == 100_000
    assert data.load("ml-100k", split="temporal").stats()["untrained_users"] > 0


def _here(name: str) -> None:
    folder = os.environ.get("HNS_DATA_DIR")
    if not folder:
        pytest.skip("needs local copies of the data sets: set HNS_DATA_DIR to their folder")
    if not any((Path(folder) / local).is_file() for local in REGISTRY[name].local_names):
        pytest.skip(f"HNS_DATA_DIR has no {REGISTRY[name].local_names[0]}")


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "ml-100k"])
def test_local_copies_have_the_registered_sizes(name: str) -> None:
    _here(name)
    source = REGISTRY[name]
    loaded = data.load(name)
    assert (loaded.n_users, loaded.n_items, loaded.stats()["pairs"]) == (source.users, source.items, source.pairs)
    assert np.diff(loaded.train.indptr).min() >= 1


def test_gowalla_is_the_papers_to_the_pair() -> None:
    _here("gowalla")
    stats = data.load("gowalla").stats()
    assert (stats["fit"], stats["test"], f"{stats['sparsity']:.4%}") == (822_358, 205_106, "99.9160%")
    start = time.perf_counter()
    data.load("gowalla", seed=1)
    assert time.perf_counter() - start < 1.0


def test_gowalla_with_a_fixed_split_is_the_same_matrix() -> None:
    _here("gowalla")
    _here("irb-gowalla")
    ours, theirs = data.load("gowalla", test_fraction=0), data.load("irb-gowalla")
    for axis in (0, 1):
        degree = [np.sort(np.asarray((d.fit + d.test).sum(axis=axis)).ravel()) for d in (ours, theirs)]
        assert np.array_equal(*degree)
