"""Exact bias and variance of DNS(M, N) as an estimator: on a score model's population, and on one user's scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from ..core.validation import MOST_SIZE, check_int, losses_array
from ..rankings import ScoreModel
from ..sampling import DNS, Sampler, Uniform
from ._quadrature import Floats, Levels, negative_levels, negative_scores, positive_rule
from .population import pair_terms, rated, require_model

__all__ = ["PairMoments", "SampleMoments", "dns_moments", "dns_sample_moments", "user_scores"]

_ROWS = 128


@dataclass(frozen=True)
class PairMoments:
    """Moments of a sampler's estimate from one positive and one pool; arrays hold (value, slope).

    The slope is the derivative of the value when all positives' scores are raised together, the weights held constant
    as the trainer does.

    Attributes
    ----------
    mean : ndarray of shape (2,)
        Expectation.
    between : ndarray of shape (2,)
        Variance over positives of the expectation given the positive: no pool size removes it.
    within : ndarray of shape (2,)
        Mean over positives of the variance over pools.
    kl : float
        Mean of KL(weights || uniform on the pool); exp(-kl) is the realised beta.
    mean_error, between_error, within_error : ndarray of shape (2,)
        Standard errors of a simulation, or estimated errors of the quadrature.
    kl_error : float
        The same for ``kl``.
    """

    mean: Floats
    between: Floats
    within: Floats
    kl: float
    mean_error: Floats
    between_error: Floats
    within_error: Floats
    kl_error: float = 0.0

    def variance(self, n_pos: int) -> Floats:
        """Variance of the mean over ``n_pos`` independent positives, each with its own pool."""
        return (self.between + self.within) / check_int("n_pos", n_pos, low=1, most=MOST_SIZE)

    def mse(self, truth: Floats, n_pos: int) -> Floats:
        """Mean squared error for ``truth`` (value, slope) of the mean over ``n_pos`` positives."""
        return (self.mean - truth) ** 2 + self.variance(n_pos)


@dataclass(frozen=True)
class SampleMoments:
    """Moments of a sampler's estimate of one user's objective, every positive with its own pool.

    Attributes
    ----------
    mean, variance : ndarray of shape (2,)
        Of the value and of the slope, the sum of the gradients with respect to the positives' scores.
    grad_pos : ndarray of shape (n_pos,)
    grad_neg : ndarray of shape (n_neg,)
        Expected gradient with respect to the scores, the weights held constant.
    grad_variance : float
        Summed variances of the gradient's n_pos + n_neg entries.
    kl : float
        Mean of KL(weights || uniform on the pool).
    mean_error, variance_error : ndarray of shape (2,)
    grad_variance_error, kl_error : float
        Standard errors of a simulation; 0 where exact.
    n_runs : int
        Independent estimates behind a simulation; 0 where exact.
    """

    mean: Floats
    variance: Floats
    grad_pos: Floats
    grad_neg: Floats
    grad_variance: float
    kl: float
    mean_error: Floats
    variance_error: Floats
    grad_variance_error: float = 0.0
    kl_error: float = 0.0
    n_runs: int = 0

    def grad_bias2(self, grad_pos: Floats, grad_neg: Floats) -> float:
        """Squared length of the gradient's bias for a truth, less what the noise of a simulation adds to it."""
        length = float(np.sum((self.grad_pos - grad_pos) ** 2) + np.sum((self.grad_neg - grad_neg) ** 2))
        return length - (self.grad_variance / self.n_runs if self.n_runs else 0.0)


def dns_moments(sampler: Sampler, model: ScoreModel) -> PairMoments:
    r"""Exact moments of DNS(M, N) and Uniform(N) on a population, by quadrature (claim T1-pool).

    The false positive rate B of the (M + 1)-th best of the pool is Beta(M + 1, N - M), and given B the M best are
    independent and uniform on (0, B). With m(b) and v(b) the mean and variance of a pair's loss over (0, b), one
    positive's estimate has

    .. math:: \text{mean } E[m(B)], \qquad \text{variance } E[v(B)]/M + \mathrm{Var}[m(B)].

    Parameters
    ----------
    sampler : DNS or Uniform
    model : ScoreModel
        With scores of finite variance.

    Returns
    -------
    PairMoments

    Raises
    ------
    TypeError, ValueError
        For other samplers, which have no law free of the losses, or a model without finite variance.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> from sim.sampling import DNS
    >>> moments = dns_moments(DNS(5, 200), Binormal.from_auc(0.9))
    >>> moments.mean.round(6).tolist(), moments.within.round(6).tolist()
    ([1.086826, -0.596552], [0.020915, 0.001958])
    """
    require_model(model)
    kept = _kept(sampler)

    def compute(fineness: int) -> Floats:
        levels, law = _threshold(model, kept, sampler.N, fineness)
        live = law > 0.0
        at, law = levels.s[live], law[live]
        negatives = negative_scores(model, levels.s)
        scores, weight = positive_rule(model, fineness)
        mean, square, within = np.zeros(2), np.zeros(2), np.zeros(2)
        for first in range(0, scores.size, _ROWS):
            part = slice(first, first + _ROWS)
            for q, terms in enumerate(pair_terms(scores[part], negatives)):
                upper = levels.cumulative(terms)[:, live] / at
                spread = np.maximum(levels.cumulative(terms**2)[:, live] / at - upper**2, 0.0)
                centre = upper @ law
                inside = (spread / kept + (upper - centre[:, None]) ** 2) @ law
                mean[q] += weight[part] @ centre
                square[q] += weight[part] @ centre**2
                within[q] += weight[part] @ inside
        return np.array([mean, square - mean**2, within])

    (mean, between, within), (mean_error, between_error, within_error) = rated(compute)
    kl = float(np.log(sampler.N / kept))
    return PairMoments(mean, between, within, kl, mean_error, between_error, within_error)


def _kept(sampler: Sampler) -> int:
    if isinstance(sampler, DNS):
        return sampler.M
    if isinstance(sampler, Uniform):
        return sampler.N
    raise TypeError(f"sampler must be DNS or Uniform for exact moments, got {sampler}; simulate it instead")


def _threshold(model: ScoreModel, kept: int, size: int, fineness: int) -> tuple[Levels, Floats]:
    """A rule over false positive rates and the probabilities of B on its points."""
    if kept == size:
        levels = negative_levels(model, fineness)
        return levels, (levels.s == levels.s[-1]).astype(np.float64)
    law = stats.beta(kept + 1, size - kept)
    low, high = special.logit(law.ppf(1e-13)), -special.logit(stats.beta(size - kept, kept + 1).ppf(1e-13))
    levels = negative_levels(model, fineness, np.linspace(low, high, 24 * fineness + 1))
    log_density = kept * special.log_expit(levels.z) + (size - kept - 1) * special.log_expit(-levels.z)
    probability = np.exp(log_density - special.betaln(kept + 1, size - kept)) * levels.mass
    return levels, probability


def dns_sample_moments(sampler: Sampler, pos_scores: ArrayLike, neg_scores: ArrayLike) -> SampleMoments:
    r"""Exact moments of DNS(M, N) and Uniform(N) on one user's scores, pools without replacement (claim T1-pool).

    With R the rank of the (M + 1)-th best of the pool, the M best are a uniform subset of the R - 1 hardest negatives:
    their mean has the mean of those and, given R, the variance of a sample without replacement. For N = n_neg all of
    it is Theorem 1: no bias, and no variance but that of breaking ties.

    Parameters
    ----------
    sampler : DNS or Uniform
    pos_scores : array_like of shape (n_pos,)
    neg_scores : array_like of shape (n_neg,)
        Finite scores, n_neg >= N.

    Returns
    -------
    SampleMoments

    Raises
    ------
    TypeError, ValueError
        For other samplers, for scores that are empty or not finite, or a pool larger than the catalogue.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> moments = dns_sample_moments(DNS(1, 2), [0.0], [0.0, -1.0, -2.0])
    >>> moments.mean.round(6).tolist(), moments.grad_neg.round(6).tolist()
    ([0.566519, -0.42298], [0.333333, 0.089647, 0.0])
    """
    kept = _kept(sampler)
    pos, neg = user_scores(sampler, pos_scores, neg_scores, False)
    order = np.argsort(-neg, kind="stable")
    ranked = neg[order]
    share, law = sampler.rank_distribution(neg.size), sampler.opauc_mixture(neg.size)
    _, group, ties = np.unique(ranked, return_inverse=True, return_counts=True)
    share = (np.bincount(group, share) / ties)[group]  # tied negatives are exchangeable
    count = np.arange(1.0, neg.size + 1.0)
    shrink = (count - kept) / np.maximum(count - 1.0, 1.0) / kept  # entries below M have no probability
    mean, variance = np.zeros(2), np.zeros(2)
    grad_pos, grad_neg, spread = np.empty(pos.size), np.zeros(neg.size), 0.0
    for i, positive in enumerate(pos):
        losses, slopes = (terms[0] for terms in pair_terms(np.array([positive]), ranked))
        grad_pos[i] = share @ slopes
        grad_neg -= share * slopes
        spread += float(np.maximum(share / kept - share**2, 0.0) @ slopes**2)
        for q, terms in enumerate((losses, slopes)):
            upper = np.cumsum(terms) / count
            inside = np.maximum(np.cumsum(terms**2) / count - upper**2, 0.0)
            centre = law @ upper
            mean[q] += centre
            variance[q] += max(law @ (inside * shrink + (upper - centre) ** 2), 0.0)
    spread += variance[1]  # of the positives' own entries
    by_item = np.empty(neg.size)
    by_item[order] = grad_neg / pos.size
    zero = np.zeros(2)
    return SampleMoments(
        mean / pos.size, variance / pos.size**2, grad_pos / pos.size, by_item, spread / pos.size**2,
        float(np.log(sampler.N / kept)), zero, zero,
    )  # fmt: skip


def user_scores(sampler: Sampler, pos_scores: ArrayLike, neg_scores: ArrayLike, replace: bool) -> tuple[Floats, Floats]:
    """The scores as finite 1-D arrays, the negatives enough for a pool."""
    arrays = []
    for name, scores in (("pos_scores", pos_scores), ("neg_scores", neg_scores)):
        array = np.ascontiguousarray(losses_array(scores, name))
        if array.ndim != 1:
            raise ValueError(f"{name} must be 1-D, got shape {array.shape}")
        arrays.append(array)
    pos, neg = arrays
    if not replace and neg.size < sampler.N:
        raise ValueError(f"neg_scores must have >= N={sampler.N} entries without replacement, got {neg.size}")
    return pos, neg
