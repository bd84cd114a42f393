"""What every score model shares: ROC curve, area by quadrature, samples, and the table the simulations read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ...core.memory import check_memory
from ...core.random import to_seed
from ...core.validation import MOST_SIZE, check_finite, check_int, check_real
from ..simulate.plan import MAX_BYTES
from .sample_kernels import fill_scores

__all__ = ["Codes", "Floats", "Law", "ScoreModel", "auc_level", "roc_table", "solve_auc", "table_error", "unit"]

Floats = NDArray[np.float64]
Codes = tuple[int, tuple[float, ...]]

_EDGE = 40.0
_KNOTS = 8001


class Law(Protocol):
    """A continuous law of scores, as a frozen distribution of scipy.stats offers it."""

    def isf(self, q: Any) -> Any: ...  # noqa: D102
    def ppf(self, q: Any) -> Any: ...  # noqa: D102
    def sf(self, x: Any) -> Any: ...  # noqa: D102
    def logsf(self, x: Any) -> Any: ...  # noqa: D102
    def logcdf(self, x: Any) -> Any: ...  # noqa: D102
    def logpdf(self, x: Any) -> Any: ...  # noqa: D102


@dataclass(frozen=True, eq=False)  # a subclass that is no dataclass is equal to itself alone
class ScoreModel:
    """Base of the score models: independent scores, one law for the positives and one for the negatives.

    A subclass is a frozen dataclass that gives the two laws (``_laws``) and their codes for the sampling kernel
    (``_codes``); closed forms override :meth:`tpr` and :meth:`opauc`.
    """

    def _laws(self) -> tuple[Law, Law]:
        """Law of the positives and of the negatives."""
        raise TypeError(f"{type(self).__name__} must be one of the score models, got the base class")

    def _codes(self) -> tuple[Codes, Codes]:
        """Kernel code and parameters of the positives' and of the negatives' law."""
        raise TypeError(f"{type(self).__name__} must be one of the score models, got the base class")

    @property
    def has_finite_variance(self) -> bool:
        """Whether the scores have a variance, so that Pearson correlations of scores or losses exist.

        Ranking metrics and areas are bounded: their correlations exist for every model.
        """
        return True

    @property
    def auc(self) -> float:
        """Population AUC = OPAUC(1)."""
        return float(self.opauc(1.0))

    def tpr(self, fpr: ArrayLike) -> Floats:
        """True positive rate where the false positive rate is ``fpr``: the ROC curve.

        Parameters
        ----------
        fpr : array_like
            In [0, 1].

        Returns
        -------
        ndarray of the shape of ``fpr``

        Raises
        ------
        ValueError
            If an entry is outside [0, 1] or not finite.
        """
        s = unit("fpr", fpr)
        positives, negatives = self._laws()
        inner = np.clip(s, 1e-300, 1.0 - 2.0**-53)
        value = np.asarray(positives.sf(negatives.isf(inner)), dtype=np.float64)
        return np.where(s <= 0.0, 0.0, np.where(s >= 1.0, 1.0, value))

    def opauc(self, beta: ArrayLike) -> Floats:
        """Population OPAUC(beta), the integral of TPR over FPR in [0, beta], not normalised by beta.

        Parameters
        ----------
        beta : array_like
            In [0, 1].

        Returns
        -------
        ndarray of the shape of ``beta``

        Raises
        ------
        ValueError
            If an entry is outside [0, 1] or not finite.
        """
        return self.opauc_with_error(beta)[0]

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """:meth:`opauc` and an estimate of its absolute error (of the quadrature, or the rounding of a closed form)."""
        return self.opauc_quadrature(beta)

    def opauc_quadrature(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """OPAUC(beta) by Gauss-Legendre quadrature of :meth:`tpr` over logit(FPR), and an estimate of its error.

        The error is the difference of two rules of 1,280 and 2,560 points plus the mass left out at the ends.
        """
        limits = unit("beta", beta)
        value, error = np.zeros(limits.shape), np.zeros(limits.shape)
        for at, limit in np.ndenumerate(limits):
            if limit > 0.0:
                top = min(float(special.logit(limit)), _EDGE)
                bottom = min(top, 0.0) - 45.0
                coarse, fine = self._panels(bottom, top, 80), self._panels(bottom, top, 160)
                value[at] = fine
                error[at] = abs(fine - coarse) + limit * np.exp(-45.0) + 1e-15 * fine + (limit >= 1.0) * np.exp(-_EDGE)
        return value, error

    def _panels(self, bottom: float, top: float, panels: int) -> float:
        node, weight = np.polynomial.legendre.leggauss(16)
        edges = np.linspace(bottom, top, panels + 1)
        half = 0.5 * np.diff(edges)
        z = (0.5 * (edges[1:] + edges[:-1]))[:, None] + half[:, None] * node
        return float(((self.tpr(special.expit(z)) * special.expit(z) * special.expit(-z)) @ weight) @ half)

    def sample(
        self,
        n_pos: int,
        n_neg: int,
        size: int = 1,
        rng: np.random.Generator | int | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> tuple[Floats, Floats]:
        """Scores of ``size`` independent lists.

        Parameters
        ----------
        n_pos, n_neg : int
            Positives and negatives per list, at least 1.
        size : int
            Number of lists, at least 1.
        rng : numpy.random.Generator, int or None
            Source of the seed; the same seed gives the same scores for any number of threads.
        max_bytes : int
            Limit on the size of the result, checked beforehand.

        Returns
        -------
        pos_scores : ndarray, shape (size, n_pos)
        neg_scores : ndarray, shape (size, n_neg)

        Raises
        ------
        TypeError, ValueError
            For counts below 1 or a bad ``rng``.
        MemoryError
            Where the scores would need more than ``max_bytes``.
        """
        pos, neg, _ = self._draw(n_pos, n_neg, size, rng, max_bytes)
        return pos, neg

    def _hidden_share(self) -> float:
        """Share of the negatives that follow the positives' law."""
        return 0.0

    def _pools(self) -> tuple[Floats, Floats]:
        """Scores to draw from, for models made of data."""
        return np.zeros(0), np.zeros(0)

    def _draw(
        self, n_pos: Any, n_neg: Any, size: Any, rng: Any, max_bytes: Any
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        n_pos = check_int("n_pos", n_pos, low=1, most=MOST_SIZE)
        n_neg = check_int("n_neg", n_neg, low=1, most=MOST_SIZE)
        size = check_int("size", size, low=1, most=MOST_SIZE)
        allowed = check_int("max_bytes", max_bytes, low=1)
        check_memory(9 * size * (n_pos + n_neg), allowed, "draw fewer lists at a time")
        (kind, p), (neg_kind, neg_p) = self._codes()
        pool, neg_pool = self._pools()
        parameters, neg_parameters = np.array(p, dtype=np.float64), np.array(neg_p, dtype=np.float64)
        seed, share = to_seed(rng), self._hidden_share()
        pos, neg = np.empty((size, n_pos)), np.empty((size, n_neg))
        hidden = np.zeros((size if share > 0.0 else 0, n_neg), dtype=np.bool_)
        nothing = np.zeros((0, 0), dtype=np.bool_)
        fill_scores(seed, 0, 0.0, kind, parameters, pool, kind, parameters, pool, pos, nothing)
        fill_scores(seed, 1, share, neg_kind, neg_parameters, neg_pool, kind, parameters, pool, neg, hidden)
        return pos, neg, hidden

    def _logit_fpr(self, z: Floats) -> tuple[Floats, Floats]:
        """logit(FPR) and its slope where logit(TPR) = z, accurate in both tails."""
        positives, negatives = self._laws()
        tail = special.expit(-np.abs(z))
        with np.errstate(all="ignore"):
            scores = np.where(z < 0.0, positives.isf(tail), positives.ppf(tail))
            log_sf, log_cdf = negatives.logsf(scores), negatives.logcdf(scores)
            level = log_sf - log_cdf
            odds = positives.logsf(scores) + positives.logcdf(scores) - log_sf - log_cdf
            slope = np.exp(negatives.logpdf(scores) - positives.logpdf(scores) + odds)
        return level, slope

    def _table(self) -> Floats:
        """The ROC inverse as the kernels read it: an even grid of logit(TPR), or see :class:`Empirical`."""
        z = np.linspace(-_EDGE, _EDGE, _KNOTS)
        step = z[1] - z[0]
        level, slope = self._logit_fpr(z)
        level = np.clip(np.nan_to_num(level, nan=0.0, posinf=700.0, neginf=-700.0), -700.0, 700.0)
        slope = np.clip(np.nan_to_num(slope, nan=0.0, posinf=0.0), 0.0, None)
        rise = np.diff(level)
        # Fritsch and Carlson: slopes within three times the neighbouring rises keep the interpolant monotone.
        bound = 3.0 * np.minimum(np.append(rise, rise[-1]), np.insert(rise, 0, rise[0]))
        knots = np.column_stack((level, np.minimum(slope * step, np.maximum(bound, 0.0))))
        return np.vstack((knots, [[-_EDGE, 1.0 / step]]))


def roc_table(model: ScoreModel | None) -> Floats:
    """The ROC inverse of a model as the kernels read it; empty for None (uniformly random rankings).

    Raises
    ------
    TypeError
        If ``model`` is no score model.
    """
    if model is None:
        return np.zeros((0, 2))
    if not isinstance(model, ScoreModel):
        raise TypeError(f"score_model must be a ScoreModel or None, got {type(model).__name__}")
    return _cached_table(model)


def table_error(model: ScoreModel, span: float = 30.0) -> float:
    """Largest error of the table's logit(FPR) half-way between its knots, for |logit(TPR)| <= ``span``.

    The kernels interpolate the ROC inverse of smooth models; this is the estimate of what that costs.
    """
    z = np.linspace(-_EDGE, _EDGE, _KNOTS)
    middle = 0.5 * (z[1:] + z[:-1])
    inside = np.abs(middle) <= span
    exact = model._logit_fpr(middle)[0]
    knots = roc_table(model)[:-1]
    value = 0.5 * (knots[1:, 0] + knots[:-1, 0]) + 0.125 * (knots[:-1, 1] - knots[1:, 1])
    return float(np.abs(value - exact)[inside & (np.abs(exact) < 690.0)].max())


@lru_cache(maxsize=32)
def _cached_table(model: ScoreModel) -> Floats:
    table = model._table()
    table.setflags(write=False)
    return table


def auc_level(auc: float) -> float:
    """``auc`` if it lies in (0, 1)."""
    auc = check_real("auc", auc, low=0.0, high=1.0, open_low=True)
    if auc == 1.0:
        raise ValueError("auc must be below 1, got 1")
    return auc


def solve_auc(model: Callable[[float], ScoreModel], auc: float, high: float = 1e3, low: float | None = None) -> float:
    """The parameter in (low, high), by default (-high, high), at which ``model(parameter)`` has the given AUC.

    Raises
    ------
    ValueError
        If no parameter of the range reaches it.
    """
    from scipy.optimize import brentq

    auc, low = auc_level(auc), -high if low is None else low

    def excess(x: float) -> float:
        return model(x).auc - auc

    if low < 0.0 < high:  # a narrow bracket first: areas are cheap and accurate there
        reach = 1.0
        while reach < high and not excess(-reach) <= 0.0 <= excess(reach):
            reach *= 2.0
        low, high = max(low, -reach), min(high, reach)
    if excess(low) > 0.0 or excess(high) < 0.0:
        reached = f"{model(low).auc:.6g}..{model(high).auc:.6g}"
        raise ValueError(f"auc must be in the range the other parameters allow, {reached}, got {auc:g}")
    return float(brentq(excess, low, high, xtol=1e-13, rtol=1e-13))


def unit(name: str, values: ArrayLike) -> Floats:
    """``values`` as an array of numbers in [0, 1]."""
    array = check_finite(name, np.asarray(values, dtype=np.float64))
    if array.size and (array.min() < 0.0 or array.max() > 1.0):
        raise ValueError(f"{name} must be in [0, 1], got {array.min():g}..{array.max():g}")
    return array
