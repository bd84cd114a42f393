"""What the samplers estimate on a score model's population, by quadrature with an error estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import interpolate, special

from ..core.validation import check_finite, check_fraction, check_real
from ..objectives import logistic_loss, logistic_loss_grad
from ..rankings import Empirical, ScoreModel
from ._quadrature import EDGE, Floats, negative_levels, negative_scores, positive_rule

__all__ = ["Objective", "Robust", "leading_bias", "matched_beta", "population_objective", "robust_objective"]

_ROWS = 128
_ESCAPED = 1e-6


@dataclass(frozen=True)
class Objective:
    """An objective of a score model's population.

    Attributes
    ----------
    value : ndarray of shape (2,)
        The mean pair loss, and its derivative when all positives' scores are raised together: the sum of the gradients
        with respect to the positives' scores, minus that with respect to the negatives'.
    error : ndarray of shape (2,)
        Estimated absolute errors of the quadrature.
    """

    value: Floats
    error: Floats


@dataclass(frozen=True)
class Robust(Objective):
    """A KL-robust objective.

    Attributes
    ----------
    escaped : float
        Share of the positives whose worst case lies, in part, on negatives rarer than exp(-620), about 1e-270. It is
        infinite (Student-t tails: for all positives) or beyond floating point (exponential tails: for some); in either
        case no pool of any size comes near it.
    """

    escaped: float


def require_model(model: ScoreModel) -> ScoreModel:
    """``model`` if it is a score model whose losses have a variance."""
    if not isinstance(model, ScoreModel):
        raise TypeError(f"model must be a ScoreModel, got {type(model).__name__}")
    if not model.has_finite_variance:
        raise ValueError(f"model must have scores of finite variance for its estimators to have one, got {model}")
    return model


def rated(compute: Callable[[int], Floats]) -> tuple[Floats, Floats]:
    """``compute(2)`` and its distance from ``compute(1)``, the same on a rule half as fine."""
    coarse, fine = compute(1), compute(2)
    with np.errstate(invalid="ignore"):
        gap = np.abs(fine - coarse)
    return fine, np.where(np.isfinite(gap), gap, 0.0) + 1e-14 * np.where(np.isfinite(fine), np.abs(fine), 0.0)


def pair_terms(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """Losses l(r_i - r_j) and slopes l'(r_i - r_j), both of shape (positives, negatives)."""
    margin = positives[:, None] - negatives
    return logistic_loss(margin), logistic_loss_grad(margin)


def population_objective(model: ScoreModel, beta: float) -> Objective:
    r"""The surrogate objective (9) of a score model's population.

    .. math:: E_{r \sim F_+} \frac1\beta \int_0^\beta \ell(r - \bar F_-^{-1}(s))\,ds

    Parameters
    ----------
    model : ScoreModel
        With scores of finite variance.
    beta : float
        In (0, 1].

    Returns
    -------
    Objective

    Raises
    ------
    TypeError, ValueError
        If ``model`` is no score model or has no finite variance, or ``beta`` is out of range.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> truth = population_objective(Binormal.from_auc(0.9), 0.025)
    >>> truth.value.round(6).tolist(), bool(truth.error.max() < 1e-9)
    ([1.108187, -0.604835], True)
    """
    require_model(model)
    beta = check_fraction("beta", beta)

    def compute(fineness: int) -> Floats:
        levels = negative_levels(model, fineness, [] if beta == 1.0 else [float(special.logit(beta))])
        upper = levels.s < beta
        return _means(model, fineness, negative_scores(model, levels.s[upper])) @ levels.mass[upper] / beta

    return Objective(*rated(compute))


def _means(model: ScoreModel, fineness: int, negatives: Floats) -> Floats:
    """Mean loss and slope over the positives at every negative score, shape (2, negatives)."""
    scores, weight = positive_rule(model, fineness)
    out = np.zeros((2, negatives.size))
    for at in range(0, scores.size, _ROWS):
        part = slice(at, at + _ROWS)
        for row, terms in zip(out, pair_terms(scores[part], negatives)):
            row += weight[part] @ terms
    return out


def leading_bias(model: ScoreModel, beta: float) -> Floats:
    r"""Limit of N times the bias of DNS(beta N, N) for :func:`population_objective`, value and slope.

    .. math:: \frac{1-\beta}{2}\,h'(\beta),\qquad h(s) = E_r\,\ell(r - \bar F_-^{-1}(s))

    It is negative in the value, since h falls: the mean of the M hardest of a pool underrates the upper tail. The
    derivative is a central difference.

    Parameters
    ----------
    model : ScoreModel
        With a continuous law of the negatives, of finite variance.
    beta : float
        In (0, 1].

    Returns
    -------
    ndarray of shape (2,)

    Raises
    ------
    TypeError, ValueError
        As :func:`population_objective`, or for scores from data, whose law jumps.
    """
    if isinstance(getattr(require_model(model), "base", model), Empirical):
        raise ValueError("model must have a continuous law of scores, got scores from data")
    beta = check_fraction("beta", beta)
    if beta == 1.0:
        return np.zeros(2)
    step = 1e-4 * min(beta, 1.0 - beta)
    low, high = _means(model, 2, negative_scores(model, np.array([beta - step, beta + step]))).T
    return 0.5 * (1.0 - beta) * (high - low) / (2.0 * step)


def matched_beta(model: ScoreModel, values: ArrayLike) -> Floats:
    """The beta whose :func:`population_objective` has the given value: the OPAUC that an estimator is right about.

    Parameters
    ----------
    model : ScoreModel
        With scores of finite variance.
    values : array_like
        Mean pair losses.

    Returns
    -------
    ndarray of the shape of ``values``
        1 for the mean loss over all negatives or less; 0 where the value is not reached above a beta of exp(-100).
        Interpolated between the points of the rule, to about 1e-5 of beta.

    Raises
    ------
    TypeError, ValueError
        As :func:`population_objective`, or for values that are not finite.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> model = Binormal.from_auc(0.9)
    >>> round(float(matched_beta(model, population_objective(model, 0.025).value[0])), 5)
    0.025
    """
    array = check_finite("values", np.asarray(values, dtype=np.float64))
    levels = negative_levels(require_model(model), 2)
    mean = levels.cumulative(_means(model, 2, negative_scores(model, levels.s))[0]) / levels.s
    z, mean = levels.z[levels.z > -100.0], mean[levels.z > -100.0]
    falls = np.append(True, mean[1:] < np.minimum.accumulate(mean)[:-1])
    inverse = interpolate.PchipInterpolator(-mean[falls], z[falls], extrapolate=False)
    beta = special.expit(inverse(-array))
    return np.where(array <= mean[-1], 1.0, np.where(array > mean[0], 0.0, beta))


def robust_objective(model: ScoreModel, rho: float) -> Robust:
    r"""The KL-robust objective (13) of a score model's population: what Theorem 2 says that softmax sampling minimises.

    .. math:: E_r \max\{E_Q[\ell(r - X)] : KL(Q \| P_0) \le \rho\}

    It is the limit of Softmax-exact(rho, N) as N grows, in value and (claim T2c and Danskin's theorem) in gradient.

    Parameters
    ----------
    model : ScoreModel
        With scores of finite variance.
    rho : float
        Radius of the ball, >= 0.

    Returns
    -------
    Robust
        NaN where more than a millionth of the positives are ``escaped``.

    Raises
    ------
    TypeError, ValueError
        As :func:`population_objective`, or if ``rho`` is out of range.

    Examples
    --------
    >>> from sim.rankings import Binormal, StudentT
    >>> robust_objective(Binormal.from_auc(0.9), 1.0).value.round(6).tolist()
    [0.766516, -0.411378]
    >>> round(robust_objective(StudentT.from_auc(0.9), 1.0).escaped, 6)  # exp(L / lambda) has no mean
    1.0
    """
    require_model(model)
    rho = check_real("rho", rho, low=0.0)
    if rho == 0.0:
        whole = population_objective(model, 1.0)
        return Robust(whole.value, whole.error, 0.0)
    value, error = rated(lambda fineness: _worst_case(model, rho, fineness))
    return Robust(value[:2], error[:2], float(value[2]))


def _worst_case(model: ScoreModel, rho: float, fineness: int) -> Floats:
    """Value, slope and escaped share."""
    levels = negative_levels(model, fineness)
    negatives = negative_scores(model, levels.s)
    scores, weight = positive_rule(model, fineness)
    total = np.zeros(3)
    for at in range(0, scores.size, _ROWS):
        part = slice(at, at + _ROWS)
        losses, slopes = pair_terms(scores[part], negatives)
        q = _worst_law(losses, levels.mass, rho)
        escaped = q[:, levels.z < -0.9 * EDGE].sum(axis=1) > _ESCAPED
        total += weight[part] @ np.column_stack(((q * losses).sum(axis=1), (q * slopes).sum(axis=1), escaped))
    if total[2] > _ESCAPED:
        total[:2] = np.nan
    return total


def _worst_law(losses: Floats, mass: Floats, rho: float) -> Floats:
    """Rows of the tilted law exp(L / lambda*) dP_0, by bisection on log(1 / lambda): the divergence rises with it."""
    spread = np.maximum(losses.max(axis=1), 1e-280)
    low, high = np.full(spread.size, -15.0), np.minimum(np.log(1e12 / spread), 680.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = _tilt(losses, mass, np.exp(middle))[1] < rho
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return _tilt(losses, mass, np.exp(low))[0]


def _tilt(losses: Floats, mass: Floats, inverse: Floats) -> tuple[Floats, Floats]:
    """Rows of the tilted law exp(losses * inverse) dP_0, and its divergence from P_0."""
    exponent = losses * inverse[:, None]
    top = exponent.max(axis=1, keepdims=True)
    q = np.exp(exponent - top + np.log(mass))
    norm = q.sum(axis=1, keepdims=True)
    q /= norm
    kl = (q * (exponent - top)).sum(axis=1) - np.log(norm[:, 0])
    return q, kl
