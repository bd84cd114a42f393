r"""Sampled metrics (Krichene and Rendle, KDD 2020) as weighted areas: the fewer negatives sampled, the nearer to AUC.

A sampled metric ranks each positive against its own n negatives drawn uniformly from the N_-. With b negatives above it
in the full ranking, B of the sampled ones are above it, binomial (n, b / N_-) or hypergeometric, and it gains g(B). The
mean gain f(b) = E g(B) falls with b, so that, with P_j the positives above the j-th negative,

.. math:: E[\text{sampled metric} \mid \text{ranking}] = f(N_-) + \frac{1}{N_+} \sum_j w_j P_j,
          \qquad w_j = f(j - 1) - f(j) \ge 0:

a weighted area. For n = 1 and K = 1, f is linear, all w_j are equal, and the metric is AUC. For random rankings the
covariances of the P_j are those of :mod:`sim.rankings.exact.moments`, and sampled Recall@K goes best with OPAUC(beta)
at about beta = 1.5 K/n: the scaling law with n in the place of N.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.memory import check_memory
from ...core.random import to_seed
from ...core.validation import MOST_SIZE, check_choice, check_int
from ..exact.moments import bridge_scale, exact_moments, sizes
from ..kernels import draw_rankings
from ..models.base import Floats, ScoreModel, roc_table
from .plan import GROUPS, MAX_BYTES, reported_areas
from .rank_correlation import group_error, influence_of

__all__ = ["SAMPLED_METRICS", "sampled_correlation", "sampled_gain", "simulate_sampled_correlation"]

SAMPLED_METRICS: tuple[str, ...] = ("recall", "ndcg", "mrr")
"""Gain of a positive of rank r <= K among the sampled negatives: 1, 1/log2(1 + r), 1/r; 0 beyond K."""


def sampled_gain(n_neg: int, n_sampled: int, metric: str, k: int, *, replace: bool = True) -> tuple[Floats, Floats]:
    """Mean and variance of a positive's sampled gain, given the b = 0..N_- negatives above it in the full ranking.

    Parameters
    ----------
    n_neg : int
        N_-, at least 1.
    n_sampled : int
        Negatives drawn for each positive, at least 1; at most N_- without replacement.
    metric : {"recall", "ndcg", "mrr"}
    k : int
        K, at least 1.
    replace : bool
        Draw with replacement.

    Returns
    -------
    mean, variance : ndarray, shape (n_neg + 1,)

    Raises
    ------
    TypeError, ValueError
        For sizes or K out of range, or an unknown metric.

    Examples
    --------
    >>> mean, _ = sampled_gain(4, 1, "recall", 1)
    >>> mean.round(12).tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]
    >>> mean, variance = sampled_gain(4, 4, "recall", 2, replace=False)
    >>> mean.round(12).tolist(), float(variance.max())
    ([1.0, 1.0, 0.0, 0.0, 0.0], 0.0)
    """
    n_neg, n, gains = _checked(n_neg, n_sampled, metric, k, replace)
    from scipy.stats import binom, hypergeom

    b = np.arange(n_neg + 1)
    law = binom(n, b / n_neg) if replace else hypergeom(n_neg, b, n)
    mean, square = np.zeros(n_neg + 1), np.zeros(n_neg + 1)
    for above, gain in enumerate(gains):
        chance = np.nan_to_num(law.pmf(above))
        mean += gain * chance
        square += gain * gain * chance
    return mean, np.clip(square - mean**2, 0.0, None)


def sampled_correlation(
    n_pos: int, n_neg: int, n_sampled: int, metric: str, k: int, *, replace: bool = True, noise: bool = True
) -> Floats:
    """Exact correlation of a sampled metric@K with OPAUC(m/N_-), m = 1..N_-, for uniformly random rankings.

    Parameters
    ----------
    n_pos : int
        N_+, at least 1; the metric is the mean gain of the positives.
    n_neg, n_sampled, metric, k, replace
        As in :func:`sampled_gain`.
    noise : bool
        Count the variance that sampling adds, independent for each positive. False: the metric's mean given the
        ranking, as if averaged over many samples.

    Returns
    -------
    ndarray, shape (n_neg,)
        The last entry is the correlation with AUC.

    Raises
    ------
    TypeError, ValueError
        As in :func:`sampled_gain`.

    Examples
    --------
    >>> for n in (1, 10, 100, 900):
    ...     print(n, round(float(sampled_correlation(100, 900, n, "recall", 1, noise=False)[-1]), 3))
    1 1.0
    10 0.661
    100 0.241
    900 0.085
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    mean, variance = sampled_gain(n_neg, n_sampled, metric, k, replace=replace)
    weights = -np.diff(mean)
    j = np.arange(1.0, n_neg + 1.0)
    rest = n_neg + 1.0 - j
    late = weights * rest
    scale = bridge_scale(n_pos, n_neg)
    with_p = scale * (rest * np.cumsum(weights * j) + j * (late.sum() - np.cumsum(late)))
    spread = float(weights @ with_p) + (n_pos * float(variance.mean()) if noise else 0.0)
    area_variance = exact_moments(n_pos, n_neg, "recall", 1).opauc_var * (float(n_pos) * n_neg) ** 2
    with np.errstate(invalid="ignore"):
        return np.clip(np.cumsum(with_p) / np.sqrt(spread * area_variance), -1.0, 1.0)


def simulate_sampled_correlation(
    n_pos: int,
    n_neg: int,
    n_sampled: Sequence[int],
    metric: str,
    k: int,
    *,
    ms: ArrayLike,
    score_model: ScoreModel | None = None,
    n_rankings: int = 10_000,
    rng: np.random.Generator | int | None = None,
    replace: bool = True,
    max_bytes: int = MAX_BYTES,
) -> tuple[Floats, Floats]:
    """Correlation of sampled metrics@K with OPAUC(m/N_-) under any score model, by drawing rankings and samples.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    n_sampled : sequence of int
        Numbers of sampled negatives; all see the same rankings.
    metric, k, replace
        As in :func:`sampled_gain`.
    ms : array_like of int
        The m to report, in 1..N_-.
    score_model : ScoreModel, optional
        Law of the scores; uniformly random rankings if None.
    n_rankings : int
        At least 128.
    rng : numpy.random.Generator, int or None
        Source of the seed.
    max_bytes : int
        Limit on the working memory, computed beforehand.

    Returns
    -------
    correlation, standard_error : ndarray, shape (len(n_sampled), n_ms)
        Pearson's coefficient, and its error by the jackknife over groups of rankings; NaN for a constant metric.

    Raises
    ------
    TypeError, ValueError
        As in :func:`sampled_gain`, for m or counts out of range.
    MemoryError
        Where the rankings would need more than ``max_bytes``.

    Examples
    --------
    >>> value, error = simulate_sampled_correlation(50, 450, [1, 450], "recall", 1, ms=[450], rng=0)
    >>> exact = [sampled_correlation(50, 450, n, "recall", 1)[-1] for n in (1, 450)]
    >>> bool((np.abs(value[:, 0] - exact) < 6 * error[:, 0]).all())
    True
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    plans = [_checked(n_neg, n, metric, k, replace) for n in n_sampled]
    m, n_rankings = reported_areas(ms, n_neg), check_int("n_rankings", n_rankings, low=128, most=MOST_SIZE)
    needed = 8 * n_rankings * (4 * n_pos + m.size + len(plans))
    check_memory(needed, check_int("max_bytes", max_bytes, low=1), "use fewer rankings or areas (ms)")
    seed = to_seed(rng)
    above = np.empty((n_rankings, n_pos), dtype=np.int64)
    draw_rankings(seed, 0, n_pos, n_neg, roc_table(score_model), above)
    areas = np.stack([np.maximum(limit - above, 0).sum(axis=1) for limit in m]).astype(np.float64)
    draw = np.random.default_rng([seed, 1])
    values = np.empty((len(plans), n_rankings))
    for row, (_, n, gains) in zip(values, plans):
        drawn = draw.binomial(n, above / n_neg) if replace else draw.hypergeometric(above, n_neg - above, n)
        row[:] = np.append(gains, 0.0)[np.minimum(drawn, gains.size)].mean(axis=1)
    correlation, influence = influence_of("pearson", values, areas, np.arange(GROUPS + 1) * n_rankings // GROUPS)
    return correlation, group_error(influence)


def _checked(n_neg: Any, n_sampled: Any, metric: str, k: Any, replace: bool) -> tuple[int, int, Floats]:
    """N_-, n and the gains by number of sampled negatives above, 0 .. K - 1."""
    n_neg = check_int("n_neg", n_neg, low=1, high=10**8)
    n = check_int("n_sampled", n_sampled, low=1, high=10**8 if replace else n_neg)
    rank = np.arange(1.0, min(check_int("k", k, low=1), n + 1) + 1.0)
    check_choice("metric", metric, SAMPLED_METRICS)
    if metric == "recall":
        return n_neg, n, np.ones(rank.size)
    return n_neg, n, 1.0 / np.log2(1.0 + rank) if metric == "ndcg" else 1.0 / rank
