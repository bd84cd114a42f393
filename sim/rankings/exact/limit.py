r"""Correlation under any score model when both classes are large: a closed form where random rankings have theirs.

Let R be the ROC curve and s the false positive rate of a threshold. Above it lie N_+ R(s) + B_+(s) positives and
N_- s + B_-(s) negatives, with independent binomial fluctuations. To first order the positives above the j-th negative,
at s = j / (N_- + 1), fluctuate by

.. math:: D(s) = B_+(s) - g(s) B_-(s), \qquad g = N_+ R'(s) / N_-,
          \qquad E[D(s) D(u)] = N_+ R(s) (1 - R(u)) + g(s) g(u) N_- s (1 - u), \quad s \le u,

and the hits in the top t, which end at the s_t with N_+ R(s_t) + N_- s_t = t, by D(s_t) / (1 + g(s_t)). Everything
linear follows. For random rankings R(s) = s, and D is the Brownian bridge of :mod:`sim.rankings.exact.moments`.

With positives rare among the top K and R(s) ~ s^theta there, D is Brownian motion at time s^theta, and Recall@K goes
best with OPAUC(m/N_-) at m = (2 + theta)/(1 + theta) n_K, n_K = N_- s_K being the negatives expected in the top K:
1.5 n_K for theta = 1, not beyond 2 n_K. For a smooth curve theta is :func:`roc_exponent` at s_K. Where positives fill
the top K the factor can pass 2. Random rankings have n_K = K N_-/N, hence the scaling law beta* = 1.5 K/N.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ...core.validation import check_int
from ..models.base import Floats, ScoreModel
from ..models.mixed import Empirical, FalseNegatives
from ..simulate.plan import reported_areas
from .moments import metric_position_weights, sizes

__all__ = ["expected_negatives", "limit_correlation", "roc_exponent"]

Curve = Callable[[Any], tuple[Floats, Floats]]


def expected_negatives(n_pos: int, n_neg: int, k: int, *, score_model: ScoreModel | None = None) -> float:
    """n_K: negatives expected in the top K, at the threshold above which K items are expected.

    The correlation of Recall@K with OPAUC(m/N_-) peaks near m = 1.5 n_K for random rankings (n_K = K N_-/N). Where
    positives are rare in the top K of a score model it peaks at (2 + theta)/(1 + theta) n_K, theta the
    :func:`roc_exponent` at n_K/N_-. n_K is K (1 - Precision@K) to first order.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    k : int
        K, in 1..N_+ + N_-.
    score_model : ScoreModel, optional
        A model with a smooth ROC curve; uniformly random rankings if None.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For sizes or K out of range, or a model whose ROC curve has corners.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> round(expected_negatives(200, 800, 20), 9)
    16.0
    >>> round(expected_negatives(200, 800, 20, score_model=Binormal.from_auc(0.9)), 2)
    0.74
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    k = check_int("k", k, low=1, high=n_pos + n_neg)
    return float(n_neg * _thresholds(n_pos, n_neg, np.array([k]), _curve(score_model))[0])


def limit_correlation(
    n_pos: int,
    n_neg: int,
    metric: str,
    k: int,
    *,
    score_model: ScoreModel | None = None,
    ms: ArrayLike | None = None,
) -> Floats:
    """Large-sample correlation of a linear metric@K with OPAUC(m/N_-) under a score model.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    metric : {"recall", "precision", "dcg", "ndcg"}
    k : int
        K, in 1..N_+ + N_-.
    score_model : ScoreModel, optional
        A model with a smooth ROC curve; uniformly random rankings if None.
    ms : array_like of int, optional
        The m to report, in 1..N_-; all of them if None.

    Returns
    -------
    ndarray, shape (n_ms,)
        NaN where the limit has no variance.

    Raises
    ------
    TypeError, ValueError
        For sizes, K or m out of range, an unknown metric, or a model whose ROC curve has corners.

    Notes
    -----
    Good where the top K holds several negatives, :func:`expected_negatives`; below one it is a guide at best, as
    counts are then no longer nearly normal. Time O(N_- + K).

    Examples
    --------
    >>> from sim.rankings import Binormal, exact_correlation
    >>> curve = limit_correlation(200, 800, "recall", 20)
    >>> bool(np.abs(curve - exact_correlation(200, 800, "recall", 20))[10:].max() < 0.01)
    True
    >>> curve = limit_correlation(200, 9800, "recall", 50, score_model=Binormal.from_auc(0.8))
    >>> int(curve.argmax()) + 1, round(float(curve.max()), 3)
    (58, 0.95)
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    weights = metric_position_weights(n_pos, n_neg, metric, k)
    m = reported_areas(ms, n_neg)
    curve = _curve(score_model)
    s = np.arange(1.0, n_neg + 1.0) / (n_neg + 1.0)
    rise, steep = curve(s)
    g = n_pos / n_neg * steep
    # the metric as a sum over t of (w_t - w_{t+1}) hits_t
    t = np.flatnonzero(np.diff(weights, append=0.0)) + 1
    t = t[t < n_pos + n_neg]
    at = _thresholds(n_pos, n_neg, t, curve)
    at_rise, at_steep = curve(at)
    at_g = n_pos / n_neg * at_steep
    a = -np.diff(weights, append=0.0)[t - 1] / (1.0 + at_g)
    # the covariance is a sum of two kernels low(min) high(max): positives' and negatives'
    parts = [
        (at_rise, 1.0 - at_rise, rise, 1.0 - rise, n_pos),
        (at_g * at, at_g * (1.0 - at), g * s, g * (1.0 - s), n_neg),
    ]
    covariance, area_variance, metric_variance = np.zeros(n_neg), np.zeros(n_neg), 0.0
    before = np.searchsorted(at, s, side="right")
    for at_low, at_high, low, high, scale in parts:
        lows, highs = (np.concatenate(([0.0], np.cumsum(a * part))) for part in (at_low, at_high))
        covariance += scale * (high * lows[before] + low * (highs[-1] - highs[before]))
        area_variance += scale * (2.0 * high * np.cumsum(low) - low * high)
        metric_variance += scale * float((a * (2.0 * at_high * lows[1:] - a * at_low * at_high)).sum())
    spread = np.sqrt(metric_variance * np.cumsum(area_variance))
    value = np.divide(np.cumsum(covariance), spread, out=np.full(n_neg, np.nan), where=spread > 0.0)
    return np.clip(value, -1.0, 1.0)[m - 1]


def roc_exponent(fpr: ArrayLike, *, score_model: ScoreModel | None = None) -> Floats:
    """Local exponent theta = d log TPR / d log FPR of the population ROC curve: TPR ~ FPR^theta around ``fpr``.

    Parameters
    ----------
    fpr : array_like
        In (0, 1).
    score_model : ScoreModel, optional
        A model with a smooth ROC curve; uniformly random rankings (theta = 1) if None.

    Returns
    -------
    ndarray of the shape of ``fpr``

    Raises
    ------
    TypeError, ValueError
        For an ``fpr`` outside (0, 1), or a model whose ROC curve has corners.

    Examples
    --------
    >>> from sim.rankings import Binormal, PowerROC
    >>> round(float(roc_exponent(0.01, score_model=PowerROC(0.5))), 6)
    0.5
    >>> roc_exponent([1e-4, 1e-2], score_model=Binormal.from_auc(0.9)).round(2).tolist()
    [0.58, 0.43]
    """
    s = np.asarray(fpr, dtype=np.float64)
    if not ((s > 0.0) & (s < 1.0)).all():
        raise ValueError(f"fpr must be in (0, 1), got {s[~((s > 0.0) & (s < 1.0))].flat[0]:g}")
    rise, steep = _curve(score_model)(s)
    return s * steep / rise


def _curve(model: ScoreModel | None) -> Curve:
    """The function s -> R(s), R'(s)."""
    if model is None:
        return lambda s: (np.asarray(s, dtype=np.float64), np.ones(np.shape(s)))
    base = model.base if isinstance(model, FalseNegatives) else model
    if not isinstance(base, ScoreModel) or isinstance(base, Empirical):
        raise TypeError(f"score_model must have a smooth ROC curve, got {type(base).__name__}")
    return _smooth_curve(model)


@lru_cache(maxsize=32)
def _smooth_curve(model: ScoreModel) -> Curve:
    z = np.linspace(-40.0, 40.0, 16001)
    level, slope = model._logit_fpr(z)
    fine = np.isfinite(level) & (np.abs(level) < 600.0) & (slope > 0.0)
    z, level, slope = z[fine], level[fine], np.log(slope[fine])

    def curve(s: Any) -> tuple[Floats, Floats]:
        x = special.logit(s)
        y = np.interp(x, level, z)
        log_density = special.log_expit(y) + special.log_expit(-y) - special.log_expit(x) - special.log_expit(-x)
        return special.expit(y), np.exp(log_density - np.interp(y, z, slope))

    return curve


def _thresholds(n_pos: int, n_neg: int, t: NDArray[np.int64], curve: Curve) -> Floats:
    """The s at which N_+ R(s) + N_- s = t, by bisection of logit(s)."""
    low, high = np.full(t.shape, -600.0), np.full(t.shape, 600.0)
    for _ in range(70):
        middle = 0.5 * (low + high)
        s = special.expit(middle)
        below = n_pos * curve(s)[0] + n_neg * s < t
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return special.expit(0.5 * (low + high))
