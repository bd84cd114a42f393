"""Slow, obvious versions of the counter streams, the pools and the samplers' laws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    """SplitMix64's finaliser on Python integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key_of(seed: int, *names: int) -> int:
    """Key of the stream that integers name under a seed."""
    for name in names:
        seed = mix(mix((seed + GOLDEN) & MASK) ^ mix((name * GOLDEN + 1) & MASK))
    return seed


class Stream:
    """Draws of one stream, read at any position."""

    def __init__(self, key: int) -> None:
        self.key = key

    def word(self, i: int) -> int:
        """64 bits."""
        return mix((self.key + (i + 1) * GOLDEN) & MASK)

    def uniform(self, i: int) -> float:
        """In (0, 1)."""
        return ((self.word(i) >> 11) + 0.5) / 2**53

    def bounded(self, i: int, n: int) -> int:
        """In 0..n-1."""
        return ((self.word(i) >> 32) * n) >> 32

    def normal(self, i: int) -> float:
        """By Box and Muller."""
        return math.sqrt(-2 * math.log(self.uniform(2 * i))) * math.cos(2 * math.pi * self.uniform(2 * i + 1))

    def shuffled(self, values: Sequence[int]) -> list[int]:
        """By Fisher and Yates."""
        a = list(values)
        for i in range(len(a) - 1, 0, -1):
            j = self.bounded(i, i + 1)
            a[i], a[j] = a[j], a[i]
        return a


def pool(key: int, n_items: int, excluded: set[int], size: int, replace: bool) -> list[int]:
    """A pool of ``size`` items that are not excluded, from the stream ``key``."""
    s = Stream(key)
    admissible = [i for i in range(n_items) if i not in excluded]
    left = len(admissible)
    if left == 0:
        return []
    if replace and excluded and 16 * left < n_items:  # few are left: draw from their list
        return [admissible[s.bounded(j, left)] for j in range(size)]
    if not replace and 2 * size > left:  # most are taken: selection sampling, then a shuffle
        wanted = min(size, left)
        taken: list[int] = []
        for seen, i in enumerate(admissible):
            if len(taken) < wanted and s.uniform(i) * (left - seen) < wanted - len(taken):
                taken.append(i)
        return Stream(mix(key)).shuffled(taken)
    out: list[int] = []
    redraw = size
    for j in range(size):
        i = s.bounded(j, n_items)
        while i in excluded or (not replace and i in out):
            i = s.bounded(redraw, n_items)
            redraw += 1
        out.append(i)
    return out


def shared_pool(group: int, key: int, n_items: int, excluded: set[int], size: int, replace: bool) -> list[int]:
    """The pool of a pair with the stream ``key`` from that of its group, drawn from all items by the stream ``group``.

    What is excluded is drawn again, item by item in rising order; but a pair with few admissible items draws alone.
    """
    left = n_items - len(excluded)
    if excluded and (16 * left < n_items or (not replace and 2 * size > left)):
        return pool(key, n_items, excluded, size, replace)
    out, s, draw = pool(group, n_items, set(), size, replace), Stream(key), 0
    for j in sorted((j for j in range(len(out)) if out[j] in excluded), key=lambda j: (out[j], j)):
        i = out[j]
        while i in excluded or (not replace and i in out):
            i = s.bounded(draw, n_items)
            draw += 1
        out[j] = i
    return out


def dns_weights(losses: Sequence[float], m: int) -> list[float]:
    """1/M on the M largest losses, ties to the earlier position."""
    m = min(m, len(losses))
    order = sorted(range(len(losses)), key=lambda j: (-losses[j], j))
    return [1 / m if j in order[:m] else 0.0 for j in range(len(losses))]


def tilt(losses: Sequence[float], tau: float) -> np.ndarray:
    """Softmax of losses / tau; uniform at infinity, uniform over the maxima at 0."""
    x = np.asarray(losses, dtype=float)
    if tau == 0:
        w = (x == x.max()).astype(float)
    else:
        w = np.exp((x - x.max()) / tau) if math.isfinite(tau) else np.ones(x.size)
    return w / w.sum()


def softmax_v_weights(losses: Sequence[float], rho: float) -> np.ndarray:
    """Eq. (25) with the unbiased variance."""
    x = np.asarray(losses, dtype=float)
    if rho == 0:
        return tilt(x, math.inf)
    variance = x.var(ddof=1) if x.size > 1 else 0.0
    return tilt(x, math.sqrt(variance / (2 * rho)) if x.max() > x.min() else 0.0)


def kl_from_uniform(p: np.ndarray) -> float:
    """KL(p || uniform)."""
    q = p[p > 0]
    return float((q * np.log(q * p.size)).sum())


def softmax_exact_weights(losses: Sequence[float], rho: float) -> np.ndarray:
    """The tilt whose divergence from uniform is rho, by bisection; the maxima where there is none."""
    x = np.asarray(losses, dtype=float)
    if rho == 0 or x.max() == x.min():
        return tilt(x, math.inf)
    if rho >= math.log(x.size / (x == x.max()).sum()):
        return tilt(x, 0)
    low, high = -60.0, 60.0  # log of the temperature
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if kl_from_uniform(tilt(x, math.exp(middle))) > rho else (low, middle)
    return tilt(x, math.exp(low))


def rank_distribution(n: int, m: int, size: int, replace: bool) -> list[Fraction]:
    """Share of DNS(m, size) on every rank, hardest first, by going through all pools."""
    pools = list(itertools.product(range(n), repeat=size) if replace else itertools.combinations(range(n), size))
    share = [Fraction(0)] * n
    for members in pools:
        for rank in sorted(members)[:m]:
            share[rank] += Fraction(1, m * len(pools))
    return share


def softmax_weights(margins: Sequence[float], tau: float) -> np.ndarray:
    """Eq. (3) on a pool."""
    return tilt(margins, tau)


def ranked_weights(losses: Sequence[float], by_rank: Sequence[float]) -> np.ndarray:
    """by_rank[k] for the k-th hardest, ties to the earlier position, scaled to sum to one."""
    order = sorted(range(len(losses)), key=lambda j: (-losses[j], j))
    w = np.zeros(len(losses))
    for k, j in enumerate(order[: len(by_rank)]):
        w[j] = by_rank[k]
    return w / w.sum() if w.sum() > 0 else np.isin(np.arange(w.size), order[: len(by_rank)]) / len(by_rank)


def warp_weights(margins: Sequence[float], margin: float, n_neg: int) -> np.ndarray:
    """WSABIE's algorithm 1, read off a pool: the first violation, weighed by the rank that its trial suggests."""
    w = np.zeros(len(margins))
    for j, value in enumerate(margins):
        if value > -margin:
            rank = n_neg // (j + 1)
            w[j] = sum(1 / k for k in range(1, rank + 1)) / sum(1 / k for k in range(1, n_neg + 1))
            break
    return w


def aobpr_law(row: np.ndarray, V: np.ndarray, lam: float, excluded: set[int]) -> np.ndarray:
    """Probability of every item under adaptive oversampling, positives drawn again."""
    n, d = V.shape
    geometric = np.exp(-np.arange(n) / lam)
    geometric /= geometric.sum()
    factors = np.abs(row) * V.std(axis=0)
    law = np.zeros(n)
    for f in range(d):
        order = sorted(range(n), key=lambda j: (-V[j, f], j))
        for rank, j in enumerate(order if row[f] >= 0 else order[::-1]):
            law[j] += factors[f] / factors.sum() * geometric[rank]
    law[sorted(excluded)] = 0
    return law / law.sum()
