"""Pair losses, the surrogate of OPAUC (9) with its gradient, and the other losses of the paper's Appendix F."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.validation import check_finite, check_fraction, check_real
from . import kernels as _kernels
from .robust import _count

__all__ = [
    "bce_loss",
    "logistic_loss",
    "logistic_loss_grad",
    "opauc_surrogate",
    "opauc_surrogate_grad",
    "softmax_loss",
    "triplet_loss",
]


def _floats(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    return check_finite(name, array)


def _scores(name: str, value: Any) -> np.ndarray:
    array = _floats(name, value)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be 1-D with at least one score, got shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float64)


def logistic_loss(margin: Any) -> Any:
    """BPR's pair loss l(t) = log(1 + exp(-t)) of the margin t = r_ci - r_cj, without overflow.

    Parameters
    ----------
    margin : float or array_like of float, any shape

    Returns
    -------
    float or ndarray of the same shape (float32 stays float32)

    Raises
    ------
    ValueError
        For NaN or infinite margins.

    Examples
    --------
    >>> round(logistic_loss(0.0), 6), logistic_loss(-1e4)
    (0.693147, 10000.0)
    """
    t = _floats("margin", margin)
    value = np.maximum(-t, 0) + np.log1p(np.exp(-np.abs(t)))
    return float(value) if value.ndim == 0 else value


def logistic_loss_grad(margin: Any) -> Any:
    """Derivative l'(t) = -1 / (1 + exp(t)) of :func:`logistic_loss`.

    Parameters
    ----------
    margin : float or array_like of float, any shape

    Returns
    -------
    float or ndarray of the same shape, in [-1, 0]

    Raises
    ------
    ValueError
        For NaN or infinite margins.

    Examples
    --------
    >>> logistic_loss_grad(0.0), logistic_loss_grad(-1e4)
    (-0.5, -1.0)
    """
    t = _floats("margin", margin)
    e = np.exp(-np.abs(t))
    value = -np.where(t > 0, e, 1) / (1 + e)
    return float(value) if value.ndim == 0 else value


def opauc_surrogate_grad(pos_scores: Any, neg_scores: Any, beta: float) -> tuple[float, np.ndarray, np.ndarray]:
    r"""Surrogate objective (9) of one user and its gradient with respect to all scores.

    .. math:: \frac{1}{n_+} \sum_i \frac{1}{n_- \beta} \sum_{j \in S^\downarrow[1, n_- \beta]} l(r_i - r_j)

    The loss grows with r_j, so the hardest negatives are the same for every positive. Where ``beta * n_neg`` is not an
    integer, the negative on the boundary counts with the fraction that is left, which makes the value the mean over
    positives of ``cvar_value(l(r_i - r_j), beta)``.

    Parameters
    ----------
    pos_scores : array_like of float, shape (n_pos,)
    neg_scores : array_like of float, shape (n_neg,)
    beta : float in (0, 1]

    Returns
    -------
    value : float
    grad_pos : ndarray of float64, shape (n_pos,)
    grad_neg : ndarray of float64, shape (n_neg,)
        Where negatives are tied on the boundary, the objective has a kink; they share the weight that is left evenly,
        which is the subgradient that treats them alike.

    Raises
    ------
    ValueError
        For empty, NaN or infinite scores, or ``beta`` outside (0, 1].

    Examples
    --------
    >>> value, grad_pos, grad_neg = opauc_surrogate_grad([0.0], [0.0, -3.0], 0.5)
    >>> round(value, 6), grad_pos.tolist(), grad_neg.tolist()
    (0.693147, [-0.5], [0.5, 0.0])
    """
    pos = _scores("pos_scores", pos_scores)
    neg = _scores("neg_scores", neg_scores)
    x = _count(check_fraction("beta", beta), neg.size)
    weights = np.empty_like(neg)
    _kernels.top_weights_1d(neg, x, weights)
    grad_pos = np.zeros_like(pos)
    grad_neg = np.zeros_like(neg)
    value = _kernels.surrogate(pos, neg, weights, grad_pos, grad_neg)
    return float(value), grad_pos, grad_neg


def opauc_surrogate(pos_scores: Any, neg_scores: Any, beta: float) -> float:
    """Value of :func:`opauc_surrogate_grad`: the smooth stand-in (9) for 1 - OPAUC(beta) / beta of one user.

    Parameters
    ----------
    pos_scores, neg_scores, beta
        As in :func:`opauc_surrogate_grad`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As :func:`opauc_surrogate_grad`.

    Examples
    --------
    >>> round(opauc_surrogate([0.0], [0.0, -3.0], 0.5), 6)
    0.693147
    """
    return opauc_surrogate_grad(pos_scores, neg_scores, beta)[0]


def triplet_loss(pos_scores: Any, neg_scores: Any, margin: float) -> np.ndarray:
    """Triplet losses (margin - (r_i - r_j))_+ of all pairs.

    The sum over negatives has the gradient of a top-M sum exactly where M of the pairs exceed zero, so DNS(M) is a
    margin of its own for every positive, not one global margin.

    Parameters
    ----------
    pos_scores : array_like of float, shape (n_pos,)
    neg_scores : array_like of float, shape (n_neg,)
    margin : float

    Returns
    -------
    ndarray of shape (n_pos, n_neg)

    Raises
    ------
    ValueError
        For empty, NaN or infinite scores, or a margin that is not finite.

    Examples
    --------
    >>> triplet_loss([1.0], [0.5, -2.0], 1.0).tolist()
    [[0.5, 0.0]]
    """
    pos = _scores("pos_scores", pos_scores)
    neg = _scores("neg_scores", neg_scores)
    return np.maximum(check_real("margin", margin) - (pos[:, None] - neg[None, :]), 0.0)


def bce_loss(pos_scores: Any, neg_scores: Any) -> float:
    """Binary cross entropy on logits: mean of l(r_i) over positives plus mean of l(-r_j) over negatives.

    Parameters
    ----------
    pos_scores : array_like of float, shape (n_pos,)
    neg_scores : array_like of float, shape (n_neg,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For empty, NaN or infinite scores.

    Examples
    --------
    >>> round(bce_loss([0.0], [0.0, 0.0]), 6)
    1.386294
    """
    pos = _scores("pos_scores", pos_scores)
    neg = _scores("neg_scores", neg_scores)
    return float(np.mean(logistic_loss(pos)) + np.mean(logistic_loss(-neg)))


def softmax_loss(
    pos_scores: Any, neg_scores: Any, temperature: float, *, positive_in_denominator: bool = True
) -> np.ndarray:
    """Softmax loss (sampled softmax, InfoNCE) of every positive against the negatives.

    -log( exp(r_i / t) / (exp(r_i / t) + sum_j exp(r_j / t)) ); without the positive in the denominator it is
    log sum_j exp((r_j - r_i) / t). Up to the constant log n, t times that form is at most the KL dual (21) of the
    logistic losses at the same t, which is at most the tilted mean (23).

    Parameters
    ----------
    pos_scores : array_like of float, shape (n_pos,)
    neg_scores : array_like of float, shape (n_neg,)
    temperature : float > 0
    positive_in_denominator : bool

    Returns
    -------
    ndarray of shape (n_pos,)

    Raises
    ------
    ValueError
        For empty, NaN or infinite scores, or a temperature that is not positive and finite.

    Examples
    --------
    >>> softmax_loss([0.0], [0.0, 0.0, 0.0], 1.0).round(6).tolist()
    [1.386294]
    """
    t = check_real("temperature", temperature, low=0.0, open_low=True)
    pos = _scores("pos_scores", pos_scores) / t
    neg = _scores("neg_scores", neg_scores) / t
    top = neg.max()
    log_sum = top + np.log(np.exp(neg - top).sum()) - pos
    return np.logaddexp(0.0, log_sum) if positive_in_denominator else log_sum
