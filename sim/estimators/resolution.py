r"""The resolution law (claim R1): how hard a sampler may be and still order the head of the ranking.

The minimiser of the OPAUC(beta) surrogate ties all instances beyond the point where the tangent from (beta, 1) touches
the ROC curve (claim S1). With TPR = FPR^theta the touching point A obeys

.. math:: \theta\beta = A^{1-\theta} - (1-\theta) A,

so the hardest beta that still orders the top K of n negatives, A = K/n, grows like K^(1-theta), not like K. Through
pools the rule is the same with the cumulative weight W of the sampler in the place of FPR / beta (claim S1-pool).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..core.validation import check_finite, check_int, check_real
from ..rankings import ScoreModel
from ..rankings.models.base import unit

__all__ = [
    "cut_elasticity", "hardest_cut", "hardest_kept", "hardest_kept_at", "head_slope", "model_hardest_cut",
    "model_resolution", "pool_resolution", "pool_weight", "resolution",
]  # fmt: skip

Floats = NDArray[np.float64]

_STEP = 1e-4
_HALVINGS = 120
_LOW = np.log(1e-12)
_GRID = 4000


def hardest_cut(theta: float, fpr: ArrayLike) -> Floats:
    """The smallest beta whose surrogate orders an ROC curve FPR^theta up to ``fpr``.

    Parameters
    ----------
    theta : float
        Exponent of the ROC curve, in (0, 1); 1 is chance.
    fpr : array_like
        A in (0, 1]: K/n for the top K of n negatives.

    Returns
    -------
    ndarray of the shape of ``fpr``
        beta = (A^(1-theta) - (1-theta) A) / theta, in (A, 1].

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> hardest_cut(0.5, [0.0001, 0.01]).round(4).tolist()  # a hundred times deeper: beta ten times larger
    [0.0199, 0.19]
    """
    theta, a = _exponent(theta), _rates("fpr", fpr)
    return (a ** (1.0 - theta) - (1.0 - theta) * a) / theta


def resolution(theta: float, beta: ArrayLike) -> Floats:
    """FPR up to which the minimiser of the OPAUC(beta) surrogate orders an ROC curve FPR^theta; the rest is tied.

    Parameters
    ----------
    theta : float
        Exponent of the ROC curve, in (0, 1).
    beta : array_like
        In (0, 1]; 1 is AUC, which orders everything.

    Returns
    -------
    ndarray of the shape of ``beta``
        A, the inverse of :func:`hardest_cut`; for theta = 1/2 it is (1 - sqrt(1 - beta))^2.

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> resolution(0.5, [0.19, 0.75, 1.0]).round(12).tolist()
    [0.01, 0.25, 1.0]
    """
    theta, cut = _exponent(theta), _rates("beta", beta)
    low, high = np.log(theta * cut) / (1.0 - theta), np.log(cut)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        # in logs, so that a tiny A loses no digits
        value = (1.0 - theta) * middle + np.log1p(-(1.0 - theta) * np.exp(theta * middle))
        below = value < np.log(theta * cut)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(cut == 1.0, 1.0, np.exp(0.5 * (low + high)))


def cut_elasticity(theta: float, fpr: ArrayLike) -> Floats:
    """d log(beta) / d log(A) of :func:`hardest_cut`: below 1 - theta everywhere, and 1 - theta in the limit A -> 0.

    Parameters
    ----------
    theta : float
        In (0, 1).
    fpr : array_like
        A in (0, 1].

    Returns
    -------
    ndarray of the shape of ``fpr``

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> cut_elasticity(0.5, [1e-8, 0.01]).round(4).tolist()
    [0.5, 0.4737]
    """
    theta, a = _exponent(theta), _rates("fpr", fpr)
    return (1.0 - theta) * (1.0 - a**theta) / (1.0 - (1.0 - theta) * a**theta)


def model_hardest_cut(model: ScoreModel, fpr: ArrayLike) -> Floats:
    """The smallest beta whose surrogate orders a score model's population up to ``fpr``: A + (1 - TPR(A)) / TPR'(A).

    Parameters
    ----------
    model : ScoreModel
        With an ROC curve that lies under its tangents at ``fpr``.
    fpr : array_like
        A in (0, 1).

    Returns
    -------
    ndarray of the shape of ``fpr``

    Raises
    ------
    TypeError, ValueError
        For no score model, rates out of range, a curve that is not concave there, or one that has no positives left
        to order, or none at the head.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> model_hardest_cut(Binormal.from_auc(0.9), [0.001, 0.01]).round(4).tolist()
    [0.0182, 0.0631]
    """
    _require(model)
    a = _rates("fpr", fpr, below_one=True)
    rise, steep = _curve(model, a)
    beta = a + (1.0 - rise) / steep
    grid = _grid()
    curve = model.tpr(grid)
    for at, height, slope in zip(a.ravel(), rise.ravel(), steep.ravel()):
        if (curve > height + slope * (grid - at) + 1e-6 * max(1.0, height)).any():
            raise ValueError(f"model must have an ROC curve under its tangent at fpr={at:g}, got {model}")
    return beta


def model_resolution(model: ScoreModel, beta: float) -> float:
    """FPR up to which the minimiser of the OPAUC(beta) surrogate orders a score model's population.

    The touching point of the tangent from (beta, 1) to the ROC curve, found on a fine grid of log(FPR) and refined; 0
    where the curve stays below FPR / beta, so that equal scores are the minimiser.

    Parameters
    ----------
    model : ScoreModel
    beta : float
        In (0, 1]; at 1 everything is ordered.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For no score model, or ``beta`` out of range.

    Examples
    --------
    >>> from sim.rankings import PowerROC
    >>> round(model_resolution(PowerROC(0.5), 0.19), 6)
    0.01
    """
    _require(model)
    beta = float(_rates("beta", beta))
    return 1.0 if beta == 1.0 else _last_corner(model, lambda s: s / beta, np.log(beta))


def pool_weight(M: float, N: int, fpr: ArrayLike) -> tuple[Floats, Floats]:
    r"""Share W of DNS(M, N)'s sampling probability on the hardest share ``fpr`` of the negatives, and its derivative.

    .. math:: W'(F) = \tfrac NM P(\mathrm{Bin}(N-1, F) < M) = \tfrac NM (1 - I_F(M, N-M))

    The incomplete beta function makes sense of every real M in (0, N], for interpolation between whole M.

    Parameters
    ----------
    M : float
        Kept negatives, in (0, N].
    N : int
        Pool size, drawn with replacement.
    fpr : array_like
        In [0, 1].

    Returns
    -------
    weight, density : ndarray of the shape of ``fpr``

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> weight, density = pool_weight(1, 2, [0.0, 0.5, 1.0])  # the better one of two: 1 - (1 - F)^2
    >>> weight.tolist(), density.tolist()
    ([0.0, 0.75, 1.0], [2.0, 1.0, 0.0])
    """
    N = check_int("N", N, low=1)
    M = check_real("M", M, low=0.0, high=float(N), open_low=True)
    s = unit("fpr", fpr)
    if M == N:
        return s.copy(), np.ones_like(s)
    above = special.betaincc(M, N - M, s)
    return N / M * s * above + special.betainc(M + 1.0, N - M, s), N / M * above


def pool_resolution(model: ScoreModel, M: float, N: int) -> float:
    """FPR up to which the minimiser of the expected DNS(M, N) loss orders a score model's population (S1-pool).

    The last corner of the concave majorant of (W(FPR), TPR); 0 where equal scores are the minimiser.

    Parameters
    ----------
    model : ScoreModel
    M, N
        As in :func:`pool_weight`; M = N orders everything.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For no score model, or M and N out of range.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> [f"{pool_resolution(Binormal.from_auc(0.9), M, 200):.1e}" for M in (1, 5, 20)]
    ['6.8e-05', '1.9e-03', '2.2e-02']
    """
    _require(model)
    pool_weight(M, N, 0.5)
    return 1.0 if M == N else _last_corner(model, lambda s: pool_weight(M, N, s)[0], 0.0)


def hardest_kept(model: ScoreModel, fpr: float, N: int) -> float:
    """The smallest M in [1, N], a real number, with which DNS(M, N) still orders the population up to ``fpr``.

    Parameters
    ----------
    model : ScoreModel
        With an ROC curve that is concave in the coordinates (W, TPR).
    fpr : float
        A in (0, 1).
    N : int
        Pool size, >= 2.

    Returns
    -------
    float
        Its effective beta is (M + 1) / (N + 1).

    Raises
    ------
    TypeError, ValueError
        For no score model, or values out of range.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> model = Binormal.from_auc(0.9)
    >>> [round(hardest_kept(model, A, 200), 2) for A in (2.5e-5, 2.5e-4, 2.5e-3)]
    [1.0, 1.84, 5.86]
    """
    _require(model)
    at = _rates("fpr", fpr, below_one=True)
    rise, steep = _curve(model, at)
    return hardest_kept_at(float(at), float(rise), float(steep), N)


def hardest_kept_at(fpr: float, tpr: float, slope: float, N: int) -> float:
    """:func:`hardest_kept` from a point of any ROC curve and the curve's slope there.

    Parameters
    ----------
    fpr, tpr : float
        The point, fpr in (0, 1), tpr in (0, 1].
    slope : float
        d TPR / d FPR > 0; theta TPR / FPR for a head FPR^theta.
    N : int
        Pool size, >= 2.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For values out of range.

    Examples
    --------
    >>> round(hardest_kept_at(0.0025, 0.3, 0.5 * 0.3 / 0.0025, 200), 2)
    2.78
    """
    from scipy.optimize import brentq

    N = check_int("N", N, low=2)
    at = float(_rates("fpr", check_real("fpr", fpr), below_one=True))
    rise = float(_rates("tpr", check_real("tpr", tpr)))
    slope = check_real("slope", slope, low=0.0, open_low=True)

    def gap(M: float) -> float:
        """Positive where the last edge, from A to (1, 1), is less steep than the curve at A."""
        weight, density = (float(v) for v in pool_weight(M, N, at))
        return slope * (1.0 - weight) - (1.0 - rise) * density

    if gap(1.0) >= 0.0:
        return 1.0
    return float(brentq(gap, 1.0, N * (1.0 - 1e-12), xtol=1e-9)) if gap(N * (1.0 - 1e-12)) > 0.0 else float(N)


def head_slope(fpr: ArrayLike, tpr: ArrayLike) -> float:
    """theta: the least-squares slope of log(TPR) over log(FPR).

    Parameters
    ----------
    fpr, tpr : array_like of shape (n,)
        Points of an ROC curve's head, at least two different rates; all in (0, 1].

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For rates out of range (a head without positives has no slope), or fewer than two different ones.

    Examples
    --------
    >>> round(head_slope([0.001, 0.01, 0.1], [0.01, 0.0316227766, 0.1]), 6)
    0.5
    """
    x, y = _rates("fpr", fpr).ravel(), _rates("tpr", tpr).ravel()
    if x.size != y.size or np.unique(x).size < 2:
        raise ValueError(f"fpr and tpr must be of one length, with two different rates, got {x.size} and {y.size}")
    x, y = np.log(x) - np.log(x).mean(), np.log(y)
    return float(x @ y / (x @ x))


def _require(model: ScoreModel) -> None:
    if not isinstance(model, ScoreModel):
        raise TypeError(f"model must be a ScoreModel, got {type(model).__name__}")


def _exponent(theta: float) -> float:
    theta = check_real("theta", theta)
    if not 0.0 < theta < 1.0:
        raise ValueError(f"theta must be in (0, 1), got {theta:g}")
    return theta


def _rates(name: str, values: ArrayLike, below_one: bool = False) -> Floats:
    array = check_finite(name, np.asarray(values, dtype=np.float64))
    if array.size == 0:
        raise ValueError(f"{name} must have at least one entry, got none")
    if array.min() <= 0.0 or array.max() > 1.0 or (below_one and array.max() == 1.0):
        raise ValueError(f"{name} must be in (0, 1{')' if below_one else ']'}, got {array.min():g}..{array.max():g}")
    return array


def _grid() -> Floats:
    return np.exp(np.linspace(_LOW, np.log1p(-1e-9), _GRID))


def _curve(model: ScoreModel, a: Floats) -> tuple[Floats, Floats]:
    """TPR and its derivative by FPR, from a central difference in log(FPR) kept inside (0, 1)."""
    step = np.minimum(_STEP, -0.5 * np.log(a))
    rise = model.tpr(a)
    steep = (model.tpr(a * np.exp(step)) - model.tpr(a * np.exp(-step))) / (2.0 * a * np.sinh(step))
    if (steep <= 0.0).any():
        raise ValueError(f"model must have positives at fpr={a.ravel()[np.argmin(steep)]:g}, got a flat ROC curve")
    return rise, steep


def _last_corner(model: ScoreModel, weight: Callable[[Floats], Floats], top: float) -> float:
    """Where the last edge of the majorant of (weight, TPR), which ends in (1, 1), begins; 0 at the origin."""
    from scipy.optimize import minimize_scalar

    def slope(log_a: ArrayLike) -> Floats:
        a = np.exp(log_a)
        left = 1.0 - weight(a)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(left > 1e-12, (1.0 - model.tpr(a)) / left, np.inf)

    grid = np.linspace(_LOW, top, _GRID, endpoint=False)
    values = slope(grid)
    best = int(values.argmin())
    if values[best] >= 1.0 or best == 0:
        return 0.0
    ends = grid[best - 1], grid[min(best + 1, _GRID - 1)]
    found = minimize_scalar(lambda x: float(slope(x)), bounds=ends, method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))
