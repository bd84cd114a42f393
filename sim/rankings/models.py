"""Score models with a known population truth (claims F6, G2 beyond random rankings).

Each model is a frozen dataclass with :meth:`~ScoreModel.tpr`, :meth:`~ScoreModel.opauc` (closed form or quadrature
with an error estimate), :meth:`~ScoreModel.sample`, and a constructor ``from_auc`` that sets the separation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .._validation import check_real
from ._model_base import Floats, Law, ScoreModel, _unit
from ._sample_kernels import NORMAL

__all__ = ["Binormal"]


def _auc_level(auc: float, low: float = 0.0) -> float:
    auc = check_real("auc", auc, low=low, high=1.0, open_low=True)
    if auc == 1.0:
        raise ValueError("auc must be below 1, got 1")
    return auc


@dataclass(frozen=True)
class Binormal(ScoreModel):
    """Positives N(mu, sigma^2), negatives N(0, 1): TPR = Phi(a + b Phi^-1(FPR)), a = mu/sigma, b = 1/sigma.

    Parameters
    ----------
    mu : float
        Shift of the positives.
    sigma : float
        Standard deviation of the positives, > 0 (1: equal variances).

    Raises
    ------
    TypeError, ValueError
        For parameters that are not finite numbers or out of range.

    Examples
    --------
    >>> model = Binormal.from_auc(0.8)
    >>> round(model.auc, 12), round(float(model.opauc(0.1)), 4)
    (0.8, 0.0303)
    """

    mu: float = 1.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_real("mu", self.mu)
        check_real("sigma", self.sigma, low=0.0, open_low=True)

    @classmethod
    def from_auc(cls, auc: float, *, sigma: float = 1.0) -> Self:
        """The model with a given population AUC in (0, 1): mu = sqrt(1 + sigma^2) Phi^-1(AUC)."""
        sigma = check_real("sigma", sigma, low=0.0, open_low=True)
        return cls(mu=math.sqrt(1.0 + sigma**2) * float(special.ndtri(_auc_level(auc))), sigma=sigma)

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        s = _unit("fpr", fpr)
        return special.ndtr((self.mu + special.ndtri(s)) / self.sigma)

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) = Phi_2(Phi^-1(beta), mu / sqrt(1 + sigma^2); -1 / sqrt(1 + sigma^2)) by Owen's T function."""
        s = _unit("beta", beta)
        scale = math.hypot(1.0, self.sigma)
        value = _bivariate_normal(special.ndtri(s), self.mu / scale, -1.0 / scale)
        value = np.where(s <= 0.0, 0.0, np.where(s >= 1.0, special.ndtr(self.mu / scale), value))
        return value, np.full(s.shape, 1e-15)

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import norm

        return norm(self.mu, self.sigma), norm()

    def _codes(self):  # type: ignore[no-untyped-def]
        return (NORMAL, (self.mu, self.sigma)), (NORMAL, (0.0, 1.0))


def _bivariate_normal(h: Floats, k: float, rho: float) -> Floats:
    """Pr(X <= h, Y <= k) for standard normals of correlation rho, |rho| < 1, finite k (Owen 1956)."""
    root = math.sqrt((1.0 - rho) * (1.0 + rho))
    h = np.clip(h, -40.0, 40.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = special.owens_t(h, (k / h - rho) / root)
        second = special.owens_t(k, (h / np.float64(k) - rho) / root)
    # T(0, +-inf) = +-1/4, with the sign of the other argument.
    first = np.where(h == 0.0, 0.25 * np.sign(k), first)
    second = np.where(k == 0.0, 0.25 * np.sign(h), second)
    opposite = (h * k < 0.0) | ((h * k == 0.0) & (h + k < 0.0))
    value = 0.5 * (special.ndtr(h) + special.ndtr(k)) - first - second - 0.5 * opposite
    return np.where((h == 0.0) & (k == 0.0), 0.25 + math.asin(rho) / (2.0 * math.pi), value)
