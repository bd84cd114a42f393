r"""Losses made for the top K, by what their population minimiser ranks (claim L2).

A population over finitely many instances: positives fall on x with probability p_x, negatives with q_x, each instance
has a free score f_x.

First order at equal scores. A loss that weighs negatives by W (its cumulative sampling law over ranks: F for the whole
softmax or AUC, min(F / beta, 1) for DNS) and positives by V (T for all of them, min(T / alpha, 1) for the top alpha, as
LLPAUC does) changes at the rate

.. math:: |l'(0)|\,\{W(q(A)) - V(p(A))\}

when the scores of a set A rise together. So equal scores are a local optimum iff V(p(A)) <= W(q(A)) for every A: iff
the ROC, both of its axes distorted, stays under the diagonal. Where the risk is convex (V linear) it is then the
minimiser, the loss has collapsed.

Softmax losses. SL minimises t log E_q e^{f/t} - E_p f: f = t log(p / q), minimum -t KL(p || q). BSL puts the positives
through a softmax too, t log E_q e^{f/t} - s log E_p e^{f/s}. For s > t Hoelder's inequality gives the minimum
-t D_a(p || q), the Renyi divergence of order a = s / (s - t), at f = log(p / q) / (1 / t - 1 / s). For s <= t there is
no minimiser: the infimum min_x (t log q_x - s log p_x) is approached where one instance leaves all others behind.

CCL minimises sum_x p_x (1 - f_x) + w q_x (f_x - m)_+ over f in [-1, 1]: f_x = 1 where p_x > w q_x, else m. It knows
one threshold and ties the rest.
"""

from __future__ import annotations

from itertools import product
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.validation import check_choice, check_finite, check_int, check_real
from .renyi import renyi_divergence

__all__ = [
    "ACTIVATIONS",
    "bsl_minimiser",
    "bsl_risk",
    "ccl_minimiser",
    "collapse_margin",
    "psl_risk",
    "sampled_quantile_rank",
]

ACTIVATIONS = ("exp", "relu", "tanh", "atan")
"""PSL's pair activations of the score difference z: e^z (SL), (1 + z)_+, 1 + tanh z, (1 + atan z)_+."""

Floats = NDArray[np.float64]
MAX_INSTANCES = 16


def bsl_risk(p: ArrayLike, q: ArrayLike, scores: ArrayLike, *, tau: float, tau_pos: float = np.inf) -> float:
    """Population risk of the bilateral softmax loss; of the softmax loss (SL) for ``tau_pos`` = infinity.

    Parameters
    ----------
    p, q : array_like, shape (n,)
        Probabilities of the instances for positives and for negatives, all > 0.
    scores : array_like, shape (n,)
    tau, tau_pos : float
        Temperatures of the negatives and of the positives, > 0.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For laws that do not match, scores that are not finite, or a temperature that is not > 0.

    Examples
    --------
    >>> round(bsl_risk([0.5, 0.5], [0.25, 0.75], np.log([2.0, 2 / 3]), tau=1.0), 6)
    -0.143841
    """
    p, q = _laws(p, q)
    f = _scores(scores, p)
    tau = check_real("tau", tau, low=0.0, open_low=True)
    negative = tau * _log_mean_exp(q, f / tau)
    if tau_pos == np.inf:
        return float(negative - p @ f)
    tau_pos = check_real("tau_pos", tau_pos, low=0.0, open_low=True)
    return float(negative - tau_pos * _log_mean_exp(p, f / tau_pos))


def bsl_minimiser(p: ArrayLike, q: ArrayLike, *, tau: float, tau_pos: float = np.inf) -> tuple[Floats | None, float]:
    """Scores of least :func:`bsl_risk` and the infimum; None for the scores where it is not attained.

    Parameters
    ----------
    p, q, tau, tau_pos
        As in :func:`bsl_risk`.

    Returns
    -------
    scores : ndarray, shape (n,), or None
        log(p / q) / (1 / tau - 1 / tau_pos), for tau_pos > tau; one instance runs away from all others if not.
    infimum : float

    Raises
    ------
    TypeError, ValueError
        As in :func:`bsl_risk`.

    Examples
    --------
    >>> scores, least = bsl_minimiser([0.5, 0.5], [0.25, 0.75], tau=0.5, tau_pos=1.0)
    >>> scores.round(4).tolist(), round(least, 4)
    ([0.6931, -0.4055], -0.1438)
    >>> scores, least = bsl_minimiser([0.5, 0.5], [0.25, 0.75], tau=1.0, tau_pos=1.0)
    >>> scores is None, round(least, 4)
    (True, -0.6931)
    """
    p, q = _laws(p, q)
    tau = check_real("tau", tau, low=0.0, open_low=True)
    if tau_pos != np.inf:
        tau_pos = check_real("tau_pos", tau_pos, low=0.0, open_low=True)
    if tau_pos <= tau:
        return None, float((tau * np.log(q) - tau_pos * np.log(p)).min())
    order = 1.0 if tau_pos == np.inf else tau_pos / (tau_pos - tau)
    return np.log(p / q) / (1.0 / tau - 1.0 / tau_pos), -tau * renyi_divergence(p, q, order)


def psl_risk(p: ArrayLike, q: ArrayLike, scores: ArrayLike, *, tau: float, activation: str = "relu") -> float:
    """Population risk of the pairwise softmax loss: E_p log E_q a(f_y - f_x)^(1 / tau).

    Parameters
    ----------
    p, q, scores
        As in :func:`bsl_risk`.
    tau : float
        Temperature, > 0.
    activation : {"exp", "relu", "tanh", "atan"}
        As in :data:`ACTIVATIONS`; "exp" is SL up to the factor tau.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in :func:`bsl_risk`, or for an unknown activation.

    Examples
    --------
    At tau = 1 the wrong order (0.55 against 0.44 / 0.45) has the smaller risk:

    >>> p, q = [0.56, 0.44], [0.55, 0.45]
    >>> [round(psl_risk(p, q, scores, tau=1.0), 5) for scores in ([1.0, 0.0], [0.0, 1.0])]
    [-0.14196, -0.14327]
    """
    p, q = _laws(p, q)
    f = _scores(scores, p)
    check_choice("activation", activation, ACTIVATIONS)
    power = 1.0 / check_real("tau", tau, low=0.0, open_low=True)
    with np.errstate(divide="ignore"):
        terms = np.log(q) + power * _log_activation(activation, f[None, :] - f[:, None])
    top = terms.max(axis=1, keepdims=True)
    return float(p @ (top[:, 0] + np.log(np.exp(terms - top).sum(axis=1))))


def ccl_minimiser(p: ArrayLike, q: ArrayLike, *, weight: float, margin: float) -> Floats:
    """Scores in [-1, 1] of least CCL risk sum_x p_x (1 - f_x) + w q_x (f_x - m)_+; the lower end at ties.

    Parameters
    ----------
    p, q : array_like, shape (n,)
    weight : float
        w > 0, the weight of the negatives.
    margin : float
        m in [-1, 1].

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    TypeError, ValueError
        For laws that do not match, or a weight or margin out of range.

    Examples
    --------
    >>> ccl_minimiser([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], weight=1.2, margin=0.4).tolist()
    [1.0, 0.4, 0.4]
    """
    p, q = _laws(p, q)
    weight = check_real("weight", weight, low=0.0, open_low=True)
    margin = check_real("margin", margin, low=-1.0, high=1.0)
    return np.where(p > weight * q, 1.0, margin)


def collapse_margin(p: ArrayLike, q: ArrayLike, *, positives: Any = None, negatives: Any = None) -> float:
    """Largest V(p(A)) - W(q(A)) over sets A of instances: equal scores are a local optimum iff it is <= 0.

    Parameters
    ----------
    p, q : array_like, shape (n,)
        At most 16 instances.
    positives, negatives : callable, optional
        The distortions V and W, from [0, 1] on [0, 1], for arrays; the identity if None.

    Returns
    -------
    float
        At least 0, which the empty set has, where V(0) = W(0) = 0; rounding aside, 0 means collapse.

    Raises
    ------
    ValueError
        For laws that do not match, or more than 16 instances.

    Examples
    --------
    DNS at beta = 1/3 (collapsed, as no p / q passes 3), and LLPAUC with alpha = 1/2 beside it (not collapsed):

    >>> p, q = [0.7, 0.3], [0.3, 0.7]
    >>> dns = lambda F: np.minimum(3.0 * F, 1.0)
    >>> round(collapse_margin(p, q, negatives=dns), 12)
    0.0
    >>> round(collapse_margin(p, q, positives=lambda T: np.minimum(2.0 * T, 1.0), negatives=dns), 4)
    0.1
    """
    p, q = _laws(p, q)
    if p.size > MAX_INSTANCES:
        raise ValueError(f"p must have at most {MAX_INSTANCES} instances, got {p.size}")
    sets = np.array(list(product((0.0, 1.0), repeat=p.size)))
    t, f = np.clip(sets @ p, 0.0, 1.0), np.clip(sets @ q, 0.0, 1.0)
    return float(np.max((t if positives is None else positives(t)) - (f if negatives is None else negatives(f))))


def sampled_quantile_rank(n_items: int, n_sampled: int, m: int) -> Floats:
    """Law of the rank, among n items, of the m-th best of N drawn without replacement: SL@K's sampled threshold.

    Parameters
    ----------
    n_items, n_sampled : int
        n >= N >= 1.
    m : int
        1..N; SL@K takes m = K N / n, at least 1.

    Returns
    -------
    ndarray, shape (n_items,)
        Entry r - 1 is Pr(rank = r) = C(r-1, m-1) C(n-r, N-m) / C(n, N). The mean is m (n + 1) / (N + 1) and the
        variance m (N + 1 - m) (n + 1) (n - N) / ((N + 1)^2 (N + 2)).

    Raises
    ------
    TypeError, ValueError
        For sizes out of range.

    Examples
    --------
    >>> sampled_quantile_rank(4, 2, 1).round(4).tolist()
    [0.5, 0.3333, 0.1667, 0.0]
    """
    n = check_int("n_items", n_items, low=1)
    size = check_int("n_sampled", n_sampled, low=1, high=n)
    m = check_int("m", m, low=1, high=size)
    law = np.zeros(n)
    for r in range(m, n - size + m + 1):
        log_p = _log_choose(r - 1, m - 1) + _log_choose(n - r, size - m) - _log_choose(n, size)
        law[r - 1] = np.exp(log_p)
    return law


def _log_choose(a: int, b: int) -> float:
    return lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1)


def _log_activation(name: str, z: Floats) -> Floats:
    if name == "exp":
        return z
    if name == "tanh":  # 1 + tanh z = 2 / (1 + e^(-2z))
        return np.log(2.0) - np.logaddexp(0.0, -2.0 * z)
    return np.log(np.clip(1.0 + (z if name == "relu" else np.arctan(z)), 0.0, None))


def _log_mean_exp(weights: Floats, x: Floats) -> float:
    top = x.max()
    return float(top + np.log(weights @ np.exp(x - top)))


def _laws(p: ArrayLike, q: ArrayLike) -> tuple[Floats, Floats]:
    one, two = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if one.ndim != 1 or one.size == 0 or one.shape != two.shape:
        raise ValueError(f"p and q must be lists of one length, got shapes {one.shape} and {two.shape}")
    for name, law in (("p", one), ("q", two)):
        if not (law > 0.0).all() or abs(law.sum() - 1.0) > 1e-9:
            raise ValueError(f"{name} must be positive probabilities that sum to 1, got {law.tolist()}")
    return one, two


def _scores(scores: ArrayLike, p: Floats) -> Floats:
    f = check_finite("scores", np.asarray(scores, dtype=np.float64))
    if f.shape != p.shape:
        raise ValueError(f"scores must have shape {p.shape}, got {f.shape}")
    return f
