"""The closed forms of :mod:`sim.rankings.exact.moments` in exact rationals, for small sizes and for proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from numbers import Rational

from ...core.validation import check_int

__all__ = ["RationalMoments", "rational_moments"]

MAX_ITEMS = 400


@dataclass(frozen=True)
class RationalMoments:
    """Exact moments of R = sum_t w_t 1(position t is positive) and of X_m = N_+ N_- OPAUC(m/N_-), as fractions.

    Attributes
    ----------
    metric_mean, metric_var : Fraction
        Mean and variance of R.
    area_mean, area_var, covariance : tuple of Fraction, length n_neg
        Mean and variance of X_m and Cov(R, X_m) for m = 1..N_-.
    rank_covariance : tuple of Fraction, length n_neg
        Cov(R, P_j) for j = 1..N_-.
    """

    metric_mean: Fraction
    metric_var: Fraction
    area_mean: tuple[Fraction, ...]
    area_var: tuple[Fraction, ...]
    covariance: tuple[Fraction, ...]
    rank_covariance: tuple[Fraction, ...]

    @property
    def squared_correlation(self) -> tuple[Fraction, ...]:
        """Squared Pearson correlation for m = 1..N_-.

        Raises
        ------
        ZeroDivisionError
            Where R is the same for every ranking.
        """
        return tuple(c * c / (self.metric_var * v) for c, v in zip(self.covariance, self.area_var, strict=True))


def rational_moments(n_pos: int, n_neg: int, position_weights: Sequence[int | Fraction]) -> RationalMoments:
    """Exact moments for uniformly random rankings, conditioning on P_j (THEORY: negative hypergeometric law).

    An independent route to the same numbers as :func:`sim.rankings.exact_moments`: E[R | P_j = q] is averaged over the
    law Pr(P_j = q) = C(q+j-1, q) C(N_+ - q + N_- - j, N_+ - q) / C(N, N_+).

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1, together at most 400.
    position_weights : sequence of int or Fraction
        Weights w_1, w_2, ...; positions beyond them weigh 0.

    Returns
    -------
    RationalMoments

    Raises
    ------
    TypeError, ValueError
        For sizes out of range, weights that are not rational, none or too many.

    Examples
    --------
    >>> moments = rational_moments(2, 3, [1])
    >>> moments.metric_mean, moments.squared_correlation[0]
    (Fraction(2, 5), Fraction(5, 6))
    """
    n_pos = check_int("n_pos", n_pos, low=1, high=MAX_ITEMS - 1)
    n_neg = check_int("n_neg", n_neg, low=1, high=MAX_ITEMS - n_pos)
    n_items = n_pos + n_neg
    if not 1 <= len(position_weights) <= n_items:
        raise ValueError(f"position_weights must have 1..{n_items} entries, got {len(position_weights)}")
    for weight in position_weights:
        if not isinstance(weight, Rational):
            raise TypeError(f"position_weights must be ints or Fractions, got {weight!r}")
    padded = [Fraction(w) for w in position_weights] + [Fraction(0)] * (n_items - len(position_weights))
    prefix = [Fraction(0)]
    for weight in padded:
        prefix.append(prefix[-1] + weight)
    total = prefix[-1]
    squares = sum((w * w for w in padded), Fraction(0))
    share = Fraction(n_pos, n_items)
    pair = Fraction(n_pos * (n_pos - 1), n_items * (n_items - 1)) - share**2
    mean = share * total
    every = comb(n_items, n_pos)

    rank_covariance = []
    for j in range(1, n_neg + 1):
        expected = Fraction(n_pos * j, n_neg + 1)
        value = Fraction(0)
        for q in range(n_pos + 1):
            law = Fraction(comb(q + j - 1, q) * comb(n_pos - q + n_neg - j, n_pos - q), every)
            before = prefix[q + j - 1] * Fraction(q, q + j - 1) if q else Fraction(0)
            after = (total - prefix[q + j]) * Fraction(n_pos - q, n_items - q - j) if q < n_pos else Fraction(0)
            value += law * (before + after - mean) * (q - expected)
        rank_covariance.append(value)

    bridge = Fraction(n_pos * (n_items + 1), (n_neg + 1) ** 2 * (n_neg + 2))
    area_var, covariance = [], []
    variance = running = weighted = Fraction(0)
    for m in range(1, n_neg + 1):
        variance += bridge * (n_neg + 1 - m) * (2 * weighted + m)
        weighted += m
        running += rank_covariance[m - 1]
        area_var.append(variance)
        covariance.append(running)
    return RationalMoments(
        metric_mean=mean,
        metric_var=share * (1 - share) * squares + pair * (total**2 - squares),
        area_mean=tuple(Fraction(n_pos * m * (m + 1), 2 * (n_neg + 1)) for m in range(1, n_neg + 1)),
        area_var=tuple(area_var),
        covariance=tuple(covariance),
        rank_covariance=tuple(rank_covariance),
    )
