"""Kernels of the robust objectives: arrays in, scalars or arrays out, no validation.

The samplers and the trainer call these inside their own loops. Inputs may be float32 or float64; sums and solves are
carried out in float64.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.fastmath import exp
from ..core.jit import kernel
from ..core.simd import array_sum

__all__ = ["kl_temperature_1d", "sigmoid", "softplus", "taylor_temperature_1d", "tilt_1d"]

_TIE = 1e-300  # gaps to the largest loss below this share of the range are none: no float is so small a temperature
_MAX_STEPS = 200
_SERIES = 0.03  # below this |z|, exp(z) - 1 - z is summed as a series instead of being left to cancel
_CENTRED = 30.0  # up to this exponent the mean-centred forms are used
_SMALL = 0.02  # divergences below it need the mean-centred form for a relative error of 1e-12


@kernel(inline=True)
def softplus(x):
    """log(1 + exp(x)) in float64 without overflow, cancellation or branches; relative error below 1e-15.

    max(x, 0) + log1p(e) with e = exp(-|x|) in [0, 1] and log1p(e) = 2 artanh(e / (2 + e)), summed as its series.
    """
    e = exp(-abs(np.float64(x)))
    a = e / (2.0 + e)
    q = a * a  # at most 1 / 9
    p = 1.0 / 31.0
    p = p * q + 1.0 / 29.0
    p = p * q + 1.0 / 27.0
    p = p * q + 1.0 / 25.0
    p = p * q + 1.0 / 23.0
    p = p * q + 1.0 / 21.0
    p = p * q + 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    return max(np.float64(x), 0.0) + 2.0 * a * (p * q + 1.0)


@kernel(inline=True)
def sigmoid(x):
    """1 / (1 + exp(-x)) in float64 without overflow or branches."""
    e = exp(-abs(np.float64(x)))
    return (1.0 if x >= 0 else e) / (1.0 + e)


@kernel(inline=True, inner=True)
def _exp_minus_linear(z):
    """exp(z) - 1 - z with small relative error for every z, and exp(z) - 1 beside it."""
    e = math.expm1(z)
    if abs(z) > _SERIES:
        return e - z, e
    series = 1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0))))
    return 0.5 * z * z * series, e


@kernel(inner=True)
def _divergence_centred(x, shift, s):
    """KL(Q || P_0) and its derivative in log s, for Q proportional to exp(s x); accurate for the smallest divergences.

    ``shift`` is the mean of x, and s * max(x - shift) at most ``_CENTRED``. The derivative is the variance of s x
    under Q. With z = s (x - shift): KL = E[z (exp(z) - 1)] / (1 + a) - log(1 + a), a = E[exp(z) - 1 - z].
    """
    n = x.size
    a = 0.0
    b = 0.0
    c = 0.0
    for i in range(n):
        z = s * (x[i] - shift)
        f, e = _exp_minus_linear(z)
        a += f
        b += z * e
        c += z * z * (1.0 + e)
    a /= n
    mean = b / n / (1.0 + a)
    return mean - math.log1p(a), c / n / (1.0 + a) - mean * mean


@kernel(inner=True)
def _divergence_plain(x, s, w):
    """The same for x <= 0 with maximum 0, to an absolute error of about 1e-15 log n; ``w`` is scratch."""
    n = x.size
    for i in range(n):
        w[i] = exp(s * x[i])
    total = array_sum(w, n)
    for i in range(n):
        w[i] *= x[i]
    mean = s * (array_sum(w, n) / total)
    for i in range(n):
        w[i] *= x[i]
    return mean - math.log(total / n), s * s * (array_sum(w, n) / total) - mean * mean


@kernel(inline=True, inner=True)
def _largest(losses):
    """The maximum; four partial ones instead of one chain of comparisons."""
    a = b = c = d = losses[0]
    quads = losses.size - losses.size % 4
    for i in range(0, quads, 4):
        a = max(a, losses[i])
        b = max(b, losses[i + 1])
        c = max(c, losses[i + 2])
        d = max(d, losses[i + 3])
    for i in range(quads, losses.size):
        a = max(a, losses[i])
    return max(max(a, b), max(c, d))


@kernel()
def kl_temperature_1d(losses, rho):
    """lambda* > 0 with KL(Q_lambda || uniform) = rho, Q_lambda proportional to exp(losses / lambda).

    0.0 where rho >= log(n / number of maximal losses), so that the worst case is the maximum itself, where losses
    nearer to the maximum than 1e-300 of the range count as maximal; inf where rho is 0 or all losses are equal. The
    divergence increases in s = 1 / lambda, so a Newton step on log KL against log s is taken whenever it is at most 3
    and stays inside the bracket, and a bisection of the bracket otherwise.
    """
    n = losses.size
    top = np.float64(_largest(losses))
    x = np.empty(n)
    for i in range(n):
        x[i] = top - losses[i]
    width = _largest(x)
    if rho <= 0.0 or width == 0.0:
        return math.inf
    w = np.empty(n)
    ties = 0
    for i in range(n):
        x[i] /= -width
        if x[i] > -_TIE:
            x[i] = 0.0
        ties += x[i] == 0.0
        w[i] = x[i] if x[i] < 0.0 else -1.0
    if rho >= math.log(n / ties):
        return 0.0
    second = _largest(w)
    shift = array_sum(x, n) / n
    for i in range(n):
        w[i] = (x[i] - shift) * (x[i] - shift)
    square = array_sum(w, n)
    for i in range(n):
        w[i] *= x[i] - shift
    cube = array_sum(w, n)

    # KL(s) = integral of s Var_s <= s**2 / 8 on a range of width 1; beyond `upper` all other weights underflow.
    lower = math.sqrt(8.0 * rho)
    upper = 750.0 / -second
    # KL(s) = s**2 m2 / 2 + s**3 m3 / 3 + ... in the central moments of x: start near where these two terms are rho.
    s = math.sqrt(2.0 * rho * n / square)
    s /= math.sqrt(min(max(1.0 + s * cube / square / 1.5, 0.3), 4.0))
    s = min(max(s, lower), upper)
    for _ in range(_MAX_STEPS):
        if rho < _SMALL and -s * shift <= _CENTRED:
            value, slope = _divergence_centred(x, shift, s)
        else:
            value, slope = _divergence_plain(x, s, w)
        if value < rho:
            lower = s
        elif value > rho:
            upper = s
        else:
            break
        step = math.log(rho / value) * value / slope if value > 0.0 and slope > 0.0 else math.inf
        proposal = s * math.exp(step) if abs(step) <= 3.0 else upper
        inside = lower < proposal < upper
        if inside:
            s = proposal
        if abs(step) < 3e-7 or upper - lower <= 4e-16 * upper:
            break
        if not inside:
            s = math.sqrt(lower) * math.sqrt(upper)
    return width / s


@kernel(counted=False)
def taylor_temperature_1d(losses, rho, ddof, scratch):
    """sqrt(Var(losses) / (2 rho)), eq. (25), with divisor n - ddof; inf for rho = 0, 0.0 for equal losses.

    In the precision of ``scratch``, of the size of ``losses``.
    """
    if rho <= 0.0:
        return math.inf
    n, shift = losses.size, losses[0]
    for i in range(n):
        scratch[i] = losses[i] - shift
    mean = scratch.dtype.type(array_sum(scratch, n) / n)
    for i in range(n):
        deviation = (losses[i] - shift) - mean
        scratch[i] = deviation * deviation
    squares = array_sum(scratch, n)
    return 0.0 if squares == 0.0 else math.sqrt(squares / (n - ddof) / (2.0 * rho))  # n - ddof may be 0


@kernel(counted=False)
def tilt_1d(losses, temperature, out):
    """Write softmax(losses / temperature) to ``out``, in its precision: uniform at inf, over the maxima at 0."""
    n = losses.size
    real = out.dtype.type
    if temperature == math.inf:
        for i in range(n):
            out[i] = 1.0 / n
        return
    top, t = _largest(losses), real(temperature)
    if t == 0.0:
        for i in range(n):
            out[i] = 1.0 if losses[i] == top else 0.0
    else:
        for i in range(n):
            out[i] = exp((losses[i] - top) / t)
    scale = real(1) / array_sum(out, n)
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
    scratch = np.empty(losses.shape[1])
    for r in range(losses.shape[0]):
        if function_id == 0:
            out[r] = kl_temperature_1d(losses[r], parameter[r])
        elif function_id == 1:
            out[r] = taylor_temperature_1d(losses[r], parameter[r], option, scratch)
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
