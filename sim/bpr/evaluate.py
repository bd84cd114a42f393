"""Full-ranking evaluation: the rank of every held-out positive among all items, and every metric from those ranks.

Scores -> ranking -> metric. Train items are taken out of the ranking, all others are ranked (no sampled metrics).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._validation import check_finite, check_fraction, check_int
from ._evaluate_kernels import opauc_from_ranks, positive_ranks, top_items, topk_from_ranks

__all__ = ["METRICS", "Ranks", "evaluate", "rank_positives", "recommend_rows"]

METRICS = ("recall", "precision", "ndcg", "ap", "mrr", "hit")
_BLOCK_BYTES = 8 << 20  # score blocks stay near the cache


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
        cuts = np.asarray([check_int("k", k, low=1) for k in ks], dtype=np.int64)
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

    Parameters
    ----------
    user_factors, item_factors : ndarray of shapes (n_users, d), (n_items, d)
        Scores are their inner products.
    test : sparse matrix of shape (n_users, n_items)
        Held-out positives.
    exclude : sparse matrix of the same shape, optional
        Items taken out of each user's ranking, usually the train matrix. A test item that is also excluded is an error.

    Returns
    -------
    Ranks
    """
    U, V = check_finite("user_factors", user_factors), check_finite("item_factors", item_factors)
    truth = _csr("test", test, (U.shape[0], V.shape[0]))
    gone = _csr("exclude", exclude, truth.shape) if exclude is not None else sparse.csr_matrix(truth.shape)
    if truth.multiply(gone).nnz:
        raise ValueError(f"test must not contain excluded items, got {truth.multiply(gone).nnz} of them")
    ranks = np.empty(truth.nnz, dtype=np.int32)
    for users, scores in _score_blocks(U, V, np.flatnonzero(np.diff(truth.indptr))):
        positive_ranks(users, scores, truth.indptr, truth.indices, gone.indptr, gone.indices, ranks)
    return Ranks(truth.indptr.astype(np.int64), ranks, V.shape[0] - np.diff(gone.indptr).astype(np.int64))


def evaluate(
    model: Any, test: Any, *, exclude: Any | None = None, ks: Sequence[int] = (5, 20, 50), betas: Sequence[float] = ()
) -> dict[str, float]:
    """Means over users of the Top-K metrics, and of OPAUC(beta)/beta for ``betas``.

    Parameters
    ----------
    model : object with ``user_factors`` and ``item_factors``
        For example a fitted :class:`sim.bpr.BPRMF`.
    test, exclude : sparse matrices of shape (n_users, n_items)
        Held-out positives, and items that are not ranked (the train matrix).
    ks : sequence of int
        Cut-offs.
    betas : sequence of float in (0, 1]
        FPR limits.

    Returns
    -------
    dict of str to float
        For example ``{"recall@5": 0.08, ..., "ndcg@50": 0.18}``.
    """
    ranks = rank_positives(model.user_factors, model.item_factors, test, exclude=exclude)
    if ranks.users.size == 0:
        raise ValueError("test must have at least one positive, got none")
    values = ranks.top_k(ks) | (ranks.opauc(betas) if len(betas) else {})
    return {name: float(np.nanmean(v)) for name, v in values.items()}


def recommend_rows(
    user_rows: NDArray[Any], item_factors: NDArray[Any], n: int, exclude: Any | None = None
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """The ``n`` best items for each row of ``user_rows`` (m, d), best first; see :meth:`sim.bpr.BPRMF.recommend`."""
    shape = (user_rows.shape[0], item_factors.shape[0])
    gone = _csr("user_items", exclude, shape) if exclude is not None else sparse.csr_matrix(shape)
    ids = np.empty((shape[0], n), dtype=np.int32)
    best = np.empty((shape[0], n), dtype=item_factors.dtype)
    for rows, scores in _score_blocks(user_rows, item_factors, np.arange(shape[0])):
        top_items(rows, scores, gone.indptr, gone.indices, ids, best)
    return ids, best


def _score_blocks(U: NDArray[Any], V: NDArray[Any], users: NDArray[np.int64]) -> Iterable[tuple[NDArray, NDArray]]:
    """Blocks of users with their scores of all items (BLAS), in a buffer that is used again."""
    rows = max(1, min(len(users), _BLOCK_BYTES // (V.shape[0] * V.itemsize)))
    buffer = np.empty((rows, V.shape[0]), dtype=V.dtype)
    transposed = np.ascontiguousarray(V.T)
    for start in range(0, len(users), rows):
        block = users[start : start + rows]
        yield block, np.matmul(U[block], transposed, out=buffer[: len(block)])


def _csr(name: str, matrix: Any, shape: tuple[int, int]) -> sparse.csr_matrix:
    if not sparse.issparse(matrix):
        raise TypeError(f"{name} must be a scipy sparse matrix, got {type(matrix).__name__}")
    if matrix.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {matrix.shape}")
    csr = sparse.csr_matrix(matrix)
    csr.sum_duplicates()
    csr.sort_indices()
    return csr
