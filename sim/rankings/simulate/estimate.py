"""From a plan to coefficients: streamed sums for Pearson's, stored values for the rank coefficients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from ..kernels import group_sums
from ..models.base import Floats
from .chosen_kernels import chosen_sums, fill_values
from .plan import Plan
from .rank_correlation import influence_of

__all__ = ["Estimate", "estimate"]

_PILOT = 256
_PILOT_STREAM = 0x2545F4914F6CDD1D


class Estimate(NamedTuple):
    """By kernel column (C) and kept area (A).

    ``value`` (C, A) and ``influence`` (groups, C, A) of the coefficient; ``mean`` and ``std`` of the columns, and of X.
    """

    value: Floats
    influence: Floats
    mean: Floats
    std: Floats
    area_mean: Floats
    area_std: Floats


def estimate(plan: Plan, seed: int, table: Floats, progress: bool) -> Estimate:
    """Run the plan."""
    return (_streamed if plan.method == "pearson" else _stored)(plan, seed, table, progress)


def _streamed(plan: Plan, seed: int, table: Floats, progress: bool) -> Estimate:
    columns, kept = plan.codes.size, plan.keep.size
    shift, reference = np.zeros(columns), np.zeros(kept)
    pilot = _room(1, columns, kept)
    _add(plan, seed ^ _PILOT_STREAM, table, np.array([0, _PILOT]), shift, reference, pilot)
    shift, reference = pilot[0][0, 0] / _PILOT, pilot[1][0, 0] / _PILOT
    sums = _room(plan.groups, columns, kept)
    step = max(numba.get_num_threads(), plan.groups // 16)
    for first in _bar(range(0, plan.groups, step), progress):
        part = [sums_of[first : first + step] for sums_of in sums]
        _add(plan, seed, table, plan.bounds[first : first + step + 1], shift, reference, part)
    found = _pearson_of(np.diff(plan.bounds).astype(np.float64), *sums)
    return found._replace(mean=found.mean + shift, area_mean=found.area_mean + reference)


def _room(groups: int, columns: int, kept: int) -> list[Floats]:
    return [np.zeros((groups, 2, columns)), np.zeros((groups, columns + 1, kept)), np.zeros((groups, kept))]


def _add(
    plan: Plan, seed: int, table: Floats, bounds: NDArray[np.int64], shift: Floats, reference: Floats, out: list[Floats]
) -> None:
    what = (*plan.sizes, table, plan.codes, plan.which, plan.cuts, plan.gains, shift)
    if plan.every:
        group_sums(seed, bounds, *what, reference, *out)
    else:
        chosen_sums(seed, bounds, *what, plan.keep, reference, *out)


def _pearson_of(counts: Floats, values: Floats, cross: Floats, squares: Floats) -> Estimate:
    """Coefficients and delete-a-group pseudo-values from the groups' sums; ``cross`` is overwritten by the latter."""
    n, groups = counts.sum(), counts.size
    all_values, all_cross, all_squares = values.sum(axis=0), cross.sum(axis=0), squares.sum(axis=0)
    value = _pearson(n, all_values, all_cross, all_squares)
    influence = cross[:, 1:]
    for g in range(groups):
        without = _pearson(n - counts[g], all_values - values[g], all_cross - cross[g], all_squares - squares[g])
        influence[g] = (groups - 1) * (value - without)
    influence -= influence.mean(axis=0)
    mean, area_mean = all_values[0] / n, all_cross[0] / n
    std, area_std = np.sqrt(_variance(all_values[1] / n, mean)), np.sqrt(_variance(all_squares / n, area_mean))
    return Estimate(value, influence, mean, std, area_mean, area_std)


def _pearson(n: float, values: Floats, cross: Floats, squares: Floats) -> Floats:
    mean, area_mean = values[0] / n, cross[0] / n
    variance = _variance(values[1] / n, mean)
    area_variance = _variance(squares / n, area_mean)
    covariance = cross[1:] / n - mean[:, None] * area_mean
    scale = variance[:, None] * area_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        value = covariance / np.sqrt(scale)
    return np.where((variance[:, None] > 0.0) & (area_variance > 0.0), np.clip(value, -1.0, 1.0), np.nan)


def _variance(mean_square: Floats, mean: Floats) -> Floats:
    """Variance about a centre near the mean; 0 where the difference is no more than rounding (a constant sample)."""
    variance = mean_square - mean**2
    return np.where(variance > 1e-13 * mean_square, variance, 0.0)


def _stored(plan: Plan, seed: int, table: Floats, progress: bool) -> Estimate:
    columns, kept, n = plan.codes.size, plan.keep.size, plan.n_rankings
    value, influence = np.empty((columns, kept)), np.empty((plan.groups, columns, kept))
    area_mean, area_std = np.empty(kept), np.empty(kept)
    values = np.empty((columns, n))
    for first in _bar(range(0, kept, plan.block), progress):
        part = slice(first, first + plan.block)
        m = plan.keep[part]
        areas = np.empty((m.size, n))
        fill_values(seed, *plan.sizes, table, plan.codes, plan.which, plan.cuts, plan.gains, m, values, areas)
        # sums of reciprocals that are equal but for rounding are ties
        value[:, part], influence[:, :, part] = influence_of(plan.method, values.round(12), areas, plan.bounds)
        area_mean[part], area_std[part] = areas.mean(axis=1), areas.std(axis=1)
    return Estimate(value, influence, values.mean(axis=1), values.std(axis=1), area_mean, area_std)


def _bar(steps: range, progress: bool) -> Iterable[int]:
    if not progress:
        return steps
    from tqdm import tqdm

    return tqdm(steps, desc="rankings", unit="part")
