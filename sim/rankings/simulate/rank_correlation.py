"""Pearson, Spearman and Kendall coefficients of stored samples, with standard errors that know about ties.

Metrics have few values, so ties are the rule: Spearman's coefficient is Pearson's of mid-ranks, Kendall's is tau-b. The
standard errors come from the influence function of each coefficient, summed over groups of observations; unlike the
textbook formulas they hold for dependent variables of any law.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ...core.validation import check_choice, check_finite, check_fraction, check_int
from ..models.base import Floats
from .plan import GROUPS, METHODS
from .rank_kernels import column_sums, pair_sums, rank_levels

__all__ = ["Correlation", "correlate", "fisher_interval", "group_error", "influence_of"]


class Correlation(NamedTuple):
    """A sample coefficient and its standard error."""

    correlation: float
    standard_error: float


def correlate(x: ArrayLike, y: ArrayLike, *, method: str = "kendall", groups: int = GROUPS) -> Correlation:
    """Correlation of two samples, and its standard error.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        At least 16 finite numbers each; observation i is (x[i], y[i]), and observations are independent.
    method : {"pearson", "spearman", "kendall"}
        Kendall's coefficient is tau-b.
    groups : int
        Groups of observations the standard error is taken from, in 8..1000; at most n / 2 are used.

    Returns
    -------
    Correlation
        ``correlation`` and ``standard_error``; both NaN where a variable is constant.

    Raises
    ------
    TypeError, ValueError
        For samples that are not 1-D, of one length, long enough and finite, or an unknown method.

    Notes
    -----
    Time O(n log n). The error is that of the infinitesimal jackknife over groups; scipy.stats gives the same
    coefficients, but only p-values against independence beside them.

    Examples
    --------
    >>> x = np.arange(40.0)
    >>> value, error = correlate(x, np.floor(x / 10) + 2 * (x % 2), method="kendall")
    >>> round(value, 4), 0.0 < error < 0.2
    (0.5899, True)
    """
    check_choice("method", method, METHODS)
    samples = [check_finite(name, np.asarray(v, dtype=np.float64)) for name, v in (("x", x), ("y", y))]
    for name, sample in zip("xy", samples):
        if sample.ndim != 1 or sample.size < 16:
            raise ValueError(f"{name} must be 1-D with at least 16 entries, got shape {sample.shape}")
    if samples[0].size != samples[1].size:
        raise ValueError(f"y must have as many entries as x, got {samples[1].size} and {samples[0].size}")
    n = samples[0].size
    groups = min(check_int("groups", groups, low=8, high=1000), n // 2)
    bounds = np.arange(groups + 1) * n // groups
    value, influence = influence_of(method, samples[1][None], samples[0][None], bounds)
    return Correlation(float(value[0, 0]), float(group_error(influence)[0, 0]))


def influence_of(method: str, y: Floats, x: Floats, bounds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Coefficients of every row of ``y`` with every row of ``x``, and what each group of observations adds to them.

    Parameters
    ----------
    method : {"pearson", "spearman", "kendall"}
    y, x : ndarray, shape (n_y, n) and (n_x, n)
    bounds : ndarray of int, shape (groups + 1,)
        Group g holds the observations bounds[g] .. bounds[g + 1] - 1.

    Returns
    -------
    value : ndarray, shape (n_y, n_x)
    influence : ndarray, shape (groups, n_y, n_x)
        Giving group g the weight 1 + w_g / groups moves the coefficient by w_g * influence[g] / groups, to first order;
        the sum over groups is 0.
    """
    code, n, groups = METHODS.index(method), x.shape[1], bounds.size - 1
    left, right = _side(code, y, bounds), _side(code, x, bounds)
    total, cross = np.zeros((len(y), len(x))), np.zeros((groups, len(y), len(x)))
    pair_sums(code, right.columns, left.columns, bounds, total, cross)
    with np.errstate(divide="ignore"):
        scale = 1.0 / np.sqrt(left.spread[:, None] * right.spread)
    scale[np.isinf(scale)] = np.nan
    value = total * scale
    cross *= n * scale * (2.0 if method == "kendall" else 1.0)
    cross -= 0.5 * value * (left.own[:, :, None] + right.own[:, None, :])
    cross *= groups / n
    return np.clip(value, -1.0, 1.0), cross


class _Side(NamedTuple):
    """One variable per row as the kernels take it: (values, order, level, counts, n_levels), its sums, its spread."""

    columns: tuple[Floats, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    spread: Floats
    own: Floats


def _side(code: int, rows: Floats, bounds: NDArray[np.int64]) -> _Side:
    pearson = METHODS[code] == "pearson"
    values = rows - rows.mean(axis=1, keepdims=True) if pearson else rows
    order, level, counts = (np.zeros((len(rows), 1 if pearson else rows.shape[1]), dtype=np.int64) for _ in range(3))
    n_levels = np.zeros(len(rows), dtype=np.int64)
    if not pearson:
        rank_levels(values, order, level, counts, n_levels)
    columns = (values, order, level, counts, n_levels)
    spread, own = np.zeros(len(rows)), np.zeros((bounds.size - 1, len(rows)))
    column_sums(code, columns, bounds, spread, own)
    spread[np.ptp(rows, axis=1) == 0.0] = 0.0  # constant, whatever the rounding of its mean
    return _Side(columns, spread, own)


def group_error(influence: Floats) -> Floats:
    """Standard error from the influence of each group (first axis)."""
    groups = len(influence)
    return np.sqrt((influence**2).sum(axis=0) / (groups * (groups - 1)))


def fisher_interval(
    correlation: Floats | float, error: Floats | float, groups: int, level: float
) -> tuple[Floats, Floats]:
    """Confidence limits of correlations, Student's t on Fisher's z scale."""
    quantile = float(special.stdtrit(groups - 1, 0.5 + 0.5 * check_fraction("level", level)))
    inner = np.clip(correlation, -1.0 + 1e-15, 1.0 - 1e-15)
    half = quantile * np.asarray(error) / (1.0 - inner**2)
    return np.tanh(np.arctanh(inner) - half), np.tanh(np.arctanh(inner) + half)
