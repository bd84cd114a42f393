"""T3: bounds on Top-K metrics from OPAUC, by enumeration and in exact integers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import metrics as oracle

from sim.metrics import (
    hits_at_k_from_labels,
    ndcg_at_k,
    ndcg_bounds_from_opauc,
    opauc,
    opauc_count,
    topk_bounds_from_opauc,
)
from sim.metrics.bounds import isqrt
from sim.metrics.kernels.areas import x_counts

SIZES = [(1, 1), (1, 5), (3, 3), (5, 2), (2, 6), (4, 5), (6, 4), (5, 5)]


@pytest.mark.parametrize(("n_pos", "n_neg"), SIZES)
def test_T3_every_ranking_is_inside_and_every_bound_is_attained(n_pos: int, n_neg: int) -> None:
    for k in range(1, n_neg + 1):
        hits_at: dict[int, set[int]] = {}
        for labels in oracle.all_rankings(n_pos, n_neg):
            hits_at.setdefault(oracle.x_by_pairs(labels, k), set()).add(sum(labels[:k]))
        assert sorted(hits_at) == list(range(k * n_pos + 1))  # every X occurs
        for x, hits in hits_at.items():
            lo, hi = topk_bounds_from_opauc(n_pos, n_neg, k, x)
            assert hits == set(range(lo, hi + 1))
            paper_lo, paper_hi = topk_bounds_from_opauc(n_pos, n_neg, k, x, form="paper")
            assert paper_lo <= lo <= hi <= paper_hi


def test_T3_paper_form_is_up_to_one_hit_wider_on_each_side() -> None:
    # away from the min with k and n_pos, which the printed form does not have
    for n_pos, k in itertools.product(range(1, 30), range(1, 30)):
        x = np.arange(k * n_pos + 1)
        lo, _ = topk_bounds_from_opauc(n_pos, 30, k, x)
        paper_lo, paper_hi = topk_bounds_from_opauc(n_pos, 30, k, x, form="paper")
        assert set(lo - paper_lo) <= {0, 1}
        assert set(paper_hi - isqrt(x)) <= {0, 1}


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.data())
def test_T3_roots_are_exact_for_large_numbers(n_pos: int, k: int, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, min(k, n_pos)))
    near = data.draw(st.sampled_from([i * i, i * (n_pos + k - i)])) + data.draw(st.integers(-1, 1))
    x = min(max(near, 0), k * n_pos)
    s = n_pos + k
    d = s * s - 4 * x
    lo, hi = topk_bounds_from_opauc(n_pos, k, k, x)
    assert lo * (s - lo) >= x and (lo == 0 or (lo - 1) * (s - lo + 1) < x)
    assert hi == min(math.isqrt(x), k, n_pos)
    paper_lo, paper_hi = topk_bounds_from_opauc(n_pos, k, k, x, form="paper")
    up = math.isqrt(d) + (math.isqrt(d) ** 2 < d)
    assert (paper_lo, paper_hi) == ((s - up) // 2, math.isqrt(x) + (math.isqrt(x) ** 2 < x))


def test_T3_sizes_broadcast(rng: np.random.Generator) -> None:
    n_pos, n_neg = rng.integers(1, 40, (6, 1)), rng.integers(10, 40, (1, 7))
    k = rng.integers(1, 11, (6, 7))
    x = rng.integers(0, k * n_pos + 1)
    for form in ("sharp", "paper"):
        lo, hi = topk_bounds_from_opauc(n_pos, n_neg, k, x, form=form)
        assert lo.shape == (6, 7)
        for r, c in itertools.product(range(6), range(7)):
            one = topk_bounds_from_opauc(int(n_pos[r, 0]), int(n_neg[0, c]), int(k[r, c]), int(x[r, c]), form=form)
            assert one == (lo[r, c], hi[r, c])
    with pytest.raises(ValueError, match=r"must broadcast to one shape, got shapes \(2,\), \(\), \(\), \(3,\)"):
        topk_bounds_from_opauc([1, 2], 5, 1, [0, 0, 0])


def test_T3_the_cap_matters() -> None:
    assert topk_bounds_from_opauc(20, 80, 5, 90)[1] == 5
    assert math.isqrt(90) == 9


def test_T3_lower_square_needs_k_up_to_n_neg() -> None:
    # one positive on top, no negative above it: K = n_neg + 1 would allow X = n_neg < i**2 only with more hits
    with pytest.raises(ValueError, match=r"k must be in 1\.\.n_neg, up to 3 here, got 4"):
        topk_bounds_from_opauc(5, 3, 4, 4)


@pytest.mark.parametrize(("n_pos", "n_neg"), [(1, 4), (3, 3), (5, 3), (2, 6), (4, 5), (6, 5)])
def test_ndcg_bounds_are_the_extremes_over_all_rankings(n_pos: int, n_neg: int) -> None:
    for k in range(1, n_neg + 1):
        found: dict[int, list[float]] = {}
        for labels in oracle.all_rankings(n_pos, n_neg):
            value = oracle.topk_of_labels(labels, n_pos, k)["ndcg"]
            found.setdefault(oracle.x_by_pairs(labels, k), []).append(value)
        xs = np.array(sorted(found))
        lo, hi = ndcg_bounds_from_opauc(n_pos, n_neg, k, xs)
        assert lo == pytest.approx([min(found[x]) for x in xs], abs=1e-13)
        assert hi == pytest.approx([max(found[x]) for x in xs], abs=1e-13)
        assert ndcg_bounds_from_opauc(n_pos, n_neg, k, int(xs[-1])) == (lo[-1], hi[-1])


def test_ndcg_bounds_by_dynamic_programming_over_the_top_k() -> None:
    k, n_pos = 14, 9
    discount = [1 / math.log2(r + 1) for r in range(1, k + 1)]
    low: dict[tuple[int, int], float] = {(0, 0): 0.0}
    high = dict(low)
    for r in range(k):  # state: hits so far, ordered pairs so far
        for extreme, table in ((min, low), (max, high)):
            step: dict[tuple[int, int], float] = {}
            for (i, c), value in table.items():
                for state, v in (((i + 1, c), value + discount[r]), ((i, c + i), value)):
                    if state[0] <= n_pos:
                        step[state] = extreme(step.get(state, v), v)
            table.clear()
            table.update(step)
    ideal = sum(discount[: min(k, n_pos)])
    for x in range(k * n_pos + 1):
        inside = [(i, c) for i, c in low if 0 <= x - c - i * i <= i * (n_pos - i)]
        lo, hi = ndcg_bounds_from_opauc(n_pos, 40, k, x)
        assert lo == pytest.approx(min(low[s] for s in inside) / ideal, abs=1e-13)
        assert hi == pytest.approx(max(high[s] for s in inside) / ideal, abs=1e-13)


def test_bounds_hold_for_scored_lists(rng: np.random.Generator) -> None:
    n_pos, n_neg, k = 20, 80, 10
    y = np.repeat([1, 0], [n_pos, n_neg])
    for _ in range(100):
        s = rng.normal(size=100) + y * rng.uniform(0, 3)
        labels = y[np.argsort(-s)]
        x = opauc_count(labels, k)
        assert opauc(y, s, k / n_neg) == pytest.approx(x / (n_pos * n_neg), abs=1e-14)
        lo, hi = topk_bounds_from_opauc(n_pos, n_neg, k, x)
        assert lo <= hits_at_k_from_labels(labels, k) <= hi
        low, high = ndcg_bounds_from_opauc(n_pos, n_neg, k, x)
        assert low - 1e-12 <= ndcg_at_k(y, s, k) <= high + 1e-12


@pytest.mark.nojit
def test_counts_from_labels(rng: np.random.Generator) -> None:
    rankings = np.array(list(oracle.all_rankings(3, 4)))
    for m in range(1, 5):
        expected = [oracle.x_by_pairs(row, m) for row in rankings]
        assert opauc_count(rankings, m).tolist() == expected
        assert opauc_count(rankings[3].astype(bool), m) == expected[3]
    assert hits_at_k_from_labels(rankings, 3).tolist() == rankings[:, :3].sum(axis=1).tolist()
    assert hits_at_k_from_labels(rankings[0], 2) == 2
    out = np.zeros(6, np.int64)
    assert x_counts(np.array([True, False, True, False]), out) == 2
    assert out.tolist() == [1, 3, 0, 0, 0, 0]
    assert Fraction(opauc_count([1, 0, 1, 0], 2), 4) == oracle.lower_left_area([1, 0, 1, 0], [4, 3, 2, 1], 1.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 5, 1, 0), ValueError, r"n_pos must be (>= 1|in 1\.\.3000000000), got 0"),
        ((5, 0, 1, 0), ValueError, "n_neg must be >= 1, got 0"),
        ((5, 5, 0, 0), ValueError, r"k must be in 1\.\.(5|n_neg, up to 5 here), got 0"),
        ((5, 5, 6, 0), ValueError, r"k must be in 1\.\.(5|n_neg, up to 5 here), got 6"),
        ((5, 5, 2, -1), ValueError, r"x must be in 0\.\.k \* n_pos, up to 10 here, got -1"),
        ((5, 5, 2, [3, 11]), ValueError, r"x must be in 0\.\.k \* n_pos, up to 10 here, got 11"),
        ((5, 5, 2, 3.0), TypeError, "x must hold integers"),
        ((5.0, 5, 2, 3), TypeError, r"n_pos must (be an integer, got 5\.0|hold integers, got dtype float64)"),
        ((3 * 10**9, 5, 2, 3), ValueError, "n_pos . k must be <= 3000000000, got 3000000002"),
    ],
)
def test_bad_sizes(arguments: tuple, error: type[Exception], message: str) -> None:
    for function in (topk_bounds_from_opauc, ndcg_bounds_from_opauc):
        with pytest.raises(error, match=message):
            function(*arguments)


def test_bad_form_and_labels() -> None:
    with pytest.raises(ValueError, match="form must be one of 'sharp', 'paper', got 'blunt'"):
        topk_bounds_from_opauc(5, 5, 2, 3, form="blunt")
    for labels in ([0, 2], [0.5, 1.0], ["a"]):
        with pytest.raises(ValueError, match="labels must hold booleans or 0 and 1 only"):
            opauc_count(labels, 1)
    with pytest.raises(ValueError, match="labels must be 1-D or 2-D with at least one item"):
        hits_at_k_from_labels([], 1)
    with pytest.raises(ValueError, match=r"k must be in 1\.\.2, got 3"):
        hits_at_k_from_labels([0, 1], 3)
    with pytest.raises(ValueError, match=r"m must be in 1\.\.1, got 2"):
        opauc_count([[0, 1], [0, 0]], 2)


def test_empty_arrays() -> None:
    lo, hi = ndcg_bounds_from_opauc(3, 4, 2, np.zeros(0, int))
    assert lo.shape == hi.shape == (0,)
