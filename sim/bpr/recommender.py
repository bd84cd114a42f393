"""What a model with factors is good for, however they were trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..core.validation import check_int, check_sparse
from .epoch import threads
from .evaluate import evaluate, recommend_rows

__all__ = ["Recommender"]


class Recommender(ABC):
    """Recommendations and evaluation from the inner products of two tables, on at most ``n_threads`` threads."""

    n_threads: int | None

    @property
    @abstractmethod
    def user_factors(self) -> NDArray[Any]:
        """Embeddings of the users, (n_users, d)."""

    @property
    @abstractmethod
    def item_factors(self) -> NDArray[Any]:
        """Embeddings of the items, (n_items, d)."""

    def recommend(
        self,
        userid: int | ArrayLike,
        user_items: Any | None = None,
        N: int = 10,
        filter_already_liked_items: bool = True,
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The best items for one user or several.

        Parameters
        ----------
        userid : int or array_like of int
            User number(s).
        user_items : sparse matrix with one row per entry of ``userid``
            What to leave out; needed unless ``filter_already_liked_items`` is False. For one user it may be 1-D, as a
            row of a csr_array is.
        N : int
            Items per user, 1..n_items.

        Returns
        -------
        ids, scores : ndarray of shape (n,) or (len(userid), N)
            Best first. Where fewer than N items are left, one user gets n < N of them, and the rows of several are
            filled up with -1 and -inf: :meth:`sim.data.Dataset.items_of` gives their labels, and None for -1.
        """
        users = np.atleast_1d(np.asarray(userid, dtype=None if np.size(userid) else np.int64))
        U, V = self.user_factors, self.item_factors
        if users.ndim != 1 or not np.issubdtype(users.dtype, np.integer):
            raise TypeError(f"userid must be an integer or a 1-D array of them, got {userid!r}")
        if users.size and (users.min() < 0 or users.max() >= len(U)):
            raise ValueError(f"userid must be in 0..{len(U) - 1}, got {users.min()}..{users.max()}")
        n = check_int("N", N, low=1, high=len(V))
        if filter_already_liked_items and user_items is None:
            raise ValueError("user_items must be given to filter liked items; or set filter_already_liked_items=False")
        gone: Any = user_items if filter_already_liked_items else None
        if users.size == 1 and sparse.issparse(gone) and gone.ndim == 1:
            gone = check_sparse("user_items", gone).reshape((1, -1))
        with threads(self.n_threads):
            ids, scores = recommend_rows(U[users], V, n, gone)
        if np.ndim(userid):
            return ids, scores
        left = ids[0] >= 0
        return ids[0, left], scores[0, left]

    def similar_items(self, itemid: int, N: int = 10) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The ``N`` items nearest to ``itemid`` by cosine, and their cosines.

        Of the rows of ``item_factors``, biases included. The item itself comes first with 1, ties go by item number; a
        row of zeros has cosine 0 to all others.
        """
        V = self.item_factors
        item = check_int("itemid", itemid, low=0, high=len(V) - 1)
        n = check_int("N", N, low=1, high=len(V))
        norms = np.linalg.norm(V.astype(np.float64), axis=1, keepdims=True)
        unit = (V / np.where(norms > 0, norms, 1)).astype(V.dtype)
        itself = sparse.csr_matrix(([1], ([0], [item])), shape=(1, len(V)))
        with threads(self.n_threads):
            ids, cosines = recommend_rows(unit[[item]], unit, n, itself)
        return np.append(np.int32(item), ids[0, : n - 1]), np.append(V.dtype.type(1), cosines[0, : n - 1])

    def evaluate(self, test: Any, **options: Any) -> dict[str, float]:
        """See :func:`sim.bpr.evaluate`; pass ``exclude=train``."""
        with threads(self.n_threads):
            return evaluate(self, test, **options)
