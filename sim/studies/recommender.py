"""The trained models that studies look into: one on ml-100k, and the median user of any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, load
from ..runs.options import Options
from ..sampling import DNS

if TYPE_CHECKING:
    from ..bpr import BPRMF

__all__ = ["median_sizes", "median_user", "trained"]


def trained(options: Options, part: str, epochs: int) -> tuple[Dataset, BPRMF]:
    """ml-100k and a model of DNS(50, 200) trained on a part of it, "train" or "fit"."""
    from ..bpr import BPRMF

    data = load("ml-100k", data_dir=options.data_dir, progress=options.progress)
    settings: dict[str, Any] = {"lr": 0.005, "weight_decay": 0.1, "batch_size": 1024}
    model = BPRMF(sampler=DNS(50, 200), epochs=epochs, rng=options.seed, **settings)
    return data, model.fit(getattr(data, part), progress=options.progress)


def median_user(train: Any, scores_of: Callable[[int], NDArray[Any]]) -> tuple[int, NDArray[np.int32], int]:
    """The user with the median number of train pairs, the items of these, and of them the one of median score."""
    degree = np.diff(train.indptr)
    user = int(np.argsort(degree, kind="stable")[len(degree) // 2])
    positives = np.sort(train[user].indices).astype(np.int32)
    middle = np.argsort(scores_of(user)[positives], kind="stable")[len(positives) // 2]
    return user, positives, int(positives[middle])


def median_sizes(name: str, options: Options) -> tuple[int, int]:
    """Numbers of test positives and of negatives of the median user of a data set."""
    data = load(name, data_dir=options.data_dir)
    n_pos = np.diff(data.test.indptr)
    median = int(np.median(n_pos[n_pos > 0]))
    return median, data.n_items - int(np.median(np.diff(data.fit.indptr))) - median
