"""The best weights over negative ranks where there is no closed form: by regression on simulated rankings (G2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.validation import MOST_SIZE, check_int
from ..models.base import Floats
from .areas import JointMoments, Models, joint_moments
from .plan import GROUPS, MAX_BYTES
from .rank_correlation import fisher_interval

__all__ = ["FittedWeights", "fit_weights"]

_RATIO = 1.05
"""Ranks are fitted in blocks whose ends grow by this ratio: the first twenty or so one by one."""


@dataclass(frozen=True)
class FittedWeights:
    """Result of :func:`fit_weights`.

    Attributes
    ----------
    weights : ndarray, shape (n_metrics, n_ks, n_neg)
        Hardest negative first, constant within blocks of ranks, scaled to a sum of absolute values of 1.
    correlation, standard_error : ndarray, shape (n_metrics, n_ks)
        Of each metric@K with its weighted area on the half of the rankings that the weights have not seen.
    in_sample : ndarray, shape (n_metrics, n_ks)
        The correlation on the half that they were fitted to.
    groups : int
        Groups behind the standard error.
    """

    weights: Floats
    correlation: Floats
    standard_error: Floats
    in_sample: Floats
    groups: int

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Two-sided confidence limits of ``correlation``, Student's t on Fisher's z scale."""
        return fisher_interval(self.correlation, self.standard_error, self.groups, level)


def fit_weights(
    n_pos: int,
    n_neg: int,
    *,
    metrics: Sequence[str] = ("recall", "ndcg"),
    ks: Sequence[int] = (5, 20, 50),
    falling: bool = False,
    n_hidden: int = 0,
    held_out: bool = False,
    score_model: Models = None,
    n_rankings: int = 50_000,
    rng: np.random.Generator | int | None = None,
    groups: int = GROUPS,
    max_bytes: int = MAX_BYTES,
) -> FittedWeights:
    """Weights over negative ranks that follow a metric best under any score model, by least squares.

    Each metric is regressed on the sums of P_j over blocks of ranks j, on one half of the rankings; the correlation
    reported is that on the other half. It is a lower bound of the ceiling, up to its standard error.

    Parameters
    ----------
    n_pos, n_neg : int
        Observed positives and observed negatives, at least 1.
    falling : bool
        Only weights that are non-negative and do not rise with the rank: mixtures of OPAUC(m/N_-).
    n_rankings : int
        At least 20 for each block of ranks.
    metrics, ks, n_hidden, held_out, score_model, rng, groups, max_bytes
        As in :func:`simulate_areas`.

    Returns
    -------
    FittedWeights

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, too few rankings, or a metric that never changes or that no falling weights follow.
    MemoryError
        Where the run would need more than ``max_bytes``.

    Examples
    --------
    >>> from sim.rankings import optimal_weights
    >>> fit = fit_weights(20, 80, metrics=["recall"], ks=[5], n_rankings=20_000, rng=1)
    >>> ceiling = optimal_weights(20, 80, "recall", 5)[1]
    >>> bool(abs(fit.correlation.item() - ceiling) < 5 * fit.standard_error.item())
    True
    """
    last = _block_ends(check_int("n_neg", n_neg, low=1, most=MOST_SIZE))
    check_int("n_rankings", n_rankings, low=20 * last.size, most=MOST_SIZE)
    features = (np.searchsorted(last, np.arange(1, n_neg + 1)) == np.arange(last.size)[:, None]).astype(np.float64)
    if falling:
        features = np.cumsum(features, axis=0)
    moments = joint_moments(
        n_pos, n_neg, features, metrics, ks, n_hidden, held_out, score_model, n_rankings, rng, groups, max_bytes
    )
    seen, unseen = moments.part(slice(0, None, 2)), moments.part(slice(1, None, 2))
    solutions = _solve(seen, falling)
    combinations = np.hstack((np.zeros((len(solutions), moments.size - last.size)), solutions))
    value, error = unseen.correlation(combinations)
    in_sample = seen.correlation(combinations)[0]
    weights = solutions @ features
    weights /= np.abs(weights).sum(axis=1, keepdims=True)
    at = moments.column
    return FittedWeights(weights[at], value[at, at], error[at, at], in_sample[at, at], unseen.counts.size)


def _block_ends(n_neg: int) -> NDArray[np.int64]:
    """Last rank of each block, increasing to n_neg."""
    ends = np.round(_RATIO ** np.arange(np.log(n_neg) / np.log(_RATIO)))
    return np.unique(np.append(ends, n_neg)).astype(np.int64)


def _solve(moments: JointMoments, non_negative: bool) -> Floats:
    """Coefficients of the regression of each metric column on the areas, one row a column."""
    from scipy.optimize import nnls

    columns = int(moments.column.max()) + 1
    covariance = moments.centred().sum(axis=0)
    variance = np.diagonal(covariance)
    if not (variance[:columns] > moments.counts.sum() * moments.floor[:columns]).all():
        raise ValueError("each metric must differ between rankings, got one that is the same for all of them")
    scale = np.sqrt(np.where(variance > 0.0, variance, 1.0))
    unit = covariance / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(unit[columns:, columns:])
    keep = values > 1e-14 * values[-1]  # below this an eigenvalue is rounding
    root = np.sqrt(values[keep])
    design = (root * vectors[:, keep]).T
    solutions = []
    for column in range(columns):
        target = (unit[column, columns:] @ vectors[:, keep]) / root
        solution = nnls(design, target)[0] if non_negative else vectors[:, keep] @ (target / root)
        if not solution.any():
            raise ValueError("each metric must rise with an area, got one that no falling weights correlate with")
        solutions.append(solution / scale[columns:])
    return np.array(solutions)
