r"""Variance of the gradient for frozen scores (claim V1): exact by order statistics, for any vectors g_j.

One positive's gradient under a sampler is sum_j w_j g_j over a pool, g_j the gradient that negative j contributes. All
functions here take the vectors in the order of hardness, hardest first, as an array of shape (n, d), and give the mean
vector and the variance summed over its d entries. Pools are drawn with replacement, as the trainer draws them, or
without.

With U_(1) < ... the order statistics of N uniforms, two draws with the larger one at u are both among the M hardest iff
at most M - 2 of the other N - 2 lie below u; so the second moment is one sum over ranks. Self-normalised weights are
turned into one integral by 1/S^2 = int_0^inf s exp(-s S) ds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..core.validation import check_finite, check_int, check_real
from ..objectives import logistic_loss_grad

__all__ = ["Spread", "best_kept", "dns_spread", "exact_cut", "pair_gradients", "shared_spread", "tilted_spread"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Mean vector and summed variance of a gradient estimate from one pool.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    variance : float
        Sum of the variances of the d entries.
    """

    mean: Floats
    variance: float

    def mse(self, target: Floats, repeats: int = 1) -> float:
        """Squared bias for ``target`` plus the variance of the mean over ``repeats`` independent pools."""
        bias = self.mean - target
        return float(bias @ bias) + self.variance / check_int("repeats", repeats, low=1)


def _vectors(vectors: ArrayLike) -> Floats:
    g = check_finite("vectors", np.asarray(vectors, dtype=np.float64))
    g = g[:, None] if g.ndim == 1 else g
    if g.ndim != 2 or 0 in g.shape:
        raise ValueError(f"vectors must have shape (n, d), one row a negative, hardest first, got {g.shape}")
    return g


def exact_cut(vectors: ArrayLike, m: int) -> Floats:
    """Mean over the m hardest: the gradient of the OPAUC(m/n) surrogate; m = n is the full gradient, of no variance.

    Examples
    --------
    >>> exact_cut([3.0, 1.0, 0.0], 2).tolist()
    [2.0]
    """
    g = _vectors(vectors)
    mean: Floats = g[: check_int("m", m, low=1, high=len(g))].mean(axis=0)
    return mean


def dns_spread(vectors: ArrayLike, M: int, N: int, *, replace: bool = True) -> Spread:
    """Exact mean and variance under DNS(M, N); M = N is uniform sampling.

    Parameters
    ----------
    vectors : array_like of shape (n, d) or (n,)
        Gradient of every negative, hardest first.
    M, N : int
        Kept and drawn negatives, 1 <= M <= N; without replacement N <= n.
    replace : bool
        Pools drawn with replacement.

    Returns
    -------
    Spread

    Raises
    ------
    TypeError, ValueError
        For values out of range, or no negatives.

    Examples
    --------
    >>> found = dns_spread([1.0, 0.0], 1, 2)  # the better of two draws is the first with probability 3/4
    >>> found.mean.tolist(), found.variance
    ([0.75], 0.1875)
    """
    g = _vectors(vectors)
    n = len(g)
    N = check_int("N", N, low=1, high=None if replace else n)
    M = check_int("M", M, low=1, high=N)
    single, pair, same = _with(n, M, N) if replace else _without(n, M, N)
    before = np.cumsum(g, axis=0) - g
    mean = single @ g
    squares = (g * g).sum(axis=1)
    second = (single / M + same) @ squares + 2.0 * float(pair @ (before * g).sum(axis=1))
    return Spread(mean, max(float(second - mean @ mean), 0.0))


def _with(n: int, M: int, N: int) -> tuple[Floats, Floats, Floats]:
    """Weight of each rank; of each pair of draws by its later rank; of two draws of one rank. Both over M^2."""
    edges = np.arange(n + 1) / n
    if M == N:
        single = np.full(n, 1.0 / n)
        share = (N - 1) / N / n**2
        return single, np.full(n, share), np.full(n, share)
    low = special.betainc(M + 1, N - M, edges)
    single = np.diff(N / M * edges * special.betaincc(M, N - M, edges) + low)
    if M == 1:
        return single, np.zeros(n), np.zeros(n)
    # H(u) = P(Bin(N-2, u) <= M-2) = 1 - I_u(M-1, N-M); its integral and first moment over the cells
    a, b = M - 1, N - M
    tail, first, second = (special.betainc(a + i, b, edges) for i in range(3))
    mean1, mean2 = a / (a + b), a * (a + 1) / ((a + b) * (a + b + 1))
    zeroth = np.diff(edges * (1.0 - tail) + mean1 * first)
    moment = np.diff(0.5 * (edges**2 * (1.0 - tail) + mean2 * second))
    scale = N * (N - 1) / M**2
    pair = scale * zeroth / n
    same = 2.0 * scale * (moment - edges[:-1] * zeroth)
    return single, pair, same


def _without(n: int, M: int, N: int) -> tuple[Floats, Floats, Floats]:
    from scipy.stats import hypergeom

    if M == N:
        share = 0.0 if n == 1 else (N - 1) / N / (n * (n - 1))
        return np.full(n, 1.0 / n), np.full(n, share), np.zeros(n)
    harder = np.arange(n)
    single = N / (n * M) * hypergeom.cdf(M - 1, n - 1, harder, N - 1)
    if M == 1:
        return single, np.zeros(n), np.zeros(n)
    pair = np.zeros(n)
    scale = N * (N - 1) / (n * (n - 1)) / M**2
    pair[1:] = scale * hypergeom.cdf(M - 2, n - 2, harder[:-1], N - 2)
    return single, pair, np.zeros(n)


def tilted_spread(vectors: ArrayLike, log_weights: ArrayLike, N: int) -> Spread:
    r"""Mean and variance under weights proportional to exp(log_weights) on pools of N drawn with replacement.

    Softmax samplers at a fixed temperature: log_weights = loss / tau, or score / tau. With a_j = exp(log_weights_j),

    .. math:: E\frac{\sum a g}{\sum a} = N\int_0^\infty E[ag e^{-sa}]\,(E e^{-sa})^{N-1} ds,

    and likewise for the square; both integrals by quadrature over log s.

    Parameters
    ----------
    vectors : array_like of shape (n, d) or (n,)
    log_weights : array_like of shape (n,)
        Finite; any order.
    N : int
        Pool size >= 1.

    Returns
    -------
    Spread

    Raises
    ------
    TypeError, ValueError
        For values out of range, or weights that do not fit the vectors.

    Examples
    --------
    >>> found = tilted_spread([1.0, 0.0], [np.log(3.0), 0.0], 2)  # pools (1, 1), twice (1, 0), (0, 0): 1, 3/4, 0
    >>> found.mean.round(6).tolist(), round(found.variance, 6)
    ([0.625], 0.140625)
    """
    g = _vectors(vectors)
    x = check_finite("log_weights", np.asarray(log_weights, dtype=np.float64))
    if x.shape != (len(g),):
        raise ValueError(f"log_weights must have one entry a negative, {len(g)}, got shape {x.shape}")
    N = check_int("N", N, low=1)
    if N == 1:
        mean = g.mean(axis=0)
        return Spread(mean, float((g * g).sum(axis=1).mean() - mean @ mean))
    x = x - x.max()
    # exp(-s a) decides between s << 1/(N mean a) and s >> 1/min a; all in logs, as a may span any range
    low, high = -np.log(N) - 40.0, np.log(60.0) - float(x.min())
    # the trapezoidal rule: the integrand is analytic in log s and vanishes at both ends
    z = np.linspace(low, high, int(8.0 * (high - low)) + 2)
    mean, second = np.zeros(g.shape[1]), 0.0
    squares = (g * g).sum(axis=1)
    weight = float(z[1] - z[0])
    for log_s in z:
        scaled = np.exp(np.minimum(log_s + x, 6.5))  # beyond, exp(-scaled) is nothing
        decay = np.exp(-scaled)
        alive = float(decay.mean())
        once = (scaled * decay) @ g / len(g)
        mean += weight * N * alive ** (N - 1) * once
        pairs = N * float((scaled * scaled * decay) @ squares) / len(g) * alive ** (N - 1)
        pairs += N * (N - 1) * float(once @ once) * alive ** (N - 2)
        second += weight * pairs
    return Spread(mean, max(float(second - mean @ mean), 0.0))


def shared_spread(vectors: ArrayLike, N: int, *, shared: bool) -> Spread:
    """Mean gradient over the rows of a batch under uniform pools of N with replacement: one for all rows, or one each.

    Parameters
    ----------
    vectors : array_like of shape (rows, n, d) or (rows, n)
        Gradient of every negative for every row; negatives in one order for all rows.
    N : int
        Pool size.
    shared : bool
        One pool for the whole batch.

    Returns
    -------
    Spread
        Of the mean over the rows.

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> rows = [[1.0, 0.0], [0.0, 1.0]]  # what one row gains the other loses
    >>> shared_spread(rows, 1, shared=True).variance, shared_spread(rows, 1, shared=False).variance
    (0.0, 0.125)
    """
    g = check_finite("vectors", np.asarray(vectors, dtype=np.float64))
    g = g[..., None] if g.ndim == 2 else g
    if g.ndim != 3 or 0 in g.shape:
        raise ValueError(f"vectors must have shape (rows, n, d), got {g.shape}")
    N = check_int("N", N, low=1)
    if shared:
        return dns_spread(g.mean(axis=0), N, N)
    each = g.var(axis=1).sum(axis=1)
    return Spread(g.mean(axis=(0, 1)), float(each.sum()) / (len(g) ** 2 * N))


def pair_gradients(positive: float, negatives: ArrayLike, embeddings: ArrayLike | None = None) -> Floats:
    """Gradients of the logistic pair loss by the user's vector, one row a negative; negatives must fall.

    Parameters
    ----------
    positive : float
        Score of the positive.
    negatives : array_like of shape (n,)
        Scores, hardest (largest) first.
    embeddings : array_like of shape (n, d), optional
        Negative item's vector less the positive's; without it the gradient by the negative's score.

    Returns
    -------
    ndarray of shape (n, d) or (n, 1)

    Raises
    ------
    TypeError, ValueError
        For scores that rise, or shapes that do not fit.

    Examples
    --------
    >>> pair_gradients(0.0, [0.0, -1.0]).round(4).ravel().tolist()
    [0.5, 0.2689]
    """
    scores = check_finite("negatives", np.asarray(negatives, dtype=np.float64))
    if scores.ndim != 1 or scores.size == 0 or (np.diff(scores) > 0.0).any():
        raise ValueError(f"negatives must be scores of one list, hardest first, got shape {scores.shape}")
    slope = -np.asarray(logistic_loss_grad(check_real("positive", positive) - scores))
    if embeddings is None:
        return slope[:, None]
    return slope[:, None] * _vectors(embeddings)


def best_kept(vectors: ArrayLike, N: int, target: ArrayLike, repeats: int, *, replace: bool = True) -> int:
    """The M of least mean squared error of DNS(M, N) for a target gradient: the bias-variance optimum in beta.

    Parameters
    ----------
    vectors, N, replace
        As in :func:`dns_spread`.
    target : array_like of shape (d,)
        For example :func:`exact_cut` at the cut that is wanted.
    repeats : int
        Independent pools that are averaged.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> g = np.exp(-np.arange(200) / 20.0)
    >>> [best_kept(g, 20, exact_cut(g, 40), repeats) for repeats in (1, 100)]  # (M + 1) / 21 = 1/5: about 3
    [4, 4]
    """
    goal = np.atleast_1d(np.asarray(target, dtype=np.float64))
    errors = [dns_spread(vectors, m, N, replace=replace).mse(goal, repeats) for m in range(1, N + 1)]
    return int(np.argmin(errors)) + 1
