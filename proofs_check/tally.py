"""Counting cases and deviations; a check ends at its first failing case, which is kept as the counterexample."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["EFFORTS", "MissingTable", "NothingToTest", "Refuted", "Tally", "z_limit"]

EFFORTS = ("quick", "full")


class Refuted(Exception):
    """A case failed; the message describes it."""


class NothingToTest(Exception):
    """There are no data to test the claim on yet."""


class MissingTable(NothingToTest):
    """A table that the check reads is not here; the message is its name."""


def z_limit(false_alarm: float, comparisons: int) -> float:
    """Limit on |z| that ``comparisons`` standard normal statistics exceed with probability <= ``false_alarm``.

    Examples
    --------
    >>> round(z_limit(1e-6, 100), 3)
    5.731
    """
    return -NormalDist().inv_cdf(false_alarm / (2 * comparisons))


class Tally:
    """What a check writes to, and where it takes its effort and its random numbers from.

    Parameters
    ----------
    name : str
        Claim id and words of the check; the seed is a hash of it.
    effort : {"quick", "full"}
        How much to test.
    tolerance, false_alarm : float
        As in :class:`proofs_check.Check`.
    """

    def __init__(self, name: str, effort: str = "quick", tolerance: float = 0.0, false_alarm: float = 0.0) -> None:
        self.effort = effort
        self.tolerance = tolerance
        self.false_alarm = false_alarm
        self.seed = zlib.crc32(name.encode())
        self.rng = np.random.default_rng(self.seed)
        self.cases = 0
        self.deviation = 0.0
        self.notes: list[str] = []

    def pick(self, quick: Any, full: Any) -> Any:
        """One of two settings, by effort."""
        return full if self.effort == "full" else quick

    def note(self, words: str) -> None:
        """Keep a finding for the report."""
        self.notes.append(words)

    def holds(self, condition: Any, case: str, count: int = 1) -> None:
        """A yes-or-no case, or ``count`` cases decided together."""
        self.cases += count
        if not condition:
            raise Refuted(case)

    def same(self, left: Any, right: Any, case: str = "") -> None:
        """Two numbers agree: exactly if both are int or Fraction, else within ``tolerance`` relative to max(1, |.|)."""
        self.cases += 1
        if isinstance(left, (int, Fraction)) and isinstance(right, (int, Fraction)):
            if left != right:
                raise Refuted(f"{case}: {left} != {right}".lstrip(": "))
            return
        gap = abs(left - right) / max(1.0, abs(left), abs(right)) if left != right else 0.0
        self._record(gap, lambda: f"{case}: {left:.12g} != {right:.12g}".lstrip(": "))

    def small(self, deviation: float, case: str = "") -> None:
        """A deviation of at most ``tolerance`` in absolute value; NaN fails."""
        self.cases += 1
        self._record(abs(float(deviation)), lambda: f"{case}: deviation {deviation:.3g}".lstrip(": "))

    def all_small(self, deviations: ArrayLike, case: str, shown: Any = None) -> None:
        """Many deviations at once; ``shown[i]``, or else i, completes ``case`` where flat entry i fails."""
        array = np.abs(np.asarray(deviations, dtype=np.float64)).ravel()
        self.cases += array.size
        if array.size == 0:
            return
        worst = int(np.argmax(np.where(np.isnan(array), np.inf, array)))
        self._record(float(array[worst]), lambda: f"{_entry(case, shown, worst)}: deviation {array[worst]:.3g}")

    def all_true(self, conditions: Any, case: str, shown: Any = None) -> None:
        """Many yes-or-no cases at once."""
        array = np.asarray(conditions).ravel()
        self.cases += array.size
        if not array.all():
            raise Refuted(_entry(case, shown, int(np.argmin(array))))

    def z_scores(self, z: ArrayLike, comparisons: int, case: str, shown: Any = None) -> None:
        """Statistics that are standard normal under the claim; ``comparisons`` of them in the whole check."""
        array = np.abs(np.asarray(z, dtype=np.float64)).ravel()
        self.cases += array.size
        limit = z_limit(self.false_alarm, comparisons)
        worst = int(np.argmax(np.where(np.isnan(array), np.inf, array)))
        value = float(array[worst])
        if not value <= limit:
            raise Refuted(f"{_entry(case, shown, worst)}: |z| = {value:.2f} > {limit:.2f}")
        self.deviation = max(self.deviation, value)

    def _record(self, deviation: float, case: Callable[[], str]) -> None:
        if not deviation <= self.tolerance or math.isnan(deviation):
            raise Refuted(case())
        self.deviation = max(self.deviation, deviation)


def _entry(case: str, shown: Any, i: int) -> str:
    if shown is None:
        return f"{case}, entry {i}"
    row = shown[i]
    return f"{case} {row.tolist() if isinstance(row, np.ndarray) else row}"
