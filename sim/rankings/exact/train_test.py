r"""Train is not test (claim R3): how OPAUC(beta) on train labels goes with a Top-K metric on test labels.

Two regimes. A ranking that knows nothing of the labels: they agree only as far as the labels agree, and the correlation
is :math:`\phi` times that of Figure 6 whatever beta (:func:`split_correlation`). A family of rankings that know
something, train and test drawn independently from the propensities of what each ranks high: only the signal, what
differs between the rankings, is shared, and the noise of the train draw counts against a small beta
(:func:`propensity_moments`, :func:`family_correlation`; :func:`predictive_correlation` in the limit of many negatives).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.validation import check_finite, check_fraction, check_int, check_real
from ..models.base import Floats, ScoreModel, unit
from .moments import exact_correlation

__all__ = [
    "Predictive", "PropensityMoments", "family_correlation", "phi", "predictive_correlation", "propensity_moments",
    "split_correlation",
]  # fmt: skip


def phi(both: int, train_only: int, test_only: int, neither: int) -> float:
    """Correlation of an item's train label with its test label: the phi coefficient of the 2 x 2 table of counts.

    Parameters
    ----------
    both, train_only, test_only, neither : int
        Items that are positive in both, in one, in none; neither label may be the same for all items.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For counts that are negative or no integers, or an empty class.

    Examples
    --------
    >>> round(phi(10, 10, 10, 970), 4)
    0.4898
    """
    names = ("both", "train_only", "test_only", "neither")
    a, b, c, d = (check_int(n, v, low=0) for n, v in zip(names, (both, train_only, test_only, neither)))
    margins = {"train positives": a + b, "train negatives": c + d, "test positives": a + c, "test negatives": b + d}
    for name, count in margins.items():
        if count == 0:
            raise ValueError(f"counts must leave at least one of the {name}, got {(a, b, c, d)}")
    product = (a + b) * (c + d) * (a + c) * (b + d)
    return float((a * d - b * c) / product**0.5)


def split_correlation(
    both: int, train_only: int, test_only: int, neither: int, metric: str, k: int, *, filtered: bool = False
) -> Floats:
    """Exact correlation, under uniformly random rankings, of train OPAUC(m/N_-) with a test metric@K, for every m.

    It is :func:`phi` times the correlation with the same metric on the train labels (claim R3), so the best beta is
    that of Figure 6, however little the labels agree. False positives, positives not observed, or drift
    between train and test change phi only.

    Parameters
    ----------
    both, train_only, test_only, neither : int
        As in :func:`phi`.
    metric : {"recall", "precision", "dcg", "ndcg"}
    k : int
        K, in 1..number of items.
    filtered : bool
        Train positives are taken out of the test ranking, as recommenders are evaluated: then the correlation is 0.

    Returns
    -------
    ndarray of shape (train negatives,)

    Raises
    ------
    TypeError, ValueError
        As :func:`phi` and :func:`sim.rankings.exact_correlation`.

    Examples
    --------
    >>> curve = split_correlation(10, 10, 10, 970, "recall", 20)
    >>> int(curve.argmax()) + 1, round(float(curve.max()), 3)
    (29, 0.46)
    """
    factor = phi(both, train_only, test_only, neither)
    curve = exact_correlation(both + train_only, test_only + neither, metric, k)
    return 0.0 * curve if filtered else factor * curve


@dataclass(frozen=True)
class PropensityMoments:
    """Moments for one ranking; X_m counts the train positives above each of the m hardest train negatives.

    Attributes
    ----------
    area_mean, area_var : ndarray of shape (n,)
        Of X_m, m = 1..n; all train negatives count where there are fewer than m.
    covariance : ndarray of shape (n,)
        Of X_m with the test metric.
    metric_mean, metric_var : number
        Of the test metric, sum_{t <= K} w_t 1(position t is positive in test).
    """

    area_mean: NDArray[Any]
    area_var: NDArray[Any]
    covariance: NDArray[Any]
    metric_mean: Any
    metric_var: Any


def propensity_moments(
    propensities: Sequence[Any] | NDArray[Any], weights: Sequence[Any], *, concentration: Any = None
) -> PropensityMoments:
    """Exact moments of train areas and a linear test metric when labels are draws from the propensities of the items.

    The item at position t is positive with probability p_t, p_t of law Beta with mean ``propensities[t]`` and
    ``concentration`` a + b; given p_t, train and test label are independent draws (beta-binomial). Their correlation is
    1 / (concentration + 1). Exact in time O(n^2); with fractions throughout the result is exact too.

    Parameters
    ----------
    propensities : sequence of shape (n,)
        Means in [0, 1], best position first: numbers or Fractions.
    weights : sequence of shape (k,)
        Weights of the first k positions, k <= n; all ones for hits, the discounts for DCG.
    concentration : number, optional
        a + b > 0; None: p_t is fixed, and the labels independent.

    Returns
    -------
    PropensityMoments

    Raises
    ------
    TypeError, ValueError
        For empty or overlong sequences, or values out of range.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> moments = propensity_moments([F(1, 2), F(1, 2)], [1], concentration=1)
    >>> moments.covariance[0], moments.area_var[0]  # X_1 = 1 for (positive, negative), else 0
    (Fraction(1, 16), Fraction(3, 16))
    """
    y, w = _sequences(propensities, weights)
    if concentration is None:
        after_pos = after_neg = y
    else:
        if not concentration > 0:
            raise ValueError(f"concentration must be > 0, got {concentration}")
        after_pos = (concentration * y + 1) / (concentration + 1)
        after_neg = concentration * y / (concentration + 1)
    return _walk(y, after_pos, after_neg, w)


def _sequences(propensities: Any, weights: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    y, w = np.array(propensities), np.array(weights)
    if y.dtype != object:
        y, w = y.astype(np.float64), w.astype(np.float64)
        check_finite("propensities", y)
        check_finite("weights", w)
    if y.ndim != 1 or y.size == 0 or w.ndim != 1 or not 0 < w.size <= y.size:
        raise ValueError(f"weights must have between 1 and n entries, one a position, got {w.shape} for {y.shape}")
    if min(y) < 0 or max(y) > 1:
        raise ValueError(f"propensities must be in [0, 1], got {min(y)}..{max(y)}")
    return y, np.concatenate([w, np.zeros_like(y[: y.size - w.size])])


def _walk(y: NDArray[Any], after_pos: NDArray[Any], after_neg: NDArray[Any], w: NDArray[Any]) -> PropensityMoments:
    """Down the ranking: the state is the number of train negatives so far, X the sum of the positives above each.

    ``after_pos`` and ``after_neg`` are the test propensities given a train positive or negative.
    """
    n = y.size
    test = y * after_pos + (1 - y) * after_neg
    later = np.cumsum((w * test)[::-1])[::-1]
    later = np.append(later[1:], 0 * later[:1])
    zero = np.zeros_like(np.append(y, y[:1])) * y[0]
    p, x, xx, r, xr = (zero.copy() for _ in range(5))
    p[0] = p[0] + 1
    first, second, cross = (zero.copy() for _ in range(3))
    for t in range(n):
        above = np.maximum(t - np.arange(n + 1), 0)  # train positives so far
        hit, miss = w[t] * after_pos[t], w[t] * after_neg[t]
        r_neg, x_neg = r + miss * p, x + above * p
        neg = [
            p, x_neg, xx + 2 * above * x + above * above * p, r_neg, xr + miss * x + above * r_neg,
        ]  # fmt: skip
        neg = [(1 - y[t]) * part[:-1] for part in neg]
        first[1:] += neg[1]
        second[1:] += neg[2]
        cross[1:] += neg[4] + later[t] * neg[1]
        p, x, xx, r, xr = (y[t] * part for part in (p, x, xx, r + hit * p, xr + hit * x))
        for part, more in zip((p, x, xx, r, xr), neg):
            part[1:] += more
    # fewer than m negatives in all: what there is
    first[1:] += np.cumsum(x)[:-1]
    second[1:] += np.cumsum(xx)[:-1]
    cross[1:] += np.cumsum(xr)[:-1]
    mean = (w * test).sum()
    return PropensityMoments(
        first[1:], second[1:] - first[1:] * first[1:], cross[1:] - first[1:] * mean, mean,
        (w * w * test * (1 - test)).sum(),
    )  # fmt: skip


@dataclass(frozen=True)
class Predictive:
    """How an area on train goes with a metric on test, over rankings and draws of labels.

    ``correlation`` = ``alignment`` * sqrt(``reliability`` * ``test_reliability``) where train and test are independent
    given the ranking: the bias of the area as a target, times the noise of its estimate, times the noise of the test.

    Attributes
    ----------
    correlation : ndarray
        Pearson correlation, one entry an area.
    alignment : ndarray
        Correlation of the expected area with the expected metric, over the rankings.
    reliability : ndarray
        Share of the area's variance that the rankings explain.
    test_reliability : float
        The same of the metric.
    """

    correlation: Floats
    alignment: Floats
    reliability: Floats
    test_reliability: float


def _combine(
    shares: Floats, area: Floats, noise: Floats, extra: Floats, metric: Floats, test_noise: Floats
) -> Predictive:
    """From means (members, areas), variances and covariances given the member."""
    centred, target = area - shares @ area, metric - shares @ metric
    signal, goal = shares @ centred**2, float(shares @ target**2)
    variance, test_variance = signal + shares @ noise, goal + float(shares @ test_noise)
    if test_variance <= 0.0 or (variance <= 0.0).any():
        raise ValueError("rankings must have positives at the head: an area or the metric is the same for all")
    common = shares @ (centred * target[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        alignment = common / np.sqrt(signal * goal)
    return Predictive(
        (common + shares @ extra) / np.sqrt(variance * test_variance),
        alignment,
        signal / variance,
        goal / test_variance,
    )


def _shares(shares: ArrayLike | None, n: int) -> Floats:
    array = np.full(n, 1.0 / max(n, 1)) if shares is None else check_finite("shares", np.asarray(shares, float))
    if n == 0 or array.shape != (n,) or array.min() < 0.0 or abs(array.sum() - 1.0) > 1e-9:
        raise ValueError(f"shares must be one probability a ranking, summing to 1, got shape {array.shape} for {n}")
    return array


def family_correlation(
    members: Sequence[ArrayLike], weights: Sequence[float], *, shares: ArrayLike | None = None,
    concentration: float | None = None,
) -> Predictive:  # fmt: skip
    """Exact correlation of train X_m with a linear test metric over a family of rankings, for every m.

    Parameters
    ----------
    members : sequence of array_like of shape (n,)
        Each ranking's propensities, best position first.
    weights, concentration
        As in :func:`propensity_moments`.
    shares : array_like, optional
        How probable each ranking is; equal if None.

    Returns
    -------
    Predictive
        Entries for m = 1..n.

    Raises
    ------
    TypeError, ValueError
        As :func:`propensity_moments`; for bad shares, or where an area or the metric is the same for all.

    Examples
    --------
    >>> good, poor = np.array([0.5, 0.2, 0.1, 0.1]), np.array([0.3, 0.2, 0.2, 0.2])
    >>> family_correlation([good, poor], [1.0]).correlation.round(3).tolist()
    [0.037, 0.037, 0.039, 0.039]
    """
    share = _shares(shares, len(members))
    found = [propensity_moments(np.asarray(m, float), weights, concentration=concentration) for m in members]
    area, noise, extra = (
        np.stack([getattr(f, name) for f in found]).astype(np.float64)
        for name in ("area_mean", "area_var", "covariance")
    )
    metric, test_noise = (np.array([getattr(f, name) for f in found]) for name in ("metric_mean", "metric_var"))
    return _combine(share, area, noise, extra, metric, test_noise)


def predictive_correlation(
    models: Sequence[ScoreModel], betas: ArrayLike, fpr: float, n_train: int, n_test: int,
    *, shares: ArrayLike | None = None,
) -> Predictive:  # fmt: skip
    r"""Correlation of OPAUC(beta) on train with Recall at an FPR on test, in the limit of many negatives.

    Given the model, n_train train and n_test test positives are independent draws from its ROC curve G:

    .. math:: E\,OPAUC(\beta) = \int_0^\beta G,\quad Var = \frac{2\int_0^\beta(\beta-s)G(s)ds - (\int_0^\beta G)^2}{n},
              \quad E\,Recall = G(\alpha),\quad Var = \frac{G(\alpha)(1-G(\alpha))}{n'}

    Parameters
    ----------
    models : sequence of ScoreModel
        The family of rankings.
    betas : array_like
        In (0, 1].
    fpr : float
        alpha in (0, 1]: K/n for Recall@K.
    n_train, n_test : int
        Positives, >= 1.
    shares : array_like, optional
        How probable each model is; equal if None.

    Returns
    -------
    Predictive
        Entries for ``betas``.

    Raises
    ------
    TypeError, ValueError
        For values out of range, an empty family, or one without positives at the head.

    Examples
    --------
    >>> from sim.rankings import PowerROC
    >>> family = [PowerROC(theta) for theta in (0.4, 0.5, 0.6)]
    >>> predictive_correlation(family, [1e-4, 0.01, 1.0], 1e-3, 20, 5).correlation.round(3).tolist()
    [0.074, 0.116, 0.109]
    """
    share = _shares(shares, len(models))
    for model in models:
        if not isinstance(model, ScoreModel):
            raise TypeError(f"models must be ScoreModels, got {type(model).__name__}")
    cuts = np.array([check_fraction("betas", b) for b in np.asarray(betas, dtype=np.float64).ravel()])
    alpha = float(unit("fpr", check_real("fpr", fpr, low=0.0, high=1.0, open_low=True)))
    n_train, n_test = check_int("n_train", n_train, low=1), check_int("n_test", n_test, low=1)
    area = np.stack([model.opauc(cuts) for model in models])
    noise = np.stack([_second_moment(model, cuts) for model in models]) - area**2
    rise = np.array([float(model.tpr(alpha)) for model in models])
    return _combine(
        share, area, np.maximum(noise, 0.0) / n_train, np.zeros_like(area), rise, rise * (1.0 - rise) / n_test
    )


def _second_moment(model: ScoreModel, betas: Floats) -> Floats:
    """E (beta - F)_+^2 over a positive's false positive rate F, by quadrature over log s."""
    nodes, rule = np.polynomial.legendre.leggauss(64)
    z = 20.0 * (nodes + 1.0)  # s = beta exp(-z)
    s = betas[:, None] * np.exp(-z)
    return 2.0 * ((betas[:, None] - s) * model.tpr(s) * s) @ (20.0 * rule)
