"""What every score model shares: ROC curve, area by quadrature, samples, and the table the simulations read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .._random import to_seed
from .._validation import check_finite, check_int
from ._plan import MAX_BYTES, check_memory
from ._sample_kernels import fill_scores

__all__ = ["Law", "ScoreModel", "roc_table"]

Floats = NDArray[np.float64]

_EDGE = 40.0
_KNOTS = 8001


class Law(Protocol):
    """A continuous law of scores, as a frozen distribution of scipy.stats offers it."""

    def isf(self, q: Any) -> Any: ...
    def ppf(self, q: Any) -> Any: ...
    def sf(self, x: Any) -> Any: ...
    def logsf(self, x: Any) -> Any: ...
    def logcdf(self, x: Any) -> Any: ...
    def logpdf(self, x: Any) -> Any: ...


@dataclass(frozen=True)
class ScoreModel:
    """Base of the score models: independent scores, one law for the positives and one for the negatives.

    A subclass is a frozen dataclass that gives the two laws (``_laws``) and their codes for the sampling kernel
    (``_codes``); closed forms override :meth:`tpr` and :meth:`opauc`.
    """

    def _laws(self) -> tuple[Law, Law]:
        """Law of the positives and of the negatives."""
        raise TypeError(f"{type(self).__name__} must be one of the score models, got the base class")

    def _codes(self) -> tuple[tuple[int, tuple[float, ...]], tuple[int, tuple[float, ...]]]:
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
        s = _unit("fpr", fpr)
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
        """OPAUC(beta) by adaptive quadrature of :meth:`tpr` in log(FPR), and the estimate of its absolute error."""
        from scipy.integrate import quad

        limits = _unit("beta", beta)
        value, error = np.zeros(limits.shape), np.zeros(limits.shape)
        for at, limit in np.ndenumerate(limits):
            if limit <= 0.0:
                continue
            found = [
                quad(lambda t, top=limit: float(self.tpr(top * np.exp(-t))) * np.exp(-t), a, b, epsabs=0, epsrel=1e-12)
                for a, b in ((0.0, 1.0), (1.0, 8.0), (8.0, 45.0))
            ]
            value[at] = limit * sum(part[0] for part in found)
            error[at] = limit * (sum(part[1] for part in found) + np.exp(-45.0))
        return value, error

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
        n_pos, n_neg = check_int("n_pos", n_pos, low=1), check_int("n_neg", n_neg, low=1)
        size = check_int("size", size, low=1)
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
    return _table(model)


@lru_cache(maxsize=32)
def _table(model: ScoreModel) -> Floats:
    z = np.linspace(-_EDGE, _EDGE, _KNOTS)
    step = z[1] - z[0]
    level, slope = model._logit_fpr(z)
    level = np.clip(np.nan_to_num(level, nan=0.0, posinf=700.0, neginf=-700.0), -700.0, 700.0)
    slope = np.clip(np.nan_to_num(slope, nan=0.0, posinf=0.0), 0.0, None)
    rise = np.diff(level)
    # Fritsch and Carlson: slopes within three times the neighbouring rises keep the interpolant monotone.
    bound = 3.0 * np.minimum(np.append(rise, rise[-1]), np.insert(rise, 0, rise[0]))
    table = np.column_stack((level, np.minimum(slope * step, np.maximum(bound, 0.0))))
    table = np.vstack((table, [[-_EDGE, 1.0 / step]]))
    table.setflags(write=False)
    return table


def _unit(name: str, values: ArrayLike) -> Floats:
    array = check_finite(name, np.asarray(values, dtype=np.float64))
    if array.size and (array.min() < 0.0 or array.max() > 1.0):
        raise ValueError(f"{name} must be in [0, 1], got {array.min():g}..{array.max():g}")
    return array
