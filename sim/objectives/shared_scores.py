"""One score an item for all users: the smallest model that cannot order everything (claim R2).

Users of type u, n_u of them, like the set S_u of items. All users share the scores f. Training minimises the OPAUC
surrogate (9), each user's mean over likes and over the M hardest of the other items; M = all others is AUC's surrogate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.validation import check_finite, check_int
from .losses import opauc_surrogate

__all__ = ["hits_at_one", "shared_minimiser", "shared_risk"]

Floats = NDArray[np.float64]


def shared_risk(likes: Sequence[Sequence[int]], users: ArrayLike, scores: ArrayLike, *, m: int | None = None) -> float:
    """Sum over users of the OPAUC(m / n_-) surrogate with the same scores for all.

    Parameters
    ----------
    likes : sequence of sequences of int
        For each type of user the items that it likes, at least one and not all.
    users : array_like of float, shape (n_types,)
        Users of each type, > 0.
    scores : array_like, shape (n_items,)
    m : int, optional
        Hardest negatives of each user that count; all of them if None or where there are fewer.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For types without likes or that like everything, items out of range, or numbers that are not positive.

    Examples
    --------
    >>> round(float(shared_risk([[0], [1, 2]], [2, 1], [0.0, 0.0, 0.0]) / np.log(2)), 12)
    3.0
    """
    f = check_finite("scores", np.asarray(scores, dtype=np.float64))
    types = _types(likes, users, f.size)
    total = 0.0
    for own, others, count in types:
        kept = others.size if m is None else min(check_int("m", m, low=1), others.size)
        total += count * float(opauc_surrogate(f[own], f[others], kept / others.size))
    return total


def hits_at_one(likes: Sequence[Sequence[int]], users: ArrayLike, n_items: int) -> Floats:
    """Users with a hit at rank 1 if the item comes first, by item, shape (n_items,).

    Examples
    --------
    >>> hits_at_one([[0, 2], [1, 2, 3], [0, 1]], [3, 2, 4], 4).tolist()
    [7.0, 6.0, 5.0, 2.0]
    """
    found = np.zeros(check_int("n_items", n_items, low=2))
    for own, _, count in _types(likes, users, found.size):
        found[own] += count
    return found


def shared_minimiser(
    likes: Sequence[Sequence[int]],
    users: ArrayLike,
    n_items: int,
    *,
    hardest: bool = False,
    tied: tuple[int, int] | None = None,
) -> tuple[Floats, float]:
    """Scores of least :func:`shared_risk`, and that risk, for all negatives or the hardest one only.

    Parameters
    ----------
    likes, users
        As in :func:`shared_risk`.
    n_items : int
        Items, >= 2.
    hardest : bool
        m = 1 (DNS over all negatives); else all negatives (AUC's surrogate).
    tied : (int, int), optional
        Two items that must score the same. As the risk is convex, no scores that put the second above the first do
        better than these where the minimiser does not.

    Returns
    -------
    scores : ndarray, shape (n_items,)
        With mean 0.
    risk : float

    Raises
    ------
    TypeError, ValueError
        As in :func:`shared_risk`; also where scores run away, which is so unless every item is linked to every other by
        a chain of users who like the one item and not the next.

    Examples
    --------
    Nine users: all negatives put item 1 first, a hit for six; the hardest one puts item 0 first, a hit for seven.

    >>> likes, users = [[0, 2], [1, 2, 3], [0, 1]], [3, 2, 4]
    >>> [int(shared_minimiser(likes, users, 4, hardest=h)[0].argmax()) for h in (False, True)]
    [1, 0]
    """
    from scipy.optimize import LinearConstraint, minimize

    n = check_int("n_items", n_items, low=2)
    types = _types(likes, users, n)
    _check_finite_minimiser(types, n)
    # a variable an item, then for the hardest negative one above all negatives of each type
    pairs, above = [], []
    for u, (own, others, count) in enumerate(types):
        rivals = [n + u] if hardest else others.tolist()
        pairs += [(i, j, count / (own.size * len(rivals))) for i in own.tolist() for j in rivals]
        above += [(n + u, j) for j in others.tolist()] if hardest else []
    ahead, behind, weight = (np.array(column) for column in zip(*pairs))
    size = n + (len(types) if hardest else 0)

    def risk(x: Floats) -> tuple[float, Floats]:
        d = x[ahead] - x[behind]
        slope = -weight * np.exp(-np.logaddexp(0.0, d))
        gradient: Floats = np.bincount(ahead, slope, size) - np.bincount(behind, slope, size)  # type: ignore[assignment]
        return float(weight @ np.logaddexp(0.0, -d)), gradient

    rows = [_difference(size, i, j) for i, j in above]
    equal = [np.where(np.arange(size) < n, 1.0, 0.0)] + ([_difference(size, *tied)] if tied else [])
    constraints = [LinearConstraint(np.array(equal), 0.0, 0.0)]
    if rows:
        constraints.append(LinearConstraint(np.array(rows), 0.0, np.inf))
    # status 8: no step that still lowers the risk in floating point
    found: Any = minimize(
        risk, np.zeros(size), jac=True, method="SLSQP", constraints=constraints,
        options={"ftol": 1e-14, "maxiter": 2000},
    )  # fmt: skip
    if found.status not in (0, 8):
        raise ValueError(f"likes must give scores that the solver finds, got {found.message.lower()}")
    return found.x[:n], float(found.fun)


def _check_finite_minimiser(types: list[tuple[NDArray[np.int64], NDArray[np.int64], float]], n: int) -> None:
    """Ford's condition (1957): the items, each with those that some user likes less, are strongly connected."""
    from scipy.sparse.csgraph import connected_components

    better = np.zeros((n, n))
    for own, others, _ in types:
        better[np.ix_(own, others)] = 1.0
    parts, of_item = connected_components(better, directed=True, connection="strong")
    if parts > 1:
        groups = [np.flatnonzero(of_item == part).tolist() for part in range(parts)]
        raise ValueError(f"likes must give finite scores of least risk, got items {groups} that run apart")


def _difference(size: int, i: int, j: int) -> Floats:
    row = np.zeros(size)
    row[i], row[j] = 1.0, -1.0
    return row


def _types(
    likes: Sequence[Sequence[int]], users: ArrayLike, n_items: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], float]]:
    """Likes, other items and number of each type of user."""
    counts = check_finite("users", np.asarray(users, dtype=np.float64))
    if counts.ndim != 1 or counts.size != len(likes) or counts.size == 0 or not (counts > 0.0).all():
        raise ValueError(f"users must hold a number > 0 for each of the {len(likes)} types, got {users!r}")
    types = []
    for own, count in zip(likes, counts.tolist()):
        liked = np.unique([check_int("likes", i, low=0, high=n_items - 1) for i in own]).astype(np.int64)
        if not 0 < liked.size < n_items:
            raise ValueError(f"likes must name at least one item and not all {n_items}, got {list(own)}")
        types.append((liked, np.setdiff1d(np.arange(n_items), liked), count))
    return types
