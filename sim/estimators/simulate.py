"""Any sampler's bias and variance by simulation, on a score model's population and on one user's scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..core.random import to_seed
from ..core.validation import MOST_SIZE, check_int
from ..rankings import ScoreModel
from ..sampling import Sampler
from ._kernels import population_pools, sample_pools
from ._quadrature import Floats
from .exact import PairMoments, SampleMoments, user_scores
from .population import require_model

__all__ = ["GROUPS", "SimulatedMoments", "simulate_moments", "simulate_sample_moments"]

GROUPS = 64
"""Groups of replicates: their spread gives the standard errors."""


@dataclass(frozen=True)
class SimulatedMoments(PairMoments):
    """Simulated moments, with the groups' own values for comparisons between runs that share their draws.

    Attributes
    ----------
    group_mean, group_within : ndarray of shape (GROUPS, 2)
        ``mean`` and ``within`` of every group of pairs.
    """

    group_mean: Floats = field(default_factory=lambda: np.zeros((GROUPS, 2)), repr=False)
    group_within: Floats = field(default_factory=lambda: np.zeros((GROUPS, 2)), repr=False)


def simulate_moments(
    sampler: Sampler,
    model: ScoreModel,
    *,
    n_pairs: int = 20_000,
    blocks: int = 2,
    rng: np.random.Generator | int | None = None,
) -> SimulatedMoments:
    """Moments of any sampler's estimate from one positive and one pool, both drawn from a score model.

    Parameters
    ----------
    sampler : Sampler
        Any sampler.
    model : ScoreModel
        With scores of finite variance.
    n_pairs : int
        Independent positives, at least 2 * GROUPS; rounded up to a multiple of GROUPS.
    blocks : int
        Pools for each positive, at least 2, which tells the variance within a positive from that between positives.
        Runs with equal seeds and equal ``blocks * sampler.N`` see the same scores, cut into pools differently, so
        their differences have small errors: take them by group.
    rng : Generator, int or None
        Source of randomness (SPEC 7). The result does not depend on the number of threads.

    Returns
    -------
    SimulatedMoments

    Raises
    ------
    TypeError, ValueError
        For a model without finite variance, counts that are too small, or a sampler that does not weigh uniform pools
        by their losses.

    Examples
    --------
    >>> from sim.estimators import dns_moments
    >>> from sim.rankings import Binormal
    >>> from sim.sampling import DNS
    >>> found = simulate_moments(DNS(5, 50), Binormal(), n_pairs=5_000, rng=0)
    >>> exact = dns_moments(DNS(5, 50), Binormal())
    >>> bool((abs(found.mean - exact.mean) < 6 * found.mean_error).all())
    True
    """
    require_model(model)
    sampler.require_losses()
    pairs = _rounded("n_pairs", n_pairs)
    blocks = check_int("blocks", blocks, low=2, most=MOST_SIZE)
    (kind, p), (neg_kind, neg_p) = model._codes()
    pool, neg_pool = model._pools()
    sums = np.zeros((GROUPS, 7))
    population_pools(
        sampler.compiled(), sampler.params_array(), sampler.N, blocks, pairs, np.uint64(to_seed(rng)),
        kind, np.array(p), pool, neg_kind, np.array(neg_p), neg_pool, model._hidden_share(), sums,
    )  # fmt: skip
    sums /= pairs // GROUPS
    mean, mean_square, square = np.hsplit(sums[:, :6], 3)
    # of one pool: total = E x^2 - (E x)^2, within = E x^2 - E x x', x' from another pool of the same positive
    within = (square - mean_square) * blocks / (blocks - 1.0)
    kl, kl_error = _mean(sums[:, 6:])
    centre, error = _mean(mean)
    pooled, pooled_error = _mean(within)
    between, between_error = _mean((square - within - 2.0 * mean * centre + centre**2) * pairs / (pairs - 1.0))
    return SimulatedMoments(
        centre, between, pooled, float(kl[0]), error, between_error, pooled_error, float(kl_error[0]), mean, within
    )


def simulate_sample_moments(
    sampler: Sampler,
    pos_scores: ArrayLike,
    neg_scores: ArrayLike,
    *,
    n_runs: int = 2_000,
    replace: bool = False,
    rng: np.random.Generator | int | None = None,
) -> SampleMoments:
    """Moments of any sampler's estimate of one user's objective and of its gradient, every positive with its own pool.

    Parameters
    ----------
    sampler : Sampler
        Any sampler.
    pos_scores : array_like of shape (n_pos,)
    neg_scores : array_like of shape (n_neg,)
        Finite scores of the user's positives, and of the catalogue's negatives.
    n_runs : int
        Independent estimates, at least 2 * GROUPS; rounded up to a multiple of GROUPS.
    replace : bool
        Whether pools are drawn with replacement.
    rng : Generator, int or None
        Source of randomness (SPEC 7). The result does not depend on the number of threads.

    Returns
    -------
    SampleMoments

    Raises
    ------
    ValueError
        For scores that are empty or not finite, a pool larger than the catalogue drawn without replacement, or too few
        runs.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> whole = simulate_sample_moments(DNS(1, 3), [0.0], [0.0, -1.0, -2.0], n_runs=128, rng=0)
    >>> whole.mean.round(6).tolist(), whole.grad_variance  # Theorem 1: the pool holds all negatives
    ([0.693147, -0.5], 0.0)
    """
    sampler.require_losses()
    pos, neg = user_scores(sampler, pos_scores, neg_scores, replace)
    runs = _rounded("n_runs", n_runs)
    sums, gradients = np.zeros((GROUPS, 6)), np.zeros((GROUPS, pos.size + neg.size))
    sample_pools(
        sampler.compiled(), sampler.params_array(), pos, neg, sampler.N, replace, runs, np.uint64(to_seed(rng)),
        sums, gradients,
    )  # fmt: skip
    sums /= runs // GROUPS
    centre, error = _mean(sums[:, :2])
    kl, kl_error = _mean(sums[:, 5:])
    bessel = runs / (runs - 1.0)
    variance, variance_error = _mean((sums[:, 2:4] - 2.0 * sums[:, :2] * centre + centre**2) * bessel)
    gradient = gradients.sum(axis=0) / runs
    about = sums[:, 4] - 2.0 * gradients @ gradient / (runs // GROUPS) + gradient @ gradient
    spread, spread_error = _mean(about[:, None] * bessel)
    return SampleMoments(
        centre, np.maximum(variance, 0.0), gradient[: pos.size], gradient[pos.size :], max(float(spread[0]), 0.0),
        float(kl[0]), error, variance_error, float(spread_error[0]), float(kl_error[0]), runs,
    )  # fmt: skip


def _rounded(name: str, count: int) -> int:
    return -(-check_int(name, count, low=2 * GROUPS, most=MOST_SIZE) // GROUPS) * GROUPS


def _mean(groups: Floats) -> tuple[Floats, Floats]:
    """Mean over groups and its standard error."""
    return groups.mean(axis=0), groups.std(axis=0, ddof=1) / np.sqrt(groups.shape[0])
