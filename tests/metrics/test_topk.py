"""Top-K metrics against enumeration of tie orders, scikit-learn and trec_eval."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from oracles import metrics as oracle
from sklearn.metrics import average_precision_score, ndcg_score

import sim.metrics as m
from sim.metrics.kernels.topk import METRICS, TIES, _candidates, _rank_by_counting, _rank_by_sorting, topk_of_list

FUNCTIONS = {
    "recall": m.recall_at_k,
    "precision": m.precision_at_k,
    "ndcg": m.ndcg_at_k,
    "ap": m.average_precision_at_k,
    "mrr": m.mrr_at_k,
    "hit": m.hit_at_k,
}


@st.composite
def lists(draw: st.DrawFn, max_size: int) -> tuple[list[int], list[float], int]:
    n = draw(st.integers(1, max_size))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    y[draw(st.integers(0, n - 1))] = 1
    top = draw(st.integers(0, 40))
    s = draw(st.lists(st.integers(0, top).map(float), min_size=n, max_size=n))
    return y, s, draw(st.integers(1, n))


@given(lists(30), st.sampled_from(["stable", "best", "worst"]))
def test_ordered_ties(data: tuple[list[int], list[float], int], ties: str) -> None:
    y, s, k = data
    expected = oracle.topk(y, s, k, ties)
    got = m.topk_metrics(y, s, k, ties=ties)
    for name in METRICS:
        assert got[name].shape == ()
        assert got[name] == pytest.approx(expected[name], abs=1e-14), name
        assert FUNCTIONS[name](y, s, k, ties=ties) == got[name]


@given(lists(6))
def test_expected_ties_by_enumeration(data: tuple[list[int], list[float], int]) -> None:
    y, s, k = data
    expected = oracle.topk(y, s, k, "expected")
    got = m.topk_metrics(y, s, k, ties="expected")
    for name in METRICS:
        assert got[name] == pytest.approx(expected[name], abs=1e-14), name


@pytest.mark.parametrize("ties", ["stable", "best", "worst"])
@pytest.mark.parametrize(("n", "n_pos", "k"), [(3000, 13, 5), (3000, 900, 40), (700, 300, 600), (2000, 40, 3)])
@pytest.mark.parametrize("levels", [2, 30, 10**6])
def test_long_lists(rng: np.random.Generator, ties: str, n: int, n_pos: int, k: int, levels: int) -> None:
    # reaches the paths that cut the list down and that sort
    y = rng.permutation([1] * n_pos + [0] * (n - n_pos))
    s = rng.integers(0, levels, n).astype(float)
    for scores in (s, np.sort(s), np.sort(s)[::-1]):
        expected = oracle.topk(y.tolist(), scores.tolist(), k, ties)
        got = m.topk_metrics(y, scores, k, ties=ties)
        for name in METRICS:
            assert got[name] == pytest.approx(expected[name], abs=1e-13), name


@pytest.mark.nojit
@pytest.mark.parametrize("ties", TIES)
def test_counting_and_sorting_agree(rng: np.random.Generator, ties: str) -> None:
    for n, n_pos, k, levels in ((1, 1, 1, 1), (12, 5, 4, 3), (40, 25, 40, 6), (40, 3, 10, 1)):
        s = rng.integers(0, levels, n).astype(float)
        at = np.sort(rng.choice(n, n_pos, replace=False))
        tables = np.zeros((2, 2, k), np.int64)
        _rank_by_counting(s, at, TIES.index(ties), tables[0, 0], tables[0, 1])
        _rank_by_sorting(s, at, TIES.index(ties), tables[1, 0], tables[1, 1])
        assert tables[0].tolist() == tables[1].tolist()


@pytest.mark.nojit
@pytest.mark.parametrize("levels", [1, 3, 10**6])
def test_candidates_hold_the_top_k_and_all_its_ties(rng: np.random.Generator, levels: int) -> None:
    for n, k in ((10, 3), (600, 1), (900, 7)):
        s = rng.integers(0, levels, n).astype(float)
        for scores in (s, np.sort(s), np.sort(s)[::-1].copy()):
            kept = _candidates(scores, k)
            assert (np.diff(kept) > 0).all()
            assert set(np.flatnonzero(scores >= np.sort(scores)[n - k])) <= set(kept.tolist())
    assert kept.size <= (n if levels == 1 else n - 1)


def test_expected_ties_of_one_group_of_nine() -> None:
    # 9! orders are too many to list; all C(9, 3) placements of the positives are equally likely
    for k in range(1, 10):
        values = [oracle.topk_of_labels(labels, 3, k) for labels in oracle.all_rankings(3, 6)]
        got = m.topk_metrics([1, 1, 1, 0, 0, 0, 0, 0, 0], np.zeros(9), k, ties="expected")
        for name in METRICS:
            assert got[name] == pytest.approx(np.mean([v[name] for v in values]), abs=1e-14), name


@given(lists(60))
def test_expected_lies_between_worst_and_best(data: tuple[list[int], list[float], int]) -> None:
    y, s, k = data
    worst, mean, best, stable = (m.topk_metrics(y, s, k, ties=t) for t in ("worst", "expected", "best", "stable"))
    for name in METRICS:
        assert worst[name] <= mean[name] + 1e-14
        assert mean[name] <= best[name] + 1e-14
        assert worst[name] - 1e-14 <= stable[name] <= best[name] + 1e-14


@given(lists(40).filter(lambda data: len(data[0]) > 1))
def test_ndcg_is_scikit_learns(data: tuple[list[int], list[float], int]) -> None:
    y, s, k = data  # scikit-learn averages the DCG over ties, too
    assert m.ndcg_at_k(y, s, k, ties="expected") == pytest.approx(ndcg_score([y], [s], k=k), abs=1e-12)


def test_average_precision_of_the_whole_list_is_scikit_learns(rng: np.random.Generator) -> None:
    for _ in range(30):
        y = rng.permutation([1] * 4 + [0] * 16)
        s = rng.permutation(20).astype(float)
        assert m.average_precision_at_k(y, s, 20) == pytest.approx(average_precision_score(y, s), abs=1e-14)


def test_trec_eval_agrees(rng: np.random.Generator) -> None:
    trec = pytest.importorskip("pytrec_eval", reason="pytrec-eval-terrier has wheels for Linux on x86-64 only")
    y = (rng.random((25, 60)) < 0.15).astype(int)
    y[:, 3] = 1
    s = rng.permuted(np.tile(np.arange(60.0), (25, 1)), axis=1)
    truth = {f"q{r}": {f"d{j}": int(y[r, j]) for j in range(60)} for r in range(25)}
    run = {f"q{r}": {f"d{j}": float(s[r, j]) for j in range(60)} for r in range(25)}
    names = {"ndcg_cut_10": "ndcg", "P_10": "precision", "recall_10": "recall", "success_10": "hit"}
    found = trec.RelevanceEvaluator(truth, set(names)).evaluate(run)
    got = m.topk_metrics(y, s, 10)
    for theirs, ours in names.items():
        assert got[ours] == pytest.approx([found[f"q{r}"][theirs] for r in range(25)], abs=1e-12), ours


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_equal_single_lists(rng: np.random.Generator, ties: str, dtype: type) -> None:
    y = (rng.random((30, 80)) < 0.1).astype(np.uint8)
    y[:, 5] = 1
    s = rng.integers(0, 25, (30, 80)).astype(dtype)
    ks = [1, 5, 80, 20]
    table = m.topk_metrics(y, s, ks, ties=ties)
    sparse = m.topk_metrics(sp.csr_matrix(y), s, ks, ties=ties)
    for name in METRICS:
        assert table[name].shape == (30, 4)
        assert (sparse[name] == table[name]).all()
        for r in range(0, 30, 7):
            for j, k in enumerate(ks):
                assert FUNCTIONS[name](y[r], s[r], k, ties=ties) == pytest.approx(table[name][r, j], abs=1e-15)
        assert FUNCTIONS[name](y, s, 5, ties=ties).tolist() == table[name][:, 1].tolist()
        assert FUNCTIONS[name](y[2], s[2], ks, ties=ties).shape == (4,)


def test_excluded_items_are_removed(rng: np.random.Generator) -> None:
    y = rng.integers(0, 2, (30, 20))
    y[:, 0] = 1
    s = rng.integers(0, 8, (30, 20)).astype(float)
    out = rng.random((30, 20)) < 0.5
    out[:, 0] = False
    masked = np.where(out, np.nan, s)
    for ties in TIES:
        for k in (1, 4, 20):
            got = m.topk_metrics(y, masked, k, ties=ties, exclude=sp.csr_array(out))
            for r in range(30):
                rest_y, rest_s = y[r][~out[r]], s[r][~out[r]]
                length = rest_y.size
                expected = m.topk_metrics(rest_y, rest_s, min(k, length), ties=ties)
                scale = {"precision": min(k, length) / k}
                for name in METRICS:
                    assert got[name][r] == pytest.approx(expected[name] * scale.get(name, 1.0), abs=1e-14), name


def test_lists_without_positives() -> None:
    got = m.topk_metrics([[0, 0], [1, 0]], [[1.0, 2.0], [1.0, 2.0]], [1, 2])
    for name in METRICS:
        assert np.isnan(got[name][0]).all()
        assert np.isfinite(got[name][1]).all()
    for function in FUNCTIONS.values():
        with pytest.raises(ValueError, match="y_true must hold at least one positive, got 0 among 2 items"):
            function([0, 0], [1.0, 2.0], 1)


def test_all_items_positive() -> None:
    got = m.topk_metrics([1, 1, 1], [3.0, 1.0, 2.0], [1, 3])
    assert got["recall"].tolist() == pytest.approx([1 / 3, 1.0])
    for name in ("precision", "ndcg", "ap", "mrr", "hit"):
        assert got[name].tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.nojit
def test_kernel_on_small_inputs(rng: np.random.Generator) -> None:
    discounts = 1.0 / np.log2(np.arange(2.0, 10.0))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))
    for ties in TIES:
        for n in (1, 2, 5, 8):
            y = np.ones(n, np.uint8)
            y[1:] = rng.integers(0, 2, n - 1)
            s = rng.integers(0, 3, n).astype(float)
            ks = np.unique([1, n])
            out = np.empty((ks.size, len(METRICS)))
            topk_of_list(y, s, ks, TIES.index(ties), discounts, ideal, out)
            if n <= 5 or ties != "expected":
                for j in range(ks.size):
                    expected = oracle.topk(y.tolist(), s.tolist(), int(ks[j]), ties)
                    assert out[j] == pytest.approx([expected[name] for name in METRICS], abs=1e-14)


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, r"k must be in 1\.\.2, got 0"),
        (3, ValueError, r"k must be in 1\.\.2, got 3"),
        ([1, 3], ValueError, r"k must be in 1\.\.2, got 3"),
        ([], ValueError, "k must hold at least one cut-off"),
        (1.0, TypeError, r"k must be an integer, got 1\.0"),
        (True, TypeError, "k must be an integer, got True"),
        ("1", TypeError, "k must be an integer"),
    ],
)
def test_bad_k(k: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        m.recall_at_k([0, 1], [1.0, 2.0], k)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="ties must be one of 'stable', 'best', 'worst', 'expected', got 'x'"):
        m.hit_at_k([0, 1], [1.0, 2.0], 1, ties="x")
    with pytest.raises(ValueError, match="y_score must be finite"):
        m.hit_at_k([0, 1], [1.0, np.inf], 1)
    with pytest.raises(ValueError, match="y_true must have the shape"):
        m.hit_at_k([0, 1, 1], [1.0, 2.0], 1)
