"""Checks the arguments of a simulation and lays out its columns, groups and memory before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ...core.memory import check_memory
from ...core.validation import MOST_RANKINGS, check_choice, check_fraction, check_int
from .. import kernels as _kernels

__all__ = ["GROUPS", "MAX_BYTES", "METHODS", "METRICS", "Plan", "make_plan", "reported_areas"]

METRICS: tuple[str, ...] = ("recall", "precision", "dcg", "ndcg", "ap", "mrr", "hit", "auc")
"""Metrics the simulations know. "auc" does not depend on K; MRR@K is 0 without a hit in the top K."""

METHODS: tuple[str, ...] = ("pearson", "spearman", "kendall")
"""Correlation coefficients, in the order of the kernels' codes; Kendall's is tau-b."""

GROUPS = 64
MAX_BYTES = 2**31
"""Default limit on the working memory of a simulation."""

MAX_ITEMS = 2**31

_CODES = {
    "recall": _kernels.RECALL,
    "precision": _kernels.RECALL,
    "dcg": _kernels.DCG,
    "ndcg": _kernels.DCG,
    "ap": _kernels.AP,
    "mrr": _kernels.MRR,
    "hit": _kernels.HIT,
    "auc": _kernels.AUC,
}


@dataclass(frozen=True)
class Plan:
    """Checked arguments and layout.

    ``column[i, j]`` is the kernel's column of metrics[i]@ks[j] and ``scale[i, j]`` its factor. ``keep`` holds the
    increasing m of the areas that are worked out, all of them if ``every``; ``keep[order]`` are the m asked for.
    ``block`` is the number of areas whose values are stored at a time, for the rank coefficients.
    """

    n_pos: int
    n_neg: int
    n_top: int
    alpha: float
    n_rankings: int
    metrics: tuple[str, ...]
    ks: tuple[int, ...]
    ms: NDArray[np.int64]
    codes: NDArray[np.int64]
    which: NDArray[np.int64]
    cuts: NDArray[np.int64]
    gains: NDArray[np.float64]
    column: NDArray[np.int64]
    scale: NDArray[np.float64]
    method: str
    every: bool
    keep: NDArray[np.int64]
    order: NDArray[np.int64]
    block: int
    bounds: NDArray[np.int64]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """(n_pos, n_neg, n_top) as the kernels take them."""
        return self.n_pos, self.n_neg, self.n_top

    @property
    def groups(self) -> int:
        """Number of groups of rankings."""
        return self.bounds.size - 1


def make_plan(
    n_pos: Any,
    n_neg: Any,
    metrics: Sequence[str],
    ks: Sequence[int],
    n_rankings: Any,
    alpha: Any = 1.0,
    ms: Any = None,
    method: Any = "pearson",
    groups: Any = GROUPS,
    max_bytes: Any = MAX_BYTES,
) -> Plan:
    """The layout of a run, or a one-line error."""
    n_pos = check_int("n_pos", n_pos, low=1, high=MAX_ITEMS)
    n_neg = check_int("n_neg", n_neg, low=1, high=MAX_ITEMS)
    n_rankings = check_int("n_rankings", n_rankings, low=10, high=MOST_RANKINGS)
    names = _distinct("metrics", metrics)
    for name in names:
        check_choice("metrics", name, METRICS)
    cut_offs = tuple(check_int("ks", k, low=1, high=n_pos + n_neg) for k in _distinct("ks", ks))
    alpha = check_fraction("alpha", alpha)
    n_top = round(alpha * n_pos)
    if n_top < 1 or abs(alpha * n_pos - n_top) > 1e-9 * n_pos:
        raise ValueError(f"alpha must make alpha * n_pos an integer >= 1, got {alpha:g} * {n_pos}")
    check_choice("method", method, METHODS)
    groups = min(check_int("groups", groups, low=8, high=1000), n_rankings)
    max_bytes = check_int("max_bytes", max_bytes, low=1)
    chosen = None if ms is None else reported_areas(ms, n_neg)

    cuts = np.array(sorted(cut_offs), dtype=np.int64)
    columns: dict[tuple[int, int], int] = {}
    column = np.empty((len(names), len(cut_offs)), dtype=np.int64)
    for i, name in enumerate(names):
        for j, k in enumerate(cut_offs):
            code = _CODES[name]
            at = 0 if code == _kernels.AUC else int(np.searchsorted(cuts, k))
            column[i, j] = columns.setdefault((code, at), len(columns))

    n_areas = n_neg if chosen is None else np.unique(chosen).size
    every = method == "pearson" and 4 * n_areas > n_neg
    kept = n_neg if every else n_areas
    results = 8 * (4 * column.size * n_areas + int(cuts[-1]) + 4 * kept)
    block = _block(method, every, n_pos, n_neg, n_rankings, len(columns), kept, groups, max_bytes - results)

    gains = 1.0 / np.log2(np.arange(2.0, cuts[-1] + 2.0))
    m = reported_areas(ms, n_neg)
    keep, order = (np.arange(1, n_neg + 1), m - 1) if every else np.unique(m, return_inverse=True)
    ideal = np.cumsum(gains[: min(n_pos, int(cuts[-1]))])
    scale = np.ones(column.shape)
    for i, name in enumerate(names):
        for j, k in enumerate(cut_offs):
            if name == "precision":
                scale[i, j] = n_pos / k
            elif name == "ndcg":
                scale[i, j] = 1.0 / ideal[min(n_pos, k) - 1]
    return Plan(
        n_pos=n_pos,
        n_neg=n_neg,
        n_top=n_top,
        alpha=alpha,
        n_rankings=n_rankings,
        metrics=names,
        ks=cut_offs,
        ms=m,
        codes=np.array([code for code, _ in columns], dtype=np.int64),
        which=np.array([at for _, at in columns], dtype=np.int64),
        cuts=cuts,
        gains=gains,
        column=column,
        scale=scale,
        method=method,
        every=every,
        keep=keep,
        order=order,
        block=block,
        bounds=np.array([n_rankings * g // groups for g in range(groups + 1)], dtype=np.int64),
    )


def _block(
    method: str, every: bool, n_pos: int, n_neg: int, n_rankings: int, columns: int, kept: int, groups: int, room: int
) -> int:
    """Areas at a time: as many as fit into ``room`` bytes beside the sums, or an error that says what would help."""
    threads = numba.get_num_threads()
    needed = 17 * threads * (n_pos + n_neg) + 8 * groups * (columns + 2) * kept
    if method == "pearson":
        needed += 8 * threads * n_neg * (columns + 2 + _kernels.LANES) if every else 8 * threads * kept
        check_memory(needed, room, "report fewer areas with ms, or use fewer groups, metrics or items")
        return kept
    each = 40 * n_rankings  # a variable's values, twice, their order, levels and counts
    needed += each * (columns + threads) + 8 * groups * columns * kept
    advice = "use fewer rankings, areas (ms) or metrics, or pearson, which is streamed"
    check_memory(needed + each, room, f"{method} keeps every ranking's values: {advice}")
    return min(kept, (room - needed) // each)


def _distinct(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a sequence, got {values!r}")
    entries = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
    if not entries or len(set(entries)) < len(entries):
        raise ValueError(f"{name} must have distinct entries, at least one, got {entries!r}")
    return entries


def reported_areas(ms: Any, n_neg: int) -> NDArray[np.int64]:
    """``ms`` as an array of m in 1..n_neg; all of them for None."""
    if ms is None:
        return np.arange(1, n_neg + 1)
    values = np.asarray(ms)
    if values.ndim != 1 or values.size == 0 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"ms must be a 1-D array of at least one integer, got {values.dtype} of shape {values.shape}")
    if values.min() < 1 or values.max() > n_neg:
        raise ValueError(f"ms must be in 1..{n_neg}, got {values.min()}..{values.max()}")
    return values.astype(np.int64)
