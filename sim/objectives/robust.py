"""Worst cases over reweighted negatives: CVaR (Theorem 1) and the KL ball (Theorem 2), with their duals.

``losses`` are the losses L_1..L_n of one positive against its negatives, along the last axis; P_0 is uniform on them,
and beta = exp(-rho).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.validation import check_finite, check_fraction, check_int, check_real, losses_array
from . import kernels as _kernels

__all__ = [
    "cvar_dual",
    "cvar_optimal_eta",
    "cvar_value",
    "kl_dro_value",
    "kl_dual",
    "kl_of_weights",
    "kl_temperature",
    "taylor_temperature",
    "tilted_weights",
]


def _result(array: np.ndarray) -> Any:
    return float(array) if array.ndim == 0 else array


def _count(beta: float, n: int) -> float:
    """beta * n, made an integer where it is one up to the rounding of beta = M / n."""
    x = beta * n
    near = round(x)
    return float(near) if near >= 1 and abs(x - near) <= 4e-16 * n else x


def _per_list(name: str, value: Any, losses: np.ndarray) -> np.ndarray:
    """``value`` >= 0 (infinity allowed), broadcast against the lists of ``losses``."""
    array = np.asarray(value, dtype=np.float64)
    if np.isnan(array).any() or (array < 0).any():
        raise ValueError(f"{name} must be in [0, inf], got {array[~(array >= 0)].flat[0]:g}")
    try:
        return np.broadcast_to(array, losses.shape[:-1])
    except ValueError:
        raise ValueError(
            f"{name} must be a number or broadcast to shape {losses.shape[:-1]}, got shape {array.shape}"
        ) from None


def _apply(function_id: int, losses: np.ndarray, parameter: Any, option: float) -> Any:
    rows = np.ascontiguousarray(losses).reshape(-1, losses.shape[-1])
    values = np.ascontiguousarray(np.broadcast_to(parameter, losses.shape[:-1])).astype(np.float64).reshape(-1)
    out = np.empty(rows.shape[0])
    _kernels.each_row(function_id, rows, values, option, out)
    return _result(out.reshape(losses.shape[:-1]))


def cvar_value(losses: Any, beta: float) -> Any:
    """Largest E_Q[L] with dQ/dP_0 <= 1 / beta: the mean of the upper beta share of the losses, eqs. (13) and (9).

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    beta : float in (0, 1]
        Where ``beta * n`` is not an integer, the loss on the boundary counts with the fraction that is left; this is
        the exact CVaR of the uniform distribution on the n losses, and the value of the dual (15).

    Returns
    -------
    float or ndarray of shape (...)

    Raises
    ------
    ValueError
        For empty, NaN or infinite losses, or ``beta`` outside (0, 1].

    Examples
    --------
    >>> cvar_value([1.0, 2.0, 3.0, 4.0], 0.5)
    3.5
    >>> cvar_value([1.0, 2.0, 3.0, 4.0], 0.375)  # (4 + 3 / 2) / 1.5
    3.6666666666666665
    """
    array = losses_array(losses)
    n = array.shape[-1]
    x = _count(check_fraction("beta", beta), n)
    whole = min(int(x), n)
    edge = n - min(n, int(np.ceil(x)))
    ordered = np.partition(array, edge, axis=-1)
    total = ordered[..., n - whole :].sum(axis=-1) + (x - whole) * ordered[..., edge]
    return _result(np.asarray(total / x))


def cvar_dual(losses: Any, beta: float, eta: Any) -> Any:
    """Dual objective eta + E_{P_0}[(L - eta)_+] / beta, eq. (15); its minimum over eta is :func:`cvar_value`.

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    beta : float in (0, 1]
    eta : float or array_like that broadcasts to shape (...)

    Returns
    -------
    float or ndarray of shape (...)

    Raises
    ------
    ValueError
        As :func:`cvar_value`, and for ``eta`` that is not finite or does not broadcast.

    Examples
    --------
    >>> cvar_dual([1.0, 2.0, 3.0, 4.0], 0.5, 2.5)
    3.5
    """
    array = losses_array(losses)
    beta = check_fraction("beta", beta)
    threshold = check_finite("eta", np.asarray(eta, dtype=np.float64))
    try:
        threshold = np.broadcast_to(threshold, array.shape[:-1])
    except ValueError:
        raise ValueError(
            f"eta must be a number or broadcast to shape {array.shape[:-1]}, got shape {threshold.shape}"
        ) from None
    excess = np.maximum(array - threshold[..., None], 0.0).mean(axis=-1)
    return _result(np.asarray(threshold + excess / beta))


def cvar_optimal_eta(losses: Any, beta: float) -> tuple[Any, Any]:
    """Ends of the interval of minimisers of the dual (15): the upper beta-quantile of the losses, eq. (16).

    With the losses in descending order and x = beta * n: the interval from the (x + 1)-th to the x-th where x is an
    integer (to within the rounding of beta = M / n), a single point, the ceil(x)-th, elsewhere. For beta = 1 every
    eta up to the smallest loss is optimal and the lower end is -inf.

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    beta : float in (0, 1]

    Returns
    -------
    low, high : float or ndarray of shape (...)

    Raises
    ------
    ValueError
        As :func:`cvar_value`.

    Examples
    --------
    >>> cvar_optimal_eta([1.0, 2.0, 3.0, 4.0], 0.5)
    (2.0, 3.0)
    >>> cvar_optimal_eta([1.0, 2.0, 3.0, 4.0], 0.4)
    (3.0, 3.0)
    """
    array = losses_array(losses)
    n = array.shape[-1]
    x = _count(check_fraction("beta", beta), n)
    m = min(n, int(np.ceil(x)))
    ordered = np.sort(array, axis=-1)
    high = ordered[..., n - m]
    if x != m:
        low = high
    elif m == n:
        low = np.full_like(high, -np.inf)
    else:
        low = ordered[..., n - m - 1]
    return _result(np.asarray(low)), _result(np.asarray(high))


def kl_temperature(losses: Any, rho: float) -> Any:
    """lambda*, the temperature at which KL(Q_lambda || P_0) = rho for Q_lambda proportional to exp(L / lambda).

    The divergence falls strictly in lambda, from log(n / number of maximal losses) at 0 to 0 at infinity, unless the
    losses are equal; the equation is (22) solved exactly, by a safeguarded Newton iteration, to a relative error of
    about 1e-12; where KL is flat, just below its limit at 0, rho itself is met to about 1e-13. At lambda* the dual
    (21) is smallest and equals the tilted mean (23).

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    rho : float >= 0

    Returns
    -------
    float or ndarray of shape (...)
        0.0 where rho >= log(n / number of maximal losses): the worst case is the maximum itself; losses nearer to it
        than 1e-300 of their range count as maximal. inf where rho is 0 or all losses are equal: the worst case is the
        mean.

    Raises
    ------
    ValueError
        For empty, NaN or infinite losses, or ``rho`` negative, NaN or infinite.

    Examples
    --------
    >>> lam = kl_temperature([0.0, 1.0, 2.0], 0.5)
    >>> round(kl_of_weights(tilted_weights([0.0, 1.0, 2.0], lam)), 12)
    0.5
    >>> kl_temperature([0.0, 1.0, 2.0], 1.2), kl_temperature([0.0, 1.0, 2.0], 0.0)
    (0.0, inf)
    """
    array = losses_array(losses)
    return _apply(0, array, check_real("rho", rho, low=0.0), 0)


def taylor_temperature(losses: Any, rho: float, *, ddof: int = 0) -> Any:
    """First-order temperature sqrt(Var(L) / (2 rho)), eqs. (18) and (25).

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    rho : float >= 0
    ddof : {0, 1}
        0 divides the variance by n, 1 by n - 1 (as the authors' program does; needs n >= 2).

    Returns
    -------
    float or ndarray of shape (...)
        inf for rho = 0; otherwise 0.0 for equal losses.

    Raises
    ------
    ValueError
        As :func:`kl_temperature`, for ``ddof`` other than 0 or 1, and for n = 1 with ddof = 1.

    Examples
    --------
    >>> taylor_temperature([0.0, 2.0], 0.125)
    2.0
    """
    array = losses_array(losses)
    rho = check_real("rho", rho, low=0.0)
    ddof = check_int("ddof", ddof, low=0, high=1)
    if array.shape[-1] <= ddof:
        raise ValueError(f"losses must have at least 2 entries along the last axis for ddof=1, got {array.shape[-1]}")
    return _apply(1, array, rho, ddof)


def kl_dual(losses: Any, rho: float, lam: Any) -> Any:
    """Dual objective lam log E_{P_0}[exp(L / lam)] + lam rho, eq. (21), by log-sum-exp.

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    rho : float >= 0
    lam : float >= 0 or array_like that broadcasts to shape (...)
        Its limits are included: the maximum at 0; at infinity the mean if rho is 0, else infinity.

    Returns
    -------
    float or ndarray of shape (...)

    Raises
    ------
    ValueError
        As :func:`kl_temperature`, and for ``lam`` that is negative, NaN or does not broadcast.

    Examples
    --------
    >>> round(kl_dual([0.0, 1.0], 0.1, 1.0), 6)
    0.720115
    """
    array = losses_array(losses)
    rho = check_real("rho", rho, low=0.0)
    return _apply(2, array, _per_list("lam", lam, array), rho)


def kl_dro_value(losses: Any, rho: float) -> Any:
    """Largest E_Q[L] with KL(Q || P_0) <= rho: the dual (21) at lambda*.

    It is at least ``cvar_value(losses, exp(-rho))``, since sup log dQ/dP_0 <= rho implies KL <= rho.

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    rho : float >= 0
        The mean at 0, the maximum from log(n / number of maximal losses) on.

    Returns
    -------
    float or ndarray of shape (...)

    Raises
    ------
    ValueError
        As :func:`kl_temperature`.

    Examples
    --------
    >>> kl_dro_value([0.0, 1.0, 2.0], 0.0), kl_dro_value([0.0, 1.0, 2.0], 1.2)
    (1.0, 2.0)
    >>> round(kl_dro_value([0.0, 1.0, 2.0], 0.5), 6)
    1.761512
    """
    array = losses_array(losses)
    lam = np.asarray(kl_temperature(array, rho))
    value = np.asarray(_apply(2, array, np.where(np.isinf(lam), 1.0, lam), rho))
    return _result(np.where(np.isinf(lam), array.mean(axis=-1), value))


def tilted_weights(losses: Any, temperature: Any) -> np.ndarray:
    """softmax(losses / temperature) along the last axis, the worst-case Q of the KL ball.

    Parameters
    ----------
    losses : array_like of float, shape (..., n)
    temperature : float >= 0 or array_like that broadcasts to shape (...)
        0 gives the uniform distribution on the maxima, infinity the uniform distribution.

    Returns
    -------
    ndarray of float64, shape (..., n)
        Every list sums to 1.

    Raises
    ------
    ValueError
        For empty, NaN or infinite losses, or a ``temperature`` that is negative, NaN or does not broadcast.

    Examples
    --------
    >>> tilted_weights([1.0, 3.0, 3.0], 0.0).tolist()
    [0.0, 0.5, 0.5]
    """
    array = losses_array(losses)
    rows = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
    out = np.empty_like(rows)
    _kernels.tilt_rows(rows, np.ascontiguousarray(_per_list("temperature", temperature, array)).reshape(-1), out)
    return out.reshape(array.shape)


def kl_of_weights(p: Any) -> Any:
    """KL(P || P_0) = sum p_j log(n p_j) along the last axis, with 0 log 0 = 0.

    Parameters
    ----------
    p : array_like of float, shape (..., n)
        Probabilities; every list sums to 1 within 1e-6.

    Returns
    -------
    float or ndarray of shape (...)
        In [0, log n].

    Raises
    ------
    ValueError
        For empty, NaN, infinite or negative weights, or sums other than 1.

    Examples
    --------
    >>> kl_of_weights([0.5, 0.5]), round(kl_of_weights([1.0, 0.0]), 6)
    (0.0, 0.693147)
    """
    array = losses_array(p, "p")
    if (array < 0).any():
        raise ValueError(f"p must be >= 0, got {array.min():g}")
    sums = array.sum(axis=-1)
    if (np.abs(sums - 1.0) > 1e-6).any():
        raise ValueError(f"p must sum to 1 along the last axis, got sums from {sums.min():g} to {sums.max():g}")
    ratio = array * array.shape[-1]
    # The terms r log r - r + 1 >= 0 have the same mean where r averages to 1, without the cancellation near r = 1.
    excess = ratio - 1.0
    logs = np.where(ratio > 0.5, np.log1p(np.maximum(excess, -0.5)), np.log(np.where(ratio > 0, ratio, 1.0)))
    return _result(np.asarray(np.maximum((ratio * logs - excess).mean(axis=-1) + (sums - 1.0), 0.0)))
