"""Intervals of means over seeds or users."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

__all__ = ["half_width"]


def half_width(sample: NDArray[Any]) -> float:
    """Half the width of Student's 95% interval of the mean of independent values."""
    return float(stdtrit(sample.size - 1, 0.975)) * float(sample.std(ddof=1)) / np.sqrt(sample.size)
