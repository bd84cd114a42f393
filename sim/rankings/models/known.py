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

from ...core.validation import check_real
from .base import Codes, Floats, Law, ScoreModel, auc_level, solve_auc, unit
from .sample_kernels import EXPONENTIAL, GUMBEL, LOGISTIC, NORMAL, STUDENT

__all__ = ["Binormal", "GumbelShift", "LogisticShift", "PowerROC", "StudentT"]


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
        return cls(mu=math.sqrt(1.0 + sigma**2) * float(special.ndtri(auc_level(auc))), sigma=sigma)

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        s = unit("fpr", fpr)
        return special.ndtr((self.mu + special.ndtri(s)) / self.sigma)

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) = Phi_2(Phi^-1(beta), mu / sqrt(1 + sigma^2); -1 / sqrt(1 + sigma^2)) by Owen's T function."""
        s = unit("beta", beta)
        scale = math.hypot(1.0, self.sigma)
        value = _bivariate_normal(special.ndtri(s), self.mu / scale, -1.0 / scale)
        value = np.where(s <= 0.0, 0.0, np.where(s >= 1.0, special.ndtr(self.mu / scale), value))
        return value, np.full(s.shape, 1e-15)

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import norm

        return norm(self.mu, self.sigma), norm()

    def _codes(self) -> tuple[Codes, Codes]:
        return (NORMAL, (self.mu, self.sigma)), (NORMAL, (0.0, 1.0))


@dataclass(frozen=True)
class StudentT(ScoreModel):
    """Positives mu + sigma t, negatives t, both with ``df`` degrees of freedom: heavy tails.

    Parameters
    ----------
    df : float
        Degrees of freedom, > 0; the scores have a finite variance only for df > 2.
    mu, sigma : float
        Shift and scale (> 0) of the positives.

    Raises
    ------
    TypeError, ValueError
        For parameters that are not finite numbers or out of range.

    Examples
    --------
    >>> StudentT(2.0, 1.0).has_finite_variance
    False
    """

    df: float = 4.0
    mu: float = 1.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_real("df", self.df, low=0.0, open_low=True)
        check_real("mu", self.mu)
        check_real("sigma", self.sigma, low=0.0, open_low=True)

    @classmethod
    def from_auc(cls, auc: float, *, df: float = 4.0, sigma: float = 1.0) -> Self:
        """The model with a given population AUC in (0, 1), mu found numerically to 1e-10 in the AUC."""
        return cls(df, solve_auc(lambda mu: cls(df, mu, sigma), auc), sigma)

    @property
    def has_finite_variance(self) -> bool:  # noqa: D102
        return self.df > 2.0

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import t

        return t(self.df, self.mu, self.sigma), t(self.df)

    def _codes(self) -> tuple[Codes, Codes]:
        return (STUDENT, (self.mu, self.sigma, self.df)), (STUDENT, (0.0, 1.0, self.df))


@dataclass(frozen=True)
class LogisticShift(ScoreModel):
    """Logistic scores, the positives shifted by mu: logit(TPR) = mu + logit(FPR).

    Parameters
    ----------
    mu : float
        Shift of the positives, |mu| <= 500.

    Raises
    ------
    TypeError, ValueError
        For a shift that is not a finite number or out of range.

    Examples
    --------
    >>> model = LogisticShift.from_auc(0.8)
    >>> round(model.auc, 12)
    0.8
    """

    mu: float = 1.0

    def __post_init__(self) -> None:
        check_real("mu", self.mu, low=-500.0, high=500.0)

    @classmethod
    def from_auc(cls, auc: float) -> Self:
        """The model with a given population AUC in (0, 1), mu found numerically to 1e-10 in the AUC."""
        return cls(solve_auc(cls, auc, 500.0))

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        return special.expit(self.mu + special.logit(unit("fpr", fpr)))

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) = e^mu beta^2 g(c beta), c = e^mu - 1, g(x) = (x - log(1 + x)) / x^2."""
        s = unit("beta", beta)
        x = math.expm1(self.mu) * s
        near = np.abs(x) < 0.01
        far = np.where(near, 1.0, x)
        series = np.polynomial.polynomial.polyval(np.where(near, x, 0.0), [(-1.0) ** i / (i + 2) for i in range(9)])
        with np.errstate(over="ignore"):
            area = math.exp(self.mu) * s * s * np.where(near, series, (far - np.log1p(far)) / far / far)
        return area, 1e-13 * area

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import logistic

        return logistic(self.mu), logistic()

    def _codes(self) -> tuple[Codes, Codes]:
        return (LOGISTIC, (self.mu, 1.0)), (LOGISTIC, (0.0, 1.0))

    def _logit_fpr(self, z: Floats) -> tuple[Floats, Floats]:
        return z - self.mu, np.ones_like(z)


@dataclass(frozen=True)
class GumbelShift(ScoreModel):
    """Gumbel scores, the positives shifted by mu: TPR = 1 - (1 - FPR)^theta, theta = e^mu.

    With Gumbel scores the softmax of the shifts is the law of the top item, as in a Plackett-Luce ranking.

    Parameters
    ----------
    mu : float
        Shift of the positives, |mu| <= 30.

    Raises
    ------
    TypeError, ValueError
        For a shift that is not a finite number or out of range.

    Examples
    --------
    >>> round(GumbelShift.from_auc(0.75).auc, 12)
    0.75
    """

    mu: float = 1.0

    def __post_init__(self) -> None:
        check_real("mu", self.mu, low=-30.0, high=30.0)

    @classmethod
    def from_auc(cls, auc: float) -> Self:
        """The model with a given population AUC in (0, 1): mu = logit(AUC)."""
        return cls(float(special.logit(auc_level(auc))))

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        s = unit("fpr", fpr)
        with np.errstate(divide="ignore"):
            return -np.expm1(math.exp(self.mu) * np.log1p(-s))

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) = beta - (1 - (1 - beta)^(theta + 1)) / (theta + 1)."""
        s = unit("beta", beta)
        power = math.exp(self.mu) + 1.0
        with np.errstate(divide="ignore"):
            return s + np.expm1(power * np.log1p(-s)) / power, 1e-15 * s

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import gumbel_r

        return gumbel_r(self.mu), gumbel_r()

    def _codes(self) -> tuple[Codes, Codes]:
        return (GUMBEL, (self.mu, 1.0)), (GUMBEL, (0.0, 1.0))


@dataclass(frozen=True)
class PowerROC(ScoreModel):
    """Exponential scores, rate 1 for the negatives and theta for the positives: TPR = FPR^theta.

    Also the ROC of ranking by popularity alone where the items' popularity has a Pareto tail of exponent a and
    positives are drawn in proportion to it: theta = (a - 1)/a.

    Parameters
    ----------
    theta : float
        Rate of the positives, > 0 (below 1: better than chance).

    Raises
    ------
    TypeError, ValueError
        For a rate that is not a finite number or not positive.

    Examples
    --------
    >>> round(PowerROC.from_auc(0.8).theta, 12)
    0.25
    """

    theta: float = 0.5

    def __post_init__(self) -> None:
        check_real("theta", self.theta, low=0.0, open_low=True)

    @classmethod
    def from_auc(cls, auc: float) -> Self:
        """The model with a given population AUC in (0, 1): theta = 1/AUC - 1."""
        return cls(1.0 / auc_level(auc) - 1.0)

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        return unit("fpr", fpr) ** self.theta

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) = beta^(1 + theta) / (1 + theta)."""
        area = unit("beta", beta) ** (1.0 + self.theta) / (1.0 + self.theta)
        return area, 1e-15 * area

    def _laws(self) -> tuple[Law, Law]:
        from scipy.stats import expon

        return expon(scale=1.0 / self.theta), expon()

    def _codes(self) -> tuple[Codes, Codes]:
        return (EXPONENTIAL, (self.theta,)), (EXPONENTIAL, (1.0,))


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
