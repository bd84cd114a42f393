"""Argument checks shared by every public function: one line with the argument, what was given, what is allowed."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .names import hint

__all__ = [
    "MOST_CELLS", "MOST_EPOCHS", "MOST_FACTORS", "MOST_JOBS", "MOST_LAYERS", "MOST_POOL", "MOST_RANKINGS", "MOST_SEED",
    "MOST_SIZE", "check_choice", "check_finite", "check_fraction", "check_int", "check_real", "losses_array",
]  # fmt: skip

MOST_SIZE = 2**31 - 1
"""Largest number of users, items, pairs, rankings, cut-offs or pairs of a batch: indices have 32 bits."""

MOST_POOL = 2**28
"""Largest pool N, number M of kept negatives, and cache C."""

MOST_FACTORS, MOST_LAYERS, MOST_EPOCHS = 2**16, 1000, 10**6
MOST_JOBS, MOST_RANKINGS = 1024, 10**10
MOST_CELLS = 100_000
"""Largest number of cells of a grid."""

MOST_SEED = 2**63 - 1


def check_int(
    name: str, value: Any, *, low: int | None = None, high: int | None = None, most: int | None = None
) -> int:
    """``value`` as an int in [low, high]; bools and floats are refused.

    ``most`` is the largest value that makes sense at all, one of those above: only who exceeds it is told.

    Examples
    --------
    >>> check_int("K", 5, low=1)
    5
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(f"{name} must be {_range(low, high)}, got {_shown(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be <= {most}, got {_shown(number)}")
    return number


def _shown(number: int) -> str:
    """An integer in few characters: Python refuses to write very long ones."""
    return str(number) if abs(number) < 10**40 else f"an integer of about {int(number.bit_length() * 0.30103)} digits"


def check_real(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open_low: bool = False
) -> float:
    """``value`` as a finite float in [low, high], or (low, high] with ``open_low``."""
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    if number < low or number > high or (open_low and number == low):
        left = f"{'(' if open_low else '['}{low:g}" if low > -math.inf else "(-inf"
        right = f"{high:g}]" if high < math.inf else "inf)"
        raise ValueError(f"{name} must be in {left}, {right}, got {number:g}")
    return number


def check_fraction(name: str, value: Any) -> float:
    """``value`` as a float in (0, 1], the range of an FPR or TPR limit."""
    return check_real(name, value, low=0.0, high=1.0, open_low=True)


def check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """``value`` if it is one of ``allowed``."""
    if value not in allowed:
        near = hint(value, allowed, everything=False)
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}{near and ': '}{near}")
    return value


def check_finite(name: str, array: np.ndarray) -> np.ndarray:
    """``array`` if it holds no NaN and no infinity."""
    if array.size and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite values")
    return array


def losses_array(losses: Any, name: str = "losses") -> np.ndarray:
    """``losses`` as a finite float64 array with a last axis of at least one entry."""
    array = np.asarray(losses, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one entry along its last axis, got shape {array.shape}")
    return check_finite(name, array)


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return f">= {low}"
    if low is None:
        return f"<= {high}"
    return f"in {low}..{high}"
