"""Negative samplers, defined once: proved, simulated and trained with.

A sampler looks at a pool of N uniformly drawn negatives and spreads one unit of probability over it.

>>> from sim.sampling import DNS
>>> sampler = DNS(M=5, N=200)
>>> sampler.weights(range(200))[-6:].tolist()
[0.0, 0.2, 0.2, 0.2, 0.2, 0.2]
>>> round(sampler.effective_beta(40_000), 4)
0.0298
"""

from ._base import Sampler, mixture_from_weights
from ._ranks import RankDistribution, rank_distribution, simulate_rank_distribution
from ._samplers import DNS, SoftmaxExact, SoftmaxV, Uniform

__all__ = [
    "DNS",
    "RankDistribution",
    "Sampler",
    "SoftmaxExact",
    "SoftmaxV",
    "Uniform",
    "mixture_from_weights",
    "rank_distribution",
    "simulate_rank_distribution",
]
