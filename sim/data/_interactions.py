"""From raw rows to clean interactions: filter, merge duplicates, k-core, drop what is empty, sort; and their cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.archive import read_arrays
from ..core.files import new_file
from ._fetch import DataError

__all__ = ["Interactions", "Raw", "clean", "k_core_mask", "load_parsed", "save_parsed"]


@dataclass(frozen=True, eq=False)
class Raw:
    """Rows of a file: codes into labels, and what else is known of each row (None: nothing)."""

    user: np.ndarray
    item: np.ndarray
    users: np.ndarray
    items: np.ndarray
    rating: np.ndarray | None = None
    time: np.ndarray | None = None
    part: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Interactions:
    """Distinct (user, item) pairs in CSR order; every user and every item has at least one.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_users + 1,)
    indices : ndarray of int32, shape (n_pairs,)
        Items of each user, ascending.
    users, items : ndarray
        Original labels of rows and columns.
    time : ndarray of float64 or int64, shape (n_pairs,), optional
        Of a pair's first occurrence.
    part : ndarray of uint8, shape (n_pairs,), optional
        The set's own split: 0 train, 2 test.
    notes : dict
        ``duplicates`` merged, ``below_min_rating``, ``outside_k_core`` pairs left out, ``dropped_users``,
        ``dropped_items`` left with no pair.
    """

    indptr: np.ndarray
    indices: np.ndarray
    users: np.ndarray
    items: np.ndarray
    time: np.ndarray | None = None
    part: np.ndarray | None = None
    notes: dict[str, int] = field(default_factory=dict)


def k_core_mask(user: np.ndarray, item: np.ndarray, k: int) -> np.ndarray:
    """Mask of the pairs in the k-core: the largest subset in which every user and every item has >= k pairs.

    Pairs of users or items with fewer than ``k`` are taken out again and again until none is left; the result does
    not depend on the order.
    """
    keep = np.ones(user.size, dtype=bool)
    while keep.any():
        enough_u = np.bincount(user[keep], minlength=int(user.max()) + 1) >= k
        enough_i = np.bincount(item[keep], minlength=int(item.max()) + 1) >= k
        still = keep & enough_u[user] & enough_i[item]
        if np.array_equal(still, keep):
            break
        keep = still
    return keep


def clean(raw: Raw, name: str, min_rating: float | None, k_core: int | None) -> Interactions:
    """Turn rows into interactions, in this order: rating filter, duplicates merged, k-core, empty labels dropped.

    A pair that occurs more than once is one pair, at its earliest time, and in the train part if it is in both.
    """
    user, item, time, part = raw.user.astype(np.int64), raw.item.astype(np.int64), raw.time, raw.part
    notes = {"duplicates": 0, "below_min_rating": 0, "outside_k_core": 0, "dropped_users": 0, "dropped_items": 0}

    def select(mask_or_order: np.ndarray) -> None:
        nonlocal user, item, time, part
        user, item = user[mask_or_order], item[mask_or_order]
        time = None if time is None else time[mask_or_order]
        part = None if part is None else part[mask_or_order]

    if min_rating is not None:
        if raw.rating is None:
            raise ValueError(f"min_rating must be None for {name}: it has no ratings")
        enough = raw.rating >= min_rating
        notes["below_min_rating"] = int((~enough).sum())
        select(enough)
    select(np.lexsort((item, user)))
    first = np.ones(user.size, dtype=bool)
    first[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    notes["duplicates"] = int(user.size - first.sum())
    if notes["duplicates"]:
        starts = np.flatnonzero(first)
        lowest_time = None if time is None else np.minimum.reduceat(time, starts)
        lowest_part = None if part is None else np.minimum.reduceat(part, starts)
        select(first)
        time, part = lowest_time, lowest_part
    if k_core is not None and k_core > 1 and user.size:
        core = k_core_mask(user, item, k_core)
        notes["outside_k_core"] = int((~core).sum())
        select(core)
    if not user.size:
        raise DataError(
            f"{name} has no pair left: {raw.user.size} rows, min_rating={min_rating} leaves out "
            f"{notes['below_min_rating']}, k_core={k_core} leaves out {notes['outside_k_core']}"
        )
    counts = np.bincount(user, minlength=len(raw.users))
    has_item = np.bincount(item, minlength=len(raw.items)) > 0
    notes["dropped_users"] = int((counts == 0).sum())
    notes["dropped_items"] = int((~has_item).sum())
    indptr = np.concatenate(([0], np.cumsum(counts[counts > 0])))
    column = np.cumsum(has_item) - 1
    return Interactions(
        indptr=indptr.astype(np.int64),
        indices=column[item].astype(np.int32),
        users=raw.users[counts > 0],
        items=raw.items[has_item],
        time=time,
        part=None if part is None else part.astype(np.uint8),
        notes=notes,
    )


_FORMAT = 2
_ARRAYS = ("indptr", "indices", "users", "items", "time", "part")


def parsed_key(digest: str, **options: Any) -> str:
    """Name of the parsed form of a file under the given options."""
    text = f"{_FORMAT}|{digest}|" + "|".join(f"{k}={options[k]!r}" for k in sorted(options))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _content_hash(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"{key}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_parsed(path: Path, interactions: Interactions) -> None:
    """Write interactions to an npz file with a hash of its content, atomically."""
    arrays = {key: getattr(interactions, key) for key in _ARRAYS if getattr(interactions, key) is not None}
    arrays["note_names"] = np.array(list(interactions.notes))
    arrays["note_values"] = np.array(list(interactions.notes.values()), dtype=np.int64)
    with new_file(path) as file:
        np.savez(file, content=np.array(_content_hash(arrays)), **arrays)


def load_parsed(path: Path) -> Interactions:
    """Read what :func:`save_parsed` wrote.

    Raises
    ------
    DataError
        If the file is truncated or altered.
    """
    try:
        arrays = read_arrays(path)
        expected = str(arrays.pop("content"))
        if _content_hash(arrays) != expected:
            raise DataError(f"{path}: content hash differs")
        names, values = arrays.pop("note_names"), arrays.pop("note_values")
        return Interactions(**arrays, notes={str(n): int(v) for n, v in zip(names, values)})
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} is truncated or altered ({type(error).__name__})") from None
