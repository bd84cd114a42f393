"""Where pools are drawn from, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels.proposals import ITEMS, UNIFORM, Proposal, alias_table

__all__ = ["check_proposal", "item_weights", "proposal_arrays"]

_NAMES = "'uniform', 'count^A' with A >= 0, or 'log-count'"


def check_proposal(name: Any) -> str:
    """``name`` if it is that of a proposal over the items."""
    item_weights(name, np.ones(1))
    return str(name)


def item_weights(name: Any, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the items under the proposal ``name``, not normalised.

    "count^A" gives nothing to items without train pairs (A > 0), "log-count" neither.

    Examples
    --------
    >>> item_weights("count^0.5", np.array([0.0, 4.0, 9.0])).tolist()
    [0.0, 2.0, 3.0]
    """
    if name == "uniform":
        return np.ones_like(counts)
    if name == "log-count":
        return _summable(name, np.log1p(counts))
    head, _, power = str(name).partition("^")
    try:
        a = float(power)
    except ValueError:
        a = np.nan
    if head != "count" or not 0 <= a < np.inf:
        raise ValueError(f"proposal must be {_NAMES}, got {name!r}")
    with np.errstate(over="ignore"):
        return _summable(name, counts**a)


def _summable(name: Any, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not 0 < total < np.inf:
        raise ValueError(f"proposal {name} must give weights of a positive, finite sum, got {total:g}")
    return weights


def proposal_arrays(name: str, counts: NDArray[np.float64] | None) -> Proposal:
    """What the kernels take; see :mod:`sim.sampling.kernels.proposals`."""
    none = np.empty((0, 0), np.int32), np.empty((0, 0))
    if name == "uniform":
        return Proposal(UNIFORM, np.empty(0), np.empty(0, np.uint64), *none)
    if counts is None:
        raise ValueError(f"counts must be given for pools drawn by {name}, got none")
    weights = item_weights(name, counts)
    accept, alias = np.empty_like(weights), np.empty(weights.size, np.int32)
    alias_table(weights, accept, alias)
    own = np.minimum(accept * 2.0**32, 2.0**32 - 1).astype(np.uint64)  # full slots are their own alias
    return Proposal(ITEMS, weights, own << np.uint64(32) | alias.astype(np.uint64), *none)
