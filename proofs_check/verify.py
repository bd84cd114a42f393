"""Checks for any object with the Sampler interface: is it a law, what is it based on, which OPAUCs does it optimise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.core.random import to_seed
from sim.core.validation import check_int, losses_array
from sim.objectives import logistic_loss
from sim.sampling import Sampler, mixture_from_weights, simulate_rank_distribution

from .tally import z_limit

__all__ = ["InvalidSamplerError", "SamplerReport", "verify_sampler"]

TOLERANCE = 1e-9
FALSE_ALARM = 1e-6
"""Chance that a statistical comparison rejects a correct sampler, for each of the two comparisons."""


class InvalidSamplerError(ValueError):
    """The weights are no probability law on some pool; ``pool`` and ``weights`` hold the case."""

    def __init__(self, message: str, pool: NDArray[np.float64], weights: Any) -> None:
        super().__init__(message)
        self.pool = pool
        self.weights = weights


@dataclass(frozen=True)
class SamplerReport:
    """What :func:`verify_sampler` found.

    Attributes
    ----------
    name : str
        The sampler.
    N, n_neg : int
        Pool size, and number of negatives over which the rank distribution was taken.
    pools : int
        Pools on which the weights were checked to be a probability law.
    equivariant : bool
        Reordering the pool reorders the weights (up to the breaking of ties).
    rank_monotone : bool
        A harder negative of the pool never gets less weight than an easier one.
    order_only : bool
        The weights depend on the order of the losses only: they do not change under increasing transforms.
    declares_rank_based : bool
        The sampler's own ``rank_based``.
    kernel_agrees : bool or None
        The compiled kernel that the trainer runs gives the weights of ``weights``; None where there is none.
    draws_agree : bool or None
        Frequencies of ``draw`` agree with the weights; None where there is no ``draw``.
    rank_distribution : ndarray of shape (n_neg,)
        Share of the sampling probability on each rank among all negatives, hardest first.
    exact : bool
        Whether it is the sampler's closed form; else it was simulated.
    distribution_agrees : bool or None
        The closed form agrees with simulated pools; None where there is no closed form.
    mass : float
        Mean total weight of a pool: 1 for laws; less for sequential samplers.
    mixture : ndarray of shape (n_neg,)
        Weights of OPAUC(k / n_neg), k = 1..n_neg, in the objective the sampler optimises on average, over ``mass``.
    effective_beta : float
        Mean of beta under the mixture; above 1 only where it is no mixture.
    is_mixture : bool
        No weight of the mixture is negative (beyond the simulation's noise).
    problems : tuple of str
        What is wrong, one line each with the case that showed it; empty if all is well.
    """

    name: str
    N: int
    n_neg: int
    pools: int
    equivariant: bool
    rank_monotone: bool
    order_only: bool
    declares_rank_based: bool
    kernel_agrees: bool | None
    draws_agree: bool | None
    rank_distribution: NDArray[np.float64]
    exact: bool
    distribution_agrees: bool | None
    mass: float
    mixture: NDArray[np.float64]
    effective_beta: float
    is_mixture: bool
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong. (Not being rank-monotone, or depending on the losses, is a property and not wrong.)"""
        return not self.problems

    def __str__(self) -> str:
        yes = {True: "yes", False: "no", None: "not there"}
        source = "closed form" if self.exact else "simulated"
        law = "yes" if self.mass == 1.0 else f"no, and need not be: {self.mass:.3g} of a unit of weight on average"
        lines = [
            f"{self.name}: {'ok' if self.ok else 'NOT ok'}",
            f"  a probability law on {self.pools} pools: {law}",
            f"  permutation equivariant: {yes[self.equivariant]}",
            f"  harder never gets less: {yes[self.rank_monotone]}",
            f"  depends on the order only: {yes[self.order_only]} (declared: {yes[self.declares_rank_based]})",
            f"  kernel = weights: {yes[self.kernel_agrees]}; draws = weights: {yes[self.draws_agree]}",
            f"  optimises, over {self.n_neg} negatives ({source}): "
            + (
                f"a mixture of OPAUC(beta) of mean beta {self.effective_beta:.4g}"
                if self.is_mixture
                else "no mixture of OPAUCs, as weights rise with rank"
            ),
        ]
        return "\n".join([*lines, *(f"  problem: {p}" for p in self.problems)])


def verify_sampler(
    sampler: Any,
    *,
    n_neg: int = 200,
    losses: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    n_pools: int = 4000,
    rng: np.random.Generator | int | None = 0,
) -> SamplerReport:
    """Check a sampler and say which mixture of OPAUCs it optimises.

    Parameters
    ----------
    sampler : object
        Anything with ``N`` and ``weights(losses)``, where losses has shape (..., n); ``draw``, ``rank_distribution``,
        ``rank_based`` and a compiled kernel (of :class:`sim.sampling.Sampler`) are checked where they exist.
    n_neg : int
        Number of negatives for the rank distribution, raised to N where it is smaller. Not used with ``losses``.
    losses : array_like of shape (n,), optional
        Losses of all negatives, or their margins for samplers by score, where the law depends on them; by default those
        of normal scores at a positive of score 0.
    counts : array_like of shape (n,), optional
        Train pairs of each negative, for pools drawn by popularity; by default, falling like 1/rank, in random order.
    n_pools : int
        Pools to simulate, >= 100.
    rng : Generator, int or None
        Source of randomness (SPEC 7).

    Returns
    -------
    SamplerReport

    Raises
    ------
    InvalidSamplerError
        If the weights are negative, do not sum to 1, are not finite or have the wrong shape on some pool; the message
        shows the pool. A ValueError.
    TypeError
        If there is no ``weights`` method or no integer ``N``.
    ValueError
        For a sampler with a memory: its law is that of what it remembers.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> report = verify_sampler(DNS(2, 5), n_neg=50, n_pools=500)
    >>> report.ok, report.order_only, round(report.effective_beta, 4)
    (True, True, 0.49)
    """
    if not callable(getattr(sampler, "weights", None)) or not hasattr(sampler, "N"):
        raise TypeError(f"sampler must have N and weights(losses), got {type(sampler).__name__}")
    size = check_int("sampler.N", sampler.N, low=1)
    n_pools = check_int("n_pools", n_pools, low=100)
    generator = np.random.default_rng(to_seed(rng))
    if getattr(sampler, "adaptive", False):
        raise ValueError(f"sampler must have no memory, got {sampler}: its pools come from the trained model")
    by_score, sequential = (bool(getattr(sampler, name, False)) for name in ("by_score", "sequential"))
    everything = _all_losses(losses, max(check_int("n_neg", n_neg, low=1), size), size, by_score)
    problems: list[str] = []
    tested = 0
    equivariant = monotone = order_only = True
    agrees: bool | None = None
    declared = bool(getattr(sampler, "rank_based", False))
    for pool in _test_pools(size, generator, by_score):
        w = _law(sampler, pool)
        tested += 1
        if not np.array_equal(w, _law(sampler, pool)):
            problems.append(f"weights must be the same for the same pool, got two answers on {_show(pool)}")
        if equivariant and not sequential and not _same_by_value(pool, w, pool[::-1], _law(sampler, pool[::-1])):
            equivariant = False
            problems.append(f"reversing the pool must reverse the weights, got {_show(w)} on {_show(pool)}")
        if np.unique(pool).size == pool.size:  # order is defined
            order = np.argsort(-pool)
            monotone &= bool((np.diff(w[order]) <= TOLERANCE).all())
            ranks = np.argsort(np.argsort(pool)).astype(float)
            for other in (ranks, np.expm1(3.0 * ranks / size), np.sqrt(ranks + 1.0)):
                if order_only and not np.allclose(_law(sampler, other), w, atol=TOLERANCE):
                    order_only = False
                    if declared:
                        problems.append(
                            "rank_based must be False for weights that depend on more than the order, "
                            f"got {_show(w)} on {_show(pool)} and {_show(_law(sampler, other))} on {_show(other)}"
                        )
        if isinstance(sampler, Sampler):
            found = _kernel_weights(sampler, pool)
            if not np.allclose(found, w, atol=TOLERANCE):
                agrees = False
                problems.append(f"kernel must give {_show(w)} on the pool {_show(pool)}, got {_show(found)}")
            agrees = agrees is not False
    drawn = None if sequential else _check_draws(sampler, size, generator, problems)
    law, error, exact, same = _distribution(sampler, everything, counts, n_pools, generator, problems)
    n, mass = law.size, float(law.sum()) if sequential else 1.0
    one, noise = (law / mass, error / mass) if mass else (law, error)
    mixture = mixture_from_weights(one)
    # harder never gets less on every pool, hence on average; but popular items may be the easy ones
    always = monotone and getattr(sampler, "proposal", "uniform") == "uniform"
    return SamplerReport(
        name=str(sampler),
        N=size,
        n_neg=n,
        pools=tested,
        equivariant=equivariant and not sequential,
        rank_monotone=monotone,
        order_only=order_only,
        declares_rank_based=declared,
        kernel_agrees=agrees,
        draws_agree=drawn,
        rank_distribution=law,
        exact=exact,
        distribution_agrees=same,
        mass=mass,
        mixture=mixture,
        effective_beta=float(mixture @ np.arange(1, n + 1)) / n,
        is_mixture=_is_mixture(mixture, one, noise, exact, always),
        problems=tuple(problems),
    )


def _all_losses(losses: ArrayLike | None, n: int, size: int, by_score: bool) -> NDArray[np.float64]:
    if losses is None:
        scores = np.random.default_rng(1).normal(size=n)
        return scores if by_score else np.asarray(logistic_loss(-scores))
    array = losses_array(losses)
    if array.ndim != 1 or array.size < size:
        raise ValueError(f"losses must be 1-D with at least N={size} entries, got shape {array.shape}")
    return array


def _test_pools(size: int, rng: np.random.Generator, by_score: bool) -> Iterator[Any]:
    """Smooth, tied, constant, nearly constant, one outlier, huge, tiny; also a pool cut short.

    Losses are >= 0; margins are on either side of it.
    """
    for pool in _test_losses(size, rng):
        if not by_score:
            yield pool
        elif not 0 < pool.max() < 1e-9:  # to a target score such margins are all the same
            yield pool - 0.75 * pool.max()


def _test_losses(size: int, rng: np.random.Generator) -> Iterator[Any]:
    yield np.arange(size, 0, -1.0)
    yield np.ones(size)
    yield np.arange(size) // 2 * 1.0
    yield 1.0 + 1e-9 * rng.permutation(size)
    yield np.where(np.arange(size) == size - 1, 50.0, 0.1)
    for extreme in (1e300, 1e-300):
        yield np.asarray(extreme * rng.random(size), dtype=np.float64)
    yield np.zeros(1)
    for scale in (1e-3, 1.0, 30.0):
        for _ in range(8):
            yield np.asarray(logistic_loss(rng.normal(size=size) * scale))


def _law(sampler: Any, pool: NDArray[np.float64]) -> NDArray[np.float64]:
    w = np.asarray(sampler.weights(pool))
    if w.shape != pool.shape:
        raise InvalidSamplerError(
            f"weights must have the shape {pool.shape} of the pool, got {w.shape} on {_show(pool)}", pool, w
        )
    if w.dtype.kind not in "fiu" or not np.isfinite(w).all():
        raise InvalidSamplerError(f"weights must be finite numbers, got {_show(w)} on the pool {_show(pool)}", pool, w)
    if w.min() < 0:
        raise InvalidSamplerError(
            f"weights must be non-negative, got {w.min():g} at position {int(w.argmin())} on the pool {_show(pool)}",
            pool,
            w,
        )
    if getattr(sampler, "sequential", False):
        if w.sum() > 1.0 + TOLERANCE:
            raise InvalidSamplerError(f"weights must sum to at most 1, got {w.sum():.12g} on {_show(pool)}", pool, w)
    elif abs(w.sum() - 1.0) > TOLERANCE:
        raise InvalidSamplerError(f"weights must sum to 1, got {w.sum():.12g} on the pool {_show(pool)}", pool, w)
    return w.astype(np.float64)


def _same_by_value(pool: Any, w: Any, other_pool: Any, other: Any) -> bool:
    """Total weight on every distinct loss is the same: tied entries may share it in any way."""
    values, place = np.unique(pool, return_inverse=True)
    _, other_place = np.unique(other_pool, return_inverse=True)
    return np.allclose(np.bincount(place, w, values.size), np.bincount(other_place, other, values.size), atol=TOLERANCE)


def _kernel_weights(sampler: Sampler, pool: NDArray[np.float64]) -> NDArray[np.float64]:
    idx, w, out = np.empty(pool.size, np.int64), np.empty(pool.size), np.zeros(pool.size)
    count = sampler.kernel(pool, sampler.params_array(), idx, w)
    np.add.at(out, idx[:count], w[:count])
    return out


def _check_draws(sampler: Any, size: int, rng: np.random.Generator, problems: list[str]) -> bool | None:
    if not callable(getattr(sampler, "draw", None)):
        return None
    pool = np.asarray(logistic_loss(rng.normal(size=size)))
    w, draws = _law(sampler, pool), 20_000
    got = np.bincount(sampler.draw(pool, draws, rng=rng), minlength=size)
    often = w * draws >= 20
    spread = np.sqrt(draws * w * (1.0 - w))
    z = np.abs(got - draws * w)[often & (spread > 0)] / spread[often & (spread > 0)]
    if (got[w == 0] > 0).any() or (z > z_limit(FALSE_ALARM, size)).any():
        problems.append(
            f"draw must follow the weights, got frequencies {_show(got / draws)} for {_show(w)} on {_show(pool)}"
        )
        return False
    return True


def _distribution(
    sampler: Any,
    losses: NDArray[np.float64],
    counts: ArrayLike | None,
    n_pools: int,
    rng: np.random.Generator,
    problems: list[str],
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool, bool | None]:
    """Rank distribution, its standard error, whether it is exact, and whether it agrees with simulation."""
    if isinstance(sampler, Sampler):
        if counts is None and sampler.proposal != "uniform":
            counts = rng.permutation(np.ceil(losses.size / np.arange(1, losses.size + 1)))
        estimate = simulate_rank_distribution(sampler, losses, counts=counts, n_pools=n_pools, rng=rng)
        found, error = estimate.probability, estimate.standard_error
    else:
        found, error = _simulate(sampler, losses, n_pools, rng)
    try:
        law = np.asarray(sampler.rank_distribution(losses.size), dtype=np.float64)
    except (AttributeError, ValueError):
        return found, error, False, None
    if law.shape != losses.shape or law.min() < 0 or abs(law.sum() - 1.0) > 1e-8:
        problems.append(
            f"rank_distribution must be a law on {losses.size} ranks, got shape {law.shape}, sum {law.sum():.9g}"
        )
        return found, error, False, False
    often = (law * n_pools > 50) & (error > 0)
    z = np.abs(found - law)[often] / error[often]
    same = not (z > z_limit(FALSE_ALARM, losses.size)).any()
    if not same:
        rank = int(np.flatnonzero(often)[z.argmax()])
        problems.append(
            f"rank_distribution must agree with the weights, got {law[rank]:.5g} for rank {rank + 1}, simulated "
            f"{found[rank]:.5g}"
        )
        return found, error, False, False
    return law, np.zeros_like(law), True, True


def _is_mixture(mixture: Any, law: Any, error: Any, exact: bool, monotone: bool) -> bool:
    if exact:
        return bool((mixture >= -1e-9).all())
    if monotone:  # on every pool, hence on average; differences of simulated weights would be noise
        return True
    n = law.size
    rises = mixture / np.arange(1, n + 1) < -5.0 * np.hypot(error, np.append(error[1:], 0.0)) - 1e-9
    # weights that do not rise with rank have a cumulative law above the diagonal
    below = np.cumsum(law) - np.arange(1, n + 1) / n < -5.0 * np.sqrt(np.cumsum(error**2)) - 1e-9
    return not (rises.any() or below.any())


def _simulate(sampler: Any, losses: NDArray[np.float64], n_pools: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Mean and standard error of the weight on every rank, for objects that are no :class:`Sampler`."""
    ranked = np.sort(losses)[::-1]
    size = int(sampler.N)
    first, second = np.zeros(losses.size), np.zeros(losses.size)
    for _ in range(n_pools):
        pool = rng.choice(losses.size, size, replace=False)
        w = _law(sampler, ranked[pool])
        first[pool] += w
        second[pool] += w * w
    mean = first / n_pools
    return mean, np.sqrt(np.maximum(second / n_pools - mean**2, 0.0) / (n_pools - 1))


def _show(values: Any) -> str:
    shown = ", ".join(f"{v:.6g}" for v in np.asarray(values, dtype=float).ravel()[:12])
    return f"[{shown}{', ...' if np.size(values) > 12 else ''}]"
