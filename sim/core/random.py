"""Counter-based random streams.

A draw is a pure function of ``(seed, names of the stream, counter)``: no state is carried from one draw to the next.
Parallel kernels therefore give the same bits for any number of threads, any order of work, and after a resume.

The generator is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) read at arbitrary positions: draw ``i`` of the stream
with key ``k`` is ``mix(k + (i + 1) * GOLDEN)``. Keys are mixed from the seed and the integers that name the stream.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

__all__ = ["bounded", "mix", "normal", "permute", "stream", "stream2", "to_seed", "uniform", "word"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MUL1 = np.uint64(0xBF58476D1CE4E5B9)
_MUL2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11, _S32 = (np.uint64(s) for s in (30, 27, 31, 11, 32))
_LOW32 = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_TWO_POW_MINUS_53 = 2.0**-53
_BELOW_ONE = 1.0 - 2.0**-53


@kernel(inline=True)
def mix(z):
    """Bijective 64-bit finaliser of SplitMix64; ``z`` and the result are uint64."""
    z = (z ^ (z >> _S30)) * _MUL1
    z = (z ^ (z >> _S27)) * _MUL2
    return z ^ (z >> _S31)


@kernel(inline=True)
def stream(seed, a):
    """Key of the stream named by one integer ``a`` under ``seed`` (both cast to uint64)."""
    return mix(mix(np.uint64(seed) + _GOLDEN) ^ mix(np.uint64(a) * _GOLDEN + _ONE))


@kernel(inline=True)
def stream2(seed, a, b):
    """Key of the stream named by two integers, e.g. (epoch, pair)."""
    return stream(stream(seed, a), b)


@kernel(inline=True)
def word(key, i):
    """Draw ``i`` (from 0) of a stream: 64 uniform bits."""
    return mix(np.uint64(key) + (np.uint64(i) + _ONE) * _GOLDEN)


@kernel(inline=True)
def uniform(key, i):
    """Draw ``i`` of a stream as a float64 in the open interval (0, 1): centres of 2**53 equal cells."""
    # the uppermost centre would be rounded to 1
    return min((np.float64(word(key, i) >> _S11) + 0.5) * _TWO_POW_MINUS_53, _BELOW_ONE)


@kernel(inline=True)
def bounded(key, i, n):
    """Draw ``i`` of a stream as an integer in 0..n-1, for 1 <= n < 2**32, by multiply-shift on the upper 32 bits.

    Each value's probability differs from 1/n by less than 2**-32.
    """
    return np.int64(((word(key, i) >> _S32) * np.uint64(n)) >> _S32)


@kernel(inline=True)
def normal(key, i):
    """Standard normal draw ``i`` of a stream (Box-Muller; uses words 2i and 2i+1)."""
    u = uniform(key, np.uint64(2) * np.uint64(i))
    v = uniform(key, np.uint64(2) * np.uint64(i) + _ONE)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)


@kernel()
def permute(key, a):
    """Shuffle the 1-D array ``a`` in place, uniformly up to the 2**-32 bias of :func:`bounded` (Fisher-Yates)."""
    for i in range(a.size - 1, 0, -1):
        j = bounded(key, i, i + 1)
        a[i], a[j] = a[j], a[i]


def to_seed(rng: np.random.Generator | int | None) -> int:
    """A 63-bit seed for the counter-based streams from the public ``rng`` argument (SPEC 7).

    Parameters
    ----------
    rng : numpy.random.Generator, int or None
        An int >= 0 always gives the same seed, itself (modulo 2**63); a Generator is advanced by one draw; None takes
        fresh entropy from the operating system.

    Raises
    ------
    TypeError
        For anything else (a legacy RandomState, a float ...).
    ValueError
        For a negative int.

    Examples
    --------
    >>> to_seed(7)
    7
    """
    if rng is None:
        rng = np.random.default_rng()
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**63, dtype=np.int64))
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        raise TypeError(f"rng must be a numpy Generator, an int >= 0 or None, got {type(rng).__name__}")
    if rng < 0:
        raise ValueError(f"rng must be >= 0 when it is an int, got {rng}")
    return int(rng) % 2**63
