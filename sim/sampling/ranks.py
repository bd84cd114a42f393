"""Where a sampler's probability falls over the ranks of all negatives: exact where it can be, else by Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.random import to_seed
from ..core.validation import MOST_SIZE, check_finite, check_int, losses_array
from .base import Sampler
from .kernels.simulate import pools_by_rank
from .proposals import proposal_arrays

__all__ = ["RankDistribution", "rank_distribution", "simulate_rank_distribution"]

_BLOCKS = 64


@dataclass(frozen=True)
class RankDistribution:
    """Law of the rank of a sampled negative among all, exact or estimated.

    Attributes
    ----------
    probability : ndarray of shape (n,)
        Mean sampling probability on each rank, hardest first; sums to one, for WARP to the mean weight of a pair.
    standard_error, cumulative_error : ndarray of shape (n,)
        Standard error of each entry, and of each entry of :attr:`cumulative`, over pools; 0 where exact.
    effective_beta_error : float
        Standard error of :attr:`effective_beta`.
    n_pools : int
        Pools drawn; 0 where exact.
    """

    probability: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    cumulative_error: NDArray[np.float64]
    effective_beta_error: float
    n_pools: int

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Cumulative sampling probability over ranks (the curves of Fig. 7)."""
        return np.cumsum(self.probability)

    @property
    def effective_beta(self) -> float:
        """Mean beta of the OPAUC mixture that has these rank weights: (2 E[rank] - 1) / n, by summing by parts."""
        total = self.probability.sum()
        return float(_twice_mean_rank(self.probability) / total - 1.0) / self.probability.size if total > 0 else np.nan


def rank_distribution(
    sampler: Sampler,
    losses: ArrayLike | int,
    *,
    n_pools: int = 10_000,
    replace: bool = False,
    rng: np.random.Generator | int | None = None,
) -> RankDistribution:
    """Law of the rank of a sampled negative, and with it the effective beta, of any sampler.

    Exact for samplers that know their law over ranks (Uniform, DNS; no ties) and for a pool of all negatives; else from
    simulated pools, see :func:`simulate_rank_distribution`.

    Parameters
    ----------
    sampler : Sampler
        Any but those that follow the model (AdaSIR, AOBPR, Kernel, IRGAN): their law is not one of a pair's losses.
    losses : array_like of shape (n,), or int
        Losses of all negatives of one (user, positive) pair, in any order; for samplers that know their law, n.
    n_pools, replace, rng
        As in :func:`simulate_rank_distribution`.

    Returns
    -------
    RankDistribution

    Raises
    ------
    TypeError, ValueError
        As in :func:`simulate_rank_distribution`; also for a number n where the law depends on the losses.

    Notes
    -----
    For DNS(M, N) on pools without replacement the effective beta is ((M + 1)(n + 1)/(N + 1) - 1)/n, near
    (M + 1)/(N + 1) and not M/N: no pool of N is harder than 2/(N + 1).

    Examples
    --------
    >>> from sim.sampling import DNS, SoftmaxV
    >>> round(rank_distribution(DNS(5, 200), 40_000).effective_beta, 4)
    0.0298
    >>> law = rank_distribution(SoftmaxV(1.0, 200), np.linspace(0.0, 3.0, 200))
    >>> law.n_pools, round(law.effective_beta, 3)
    (0, 0.394)
    """
    _refuse_adaptive(sampler)
    if np.ndim(losses) == 0:
        n = check_int("losses", losses, low=1, most=MOST_SIZE)
        exact = sampler.rank_distribution(n, replace=replace)
    else:
        array = _all_losses(losses)
        known = type(sampler).rank_distribution is not Sampler.rank_distribution and sampler.proposal == "uniform"
        if known and np.unique(array).size == array.size:
            exact = sampler.rank_distribution(array.size, replace=replace)
        elif array.size == sampler.N and not replace and sampler.proposal == "uniform":
            exact = sampler.weights(np.sort(array)[::-1])
        else:
            return simulate_rank_distribution(sampler, array, n_pools=n_pools, replace=replace, rng=rng)
    zeros = np.zeros(exact.size)
    return RankDistribution(exact, zeros, zeros, 0.0, 0)


def simulate_rank_distribution(
    sampler: Sampler,
    losses: ArrayLike,
    *,
    n_pools: int = 10_000,
    replace: bool = False,
    counts: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> RankDistribution:
    """Draw pools from all negatives and average the sampler's weights by rank.

    Averaging the weights instead of counting draws from them removes one layer of noise. Where there is an exact law,
    :func:`rank_distribution` takes it instead.

    Parameters
    ----------
    sampler : Sampler
        As in :func:`rank_distribution`.
    losses : array_like of shape (n,)
        Losses of all negatives of one (user, positive) pair, in any order; margins for samplers by score.
    n_pools : int
        Number of pools, >= 2.
    replace : bool
        Whether pools are drawn with replacement.
    counts : array_like of shape (n,), optional
        Train pairs of each of these negatives, for samplers with a proposal by popularity.
    rng : Generator, int or None
        Source of randomness (SPEC 7). The result does not depend on the number of threads.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> estimate = simulate_rank_distribution(DNS(1, 2), [0.1, 0.5, 0.3], n_pools=20_000, rng=0)
    >>> bool(abs(estimate.probability[0] - 2 / 3) < 5 * estimate.standard_error[0])
    True
    """
    array = _all_losses(losses)
    _refuse_adaptive(sampler)
    order = np.argsort(-array, kind="stable")
    by_rank = array[order]
    if not replace and by_rank.size < sampler.N:
        raise ValueError(f"losses must have >= N={sampler.N} entries without replacement, got {by_rank.size}")
    pools = check_int("n_pools", n_pools, low=2, most=MOST_SIZE)
    proposal = proposal_arrays(sampler.proposal, None if counts is None else _counts(counts, array.size)[order])
    blocks = min(_BLOCKS, pools)
    first = np.zeros((blocks, by_rank.size))
    second = np.zeros_like(first)
    seed = np.uint64(to_seed(rng))
    pools_by_rank(
        sampler.compiled(), sampler.params_array(), by_rank, proposal, sampler.corrected, sampler.N, replace, pools,
        seed, first, second,
    )  # fmt: skip
    mean = first.sum(axis=0) / pools
    variance = np.maximum(second.sum(axis=0) / pools - mean**2, 0.0)
    # a cumulative sum and a mean rank depend on a pool's weights jointly: their errors come from the blocks' spread
    first -= np.diff(np.arange(blocks + 1) * pools // blocks)[:, None] * mean
    scale = np.sqrt(blocks / (blocks - 1)) / pools
    beta_error = scale * float(np.linalg.norm(_twice_mean_rank(first))) / by_rank.size / max(mean.sum(), 1e-300)
    cumulative_error = scale * np.linalg.norm(np.cumsum(first, axis=1, out=first), axis=0)
    return RankDistribution(mean, np.sqrt(variance / (pools - 1)), cumulative_error, beta_error, pools)


def _refuse_adaptive(sampler: Sampler) -> None:
    if sampler.adaptive:
        name = type(sampler).__name__
        raise ValueError(f"sampler must weigh pools by their losses, got {name}, which draws by the model")


def _all_losses(losses: ArrayLike) -> NDArray[np.float64]:
    array = losses_array(losses)
    if array.ndim != 1:
        raise ValueError(f"losses must be 1-D, got shape {array.shape}")
    return array


def _counts(counts: ArrayLike, n: int) -> NDArray[np.float64]:
    array = check_finite("counts", np.asarray(counts, dtype=np.float64))
    if array.shape != (n,) or array.min() < 0:
        raise ValueError(f"counts must be {n} numbers >= 0, one for each loss, got shape {array.shape}")
    return array


def _twice_mean_rank(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return probability @ (2.0 * np.arange(1, probability.shape[-1] + 1))
