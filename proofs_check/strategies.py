"""Hypothesis strategies for rankings, losses and pools, for tests of own samplers, metrics and objectives.

Hypothesis is an optional dependency: it is imported when a strategy is made, not when this module is.

>>> from hypothesis import given
>>> from proofs_check import strategies
>>> @given(strategies.losses(max_size=5))
... def every_loss_is_finite(x):
...     assert abs(x.sum()) < float("inf")
>>> every_loss_is_finite()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.core.validation import check_int
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["labels", "losses", "pools", "populations", "samplers", "scored_lists", "theorem_3_cases"]

EXTREMES = (0.0, 1.0, -1.0, 1e-300, 1e300, -1e300, 1e-12, 1e12, 700.0, -700.0)
"""Values at which exponentials overflow, underflow or cancel."""


def _hypothesis() -> Any:
    try:
        from hypothesis import strategies
    except ImportError:
        raise ImportError("proofs_check.strategies needs the package hypothesis, which is not installed") from None
    return strategies


def _sizes(low: int, high: int, name: str) -> tuple[int, int]:
    low = check_int("min_size", low, low=1)
    return low, check_int(name, high, low=low)


def labels(*, max_pos: int = 8, max_neg: int = 8) -> SearchStrategy[NDArray[np.int64]]:
    """Rankings without ties as labels, best item first, with at least one of each class.

    Parameters
    ----------
    max_pos, max_neg : int
        Largest numbers of positives and negatives, >= 1.
    """
    st = _hypothesis()
    sizes = st.tuples(
        st.integers(1, check_int("max_pos", max_pos, low=1)), st.integers(1, check_int("max_neg", max_neg, low=1))
    )
    return sizes.flatmap(lambda s: st.permutations([1] * s[0] + [0] * s[1])).map(lambda v: np.array(v, dtype=np.int64))


def losses(
    *, min_size: int = 1, max_size: int = 30, non_negative: bool = False, extreme: bool = False
) -> SearchStrategy[NDArray[np.float64]]:
    """Losses of one pool: smooth, with ties, all equal, nearly equal, with outliers, and (``extreme``) huge or tiny.

    Parameters
    ----------
    min_size, max_size : int
        Range of the pool's size.
    non_negative : bool
        Only losses >= 0, as the logistic loss gives.
    extreme : bool
        Also mix in values up to 1e300.
    """
    st = _hypothesis()
    low, high = _sizes(min_size, max_size, "max_size")
    floor = 0.0 if non_negative else -50.0
    smooth = st.floats(floor, 50.0, allow_subnormal=False)
    few = st.integers(0, 3).map(float)
    kinds = [
        st.lists(smooth, min_size=low, max_size=high),
        st.lists(few, min_size=low, max_size=high),
        st.tuples(smooth, st.integers(low, high)).map(lambda v: [v[0]] * v[1]),
        st.tuples(st.floats(0.5, 2.0), st.lists(st.integers(0, 9), min_size=low, max_size=high)).map(
            lambda v: [v[0] * (1.0 + 1e-9 * e) for e in v[1]]
        ),
        st.lists(st.integers(-12, 12).map(lambda e: 10.0**e), min_size=low, max_size=high),
    ]
    if extreme:
        values = tuple(v for v in EXTREMES if v >= 0 or not non_negative)
        kinds.append(st.lists(st.sampled_from(values), min_size=low, max_size=high))
    return st.one_of(kinds).map(lambda v: np.array(v, dtype=np.float64))


def pools(n: int, *, max_rows: int = 4, extreme: bool = False) -> SearchStrategy[NDArray[np.float64]]:
    """Several pools of ``n`` losses each, shape (rows, n)."""
    st = _hypothesis()
    n = check_int("n", n, low=1)
    row = losses(min_size=n, max_size=n, extreme=extreme)
    return st.lists(row, min_size=1, max_size=check_int("max_rows", max_rows, low=1)).map(np.stack)


def scored_lists(
    *, max_items: int = 16, ties: bool = True
) -> SearchStrategy[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Labels and scores of one list in any order, both classes present; scores tied or not."""
    st = _hypothesis()
    high = check_int("max_items", max_items, low=2)
    score = st.integers(-3, 3).map(float) if ties else st.floats(-100, 100, allow_subnormal=False)

    def build(pairs: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        y, s = zip(*pairs)
        return np.array((1, 0, *y[2:]), dtype=np.int64), np.array(s, dtype=np.float64)

    pair = st.tuples(st.integers(0, 1), score)
    lists = st.lists(pair, min_size=2, max_size=high, unique_by=None if ties else (lambda p: p[1]))
    return lists.map(build)


def theorem_3_cases(*, max_pos: int = 30, max_neg: int = 30) -> SearchStrategy[tuple[NDArray[np.int64], int]]:
    """Rankings with a cut-off K, 1 <= K <= N_-."""
    st = _hypothesis()
    return labels(max_pos=max_pos, max_neg=max_neg).flatmap(
        lambda y: st.tuples(st.just(y), st.integers(1, int((y == 0).sum())))
    )


def populations(
    *, max_kinds: int = 6, max_count: int = 6, gaps: bool = False
) -> SearchStrategy[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Populations over a few kinds of instances, as counts of positives and of negatives of each kind (claims S1, R1).

    Equal likelihood ratios, one kind alone and kinds far apart are among them. Neither class is empty.

    Parameters
    ----------
    max_kinds, max_count : int
        Largest number of kinds and of instances of one class in a kind, >= 1.
    gaps : bool
        Also kinds without positives or without negatives.
    """
    st = _hypothesis()
    kinds, top = check_int("max_kinds", max_kinds, low=1), check_int("max_count", max_count, low=1)
    count = st.integers(0 if gaps else 1, top)
    pairs = st.lists(st.tuples(count, count), min_size=1, max_size=kinds)

    def build(rows: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        positives, negatives = (np.array(column, dtype=np.int64) for column in zip(*rows))
        return positives, negatives

    return pairs.map(build).filter(lambda v: v[0].sum() > 0 and v[1].sum() > 0)


def samplers(*, max_pool: int = 20) -> SearchStrategy[Sampler]:
    """The library's samplers with any parameters, pools up to ``max_pool``."""
    st = _hypothesis()
    size = st.integers(1, check_int("max_pool", max_pool, low=1))
    rho = st.one_of(st.just(0.0), st.floats(1e-4, 200.0))
    dns = size.flatmap(lambda n: st.integers(1, n).map(lambda m: DNS(m, n)))
    return st.one_of(
        size.map(Uniform), dns, st.builds(SoftmaxV, rho=rho, N=size), st.builds(SoftmaxExact, rho=rho, N=size)
    )
