"""What hard negative sampling minimises: CVaR and KL worst cases with their duals, lambda*, and surrogate losses."""

from .losses import (
    bce_loss,
    logistic_loss,
    logistic_loss_grad,
    opauc_surrogate,
    opauc_surrogate_grad,
    softmax_loss,
    triplet_loss,
)
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

__all__ = [
    "bce_loss",
    "cvar_dual",
    "cvar_optimal_eta",
    "cvar_value",
    "kl_dro_value",
    "kl_dual",
    "kl_of_weights",
    "kl_temperature",
    "logistic_loss",
    "logistic_loss_grad",
    "opauc_surrogate",
    "opauc_surrogate_grad",
    "softmax_loss",
    "taylor_temperature",
    "tilted_weights",
    "triplet_loss",
]
