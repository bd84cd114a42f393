"""exp, sigmoid and softplus for inner loops, written so that LLVM turns a loop over them into vector code.

The C library's functions are called one number at a time; on a pool of 200 losses they cost more than the scores do.
These are polynomials without branches: for float32 with errors of at most 4 units in the last place (softplus: 5), for
float64 exp with at most 2, where sigmoid and softplus keep the C library. Domain: any finite x; exp stays at its value
of -87 and of 88 beyond these in float32; in float64 it is 0 below -708 and stays at its value of 709 above.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from .jit import JIT_ENABLED

__all__ = ["exp", "mantissa_exponent", "sigmoid_softplus"]

_f = np.float32
_LOG2E, _LN2_HI, _LN2_LO = _f(1.44269504), _f(0.693359375), _f(-2.12194440e-4)
_ROUND = _f(12582912.0)  # 1.5 * 2**23: adding it leaves the nearest integer in the low mantissa bits
_LOW, _HIGH = _f(-87.0), _f(88.0)
_C2, _C3, _C4, _C5, _C6 = (_f(c) for c in (0.5, 0.166666657, 0.0416674323, 0.00833135564, 0.00139304355))
_ONE, _TWO, _ZERO = _f(1), _f(2), _f(0)
_L3, _L5, _L7, _L9, _L11, _L13 = (_f(1 / k) for k in (3, 5, 7, 9, 11, 13))
_BIAS, _SHIFT = np.int32(127), np.int32(23)
_MANTISSA, _BITS_OF_ONE = np.int32(0x7FFFFF), np.int32(0x3F800000)
_LOG2E64, _LN2_HI64, _LN2_LO64 = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND64 = 6755399441055744.0  # 1.5 * 2**52
_LOW64, _HIGH64 = -708.0, 709.0
_BIAS64, _SHIFT64 = np.int64(1023), np.int64(52)


@register_jitable
def _exp32(x):
    x = min(max(x, _LOW), _HIGH)
    t = x * _LOG2E + _ROUND
    n = t - _ROUND
    r = (x - n * _LN2_HI) - n * _LN2_LO
    p = _C5 + r * _C6
    p = _C4 + r * p
    p = _C3 + r * p
    p = _C2 + r * p
    y = _ONE + (r + r * r * p)
    bits = np.int32(np.int32(_f(t).view(np.int32) + _BIAS) << _SHIFT)
    return y * np.int32(bits).view(_f)


@register_jitable
def _exp64(x):
    # Cody and Waite's reduction x = k log 2 + r, |r| <= log(2) / 2, and a Taylor polynomial of degree 12 in r
    z = min(max(x, _LOW64), _HIGH64)
    shifted = z * _LOG2E64 + _ROUND64
    k = shifted - _ROUND64
    r = (z - k * _LN2_HI64) - k * _LN2_LO64
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    power = np.int64((np.float64(shifted).view(np.int64) + _BIAS64) << _SHIFT64).view(np.float64)
    return p * power if x >= _LOW64 else 0.0


@register_jitable
def _sigmoid_softplus32(x):
    e = _exp32(-abs(x))
    inverse = _ONE / (_ONE + e)
    # log(1 + e) = 2 artanh(s), s = e / (2 + e) <= 1/3
    s = e / (_TWO + e)
    q = s * s
    series = _ONE + q * (_L3 + q * (_L5 + q * (_L7 + q * (_L9 + q * (_L11 + q * _L13)))))
    return (inverse if x >= _ZERO else e * inverse), max(x, _ZERO) + _TWO * s * series


@register_jitable
def _mantissa_exponent32(x):
    bits = _f(x).view(np.int32)
    return np.int32((bits & _MANTISSA) | _BITS_OF_ONE).view(_f), (bits >> _SHIFT) - _BIAS


@register_jitable
def _mantissa_exponent64(x):
    m, e = math.frexp(x)
    return 2.0 * m, e - 1


def exp(x):  # type: ignore[no-untyped-def]
    """exp(x) in the precision of x."""
    return math.exp(x)


def sigmoid_softplus(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)) and log(1 + exp(x)) in the precision of x."""
    e = math.exp(-abs(x))
    inverse = 1 / (1 + e)
    return (inverse if x >= 0 else e * inverse), max(x, 0) + math.log1p(e)


def mantissa_exponent(x):  # type: ignore[no-untyped-def]
    """m in [1, 2) and e with x = m 2^e, for a normal x > 0."""
    m, e = math.frexp(x)
    return type(x)(2 * m), e - 1


if JIT_ENABLED:

    @overload(exp)
    def _exp_overload(x):  # type: ignore[no-untyped-def]
        return (lambda x: _exp32(x)) if x == types.float32 else (lambda x: _exp64(x))

    @overload(sigmoid_softplus)
    def _sigmoid_softplus_overload(x):  # type: ignore[no-untyped-def]
        if x == types.float32:
            return lambda x: _sigmoid_softplus32(x)
        return _sigmoid_softplus64

    @overload(mantissa_exponent)
    def _mantissa_exponent_overload(x):  # type: ignore[no-untyped-def]
        return (lambda x: _mantissa_exponent32(x)) if x == types.float32 else (lambda x: _mantissa_exponent64(x))


def _sigmoid_softplus64(x):  # type: ignore[no-untyped-def]
    e = math.exp(-abs(x))
    inverse = 1.0 / (1.0 + e)
    return (inverse if x >= 0.0 else e * inverse), max(x, 0.0) + math.log1p(e)
