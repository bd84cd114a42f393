"""Full-ranking evaluation: the rank of every held-out positive among all items, and every metric from those ranks.

Scores -> ranking -> metric. Train items are taken out of the ranking, all others are ranked (no sampled metrics). A
score is the inner product summed over the factors in ascending order by fused multiply-adds, in the precision of the
factors. So ranks are exact for these scores, and the same for any number of threads; no BLAS is involved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.pairs import clean_pairs
from ..core.validation import MOST_SIZE, check_finite, check_fraction, check_int
from ..metrics.kernels.rank_simd import panel_width
from ..metrics.kernels.ranks import pack_items, positive_ranks, top_items
from .kernels.evaluate import opauc_from_ranks, topk_from_ranks

__all__ = ["METRICS", "Ranks", "evaluate", "rank_positives", "recommend_rows", "scores_overflow"]

METRICS = ("recall", "precision", "ndcg", "ap", "mrr", "hit")


@dataclass(frozen=True)
class Ranks:
    """Ranks of the held-out positives of every user.

    Attributes
    ----------
    indptr : ndarray of shape (n_users + 1,)
        User u's positives are the entries indptr[u]..indptr[u+1].
    ranks : ndarray of shape (n_positives,)
        Rank among the user's candidates, best = 1, ascending per user. Equal scores are ordered by item number.
    n_candidates : ndarray of shape (n_users,)
        Number of ranked items: all items less the excluded ones.
    """

    indptr: NDArray[np.int64]
    ranks: NDArray[np.int32]
    n_candidates: NDArray[np.int64]

    @property
    def users(self) -> NDArray[np.int64]:
        """Users with at least one held-out positive; means are taken over them."""
        return np.flatnonzero(np.diff(self.indptr))

    def top_k(self, ks: Sequence[int]) -> dict[str, NDArray[np.float64]]:
        """Per-user Top-K metrics.

        Parameters
        ----------
        ks : sequence of int
            Cut-offs, each >= 1.

        Returns
        -------
        dict
            "recall@5" etc. to arrays of shape (len(users),): recall, precision, ndcg, ap, mrr, hit at every k.
        """
        cuts = np.asarray([check_int("k", k, low=1, most=MOST_SIZE) for k in ks], dtype=np.int64)
        users = self.users
        table = np.empty((users.size, cuts.size, len(METRICS)))
        topk_from_ranks(self.indptr, self.ranks, users, cuts, table)
        return {f"{m}@{k}": table[:, j, i] for i, m in enumerate(METRICS) for j, k in enumerate(cuts)}

    def opauc(self, betas: Iterable[float], *, normalize: str = "beta") -> dict[str, NDArray[np.float64]]:
        """Per-user OPAUC(beta) of the ranking; ``normalize`` as in :func:`sim.metrics.opauc` ("raw" or "beta").

        Users all of whose candidates are positives have no negatives and get NaN.
        """
        limits = np.asarray([check_fraction("beta", b) for b in betas])
        if normalize not in ("raw", "beta"):
            raise ValueError(f"normalize must be 'raw' or 'beta', got {normalize!r}")
        users = self.users
        table = np.empty((users.size, limits.size))
        opauc_from_ranks(self.indptr, self.ranks, self.n_candidates, users, limits, table)
        if normalize == "beta":
            table /= limits
        return {f"opauc({b:g})": table[:, j] for j, b in enumerate(limits)}


def rank_positives(
    user_factors: NDArray[Any], item_factors: NDArray[Any], test: Any, *, exclude: Any | None = None
) -> Ranks:
    """Rank every user's test items among all items that are not excluded.

    Time and memory: one multiplication of the tables, plus one vector comparison per positive and item; memory is that
    of the inputs, no table of scores is kept. Uses the threads numba is set to.

    Parameters
    ----------
    user_factors, item_factors : ndarray of shapes (n_users, d), (n_items, d)
        Scores are their inner products, in float64 if either is float64, else in float32.
    test : sparse matrix of shape (n_users, n_items)
        Held-out positives: every entry above zero is one. Negative, NaN or infinite entries are an error.
    exclude : sparse matrix of the same shape, optional
        Items taken out of each user's ranking, usually the train matrix. A test item that is also excluded is an error.

    Returns
    -------
    Ranks

    Raises
    ------
    ValueError
        If factors are not finite or so large that a score could overflow, if shapes do not fit, or for bad entries.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> U, V = np.array([[1.0]]), np.array([[0.1], [0.9], [0.5], [0.5]])
    >>> test, train = sparse.csr_matrix([[0, 0, 0, 1]]), sparse.csr_matrix([[0, 1, 0, 0]])
    >>> rank_positives(U, V, test, exclude=train).ranks  # items 2 and 3 tie: the lower number goes first
    array([2], dtype=int32)
    """
    U, panels, n_items = _tables(user_factors, item_factors)
    truth = clean_pairs("test", test, (len(U), n_items))
    gone = _excluded("exclude", exclude, truth.shape)
    if exclude is not None and (both := truth.multiply(gone).nnz):
        raise ValueError(f"test must not contain excluded items, got {both} of them")
    ranks = np.empty(truth.nnz, dtype=np.int32)
    users = np.flatnonzero(np.diff(truth.indptr))
    positive_ranks(users, U, panels, n_items, truth.indptr, truth.indices, gone.indptr, gone.indices, ranks)
    return Ranks(truth.indptr, ranks, n_items - np.diff(gone.indptr))


def evaluate(
    model: Any, test: Any, *, exclude: Any | None = None, ks: Sequence[int] = (5, 20, 50), betas: Sequence[float] = ()
) -> dict[str, float]:
    """Means over users of the Top-K metrics, and of OPAUC(beta)/beta for ``betas``.

    Parameters
    ----------
    model : object with ``user_factors`` and ``item_factors``
        For example a fitted :class:`sim.bpr.BPRMF`.
    test, exclude : sparse matrices of shape (n_users, n_items)
        Held-out positives, and items that are not ranked (the train matrix); see :func:`rank_positives`.
    ks : sequence of int
        Cut-offs.
    betas : sequence of float in (0, 1]
        FPR limits.

    Returns
    -------
    dict of str to float
        For example ``{"recall@5": 0.08, ..., "ndcg@50": 0.18}``. The mean OPAUC is over users who have negatives, and
        NaN if none has.
    """
    ranks = rank_positives(model.user_factors, model.item_factors, test, exclude=exclude)
    if ranks.users.size == 0:
        raise ValueError("test must have at least one positive, got none")
    values = ranks.top_k(ks) | (ranks.opauc(betas) if len(betas) else {})
    return {name: _mean(v[~np.isnan(v)]) for name, v in values.items()}


def recommend_rows(
    user_rows: NDArray[Any], item_factors: NDArray[Any], n: int, exclude: Any | None = None
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """The ``n`` best items for each row of ``user_rows`` (m, d), best first; see :meth:`sim.bpr.BPRMF.recommend`."""
    U, panels, n_items = _tables(user_rows, item_factors)
    gone = _excluded("user_items", exclude, (len(U), n_items))
    ids = np.empty((len(U), n), dtype=np.int32)
    best = np.empty((len(U), n), dtype=U.dtype)
    top_items(U, panels, n_items, gone.indptr, gone.indices, ids, best)
    return ids, best


def scores_overflow(user_factors: NDArray[Any], item_factors: NDArray[Any]) -> bool:
    """Whether an inner product could leave the range of the factors' type; also if factors are not finite."""
    largest = [float(np.maximum(t.max(initial=0.0), -t.min(initial=0.0))) for t in (user_factors, item_factors)]
    return not user_factors.shape[1] * largest[0] * largest[1] <= float(np.finfo(item_factors.dtype).max)


def _tables(user_factors: NDArray[Any], item_factors: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], int]:
    """The users' table, the items' table in panels, and the number of items."""
    dtype = np.result_type(user_factors, item_factors, np.float32)
    U, V = (
        check_finite(name, np.require(table, dtype, ("C", "W")))  # kernels are compiled for what can be written to
        for name, table in (("user_factors", user_factors), ("item_factors", item_factors))
    )
    if U.ndim != 2 or V.ndim != 2 or U.shape[1] != V.shape[1]:
        raise ValueError(f"user_factors and item_factors must have shapes (m, d), (n, d), got {U.shape}, {V.shape}")
    if scores_overflow(U, V):
        raise ValueError(f"user_factors and item_factors must have products in the range of {dtype}, got larger ones")
    width = panel_width(dtype)
    panels = np.empty((-(-len(V) // width), V.shape[1], width), dtype=dtype)
    pack_items(V, panels)
    return U, panels, len(V)


def _excluded(name: str, matrix: Any | None, shape: tuple[int, int]) -> sparse.csr_matrix:
    return clean_pairs(name, sparse.csr_matrix(shape, dtype=np.float32) if matrix is None else matrix, shape)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
