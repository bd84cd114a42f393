r"""Statistics of the guidelines: intervals over seeds and users, the set of best levels, the trend of the peak with K.

A study has ``levels`` of hardness, each trained with ``seeds`` seeds and measured on the same users by ``q`` metrics:
:math:`y_{lsuq}`. Its mean is :math:`m_{lq}`, and everything here follows from bootstrap replicates of it
(:func:`bootstrap`), in which users are drawn once for all levels, seeds and metrics (paired) and seeds for each level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.validation import MOST_SIZE, check_int

__all__ = ["Bootstrap", "Trend", "best_level", "bootstrap", "holm", "peak", "trend", "trend_power"]

Floats = NDArray[np.float64]

BLOCK = 2**22
"""Users' counts held at a time."""


@dataclass(frozen=True)
class Bootstrap:
    """Means and their replicates.

    Attributes
    ----------
    mean : ndarray of shape (levels, q)
    replicates : ndarray of shape (n, levels, q)
    """

    mean: Floats
    replicates: Floats

    def interval(self, alpha: float = 0.05) -> tuple[Floats, Floats]:
        """Ends of the percentile interval of the means, shape (levels, q) each."""
        low, high = np.quantile(self.replicates, [alpha / 2, 1 - alpha / 2], axis=0)
        return low, high

    def relative(self) -> Bootstrap:
        """The same for each metric over its value at the best level, which is that of :attr:`mean` in every replicate.

        So differences that all levels share, because users differ, drop out.
        """
        at = self.mean.argmax(axis=0)[None, :]
        top = np.take_along_axis(self.replicates, np.broadcast_to(at, (len(self.replicates), *at.shape)), axis=1)
        return Bootstrap(self.mean / self.mean.max(axis=0), self.replicates / top)


def bootstrap(values: ArrayLike, *, n: int = 2000, seed: int = 0) -> Bootstrap:
    r"""Hierarchical bootstrap over users and seeds.

    In a replicate every user counts :math:`c_u` times, :math:`c \sim` Multinomial(U, 1/U), which gives the seeds' means
    :math:`\bar y_{lsq}`. The seeds' part is the mean of S of the deviations
    :math:`e_{lsq} = \sqrt{S/(S-1)}\,(\bar y_{lsq} - \bar y_{l \cdot q})`, drawn with replacement from those of all
    levels: three or five seeds cannot tell a level's own variance, and the factor makes the pooled one unbiased (Rao
    and Wu 1988). The replicate is :math:`\bar y_{l \cdot q}` and that. One seed: users only.

    Parameters
    ----------
    values : array_like of shape (levels, seeds, users, q)
        Finite.
    n : int
        Replicates, >= 2.
    seed : int
        Of the draws.

    Returns
    -------
    Bootstrap

    Examples
    --------
    >>> found = bootstrap(np.random.default_rng(0).normal(size=(1, 1, 400, 1)), n=500)
    >>> bool(abs(found.replicates.std() - 1 / 20) < 0.01)
    True
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 4 or 0 in y.shape or not np.isfinite(y).all():
        raise ValueError(f"values must be finite, of shape (levels, seeds, users, q), got shape {y.shape}")
    n = check_int("n", n, low=2, most=MOST_SIZE)
    levels, seeds, users, q = y.shape
    rng = np.random.default_rng(seed)
    flat = np.ascontiguousarray(y.transpose(2, 0, 1, 3).reshape(users, -1))
    per_seed = np.empty((n, levels, seeds, q))
    step = max(1, BLOCK // users)
    for start in range(0, n, step):
        count = min(step, n - start)
        drawn = rng.integers(users, size=(count, users)) + users * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * users).reshape(count, users)
        per_seed[start : start + count] = (counts @ flat / users).reshape(count, levels, seeds, q)
    replicates = per_seed.mean(axis=2)
    if seeds > 1:
        deviations = np.sqrt(seeds / (seeds - 1)) * (per_seed - replicates[:, :, None]).reshape(n, -1, q)
        drawn = rng.integers(levels * seeds, size=(n, levels, seeds))
        replicates += np.take_along_axis(deviations[:, None], drawn[..., None], axis=2).mean(axis=2)
    return Bootstrap(y.mean(axis=(1, 2)), replicates)


def best_level(found: Bootstrap) -> Floats:
    r"""P-values of "level l is the best one", so that the levels with p > 0.05 are a 95% confidence set of the best.

    The statistic is :math:`T_l = \max_{j \ne l} (m_j - m_l)/\mathrm{se}_{jl}`; its law where no level is better than
    another, which is the hardest case, is that of the replicates' deviations from their means (multiple comparisons
    with the best, Hsu 1981, with the standard errors and the dependence taken from the bootstrap).

    Parameters
    ----------
    found : Bootstrap

    Returns
    -------
    ndarray of shape (levels, q)
        In (0, 1]; the level with the largest mean always has a large one.
    """
    mean, replicates = found.mean, found.replicates
    levels = len(mean)
    p = np.ones_like(mean)
    if levels == 1:
        return p
    for level in range(levels):
        others = np.arange(levels) != level
        gap = mean[others] - mean[level]
        noise = replicates[:, others] - replicates[:, [level]] - gap
        scale = 1 / np.maximum(noise.std(axis=0), np.finfo(float).tiny)
        worst = (noise * scale).max(axis=1)
        p[level] = (1 + (worst >= (gap * scale).max(axis=0)).sum(axis=0)) / (1 + len(worst))
    return p


def peak(x: ArrayLike, y: ArrayLike) -> Floats:
    """Where a curve is highest: the vertex of the parabola fitted to the best level and two neighbours on each side.

    Parameters
    ----------
    x : array_like of shape (levels,)
        Rising, at least three.
    y : array_like of shape (..., levels)

    Returns
    -------
    ndarray of shape (...)
        Within the window of the fit; the best level itself where the parabola opens upwards.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 4.0, 5.0])
    >>> round(float(peak(x, 3 - (x - 2.5) ** 2)), 6)
    2.5
    """
    at, curves = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if at.ndim != 1 or at.size < 3 or (np.diff(at) <= 0).any():
        raise ValueError(f"x must be rising, three values or more, got {at}")
    best = curves.argmax(axis=-1)
    found = at[best]
    for level in np.unique(best):
        window = slice(max(0, level - 2), level + 3)
        _, b, a = np.einsum(
            "cw,...w->c...", np.linalg.pinv(np.vander(at[window] - at[level], 3, increasing=True)), curves[..., window]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            vertex = np.clip(at[level] - b / (2 * a), at[window][0], at[window][-1])
        found = np.where((best == level) & (a < 0), vertex, found)
    return found


@dataclass(frozen=True)
class Trend:
    """How the best hardness moves with K.

    Attributes
    ----------
    elasticity : float
        Slope of log(best beta) over log(K): 1 if they are proportional, 0 if K does not matter.
    low, high : float
        95% percentile interval of the bootstrap.
    p : float
        Two-sided, of "all K share one curve, up to a factor each".
    """

    elasticity: float
    low: float
    high: float
    p: float


def trend(beta: ArrayLike, ks: Sequence[int], found: Bootstrap) -> Trend:
    r"""Test whether the :func:`peak` over log(beta) moves with K.

    Under the null hypothesis the means are :math:`a_k f_l`, with :math:`f` the mean over K of the curves
    :math:`m_{lk}/\bar m_{\cdot k}`; the law of the slope is simulated by adding the replicates' deviations to them.

    Parameters
    ----------
    beta : array_like of shape (levels,)
        Hardness of the levels, rising, positive.
    ks : sequence of int
        Cut-offs, at least two different ones, one for each of ``found``'s metrics.
    found : Bootstrap
    """
    x, log_k = _axes(beta, ks)
    slopes = _slope(x, log_k, found.replicates)
    null = _slope(x, log_k, _shifted(x, log_k, found, 0.0))
    value = float(_slope(x, log_k, found.mean))
    low, high = np.quantile(slopes, [0.025, 0.975])
    tail = min((null >= value - 1e-9).sum(), (null <= value + 1e-9).sum())  # peaks at an end of the grid are ties
    return Trend(value, float(low), float(high), min(1.0, 2 * (1 + float(tail)) / (1 + null.size)))


def trend_power(beta: ArrayLike, ks: Sequence[int], found: Bootstrap, elasticity: float) -> float:
    """Probability that :func:`trend` finds p < 0.05, in the right direction, if the elasticity were this one.

    The null hypothesis's curve of each K is shifted along log(beta), with the same noise.
    """
    x, log_k = _axes(beta, ks)
    null = _slope(x, log_k, _shifted(x, log_k, found, 0.0))
    shifted = _slope(x, log_k, _shifted(x, log_k, found, elasticity))
    if elasticity >= 0:
        return float((shifted > np.quantile(null, 0.975)).mean())
    return float((shifted < np.quantile(null, 0.025)).mean())


def _axes(beta: ArrayLike, ks: Sequence[int]) -> tuple[Floats, Floats]:
    x, log_k = np.log(np.asarray(beta, dtype=np.float64)), np.log(np.asarray(ks, dtype=np.float64))
    if np.unique(log_k).size < 2:
        raise ValueError(f"ks must hold two different cut-offs or more, got {list(ks)}")
    return x, log_k - log_k.mean()


def _slope(x: Floats, log_k: Floats, means: Floats) -> Floats:
    peaks = peak(x, np.swapaxes(means, -1, -2))
    return (peaks @ log_k) / (log_k @ log_k)


def _shifted(x: Floats, log_k: Floats, found: Bootstrap, elasticity: float) -> Floats:
    """Replicates around one curve for all K, moved along x by elasticity * log K."""
    factor = found.mean.mean(axis=0)
    shape = (found.mean / factor).mean(axis=1)
    means = factor * np.stack([np.interp(x - elasticity * k, x, shape) for k in log_k], axis=1)
    return means + found.replicates - found.mean


def holm(p: ArrayLike) -> Floats:
    """P-values corrected for their number (Holm 1979): the chance of one false alarm or more stays below the level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p must be in [0, 1], got {values.min():g} to {values.max():g}")
    order = np.argsort(values, axis=None, kind="stable")
    steps = np.maximum.accumulate(values.ravel()[order] * np.arange(values.size, 0, -1))
    out = np.empty(values.size)
    out[order] = np.minimum(steps, 1.0)
    return out.reshape(values.shape)
