r"""Worst cases over Renyi balls: one family from CVaR (order infinity, DNS) to KL (order 1, softmax); claim D1.

The ball of order a > 1 holds the Q with D_a(Q || P_0) = log E_{P_0}[(dQ/dP_0)^a] / (a - 1) <= rho, P_0 uniform on n
losses. With b = a / (a - 1),

.. math:: \max_Q E_Q[L] = \min_\eta\{\eta + e^{\rho/b} (E_{P_0}[(L-\eta)_+^b])^{1/b}\},\qquad
          Q \propto (L-\eta)_+^{1/(a-1)},

(Duchi and Namkoong 2021, in these terms). a -> infinity gives the dual (15) of CVaR at beta = exp(-rho), a -> 1 that
of the KL ball. D_a rises with a, so the balls shrink and the worst case falls from KL's to CVaR's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.validation import check_real, losses_array
from .robust import cvar_value, kl_dro_value

__all__ = ["renyi_divergence", "renyi_value", "renyi_weights"]


def renyi_divergence(p: ArrayLike, q: ArrayLike, order: float) -> float:
    """D_a(P || Q) of two discrete laws, q > 0; a = 1 is KL, a = infinity sup log dP/dQ.

    Parameters
    ----------
    p, q : array_like, shape (n,)
        Probabilities; q > 0.
    order : float
        a > 0, infinity allowed.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For laws of different lengths, entries out of range, or an order that is not > 0.

    Examples
    --------
    >>> [round(renyi_divergence([0.5, 0.5], [0.25, 0.75], a), 4) for a in (0.5, 1, 2, float("inf"))]
    [0.0693, 0.1438, 0.2877, 0.6931]
    """
    a = _order(order, low=0.0)
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if p.ndim != 1 or p.shape != q.shape or p.size == 0:
        raise ValueError(f"p and q must be lists of one length, got shapes {p.shape} and {q.shape}")
    if not (q > 0.0).all() or not (p >= 0.0).all() or abs(p.sum() - 1.0) > 1e-9 or abs(q.sum() - 1.0) > 1e-9:
        raise ValueError("p and q must be probabilities that sum to 1, with q > 0")
    there = p > 0.0
    ratio = np.log(p[there]) - np.log(q[there])
    if a == np.inf:
        return float(ratio.max())
    if a == 1.0:
        return float(p[there] @ ratio)
    top = ((a - 1.0) * ratio).max()
    return float((top + np.log(p[there] @ np.exp((a - 1.0) * ratio - top))) / (a - 1.0))


def renyi_weights(losses: ArrayLike, rho: float, order: float) -> NDArray[np.float64]:
    """The worst-case Q of the Renyi ball of order a around the uniform law, one law a list.

    Parameters
    ----------
    losses : array_like, shape (..., n)
    rho : float
        Radius, >= 0; from log(n / number of maximal losses) on, Q is uniform on the maximal losses.
    order : float
        a in (1, infinity).

    Returns
    -------
    ndarray of the shape of ``losses``

    Raises
    ------
    TypeError, ValueError
        For losses that are not finite, a negative radius, or an order that is not in (1, infinity).

    Examples
    --------
    Order 2, the chi-square ball: weights linear in the loss above eta.

    >>> renyi_weights([3.0, 2.0, 1.0, 0.0], np.log(14 / 9), 2.0).round(6).tolist()
    [0.5, 0.333333, 0.166667, 0.0]
    """
    values = losses_array(losses)
    radius = check_real("rho", rho, low=0.0)
    a = _order(order, low=1.0)
    if a == np.inf:
        raise ValueError("order must be in (1, inf) for weights, got inf; order infinity is DNS")
    rows = values.reshape(-1, values.shape[-1])
    return np.stack([_worst_row(row, radius, a) for row in rows]).reshape(values.shape)


def renyi_value(losses: ArrayLike, rho: float, order: float) -> Any:
    """Largest E_Q[L] with D_a(Q || P_0) <= rho: CVaR for a = infinity, the KL worst case for a = 1.

    Parameters
    ----------
    losses, rho
        As in :func:`renyi_weights`.
    order : float
        a in [1, infinity].

    Returns
    -------
    float or ndarray of shape (...)

    Raises
    ------
    TypeError, ValueError
        As in :func:`renyi_weights`.

    Examples
    --------
    >>> losses = [3.0, 2.0, 1.0, 0.0]
    >>> [round(renyi_value(losses, np.log(2.0), a), 4) for a in (1, 2, 8, np.inf)]
    [2.7042, 2.5774, 2.5121, 2.5]
    """
    a = _order(order, low=1.0, closed=True)
    if a == 1.0:
        return kl_dro_value(losses, rho)
    if a == np.inf:
        return cvar_value(losses, float(np.exp(-check_real("rho", rho, low=0.0))))
    values = losses_array(losses)
    found = (renyi_weights(values, rho, a) * values).sum(axis=-1)
    return float(found) if found.ndim == 0 else found


def _worst_row(row: NDArray[np.float64], rho: float, a: float) -> NDArray[np.float64]:
    """Find eta between two losses, then its distance below the upper one by bisection of the logarithm.

    The divergence falls as eta does; for large orders eta stands nearer to a loss than a float could say.
    """
    n, gap = row.size, row.max() - row
    levels = np.unique(gap)
    if rho == 0.0 or levels.size == 1:
        return np.full(n, 1.0 / n)
    top = gap == 0.0
    if rho >= np.log(n / top.sum()):
        return top / top.sum()

    def weights(level: float, log_below: float) -> NDArray[np.float64]:
        """Weights at eta = max - level - e^log_below; losses at or above max - level count."""
        below = np.exp(log_below)
        inside = np.where(gap <= level, (level - gap + below) / (level + below), 0.0) ** (1.0 / (a - 1.0))
        return inside / inside.sum()

    def too_far(law: NDArray[np.float64]) -> bool:
        highest = law.max()
        return bool(np.log(n * highest) + np.log(np.sum(law * (law / highest) ** (a - 1.0))) / (a - 1.0) > rho)

    k = 0
    while k + 1 < levels.size and too_far(weights(levels[k], np.log(levels[k + 1] - levels[k]))):
        k += 1
    low = -700.0
    high = np.log(levels[k + 1] - levels[k]) if k + 1 < levels.size else np.log(levels[-1]) + 1.0
    while k + 1 == levels.size and too_far(weights(levels[k], high)):
        high += 3.0
    for _ in range(64):
        middle = 0.5 * (low + high)
        if too_far(weights(levels[k], middle)):
            low = middle
        else:
            high = middle
    return weights(levels[k], high)


def _order(order: Any, *, low: float, closed: bool = False) -> float:
    if isinstance(order, (bool, np.bool_, str, bytes)):
        raise TypeError(f"order must be a number, got {order!r}")
    a = float(order)
    if not (a > low or (closed and a == low)):
        raise ValueError(f"order must be in {'[' if closed else '('}{low:g}, inf], got {a:g}")
    return a
