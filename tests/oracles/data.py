"""Plain-Python versions of what sim.data computes."""

from __future__ import annotations

from fractions import Fraction


def k_core(pairs: set[tuple[int, int]], k: int) -> set[tuple[int, int]]:
    """Take out one user or item with fewer than k pairs, until there is none."""
    pairs = set(pairs)
    while True:
        for axis in (0, 1):
            labels = sorted({p[axis] for p in pairs})
            weak = [x for x in labels if sum(p[axis] == x for p in pairs) < k]
            if weak:
                pairs = {p for p in pairs if p[axis] != weak[0]}
                break
        else:
            return pairs


def nearest(x: Fraction) -> int:
    """The nearest integer, halves up."""
    return (2 * x.numerator + x.denominator) // (2 * x.denominator)


def split_sizes(n: int, test_fraction: Fraction, valid_fraction: Fraction) -> tuple[int, int, int]:
    """Train, validation and test pairs of a user with n pairs."""
    fit = max(1, nearest((1 - test_fraction) * n))
    valid = min(nearest(valid_fraction * fit), fit - 1)
    return fit - valid, valid, n - fit
