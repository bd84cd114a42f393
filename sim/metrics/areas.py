"""Areas under the ROC curve: AUC (6), one-way partial AUC (7)-(8) and lower-left partial AUC."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.validation import check_choice, check_fraction
from ._input import encode
from .kernels.areas import area_of_list, area_of_lists

__all__ = ["auc", "llpauc", "opauc"]


def _area(y_true: Any, y_score: Any, alpha: float, beta: float, exclude: Any) -> Any:
    labels, scores = encode(y_true, y_score, exclude)
    if scores.ndim == 1:
        value = float(area_of_list(labels, scores, alpha, beta))
        if value != value:
            n_pos, n_neg = int((labels == 1).sum()), int((labels == 0).sum())
            raise ValueError(f"y_true must hold both classes, got {n_pos} positives and {n_neg} negatives")
        return value
    out = np.empty(scores.shape[0])
    area_of_lists(labels, scores, alpha, beta, out)
    return out


def auc(y_true: Any, y_score: Any, *, exclude: Any = None) -> Any:
    """Area under the ROC curve, eq. (6): the share of (positive, negative) pairs in the right order.

    Parameters
    ----------
    y_true : array_like of 0 and 1, shape (n_items,) or (n_lists, n_items), or a scipy sparse matrix (n_lists, n_items)
        1 marks a positive.
    y_score : array_like of float, shape (n_items,) or (n_lists, n_items)
        Higher is better.
    exclude : same shapes as ``y_true``, optional
        1 marks an item that takes no part, e.g. a train positive; its score may be anything, NaN included.

    Returns
    -------
    float or ndarray of shape (n_lists,)
        In [0, 1]. Tied pairs count one half (Mann-Whitney). In a batch, a list with a single class gives NaN.

    Raises
    ------
    ValueError
        For a single list with one class only, NaN or infinite scores, labels other than 0 and 1, unequal shapes.

    Examples
    --------
    >>> auc([1, 0, 1, 0], [0.9, 0.8, 0.8, 0.1])
    0.875
    """
    return _area(y_true, y_score, 1.0, 1.0, exclude)


def opauc(y_true: Any, y_score: Any, beta: float, *, normalize: str = "raw", exclude: Any = None) -> Any:
    """One-way partial AUC: the area under the ROC curve for false positive rates up to ``beta``, eqs. (7)-(8).

    Parameters
    ----------
    y_true, y_score, exclude
        As in :func:`auc`.
    beta : float in (0, 1]
        Limit of the false positive rate. Where ``beta * n_neg`` is not an integer, and through ties, the ROC curve is
        interpolated linearly, as scikit-learn's ``roc_auc_score(max_fpr=beta)`` does.
    normalize : {"raw", "beta", "mcclish"}
        "raw": the area itself, as in (8), in [0, beta]. "beta": divided by beta, in [0, 1]. "mcclish": McClish's
        1/2 (1 + (A - beta**2 / 2) / (beta - beta**2 / 2)), 1/2 for a random and 1 for a perfect ranking; this is
        scikit-learn's value, and the sense in which (10)-(11) gives the AUC back at beta = 1.

    Returns
    -------
    float or ndarray of shape (n_lists,)
        NaN for the lists of a batch that hold a single class.

    Raises
    ------
    ValueError
        As :func:`auc`, and for ``beta`` outside (0, 1] or an unknown ``normalize``.

    Examples
    --------
    >>> y, s = [1, 0, 1, 0, 0], [5, 4, 3, 2, 1]
    >>> round(opauc(y, s, 1 / 3), 12)  # one negative, one of two positives above it: 1/2 * 1/3
    0.166666666667
    >>> round(opauc(y, s, 1 / 3, normalize="beta"), 12)
    0.5
    >>> round(opauc(y, s, 1 / 3, normalize="mcclish"), 12)
    0.7
    """
    beta = check_fraction("beta", beta)
    check_choice("normalize", normalize, ("raw", "beta", "mcclish"))
    area = _area(y_true, y_score, 1.0, beta, exclude)
    if normalize == "beta":
        return area / beta
    if normalize == "mcclish":
        chance = 0.5 * beta * beta
        return 0.5 * (1.0 + (area - chance) / (beta - chance))
    return area


def llpauc(y_true: Any, y_score: Any, alpha: float, beta: float, *, normalize: str = "raw", exclude: Any = None) -> Any:
    r"""Lower-left partial AUC of Shi et al. (WWW 2024, arXiv 2403.00844).

    The area of the region under the ROC curve with FPR <= beta and TPR <= alpha,

    .. math:: \int_0^\beta \min(\mathrm{TPR}(s), \alpha) \, ds .

    Where ``alpha * n_pos`` and ``beta * n_neg`` are integers and there are no ties, this is
    1 / (n_pos n_neg) times the number of pairs in the right order among the ``alpha * n_pos`` best positives and the
    ``beta * n_neg`` best negatives; elsewhere the ROC curve is interpolated linearly. alpha = 1 gives :func:`opauc`.

    Parameters
    ----------
    y_true, y_score, exclude
        As in :func:`auc`.
    alpha, beta : float in (0, 1]
        Limits of the true and of the false positive rate.
    normalize : {"raw", "max"}
        "raw": the area, in [0, alpha * beta]. "max": divided by alpha * beta, in [0, 1].

    Returns
    -------
    float or ndarray of shape (n_lists,)
        NaN for the lists of a batch that hold a single class.

    Raises
    ------
    ValueError
        As :func:`auc`, and for ``alpha`` or ``beta`` outside (0, 1] or an unknown ``normalize``.

    Examples
    --------
    >>> y, s = [1, 1, 0, 1, 0, 0, 0, 1], [8, 7, 6, 5, 4, 3, 2, 1]
    >>> llpauc(y, s, 0.5, 0.5), opauc(y, s, 0.5)  # 4 and 5 of 16 pairs
    (0.25, 0.3125)
    """
    alpha = check_fraction("alpha", alpha)
    beta = check_fraction("beta", beta)
    check_choice("normalize", normalize, ("raw", "max"))
    area = _area(y_true, y_score, alpha, beta, exclude)
    return area / (alpha * beta) if normalize == "max" else area
