"""Negative samplers, defined once: proved, simulated and trained with.

A sampler draws a pool of N negatives, uniformly or by popularity, and spreads one unit of probability over it.

>>> from sim.sampling import DNS
>>> sampler = DNS(M=5, N=200)
>>> sampler.weights(range(200))[-6:].tolist()
[0.0, 0.2, 0.2, 0.2, 0.2, 0.2]
>>> round(sampler.effective_beta(40_000), 4)
0.0298
>>> parse("DNS(5, 200)") == sampler
True
"""

from .adaptive import AOBPR, IRGAN, AdaSIR, Kernel
from .base import Refresh, Sampler, mixture_from_weights
from .ranked import AHNS, WARP, TopKOptimal
from .ranks import RankDistribution, rank_distribution, simulate_rank_distribution
from .samplers import DNS, NonSampling, Softmax, SoftmaxExact, SoftmaxV, Uniform, popularity, pris
from .spec import parse

__all__ = [
    "AHNS",
    "AOBPR",
    "DNS",
    "IRGAN",
    "WARP",
    "AdaSIR",
    "Kernel",
    "NonSampling",
    "RankDistribution",
    "Refresh",
    "Sampler",
    "Softmax",
    "SoftmaxExact",
    "SoftmaxV",
    "TopKOptimal",
    "Uniform",
    "mixture_from_weights",
    "parse",
    "popularity",
    "pris",
    "rank_distribution",
    "simulate_rank_distribution",
]
