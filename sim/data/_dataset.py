"""A split data set: three sparse matrices of one shape, labels, and a hash."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._fetch import DataError
from ._interactions import Interactions
from ._splits import TEST, TRAIN, VALID

__all__ = ["Dataset", "assemble"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Implicit feedback, split into train, validation and test.

    Attributes
    ----------
    name : str
        Registry name, or the file's name.
    split : str
        How the parts were made, in words.
    train, valid, test : scipy.sparse.csr_matrix of float32, shape (n_users, n_items)
        Ones at the pairs of each part; the parts are disjoint, indices sorted within rows. Every user has at least
        one train pair; an item may have none.
    users, items : ndarray, shapes (n_users,), (n_items,)
        Original labels (int64 or str) of rows and columns.
    sha256 : str
        Hash of shape and pairs of the three parts: equal hashes, equal splits, on any machine.
    notes : mapping
        What was left out or merged on the way, see :meth:`stats`.
    """

    name: str
    split: str
    train: Any
    valid: Any
    test: Any
    users: np.ndarray
    items: np.ndarray
    sha256: str
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.train.shape[0])

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.train.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items)."""
        return self.n_users, self.n_items

    @functools.cached_property
    def fit(self) -> Any:
        """Train and validation pairs together: what the final model is trained on, and the paper's train part."""
        both = (self.train + self.valid).tocsr()
        both.sort_indices()
        return both

    def items_of(self, ids: Any) -> np.ndarray:
        """Labels of item numbers, such as :meth:`sim.bpr.BPRMF.recommend` gives; None for its filling, -1.

        Parameters
        ----------
        ids : array_like of int
            Item numbers in 0..n_items-1, or -1.

        Returns
        -------
        ndarray
            Of the shape of ``ids``; of objects where one is -1, else of the type of ``items``.
        """
        numbers = np.asarray(ids, dtype=None if np.size(ids) else np.int64)
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"ids must be integers, got {numbers.dtype}")
        if numbers.size and (numbers.min() < -1 or numbers.max() >= self.n_items):
            raise ValueError(f"ids must be in -1..{self.n_items - 1}, got {numbers.min()}..{numbers.max()}")
        filling = numbers < 0
        labels = np.asarray(self.items)[np.where(filling, 0, numbers)]
        if filling.any():
            labels = labels.astype(object)
            labels[filling] = None
        return labels

    def stats(self) -> dict[str, Any]:
        """Sizes, as a row of Table 1 (whose "train" column is ``fit`` here), and what was left out.

        Returns
        -------
        dict
            ``data, split, users, items, pairs, fit, train, valid, test, sparsity, one_item_users`` (users with one
            pair in all), then ``duplicates`` (rows merged into an earlier one), ``below_min_rating`` and
            ``outside_k_core`` (rows and pairs left out),
            ``dropped_users`` and ``dropped_items`` (labels left without a pair), ``untrained_users`` and
            ``untrained_pairs`` (users without a train pair under the split, and their pairs).
        """
        train, valid, test = int(self.train.nnz), int(self.valid.nnz), int(self.test.nnz)
        return {
            "data": self.name,
            "split": self.split,
            "users": self.n_users,
            "items": self.n_items,
            "pairs": train + valid + test,
            "fit": train + valid,
            "train": train,
            "valid": valid,
            "test": test,
            "sparsity": 1.0 - (train + valid + test) / (self.n_users * self.n_items),
            "one_item_users": int((np.diff(self.fit.indptr) + np.diff(self.test.indptr) == 1).sum()),
            **self.notes,
        }

    def describe(self) -> str:
        """The sizes in one line, with what was merged or left out, and what an evaluation will miss."""
        s = self.stats()
        line = (
            f"{self.name}: {self.n_users:,} users, {self.n_items:,} items, {s['pairs']:,} pairs = {s['train']:,} train "
            f"+ {s['valid']:,} validation + {s['test']:,} test ({self.split}); sparsity {s['sparsity']:.4%}"
        )
        told = (
            ("duplicates", "duplicate rows merged"),
            ("below_min_rating", "rows below the least rating left out"),
            ("outside_k_core", "pairs outside the k-core left out"),
            ("dropped_users", "users without a pair dropped"),
            ("dropped_items", "items without a pair dropped"),
            ("untrained_users", "users without a train pair left out"),
            ("untrained_pairs", "pairs of these"),
            ("one_item_users", "users with one pair"),
        )
        notes = "".join(f"; {s[key]:,} {words}" for key, words in told if s.get(key))
        return line + notes + ("" if s["test"] else "; the test part is empty: there is nothing to evaluate on")

    def __repr__(self) -> str:
        return f"<Dataset {self.describe()}; sha256 {self.sha256[:12]}>"


def assemble(data: Interactions, part: np.ndarray, name: str, split: str) -> Dataset:
    """Matrices of the parts. Users without a train pair are left out with all their pairs, and items that then have
    no pair at all."""
    user = np.repeat(np.arange(data.users.size), np.diff(data.indptr))
    item, users, items = data.indices, data.users, data.items
    notes = dict(data.notes)
    trained = np.bincount(user[part == TRAIN], minlength=users.size) > 0
    notes["untrained_users"], notes["untrained_pairs"] = int((~trained).sum()), 0
    if notes["untrained_users"]:
        stay = trained[user]
        if not stay.any():
            raise DataError(f"{name} has no user with a train pair")
        notes["untrained_pairs"] = int((~stay).sum())
        user, item, part, users = (np.cumsum(trained) - 1)[user[stay]], item[stay], part[stay], users[trained]
        has_pair = np.bincount(item, minlength=items.size) > 0
        item, items = (np.cumsum(has_pair) - 1)[item].astype(np.int32), items[has_pair]
        notes["dropped_items"] = notes.get("dropped_items", 0) + int((~has_pair).sum())
    shape = (users.size, items.size)
    train, valid, test = (_matrix(user[part == p], item[part == p], shape) for p in (TRAIN, VALID, TEST))
    return Dataset(name, split, train, valid, test, users, items, _split_hash(shape, train, valid, test), notes)


def _matrix(user: np.ndarray, item: np.ndarray, shape: tuple[int, int]) -> Any:
    indptr = np.concatenate(([0], np.cumsum(np.bincount(user, minlength=shape[0]))))
    index = np.int32 if item.size < 2**31 else np.int64
    matrix = sp.csr_matrix((np.ones(item.size, np.float32), item.astype(index), indptr.astype(index)), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def _split_hash(shape: tuple[int, int], *parts: Any) -> str:
    digest = hashlib.sha256(np.array(shape, dtype="<i8").tobytes())
    for matrix in parts:
        digest.update(matrix.indptr.astype("<i8").tobytes())
        digest.update(matrix.indices.astype("<i8").tobytes())
    return digest.hexdigest()
