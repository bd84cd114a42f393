"""Kernels of the training losses beside BPR's; m_j = r_uj - r_ui is the margin of a negative and w_j its weight.

================  ===================================================================================================
BPR               sum_j w_j log(1 + exp(m_j))
HINGE             sum_j w_j max(m_j + margin, 0): the triplet loss
BCE               log(1 + exp(-r_ui)) + sum_j w_j log(1 + exp(r_uj)): pointwise
LLPAUC            sum_j w_j (1 - f_ui + f_uj)^2, f = 1 / (1 + exp(-r)), for the best positives only
INFONCE           log(1 + k sum_j w_j exp(m_j / temperature)), k the number of negatives with a weight
SAMPLED_SOFTMAX   the same with k = all of the user's negatives: an estimate of the softmax over the catalogue
PSL               as INFONCE with 1 + tanh(m_j) in the place of exp(m_j) (Yang et al., NeurIPS 2024)
================  ===================================================================================================

Samplers that look at losses see those of the first four; for the others, which have none of a single negative, BPR's.

LLPAUC is the mean over a user's best ``share`` of positives and, with DNS(M, N), hardest negatives: what the min-max
problem over points of Shi et al. (WWW 2024) is equal to, less one, where its softplus is sharp and its thresholds are
each user's own. There they are everybody's, and follow the gradient.
"""

from __future__ import annotations

import math

from ...core.fastmath import exp, sigmoid_softplus
from ...core.jit import kernel
from ...core.simd import row_dot

__all__ = [
    "BCE", "BPR", "HINGE", "INFONCE", "LLPAUC", "PSL", "SAMPLED_SOFTMAX", "add_positive", "pair_loss", "place_factor",
    "set_entries", "square_positive",
]  # fmt: skip

BPR, HINGE, BCE, LLPAUC, INFONCE, SAMPLED_SOFTMAX, PSL = range(7)


@kernel(inline=True, inner=True)
def pair_loss(objective, margin, score):
    """Derivative in r_uj and value of the loss of one negative; ``score`` is r_ui."""
    if objective.loss == HINGE:
        zero, above = objective.margin * 0, margin + objective.margin
        return (zero + 1, above) if above > 0 else (zero, zero)
    if objective.loss == LLPAUC:
        f, rest = sigmoid_softplus(margin + score)[0], sigmoid_softplus(-score)[0]  # rest is 1 - f_ui
        return 2 * (rest + f) * f * sigmoid_softplus(-margin - score)[0], (rest + f) * (rest + f)
    return sigmoid_softplus(margin + score if objective.loss == BCE else margin)


@kernel(counted=False, inner=True)
def add_positive(score, coefficients):
    """BCE's term of the positive: its coefficient in the place of the pairwise one; returns its loss."""
    slope, loss = sigmoid_softplus(-score)
    coefficients[0] = -slope
    return loss


@kernel(counted=False, inner=True)
def square_positive(score, factor, count, idx, w, losses, coefficients):
    """LLPAUC's coefficient of the positive, in the place of the pairwise one."""
    total = factor * 0
    for k in range(count):
        total += factor * w[k] * math.sqrt(losses[idx[k]])
    coefficients[0] = -2 * total * sigmoid_softplus(score)[0] * sigmoid_softplus(-score)[0]


@kernel(counted=False, inner=True)
def place_factor(rows, u, V, own, score, share):
    """n / k for one of the k = ceil(share n) best of a user's n positives ``own``, 0 for the others.

    So that the sum over all n is n times the mean over the k; at ties there may be more than k.
    """
    best = max(1, math.ceil(share * own.size - 1e-9))  # 0.07 of 100 are 7
    above = 0
    for e in range(own.size):
        above += row_dot(rows, u, V, own[e]) > score
    return own.size / best if above < best else 0.0


@kernel(counted=False, inner=True)
def set_entries(count, objective, n_negatives, ids, buffers, items, coefficients):
    """The kept negatives of a pool and their coefficients under a loss of the whole set, after the positive's in front.

    Returns the pair's loss.
    """
    idx, w, margins, sharpness = buffers.idx, buffers.w, buffers.margins, objective.sharpness
    one = sharpness * 0 + 1
    factor = one * (n_negatives if objective.loss == SAMPLED_SOFTMAX else count)
    top = one * 0
    for k in range(count):
        m = margins[idx[k]]
        if objective.loss == PSL:  # log(1 + tanh m) = log 2 - log(1 + exp(-2 m)), and its derivative
            slope, below = sigmoid_softplus(-2 * m)
            coefficients[k + 1] = 2 * slope * sharpness
            m = one * math.log(2.0) - below
        else:
            coefficients[k + 1] = sharpness
        items[k + 1] = ids[idx[k]]
        top = max(top, m * sharpness)
    total = exp(-top)
    for k in range(count):
        m = margins[idx[k]]
        if objective.loss == PSL:
            m = one * math.log(2.0) - sigmoid_softplus(-2 * m)[1]
        share = factor * w[k] * exp(m * sharpness - top)
        coefficients[k + 1] *= share
        total += share
    coefficients[0] = 0
    for k in range(count):
        coefficients[k + 1] /= total
        coefficients[0] -= coefficients[k + 1]
    return top + math.log(total)
