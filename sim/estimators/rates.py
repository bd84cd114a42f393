"""Fitted powers of the pool size, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..core.validation import check_finite, check_fraction
from ._quadrature import Floats

__all__ = ["Rate", "fit_rate"]


@dataclass(frozen=True)
class Rate:
    """A fitted law c N^slope.

    Attributes
    ----------
    slope : float
        Exponent; NaN where fewer than three sizes have a statistic of four standard errors or more, or where those
        change sign, so that there is no such law.
    low, high : float
        Ends of its interval.
    constant : float
        The factor c.
    misfit : float
        Largest factor by which a statistic misses the law: 1 for a perfect one.
    used : ndarray of bool
        Sizes that entered the fit.
    """

    slope: float
    low: float
    high: float
    constant: float
    misfit: float
    used: np.ndarray


def fit_rate(sizes: ArrayLike, groups: ArrayLike, level: float = 0.95) -> Rate:
    """Fit log |statistic| = log c + slope log N by least squares weighted by the statistics' precision.

    Parameters
    ----------
    sizes : array_like of shape (k,)
        Pool sizes, k >= 3.
    groups : array_like of shape (g, k)
        The statistic in g >= 8 equal groups of replicates; columns may share their draws. Equal rows are an exact
        statistic: the fit is unweighted and the interval a point.
    level : float
        Confidence of the interval: jackknife over groups, Student's t.

    Returns
    -------
    Rate

    Raises
    ------
    ValueError
        For shapes that do not match, too few sizes or groups, or values that are not finite.

    Examples
    --------
    >>> exact = fit_rate([10, 20, 40], np.tile([0.3, 0.15, 0.075], (8, 1)))
    >>> round(exact.slope, 6), round(exact.constant, 6)
    (-1.0, 3.0)
    """
    n, table = np.asarray(sizes, dtype=np.float64), np.asarray(groups, dtype=np.float64)
    if n.ndim != 1 or n.size < 3 or table.ndim != 2 or table.shape[0] < 8 or table.shape[1] != n.size:
        raise ValueError(
            f"groups must be of shape (>= 8, sizes) with at least 3 sizes, got {table.shape} for {n.shape}"
        )
    check_finite("sizes", n)
    check_finite("groups", table)
    level = check_fraction("level", level)
    count = table.shape[0]
    mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(count)
    exact = bool((error <= 1e-12 * np.abs(mean)).all())
    used = np.abs(mean) > (0.0 if exact else 4.0 * error)
    if used.sum() < 3 or np.ptp(np.sign(mean[used])) > 0.0:
        return Rate(np.nan, np.nan, np.nan, np.nan, np.nan, used)
    x, y = np.log(n[used]), np.log(np.abs(mean[used]))
    weight = np.ones(int(used.sum())) if exact else (mean[used] / error[used]) ** 2
    slope, constant = _line(x, y, weight)
    factor, misfit = float(np.exp(constant)), float(np.exp(np.abs(y - constant - slope * x).max()))
    if exact:
        return Rate(slope, slope, slope, factor, misfit, used)
    left_out = (count * mean[used] - table[:, used]) / (count - 1)
    slopes = np.array([_line(x, np.log(np.abs(row)), weight)[0] for row in left_out])
    spread = np.sqrt((count - 1) / count * ((slopes - slopes.mean()) ** 2).sum())
    half = float(special.stdtrit(count - 1, 0.5 + 0.5 * level)) * spread
    return Rate(slope, slope - half, slope + half, factor, misfit, used)


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and intercept of the weighted least-squares line."""
    centre = weight @ x / weight.sum()
    slope = float(weight @ ((x - centre) * y) / (weight @ (x - centre) ** 2))
    return slope, float(weight @ (y - slope * x) / weight.sum())
