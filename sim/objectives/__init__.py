"""What hard negative sampling minimises: CVaR, KL and Renyi worst cases with their duals, lambda*, surrogate losses.

Also the losses made for the top K by their populations (:mod:`sim.objectives.topk`), and corrected sampled softmax
(:mod:`sim.objectives.log_q`).
"""

from .log_q import CORRECTIONS, expected_softmax, log_q_softmax
from .losses import (
    bce_loss,
    logistic_loss,
    logistic_loss_grad,
    opauc_surrogate,
    opauc_surrogate_grad,
    softmax_loss,
    triplet_loss,
)
from .renyi import renyi_divergence, renyi_value, renyi_weights
from .robust import (
    cvar_dual,
    cvar_optimal_eta,
    cvar_value,
    kl_dro_value,
    kl_dual,
    kl_of_weights,
    kl_temperature,
    taylor_temperature,
    tilted_weights,
)
from .topk import (
    ACTIVATIONS,
    bsl_minimiser,
    bsl_risk,
    ccl_minimiser,
    collapse_margin,
    psl_risk,
    sampled_quantile_rank,
)

__all__ = [
    "ACTIVATIONS",
    "CORRECTIONS",
    "bce_loss",
    "bsl_minimiser",
    "bsl_risk",
    "ccl_minimiser",
    "collapse_margin",
    "cvar_dual",
    "cvar_optimal_eta",
    "cvar_value",
    "expected_softmax",
    "kl_dro_value",
    "kl_dual",
    "kl_of_weights",
    "kl_temperature",
    "log_q_softmax",
    "logistic_loss",
    "logistic_loss_grad",
    "opauc_surrogate",
    "opauc_surrogate_grad",
    "psl_risk",
    "renyi_divergence",
    "renyi_value",
    "renyi_weights",
    "sampled_quantile_rank",
    "softmax_loss",
    "taylor_temperature",
    "tilted_weights",
    "triplet_loss",
]
