"""Two laws of scores that scipy.stats does not offer in the accuracy, or with the speed, the ROC tables need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from .base import Floats

__all__ = ["LogitBeta", "SkewedNormal"]


@dataclass(frozen=True)
class LogitBeta:
    """Logit of a Beta(a, b) variable: both tails keep their relative precision."""

    a: float
    b: float

    def ppf(self, q: Any) -> Any:
        x = special.betaincinv(self.a, self.b, q)
        y = np.where(x < 0.5, 1.0 - x, special.betainccinv(self.b, self.a, q))
        with np.errstate(divide="ignore"):
            return np.log(x) - np.log(y)

    def isf(self, q: Any) -> Any:
        return -LogitBeta(self.b, self.a).ppf(q)

    def cdf(self, x: Any) -> Any:
        return special.betainc(self.a, self.b, special.expit(x))

    def sf(self, x: Any) -> Any:
        return special.betainc(self.b, self.a, special.expit(-np.asarray(x)))

    def logcdf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self.cdf(x))

    def logsf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self.sf(x))

    def logpdf(self, x: Any) -> Any:
        return (
            self.a * special.log_expit(x) + self.b * special.log_expit(-np.asarray(x)) - special.betaln(self.a, self.b)
        )


@dataclass(frozen=True)
class SkewedNormal:
    """shift + exponential of the given rate + normal of standard deviation sd (exponentially modified Gaussian)."""

    rate: float
    sd: float
    shift: float

    def _tilted(self, x: Floats) -> Floats:
        y = (x - self.shift) / self.sd
        slant = self.rate * self.sd
        return slant * (0.5 * slant - y) + special.log_ndtr(y - slant)

    def logsf(self, x: Any) -> Any:
        x = np.asarray(x, dtype=np.float64)
        return np.minimum(np.logaddexp(special.log_ndtr((self.shift - x) / self.sd), self._tilted(x)), 0.0)

    def logcdf(self, x: Any) -> Any:
        x = np.asarray(x, dtype=np.float64)
        whole = special.log_ndtr((x - self.shift) / self.sd)
        with np.errstate(divide="ignore"):
            return whole + np.log1p(-np.exp(np.minimum(self._tilted(x) - whole, 0.0)))

    def sf(self, x: Any) -> Any:
        return np.exp(self.logsf(x))

    def logpdf(self, x: Any) -> Any:
        return math.log(self.rate) + self._tilted(np.asarray(x, dtype=np.float64))

    def isf(self, q: Any) -> Any:
        return -self._invert(lambda x: self.logsf(-x), q)

    def ppf(self, q: Any) -> Any:
        return self._invert(self.logcdf, q)

    def _invert(self, log_law: Callable[[Floats], Floats], q: Any) -> Floats:
        """Bisection on an increasing log-law, to the last bit."""
        target = np.log(np.asarray(q, dtype=np.float64))
        reach = abs(self.shift) + 50.0 * self.sd + 800.0 / self.rate
        low, high = np.full(target.shape, -reach), np.full(target.shape, reach)
        for _ in range(90):
            middle = 0.5 * (low + high)
            below = log_law(middle) < target
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)
