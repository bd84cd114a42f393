"""Where a sampler's probability falls over the ranks of all negatives, by Monte Carlo, for any sampler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._random import to_seed
from .._validation import check_int, losses_array
from ._base import Sampler, mixture_from_weights
from ._simulate_kernels import pools_by_rank

__all__ = ["RankDistribution", "simulate_rank_distribution"]

_BLOCKS = 64


@dataclass(frozen=True)
class RankDistribution:
    """Monte Carlo estimate of a rank distribution.

    Attributes
    ----------
    probability : ndarray of shape (n,)
        Mean sampling probability on each rank, hardest first; sums to one.
    standard_error : ndarray of shape (n,)
        Standard error of each entry over pools.
    n_pools : int
        Pools drawn.
    """

    probability: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    n_pools: int

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Cumulative sampling probability over ranks (the curves of Fig. 7)."""
        return np.cumsum(self.probability)

    @property
    def effective_beta(self) -> float:
        """Mean beta of the OPAUC mixture that has these rank weights."""
        mixture = mixture_from_weights(self.probability)
        return float(mixture @ np.arange(1, mixture.size + 1)) / mixture.size


def simulate_rank_distribution(
    sampler: Sampler,
    losses: ArrayLike,
    *,
    n_pools: int = 10_000,
    replace: bool = False,
    rng: np.random.Generator | int | None = None,
) -> RankDistribution:
    """Draw pools from all negatives and average the sampler's weights by rank.

    Averaging the weights instead of counting draws from them removes one layer of noise.

    Parameters
    ----------
    sampler : Sampler
        Any sampler.
    losses : array_like of shape (n,)
        Losses of all negatives of one (user, positive) pair, in any order.
    n_pools : int
        Number of pools, >= 2.
    replace : bool
        Whether pools are drawn with replacement.
    rng : Generator, int or None
        Source of randomness (SPEC 7). The result does not depend on the number of threads.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> estimate = simulate_rank_distribution(DNS(1, 2), [0.1, 0.5, 0.3], n_pools=20_000, rng=0)
    >>> bool(abs(estimate.probability[0] - 2 / 3) < 5 * estimate.standard_error[0])
    True
    """
    array = losses_array(losses)
    if array.ndim != 1:
        raise ValueError(f"losses must be 1-D, got shape {array.shape}")
    if not replace and array.size < sampler.N:
        raise ValueError(f"losses must have >= N={sampler.N} entries without replacement, got {array.size}")
    pools = check_int("n_pools", n_pools, low=2)
    by_rank = np.sort(array)[::-1].copy()
    first = np.zeros((_BLOCKS, array.size))
    second = np.zeros_like(first)
    seed = np.uint64(to_seed(rng))
    loop = sampler.bind(pools_by_rank)
    loop(sampler.kind, sampler.params_array(), by_rank, sampler.N, replace, pools, seed, first, second)
    mean = first.sum(axis=0) / pools
    variance = np.maximum(second.sum(axis=0) / pools - mean**2, 0.0)
    return RankDistribution(mean, np.sqrt(variance / (pools - 1)), pools)
