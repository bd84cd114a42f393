"""Areas under the ROC curve against pair counting, rational integration and scikit-learn."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from oracles import metrics as oracle
from sklearn.metrics import roc_auc_score

from sim.core.jit import JIT_ENABLED
from sim.metrics import auc, llpauc, ndcg_at_k, opauc
from sim.metrics.kernels.areas import area_of_list, select_largest


@st.composite
def lists(draw: st.DrawFn, max_size: int = 40) -> tuple[list[int], list[float]]:
    """Labels with both classes and scores with many ties, few ties, or of extreme size."""
    n = draw(st.integers(2, max_size))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    y[draw(st.integers(0, n - 1))] = 0
    if sum(y) == 0:
        y[y.index(0)] = 1
    if sum(y) == n:
        y[0] = 0
    values = draw(
        st.sampled_from(
            [
                st.integers(0, 3).map(float),
                st.integers(0, 60).map(float),
                st.floats(-1e300, 1e300, allow_subnormal=True),
                st.sampled_from([-0.0, 0.0, 5e-324, -5e-324, 1e300, -1e300]),
            ]
        )
    )
    return y, draw(st.lists(values, min_size=n, max_size=n))


fractions = st.one_of(
    st.floats(1e-6, 1.0), st.integers(1, 40).flatmap(lambda d: st.integers(1, d).map(lambda k: k / d)), st.just(1.0)
)


@given(lists(), fractions)
def test_opauc_is_scikit_learns_max_fpr(data: tuple[list[int], list[float]], beta: float) -> None:
    y, s = data
    expected = roc_auc_score(y, s, max_fpr=beta)
    assert opauc(y, s, beta, normalize="mcclish") == pytest.approx(expected, abs=1e-12)


@given(lists(), fractions, fractions)
def test_areas_are_the_rational_integrals(data: tuple[list[int], list[float]], alpha: float, beta: float) -> None:
    y, s = data
    assert llpauc(y, s, alpha, beta) == pytest.approx(float(oracle.lower_left_area(y, s, alpha, beta)), abs=1e-14)
    assert opauc(y, s, beta) == pytest.approx(float(oracle.lower_left_area(y, s, 1.0, beta)), abs=1e-14)


@given(lists())
def test_auc_counts_pairs(data: tuple[list[int], list[float]]) -> None:
    y, s = data
    expected = float(oracle.auc_by_pairs(y, s))
    assert auc(y, s) == pytest.approx(expected, abs=1e-15)
    for normalize in ("raw", "beta", "mcclish"):
        assert opauc(y, s, 1.0, normalize=normalize) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("n_pos", "n_neg"), [(1, 4), (3, 3), (4, 2), (2, 5)])
def test_opauc_is_equation_8_on_every_ranking(n_pos: int, n_neg: int) -> None:
    scores = np.arange(n_pos + n_neg, 0, -1.0)
    for labels in oracle.all_rankings(n_pos, n_neg):
        for m in range(1, n_neg + 1):
            expected = oracle.x_by_pairs(labels, m) / (n_pos * n_neg)
            assert opauc(labels, scores, m / n_neg) == pytest.approx(expected, abs=1e-15)


def test_llpauc_counts_pairs_of_the_best(rng: np.random.Generator) -> None:
    for _ in range(50):
        y = rng.permutation([1] * 5 + [0] * 8)
        s = rng.permutation(13).astype(float)
        for a in range(1, 6):
            for m in range(1, 9):
                pos = np.sort(s[y == 1])[::-1][:a]
                neg = np.sort(s[y == 0])[::-1][:m]
                expected = (pos[:, None] > neg).sum() / 40
                assert llpauc(y, s, a / 5, m / 8) == pytest.approx(expected, abs=1e-15)


def test_normalisations() -> None:
    y, perfect, worst = [1, 1, 0, 0, 0, 0], [6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]
    for beta in (0.1, 0.25, 0.6, 1.0):
        assert opauc(y, perfect, beta) == pytest.approx(beta, abs=1e-15)
        assert opauc(y, perfect, beta, normalize="beta") == pytest.approx(1.0)
        assert opauc(y, perfect, beta, normalize="mcclish") == pytest.approx(1.0)
        assert opauc(y, [0.0] * 6, beta, normalize="mcclish") == pytest.approx(0.5)
        assert opauc(y, worst, beta) == 0.0
        assert llpauc(y, perfect, 0.3, beta, normalize="max") == pytest.approx(1.0)
        assert llpauc(y, perfect, 1.0, beta) == opauc(y, perfect, beta)


@given(lists(), fractions, st.floats(0.1, 10.0), st.integers(-5, 5))
def test_only_the_order_matters(data: tuple[list[int], list[float]], beta: float, a: float, b: int) -> None:
    y, s = data
    ranks = np.unique(s, return_inverse=True)[1].astype(float)
    assert opauc(y, a * ranks + b, beta) == opauc(y, s, beta)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_batches_equal_single_lists(rng: np.random.Generator, dtype: type) -> None:
    y = (rng.random((40, 30)) < 0.2).astype(int)
    y[:, 0], y[:, 1] = 0, 1
    s = rng.integers(0, 12, (40, 30)).astype(dtype)
    single = [opauc(y[r], s[r], 0.17) for r in range(40)]
    assert opauc(y, s, 0.17).tolist() == single
    assert opauc(y.astype(bool), s.T.copy().T, 0.17).tolist() == single
    assert opauc(sp.csr_matrix(y), s, 0.17).tolist() == single
    assert opauc(sp.coo_array(y), s, 0.17, normalize="beta") == pytest.approx(np.array(single) / 0.17)
    assert llpauc(y, s, 0.4, 0.17).tolist() == [llpauc(y[r], s[r], 0.4, 0.17) for r in range(40)]
    assert auc(y, s).tolist() == [auc(y[r], s[r]) for r in range(40)]


def test_single_class_lists_of_a_batch_are_nan() -> None:
    y = [[0, 0, 0], [1, 1, 1], [0, 1, 0]]
    s = [[1.0, 2.0, 3.0]] * 3
    for values in (auc(y, s), opauc(y, s, 0.5), llpauc(y, s, 0.5, 0.5, normalize="max")):
        assert np.isnan(values[:2]).all()
        assert np.isfinite(values[2])


def test_excluded_items_take_no_part(rng: np.random.Generator) -> None:
    y = rng.integers(0, 2, (30, 25))
    y[:, :2] = [0, 1]
    s = rng.normal(size=(30, 25))
    out = rng.random((30, 25)) < 0.4
    out[:, :2] = False
    masked = np.where(out, rng.choice([np.nan, -np.inf, np.inf, 3.0], (30, 25)), s)
    expected = [opauc(y[r][~out[r]], s[r][~out[r]], 0.3) for r in range(30)]
    assert opauc(y, masked, 0.3, exclude=out).tolist() == expected
    assert opauc(sp.csr_array(y), masked, 0.3, exclude=sp.csr_array(out)).tolist() == expected
    assert opauc(y[0], masked[0], 0.3, exclude=out[0]) == expected[0]


@pytest.mark.nojit
def test_kernels_on_small_inputs(rng: np.random.Generator) -> None:
    for n in (1, 2, 3, 17):
        a = rng.integers(0, 6, n).astype(float)
        for m in range(1, n + 1):
            assert select_largest(a.copy(), n, m) == np.sort(a)[n - m]
    y = np.array([1, 0, 1, 0, 0, 2], np.uint8)
    s = np.array([3.0, 3.0, 1.0, 2.0, 0.0, np.nan])
    for alpha in (0.3, 0.5, 1.0):
        for beta in (0.2, 1 / 3, 0.5, 1.0):
            expected = float(oracle.lower_left_area([1, 0, 1, 0, 0], [3.0, 3.0, 1.0, 2.0, 0.0], alpha, beta))
            assert area_of_list(y, s, alpha, beta) == pytest.approx(expected, abs=1e-15)


def test_any_number_of_threads_gives_the_same_bits(rng: np.random.Generator) -> None:
    y = (rng.random((200, 50)) < 0.2).astype(int)
    s = rng.integers(0, 20, (200, 50)).astype(float)
    threads = numba.get_num_threads()
    values = []
    try:
        for n in {1, threads}:
            numba.set_num_threads(n)
            values.append((opauc(y, s, 0.13).tobytes(), ndcg_at_k(y, s, [3, 9], ties="expected").tobytes()))
    finally:
        numba.set_num_threads(threads)
    assert len(set(values)) == 1


@pytest.mark.skipif(not JIT_ENABLED, reason="needs compiled kernels")
def test_kernels_can_be_called_from_compiled_code() -> None:
    @numba.njit
    def mean_area(labels, scores):
        total = 0.0
        for r in range(labels.shape[0]):
            total += area_of_list(labels[r], scores[r], 1.0, 0.5)
        return total / labels.shape[0]

    y = np.array([[1, 0, 0], [0, 1, 0]], np.uint8)
    s = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert mean_area(y, s) == pytest.approx(np.mean(opauc(y, s, 0.5)))


@pytest.mark.parametrize("beta", [0.0, -0.1, 1.5, float("nan"), float("inf")])
def test_beta_out_of_range(beta: float) -> None:
    with pytest.raises(ValueError, match="beta must be"):
        opauc([0, 1], [0.0, 1.0], beta)
    with pytest.raises(ValueError, match="beta must be"):
        llpauc([0, 1], [0.0, 1.0], 0.5, beta)
    with pytest.raises(ValueError, match="alpha must be"):
        llpauc([0, 1], [0.0, 1.0], beta, 0.5)


@pytest.mark.parametrize(
    ("y", "s", "error", "message"),
    [
        ([1, 1], [0.0, 1.0], ValueError, "y_true must hold both classes, got 2 positives and 0 negatives"),
        ([0, 0], [0.0, 1.0], ValueError, "y_true must hold both classes, got 0 positives and 2 negatives"),
        ([0, 1], [0.0, np.nan], ValueError, "y_score must be finite .* got 1 NaN or infinite"),
        ([0, 1], [0.0, -np.inf], ValueError, "y_score must be finite"),
        ([0, 2], [0.0, 1.0], ValueError, "y_true must hold 0 and 1 only, got 2 in 1 entries"),
        ([0, -1], [0.0, 1.0], ValueError, "y_true must hold 0 and 1 only, got -1"),
        ([0, 257], [0.0, 1.0], ValueError, "y_true must hold 0 and 1 only, got 257"),
        ([0, 0.5], [0.0, 1.0], ValueError, "y_true must hold 0 and 1 only, got 0.5"),
        ([0, np.nan], [0.0, 1.0], ValueError, "y_true must hold 0 and 1 only, got nan"),
        (["a", "b"], [0.0, 1.0], TypeError, "y_true must hold booleans or the numbers 0 and 1"),
        ([0, 1], ["a", "b"], TypeError, "y_score must hold real numbers"),
        ([0, 1], [0.0, 1.0j], TypeError, "y_score must hold real numbers"),
        ([0, 1, 1], [0.0, 1.0], ValueError, r"y_true must have the shape \(2,\) of y_score, got \(3,\)"),
        ([], [], ValueError, "y_score must be 1-D or 2-D with at least one item"),
        (1, 1.0, ValueError, "y_score must be 1-D or 2-D"),
        ([[[0, 1]]], [[[0.0, 1.0]]], ValueError, "y_score must be 1-D or 2-D"),
        (sp.csr_array((3, 2)), np.zeros((2, 2)), ValueError, r"y_true must have the shape \(2, 2\)"),
        (sp.csr_array(([3], ([0], [1])), shape=(2, 2)), np.zeros((2, 2)), ValueError, "each pair stored once, got 3"),
    ],
)
def test_bad_lists(y: object, s: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        auc(y, s)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="normalize must be one of 'raw', 'beta', 'mcclish', got 'x'"):
        opauc([0, 1], [0.0, 1.0], 0.5, normalize="x")
    with pytest.raises(ValueError, match="normalize must be one of 'raw', 'max'"):
        llpauc([0, 1], [0.0, 1.0], 0.5, 0.5, normalize="mcclish")
    with pytest.raises(ValueError, match=r"exclude must have the shape \(2,\)"):
        auc([0, 1], [0.0, 1.0], exclude=[0])
    with pytest.raises(ValueError, match="exclude must hold 0 and 1 only"):
        auc([0, 1], [0.0, 1.0], exclude=[0, 3])
    with pytest.raises(TypeError, match="beta must be a number"):
        opauc([0, 1], [0.0, 1.0], "half")


def test_duplicate_pairs_of_a_sparse_truth_are_refused_and_the_input_is_left_alone() -> None:
    y = sp.csr_array((np.ones(3), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 3))
    with pytest.raises(ValueError, match=r"each pair stored once, got 2\.0 in 1 entries"):
        auc(y, np.zeros((2, 3)))
    assert y.nnz == 3


def test_empty_batch() -> None:
    assert auc(np.zeros((0, 3), int), np.zeros((0, 3))).shape == (0,)
