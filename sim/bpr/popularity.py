"""The ranking that every recommender has to beat: items by the number of their users, the same for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.pairs import clean_pairs
from .recommender import Recommender

__all__ = ["Popularity"]


class Popularity(Recommender):
    """Items by the number of their pairs; equal numbers by item number.

    Parameters
    ----------
    user_items : sparse matrix of shape (n_users, n_items)
        Observed pairs: every positive entry is one.

    Examples
    --------
    >>> from scipy import sparse
    >>> from sim.bpr import Popularity
    >>> X = sparse.csr_matrix([[1, 0, 1], [0, 0, 1]])
    >>> ids, counts = Popularity(X).recommend(1, X[1], N=2)
    >>> ids.tolist(), counts.tolist()
    ([0, 1], [1.0, 0.0])
    """

    n_threads = None

    def __init__(self, user_items: Any) -> None:
        pairs = clean_pairs("user_items", user_items)
        self._n_users = pairs.shape[0]
        self._counts = np.bincount(pairs.indices, minlength=pairs.shape[1]).astype(np.float64)

    @property
    def user_factors(self) -> NDArray[Any]:
        """Ones, (n_users, 1)."""
        return np.ones((self._n_users, 1))

    @property
    def item_factors(self) -> NDArray[Any]:
        """The items' counts, (n_items, 1)."""
        return self._counts[:, None]
