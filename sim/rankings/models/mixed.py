"""Score models closer to recommendation: popularity, hidden positives, bounded scores, and scores from data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.validation import check_finite, check_real
from ..simulate.plan import MAX_BYTES
from ._laws import LogitBeta, SkewedNormal
from .base import Codes, Floats, Law, ScoreModel, auc_level, solve_auc, unit
from .known import Binormal
from .sample_kernels import BETA, SKEWED, TABLE

__all__ = ["BetaScores", "Empirical", "FalseNegatives", "PopularitySkewed"]


@dataclass(frozen=True)
class BetaScores(ScoreModel):
    """Scores in (0, 1): positives Beta(a_pos, b_pos), negatives Beta(a_neg, b_neg).

    Parameters
    ----------
    a_pos, b_pos, a_neg, b_neg : float
        Shape parameters in [0.05, 1e4].

    Raises
    ------
    TypeError, ValueError
        For parameters that are not finite numbers or out of range.

    Examples
    --------
    >>> round(BetaScores(1.0, 1.0, 1.0, 1.0).auc, 12)
    0.5
    """

    a_pos: float = 2.0
    b_pos: float = 1.0
    a_neg: float = 1.0
    b_neg: float = 2.0

    def __post_init__(self) -> None:
        for name in ("a_pos", "b_pos", "a_neg", "b_neg"):
            check_real(name, getattr(self, name), low=0.05, high=1e4)

    @classmethod
    def from_auc(cls, auc: float, *, concentration: float = 4.0) -> Self:
        """Mirrored laws Beta(c p, c (1 - p)) and Beta(c (1 - p), c p), c = ``concentration`` >= 0.2, p solved for."""
        c = check_real("concentration", concentration, low=0.2, high=1e4)
        edge = 0.05 / c * (1.0 + 1e-9)

        def model(p: float) -> Any:
            return BetaScores(c * p, c * (1.0 - p), c * (1.0 - p), c * p)

        p = solve_auc(model, auc, 1.0 - edge, edge)
        return cls(c * p, c * (1.0 - p), c * (1.0 - p), c * p)

    def _laws(self) -> tuple[Law, Law]:
        return LogitBeta(self.a_pos, self.b_pos), LogitBeta(self.a_neg, self.b_neg)

    def _codes(self) -> tuple[Codes, Codes]:
        return (BETA, (self.a_pos, self.b_pos)), (BETA, (self.a_neg, self.b_neg))


@dataclass(frozen=True)
class PopularitySkewed(ScoreModel):
    """Score = log-popularity + personal signal, with positives drawn in proportion to popularity.

    Popularity has a Pareto tail of exponent ``tail`` (Zipf's law), so log-popularity is exponential of rate ``tail``
    over the negatives and, being size-biased, of rate ``tail - 1`` over the positives. The signal is N(0, sigma^2),
    plus mu for a positive. With mu = 0 and sigma -> 0 the model is PowerROC((tail - 1)/tail): popularity alone.

    Parameters
    ----------
    tail : float
        Exponent, in [1.01, 100].
    mu : float
        Personal signal, |mu| <= 1000.
    sigma : float
        Its noise, in [0.01, 100].

    Raises
    ------
    TypeError, ValueError
        For parameters that are not finite numbers or out of range.

    Examples
    --------
    >>> round(PopularitySkewed(2.0, mu=0.0, sigma=0.01).auc, 3)
    0.667
    """

    tail: float = 2.0
    mu: float = 1.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_real("tail", self.tail, low=1.01, high=100.0)
        check_real("mu", self.mu, low=-1000.0, high=1000.0)
        check_real("sigma", self.sigma, low=0.01, high=100.0)

    @classmethod
    def from_auc(cls, auc: float, *, tail: float = 2.0, sigma: float = 1.0) -> Self:
        """The model with a given population AUC in (0, 1), mu found numerically to 1e-10 in the AUC."""
        return cls(tail, solve_auc(lambda mu: cls(tail, mu, sigma), auc), sigma)

    def _laws(self) -> tuple[Law, Law]:
        return SkewedNormal(self.tail - 1.0, self.sigma, self.mu), SkewedNormal(self.tail, self.sigma, 0.0)

    def _codes(self) -> tuple[Codes, Codes]:
        return (SKEWED, (self.tail - 1.0, self.sigma, self.mu)), (SKEWED, (self.tail, self.sigma, 0.0))


@dataclass(frozen=True)
class FalseNegatives(ScoreModel):
    """A share of the observed negatives are hidden positives: their scores follow the positives' law.

    The ROC curve and areas are those of the OBSERVED labels; the true ones are ``base``'s. With u the TPR,
    FPR = (1 - share) FPR_base(u) + share u.

    Parameters
    ----------
    base : ScoreModel
        Law of the true positives and true negatives.
    share : float
        Share of hidden positives among the observed negatives, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        For a base that is no score model, is itself a mixture, or a share out of range.

    Examples
    --------
    >>> model = FalseNegatives(Binormal.from_auc(0.9), 0.1)
    >>> round(model.auc, 12)
    0.86
    """

    base: ScoreModel
    share: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.base, ScoreModel) or isinstance(self.base, FalseNegatives):
            raise TypeError(f"base must be a ScoreModel without hidden positives, got {type(self.base).__name__}")
        if check_real("share", self.share, low=0.0, high=1.0) == 1.0:
            raise ValueError("share must be below 1, got 1")

    @classmethod
    def from_auc(cls, auc: float, *, share: float = 0.1, base: type[Any] = Binormal) -> Self:
        """The model with a given OBSERVED AUC, (1 - share) AUC_base + share/2."""
        share = cls(Binormal(), share).share
        level = (auc_level(auc) - 0.5 * share) / (1.0 - share)
        if not 0.0 < level < 1.0:
            raise ValueError(f"auc must be in ({0.5 * share:g}, {1.0 - 0.5 * share:g}) with this share, got {auc:g}")
        return cls(base.from_auc(level), share)

    @property
    def has_finite_variance(self) -> bool:  # noqa: D102
        return self.base.has_finite_variance

    def sample_hidden(
        self,
        n_pos: int,
        n_neg: int,
        size: int = 1,
        rng: np.random.Generator | int | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """As :meth:`sample`, with a third array (size, n_neg): True where an observed negative is a hidden positive."""
        pos, neg, hidden = self._draw(n_pos, n_neg, size, rng, max_bytes)
        return pos, neg, hidden if self.share > 0.0 else np.zeros(neg.shape, dtype=np.bool_)

    def tpr(self, fpr: ArrayLike) -> Floats:  # noqa: D102
        s = unit("fpr", fpr)
        if isinstance(self.base, Empirical):
            return _height(self._table()[:-1], s)
        return self._base_point(s)[1]

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """(1 - share) OPAUC_base(w) + share TPR_base(w)^2 / 2, where the base's FPR w gives the observed FPR beta.

        Trapezoids between the mixture's corners over an :class:`Empirical` base, whose TPR jumps.
        """
        s = unit("beta", beta)
        if isinstance(self.base, Empirical):
            return _trapezoids(self._table()[:-1], s)
        w, u = self._base_point(s)
        area, error = self.base.opauc_with_error(w)
        return (1.0 - self.share) * area + 0.5 * self.share * u**2, (1.0 - self.share) * error + 1e-14

    def _base_point(self, fpr: Floats) -> tuple[Floats, Floats]:
        """The base's FPR w and TPR u where (1 - share) w + share u = fpr, by bisection in [0, fpr / (1 - share)]."""
        low, high = np.zeros(fpr.shape), np.minimum(fpr / (1.0 - self.share), 1.0)
        for _ in range(1100 if fpr.size and 0.0 < fpr.min() < 1e-3 else 80):
            middle = np.where((low > 0.0) & (high > 4.0 * low), np.sqrt(low * high), 0.5 * (low + high))
            if ((middle == low) | (middle == high)).all():
                break
            below = (1.0 - self.share) * middle + self.share * self.base.tpr(middle) < fpr
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        u = np.where(fpr >= 1.0, 1.0, self.base.tpr(low))
        if self.share > 0.0:  # from the sum, unless that cancels: a steep curve's w may have underflowed
            rest = fpr - (1.0 - self.share) * high
            u = np.where((rest > 1e-3 * fpr) & (fpr < 1.0), np.minimum(rest / self.share, 1.0), u)
        return high, u

    def _hidden_share(self) -> float:
        return self.share

    def _pools(self) -> tuple[Floats, Floats]:
        return self.base._pools()

    def _laws(self) -> tuple[Law, Law]:
        return self.base._laws()

    def _codes(self) -> tuple[Codes, Codes]:
        return self.base._codes()

    def _logit_fpr(self, z: Floats) -> tuple[Floats, Floats]:
        level, slope = self.base._logit_fpr(z)
        if self.share == 0.0:
            return level, slope
        from scipy.special import log_expit

        keep, swap = np.log1p(-self.share), np.log(self.share)
        log_fpr = np.logaddexp(keep + log_expit(level), swap + log_expit(z))
        log_rest = np.logaddexp(keep + log_expit(-level), swap + log_expit(-z))
        with np.errstate(over="ignore", invalid="ignore"):
            inner = np.exp(keep + log_expit(level) + log_expit(-level) - log_fpr - log_rest) * slope
            outer = np.exp(swap + log_expit(z) + log_expit(-z) - log_fpr - log_rest)
        return log_fpr - log_rest, np.nan_to_num(inner) + outer

    def _table(self) -> Floats:
        if not isinstance(self.base, Empirical):
            return super()._table()
        corners = self.base._table()
        corners[:-1, 1] = (1.0 - self.share) * corners[:-1, 1] + self.share * corners[:-1, 0]
        return corners


@dataclass(frozen=True, eq=False)
class Empirical(ScoreModel):
    """Scores drawn with replacement from given scores, e.g. of a trained recommender; ties rank in random order.

    Parameters
    ----------
    pos_scores, neg_scores : array_like
        Finite scores of positives and of negatives, at least one of each; flattened and copied.

    Raises
    ------
    ValueError
        For empty or non-finite scores.

    Notes
    -----
    The population is the empirical law, so :meth:`tpr` and :meth:`opauc` are those of its piecewise linear ROC curve,
    exact up to rounding.

    Examples
    --------
    >>> model = Empirical([3.0, 1.0], [2.0, 0.0])
    >>> round(model.auc, 12), round(float(model.opauc(0.5)), 12)
    (0.75, 0.25)
    """

    pos_scores: Floats = field(repr=False)
    neg_scores: Floats = field(repr=False)
    _corners: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("pos_scores", "neg_scores"):
            scores = np.array(getattr(self, name), dtype=np.float64).ravel()
            if scores.size == 0:
                raise ValueError(f"{name} must have at least one score, got none")
            check_finite(name, scores).sort()
            scores.setflags(write=False)
            object.__setattr__(self, name, scores)
        levels = np.unique(np.concatenate((self.pos_scores, self.neg_scores)))[::-1]
        corners = np.zeros((levels.size + 1, 2))
        for column, scores in enumerate((self.pos_scores, self.neg_scores)):
            corners[1:, column] = (scores.size - np.searchsorted(scores, levels, side="left")) / scores.size
        object.__setattr__(self, "_corners", corners)

    def tpr(self, fpr: ArrayLike) -> Floats:
        """Linear between the corners; the upper end of a vertical step."""
        return _height(self._corners, unit("fpr", fpr))

    def opauc_with_error(self, beta: ArrayLike) -> tuple[Floats, Floats]:
        """Trapezoids between the corners."""
        return _trapezoids(self._corners, unit("beta", beta))

    def _pools(self) -> tuple[Floats, Floats]:
        return self.pos_scores, self.neg_scores

    def _codes(self) -> tuple[Codes, Codes]:
        return (TABLE, (0.0,)), (TABLE, (0.0,))

    def _table(self) -> Floats:
        return np.vstack((self._corners, [[0.0, 0.0]]))


def _height(corners: Floats, s: Floats) -> Floats:
    """TPR where the FPR is s on the curve through rows (TPR, FPR); the upper end of a vertical step."""
    tpr, rate = corners.T
    at, share = _between(rate, s)
    return np.asarray(tpr[at] + share * (tpr[np.minimum(at + 1, rate.size - 1)] - tpr[at]))


def _trapezoids(corners: Floats, s: Floats) -> tuple[Floats, Floats]:
    """Area under that curve up to FPR s, and the size of its rounding."""
    tpr, rate = corners.T
    whole = np.concatenate(([0.0], np.cumsum(0.5 * np.diff(rate) * (tpr[1:] + tpr[:-1]))))
    at, _ = _between(rate, s)
    area = whole[at] + 0.5 * (s - rate[at]) * (tpr[at] + _height(corners, s))
    return area, np.full(s.shape, 1e-16 * rate.size)


def _between(rate: Floats, s: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The last corner at or before s, and the share of the way to the next one."""
    at = np.clip(np.searchsorted(rate, s, side="right") - 1, 0, rate.size - 1)
    width = rate[np.minimum(at + 1, rate.size - 1)] - rate[at]
    return at, np.divide(s - rate[at], width, out=np.zeros(s.shape), where=width > 0.0)
