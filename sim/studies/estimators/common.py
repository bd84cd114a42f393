"""What the estimator studies share: the samplers at a nominal beta, the score models, and rows of moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...estimators import Objective, PairMoments, dns_moments, simulate_moments
from ...rankings import (
    BetaScores,
    Binormal,
    FalseNegatives,
    GumbelShift,
    LogisticShift,
    PopularitySkewed,
    PowerROC,
    ScoreModel,
    StudentT,
)
from ...sampling import DNS, Sampler, SoftmaxExact, SoftmaxV

__all__ = ["MODELS", "QUANTITIES", "SAMPLERS", "at_beta", "moments", "moments_rows"]

SAMPLERS = ("DNS", "Softmax-exact", "Softmax-v")
QUANTITIES = ("value", "slope")
"""The objective, and its derivative when all positives' scores are raised together."""

MODELS: dict[str, Callable[[float], ScoreModel]] = {
    "beta": BetaScores.from_auc,
    "binormal": Binormal.from_auc,
    "false-negatives": FalseNegatives.from_auc,
    "popularity": PopularitySkewed.from_auc,
    "logistic": LogisticShift.from_auc,
    "gumbel": GumbelShift.from_auc,
    "power": PowerROC.from_auc,
    "student-t": StudentT.from_auc,
}
"""Name to constructor by AUC, at the default shapes, roughly from light to heavy tails of the negatives' scores."""


def at_beta(name: str, beta: float, size: int) -> Sampler:
    """The sampler on pools of ``size`` whose nominal FPR limit is ``beta``: M = beta N, or rho = -log(beta)."""
    if name == "DNS":
        kept = round(beta * size)
        if abs(kept - beta * size) > 1e-9 * size:
            raise ValueError(f"beta * N must be an integer for DNS, got {beta * size:g}")
        return DNS(kept, size)
    return (SoftmaxExact if name == "Softmax-exact" else SoftmaxV)(-math.log(beta), size)


def moments(sampler: Sampler, model: ScoreModel, n_pairs: int, seed: int, blocks: int = 2) -> PairMoments:
    """Exact moments for DNS, simulated ones for the others."""
    if isinstance(sampler, DNS):
        return dns_moments(sampler, model)
    return simulate_moments(sampler, model, n_pairs=n_pairs, blocks=blocks, rng=seed)


def moments_rows(found: PairMoments, truth: Objective, **names: Any) -> list[dict[str, Any]]:
    """One row for the value and one for the slope: truth, mean, bias, the two variances, KL, each with its error."""
    return [
        {
            **names,
            "quantity": quantity,
            "truth": truth.value[q],
            "truth_error": truth.error[q],
            "mean": found.mean[q],
            "mean_error": found.mean_error[q],
            "bias": found.mean[q] - truth.value[q],
            "between": found.between[q],
            "between_error": found.between_error[q],
            "within": found.within[q],
            "within_error": found.within_error[q],
            "kl": found.kl,
            "kl_error": found.kl_error,
        }
        for q, quantity in enumerate(QUANTITIES)
    ]
