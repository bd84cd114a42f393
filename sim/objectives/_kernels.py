"""Kernels of the robust objectives: arrays in, scalars or arrays out, no validation.

The samplers and the trainer call these inside their own loops. Inputs may be float32 or float64; sums and solves are
carried out in float64.
"""

from __future__ import annotations

import math

import numpy as np

from .._jit import kernel

__all__ = ["kl_temperature_1d", "sigmoid", "softplus", "taylor_temperature_1d", "tilt_1d"]

_MAX_STEPS = 200
_SERIES = 0.03  # below this |z|, exp(z) - 1 - z is summed as a series instead of being left to cancel
_CENTRED = 30.0  # up to this exponent the mean-centred form is used; it is the accurate one for small divergences


@kernel(inline=True)
def softplus(x):
    """log(1 + exp(x)) without overflow or cancellation; keeps the precision of ``x``."""
    if x > 0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


@kernel(inline=True)
def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@kernel(inline=True)
def _exp_minus_linear(z):
    """exp(z) - 1 - z with small relative error for every z, and exp(z) - 1 beside it."""
    e = math.expm1(z)
    if abs(z) > _SERIES:
        return e - z, e
    series = 1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0))))
    return 0.5 * z * z * series, e


@kernel()
def _divergence(losses, top, shift, width, s):
    """KL(Q || P_0) and its derivative with respect to log s for Q proportional to exp(s x), x = (L - top) / width.

    ``shift`` is the mean of x. The derivative is s**2 times the variance of x under Q.
    """
    n = losses.size
    if -s * shift <= _CENTRED:
        a = 0.0
        b = 0.0
        c = 0.0
        for i in range(n):
            z = s * ((np.float64(losses[i]) - top) / width - shift)
            f, e = _exp_minus_linear(z)
            a += f
            b += z * e
            c += z * z * (1.0 + e)
        a /= n
        mean = b / n / (1.0 + a)
        return mean - math.log1p(a), c / n / (1.0 + a) - mean * mean
    total = 0.0
    first = 0.0
    second = 0.0
    for i in range(n):
        z = s * ((np.float64(losses[i]) - top) / width)
        if z > -745.0:
            w = math.exp(z)
            total += w
            first += w * z
            second += w * z * z
    mean = first / total
    return mean - math.log(total / n), second / total - mean * mean


@kernel()
def kl_temperature_1d(losses, rho):
    """lambda* > 0 with KL(Q_lambda || uniform) = rho, Q_lambda proportional to exp(losses / lambda).

    0.0 where rho >= log(n / number of maximal losses), so that the worst case is the maximum itself; inf where rho is
    0 or all losses are equal. The divergence increases in s = 1 / lambda, so a Newton step on log KL against log s is
    taken whenever it stays inside the bracket, and a bisection of the bracket otherwise.
    """
    n = losses.size
    top = np.float64(losses[0])
    low = top
    for i in range(1, n):
        v = np.float64(losses[i])
        top = max(top, v)
        low = min(low, v)
    if rho <= 0.0 or top == low:
        return math.inf
    width = top - low
    ties = 0
    shift = 0.0
    second = low
    for i in range(n):
        v = np.float64(losses[i])
        shift += (v - top) / width
        if v == top:
            ties += 1
        else:
            second = max(second, v)
    if rho >= math.log(n / ties):
        return 0.0
    shift /= n
    variance = 0.0
    for i in range(n):
        d = (np.float64(losses[i]) - top) / width - shift
        variance += d * d
    variance /= n

    # KL(s) = integral of s Var_s <= s**2 / 8 on a range of width 1; beyond `high` all other weights underflow.
    lower = math.sqrt(8.0 * rho)
    upper = 750.0 / max((top - second) / width, 1e-300)
    s = min(max(math.sqrt(2.0 * rho / variance), lower), upper)
    for _ in range(_MAX_STEPS):
        value, slope = _divergence(losses, top, shift, width, s)
        if value < rho:
            lower = s
        elif value > rho:
            upper = s
        else:
            break
        step = math.log(rho / value) * value / slope if value > 0.0 and slope > 0.0 else math.inf
        proposal = s * math.exp(min(max(step, -3.0), 3.0))
        if not lower < proposal < upper:
            proposal = math.sqrt(lower) * math.sqrt(upper)
            step = math.inf
        s = proposal
        if abs(step) < 1e-9 or upper - lower <= 4e-16 * upper:
            break
    return width / s


@kernel()
def taylor_temperature_1d(losses, rho, ddof):
    """sqrt(Var(losses) / (2 rho)), eq. (25), with divisor n - ddof; inf for rho = 0, 0.0 for equal losses."""
    if rho <= 0.0:
        return math.inf
    n = losses.size
    shift = np.float64(losses[0])
    mean = 0.0
    for i in range(n):
        mean += np.float64(losses[i]) - shift
    mean /= n
    total = 0.0
    for i in range(n):
        d = np.float64(losses[i]) - shift - mean
        total += d * d
    if total == 0.0:
        return 0.0
    return math.sqrt(total / (n - ddof) / (2.0 * rho))


@kernel()
def tilt_1d(losses, temperature, out):
    """Write softmax(losses / temperature) to ``out``: uniform over the maxima at 0, uniform at infinity."""
    n = losses.size
    if temperature == math.inf:
        for i in range(n):
            out[i] = 1.0 / n
        return
    top = losses[0]
    for i in range(1, n):
        top = max(top, losses[i])
    total = 0.0
    if temperature == 0.0:
        for i in range(n):
            out[i] = 1.0 if losses[i] == top else 0.0
            total += out[i]
    else:
        for i in range(n):
            w = math.exp((losses[i] - top) / temperature)
            out[i] = w
            total += w
    scale = 1.0 / total
    for i in range(n):
        out[i] *= scale


@kernel()
def kl_dual_1d(losses, rho, lam):
    """lam log mean exp(losses / lam) + lam rho, eq. (21); the maximum at lam = 0, the mean (or inf) at lam = inf."""
    n = losses.size
    top = np.float64(losses[0])
    for i in range(1, n):
        top = max(top, np.float64(losses[i]))
    if lam == 0.0:
        return top
    mean = 0.0
    for i in range(n):
        mean += np.float64(losses[i]) - top
    mean /= n
    if lam == math.inf:
        return top + mean if rho == 0.0 else math.inf
    total = 0.0
    if -mean <= _CENTRED * lam:
        for i in range(n):
            f, _ = _exp_minus_linear((np.float64(losses[i]) - top - mean) / lam)
            total += f
        return top + (mean + lam * (math.log1p(total / n) + rho))
    for i in range(n):
        total += math.exp((np.float64(losses[i]) - top) / lam)
    return top + lam * (math.log(total / n) + rho)


@kernel()
def top_weights_1d(losses, x, out):
    """Weights 1/x on the ``floor(x)`` largest losses and the rest on the next one; ties at the edge share evenly."""
    n = losses.size
    edge = np.partition(losses, n - min(n, max(1, math.ceil(x))))[n - min(n, max(1, math.ceil(x)))]
    above = 0
    ties = 0
    for i in range(n):
        if losses[i] > edge:
            above += 1
        elif losses[i] == edge:
            ties += 1
    share = (x - above) / (x * ties)
    for i in range(n):
        out[i] = 1.0 / x if losses[i] > edge else (share if losses[i] == edge else 0.0)


@kernel()
def each_row(function_id, losses, parameter, option, out):
    """Apply a 1-D kernel to every row: 0 kl_temperature, 1 taylor_temperature, 2 kl_dual (option = rho)."""
    for r in range(losses.shape[0]):
        if function_id == 0:
            out[r] = kl_temperature_1d(losses[r], parameter[r])
        elif function_id == 1:
            out[r] = taylor_temperature_1d(losses[r], parameter[r], option)
        else:
            out[r] = kl_dual_1d(losses[r], option, parameter[r])


@kernel()
def tilt_rows(losses, temperatures, out):
    """:func:`tilt_1d` of every row, each at its own temperature."""
    for r in range(losses.shape[0]):
        tilt_1d(losses[r], temperatures[r], out[r])


@kernel()
def surrogate(pos, neg, weights, grad_pos, grad_neg):
    """Mean over positives of sum_j weights_j l(pos_i - neg_j), l(t) = log(1 + exp(-t)); adds the gradients.

    The gradient buffers start at zero. Pairs of zero weight cost nothing.
    """
    n_pos = pos.size
    kept = np.nonzero(weights)[0]
    value = 0.0
    for i in range(n_pos):
        row = 0.0
        for j in kept:
            t = neg[j] - pos[i]
            row += weights[j] * softplus(t)
            g = weights[j] * sigmoid(t) / n_pos
            grad_pos[i] -= g
            grad_neg[j] += g
        value += row
    return value / n_pos
