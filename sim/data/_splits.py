"""Train, validation and test parts of interactions: random per user, the set's own, or by time."""

from __future__ import annotations

import numpy as np

from ._fetch import DataError
from ._interactions import Interactions
from .kernels import split_rows

__all__ = ["TEST", "TRAIN", "VALID", "own_split", "random_split", "share", "temporal_split"]

TRAIN, VALID, TEST = 0, 1, 2


def share(n: np.ndarray, fraction: float) -> np.ndarray:
    """``fraction`` of each count, rounded to the nearest integer, halves up.

    For a test part of 0.2 this is what the authors' program does (train = round(0.8 n)), and it gives the paper's
    822,358 train and 205,106 test pairs on Gowalla exactly; rounding up or down does not.
    """
    return np.floor(np.round(np.asarray(n) * fraction + 0.5, 9)).astype(np.int64)


def random_split(data: Interactions, test_fraction: float, valid_fraction: float, seed: int) -> np.ndarray:
    """Part of every pair. Per user: train and validation = round((1 - test_fraction) n), at least 1 pair; of these,
    validation = round(valid_fraction ...), leaving at least 1 for train."""
    counts = np.diff(data.indptr)
    fit = np.maximum(share(counts, 1.0 - test_fraction), 1)
    valid = np.minimum(share(fit, valid_fraction), fit - 1)
    return split_rows(counts, counts - fit, valid, np.uint64(seed))


def own_split(data: Interactions, valid_fraction: float, seed: int, name: str) -> np.ndarray:
    """The set's own test part; of each user's own train part, round(valid_fraction ...) pairs are validation."""
    if data.part is None:
        raise ValueError(f"split must be 'random' or 'temporal' for {name}, got 'own': it has no split of its own")
    part = data.part.copy()
    in_train = part == TRAIN
    users = np.repeat(np.arange(data.users.size), np.diff(data.indptr))
    fit = np.bincount(users[in_train], minlength=data.users.size)
    valid = np.minimum(share(fit, valid_fraction), np.maximum(fit - 1, 0))
    part[in_train] = split_rows(fit, np.zeros_like(fit), valid, np.uint64(seed))
    return part


def temporal_split(data: Interactions, test_fraction: float, valid_fraction: float, name: str) -> np.ndarray:
    """Two cuts in time for all users at once: every test pair is later than every validation pair, every validation
    pair later than every train pair. Pairs of equal time stay together, so the parts may be a little larger than
    asked for."""
    if data.time is None:
        raise ValueError(f"split must be 'random' for {name}, got 'temporal': its pairs have no time")
    part = np.zeros(data.indices.size, dtype=np.uint8)
    for label, fraction in ((TEST, test_fraction), (VALID, valid_fraction)):
        rest = part == TRAIN
        times = np.sort(data.time[rest])
        first = times.size - int(share(np.array(times.size), fraction))
        if first < times.size:
            part[rest & (data.time >= times[first])] = label
    if not (part == TRAIN).any():
        raise DataError(f"{name} has no train pair left after the cuts in time: too many pairs have the same time")
    return part
