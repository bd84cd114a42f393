"""Kernels of the areas under the ROC curve: arrays in, numbers or arrays out, no validation.

Labels are coded in one byte: 0 a negative, 1 a positive, 2 an item that takes no part.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ...core.jit import kernel

__all__ = ["area_of_list", "area_of_lists", "select_largest", "x_counts"]


@kernel(counted=False)
def select_largest(a, n, m):
    """The ``m``-th largest of ``a[:n]`` (m from 1), by Hoare's quickselect; reorders ``a[:n]``."""
    left = 0
    right = n - 1
    target = m - 1
    while left < right:
        mid = (left + right) >> 1
        if a[mid] > a[left]:
            a[mid], a[left] = a[left], a[mid]
        if a[right] > a[left]:
            a[right], a[left] = a[left], a[right]
        if a[right] > a[mid]:
            a[right], a[mid] = a[mid], a[right]
        pivot = a[mid]
        i = left
        j = right
        while i <= j:
            while a[i] > pivot:
                i += 1
            while a[j] < pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if target <= j:
            right = j
        elif target >= i:
            left = i
        else:
            break
    return a[target]


@kernel()
def _area(pos, n_pos, neg, n_neg, cap, x):
    """Integral of min(T(u), cap) for u in [0, x]: T is the ROC curve in counts, linear through every group of ties.

    ``pos[:n_pos]`` and ``neg[:n_neg]`` are scratch; 0 < cap <= n_pos and 0 < x <= n_neg. T(u) is the number of
    positives above, so that the AUC is the value at cap = n_pos, x = n_neg divided by n_pos * n_neg.
    """
    last = min(n_neg, max(1, math.ceil(x)))
    floor_value = select_largest(neg, n_neg, last)  # the group of ties in which the integral ends
    top = 0
    for i in range(n_pos):  # positives below that group do not matter
        v = pos[i]
        if v >= floor_value:
            pos[i] = pos[top]
            pos[top] = v
            top += 1
    ranked = np.sort(pos[:top])
    capped = math.ceil(cap)  # the curve reaches the cap in the group of the capped-th best positive
    total = 0.0
    above = 0
    edge_negatives = 0
    for j in range(n_neg):
        v = neg[j]
        if v < floor_value:
            continue
        if v == floor_value:
            edge_negatives += 1
            continue
        above += 1
        if capped <= top and v <= ranked[top - capped]:
            if v < ranked[top - capped]:
                total += cap
            continue
        low = 0  # number of positives <= v
        high = top
        while low < high:
            mid = (low + high) >> 1
            if ranked[mid] <= v:
                low = mid + 1
            else:
                high = mid
        ties = 0
        if low > 0 and ranked[low - 1] == v:
            first = 0
            high = low
            while first < high:
                mid = (first + high) >> 1
                if ranked[mid] < v:
                    first = mid + 1
                else:
                    high = mid
            ties = low - first
        total += (top - low) + 0.5 * ties
    if capped <= top and ranked[top - capped] > floor_value:
        v = ranked[top - capped]
        group = 0
        for j in range(n_neg):
            if neg[j] == v:
                group += 1
        total += _segment(ranked, top, v, group, cap, float(group))
    return total + _segment(ranked, top, floor_value, edge_negatives, cap, min(x - above, float(edge_negatives)))


@kernel(inner=True)
def _segment(ranked, top, v, group, cap, length):
    """Integral of min(T, cap) over the first ``length`` negatives of the group of ``group`` negatives tied at ``v``."""
    if group == 0 or length <= 0.0:
        return 0.0
    before = 0
    ties = 0
    for i in range(top):
        if ranked[i] > v:
            before += 1
        elif ranked[i] == v:
            ties += 1
    if before >= cap:
        return cap * length
    slope = ties / group
    if before + slope * length <= cap:
        return before * length + 0.5 * slope * length * length
    until = (cap - before) / slope
    return 0.5 * (before + cap) * until + cap * (length - until)


@kernel()
def area_of_list(labels, scores, alpha, beta):
    """Integral of min(TPR(s), alpha) for s in [0, beta]; NaN for a single class."""
    n = labels.size
    n_pos = 0
    n_neg = 0
    for i in range(n):
        if labels[i] == 1:
            n_pos += 1
        elif labels[i] == 0:
            n_neg += 1
    if n_pos == 0 or n_neg == 0:
        return math.nan
    pos = np.empty(n_pos, scores.dtype)
    neg = np.empty(n_neg, scores.dtype)
    i_pos = 0
    i_neg = 0
    for i in range(n):
        if labels[i] == 1:
            pos[i_pos] = scores[i]
            i_pos += 1
        elif labels[i] == 0:
            neg[i_neg] = scores[i]
            i_neg += 1
    cap = min(alpha * n_pos, float(n_pos))
    x = min(beta * n_neg, float(n_neg))
    return _area(pos, n_pos, neg, n_neg, cap, x) / (float(n_pos) * float(n_neg))


@kernel(parallel=True)
def area_of_lists(labels, scores, alpha, beta, out):
    """:func:`area_of_list` of every row; each row is computed by one thread, whatever their number."""
    for r in numba.prange(labels.shape[0]):
        out[r] = area_of_list(labels[r], scores[r], alpha, beta)


@kernel()
def x_counts(labels, out):
    """X_m for m = 1..out.size: sums of P_j, the positives above the j-th negative, for labels given best first.

    Returns the number of negatives found; entries of ``out`` beyond it are left as they were.
    """
    positives = 0
    total = 0
    j = 0
    for i in range(labels.size):
        if labels[i]:
            positives += 1
        else:
            if j == out.size:
                break
            total += positives
            out[j] = total
            j += 1
    return j
