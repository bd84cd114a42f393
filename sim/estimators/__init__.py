"""Negative samplers as estimators of OPAUC(beta): truth, bias and variance, exact beside simulated (T1, T2).

Truth on a score model's population, by quadrature: :func:`population_objective` (the surrogate (9)) and
:func:`robust_objective` (Theorem 2's KL ball). Estimates of it: :func:`dns_moments` (exact),
:func:`simulate_moments` (any sampler). On one user's scores, value and whole gradient:
:func:`dns_sample_moments`, :func:`simulate_sample_moments`. All of it for one sampler and model: :func:`assess`.
How hard a sampler may be and still order the top of the ranking: :func:`hardest_cut`, :func:`hardest_kept` (R1).
The gradient's variance for frozen scores: :func:`dns_spread`, :func:`tilted_spread`, :func:`shared_spread` (V1).
"""

from .assess import Assessment, assess, nominal_beta
from .exact import PairMoments, SampleMoments, dns_moments, dns_sample_moments
from .population import Objective, Robust, leading_bias, matched_beta, population_objective, robust_objective
from .rates import Rate, fit_rate
from .resolution import (
    cut_elasticity,
    hardest_cut,
    hardest_kept,
    hardest_kept_at,
    head_slope,
    model_hardest_cut,
    model_resolution,
    pool_resolution,
    pool_weight,
    resolution,
)
from .simulate import GROUPS, SimulatedMoments, simulate_moments, simulate_sample_moments
from .variance import (
    Spread,
    best_kept,
    dns_spread,
    exact_cut,
    pair_gradients,
    shared_spread,
    tilted_spread,
)

__all__ = [
    "GROUPS",
    "Assessment",
    "Objective",
    "PairMoments",
    "Rate",
    "Robust",
    "SampleMoments",
    "SimulatedMoments",
    "Spread",
    "assess",
    "best_kept",
    "cut_elasticity",
    "dns_moments",
    "dns_sample_moments",
    "dns_spread",
    "exact_cut",
    "fit_rate",
    "hardest_cut",
    "hardest_kept",
    "hardest_kept_at",
    "head_slope",
    "leading_bias",
    "matched_beta",
    "model_hardest_cut",
    "model_resolution",
    "nominal_beta",
    "pair_gradients",
    "pool_resolution",
    "pool_weight",
    "population_objective",
    "resolution",
    "robust_objective",
    "shared_spread",
    "simulate_moments",
    "simulate_sample_moments",
    "tilted_spread",
]
