"""Every door looks at the structure of a sparse matrix before any code that trusts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF, LightGCN, evaluate, rank_positives
from sim.core.validation import check_sparse
from sim.data import from_csr
from sim.metrics import auc, ndcg_at_k
from sim.sampling import DNS

FORMATS = ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")


@pytest.fixture(scope="module")
def X() -> sparse.csr_matrix:
    dense = np.random.default_rng(0).random((9, 6)) < 0.4
    dense[:, 0], dense[:, 5] = True, False
    return sparse.csr_matrix(dense.astype(float))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_whole_matrices_pass_as_they_are(X: sparse.csr_matrix, kind: str, family: str) -> None:
    matrix = getattr(sparse, f"{kind}_{family}")(X)
    assert check_sparse("x", matrix) is matrix
    assert check_sparse("x", sparse.csr_matrix((0, 3))).nnz == 0


def _set(part: str, at: Any, value: Any) -> Callable[[Any], None]:
    def change(matrix: Any) -> None:
        getattr(matrix, part)[at] = value

    return change


def _replace(part: str, by: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda matrix: setattr(matrix, part, by(getattr(matrix, part)))


def _coordinates(value: int) -> Callable[[Any], None]:
    def change(matrix: Any) -> None:
        matrix.coords = (matrix.coords[0], np.where(np.arange(matrix.nnz) == 3, value, matrix.coords[1]))

    return change


def _key(matrix: Any) -> None:
    matrix._dict[2, 77] = 1.0


FAULTS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "index too large": ("csr", _set("indices", 4, 6)),
    "index far too large": ("csr", _set("indices", 4, 10**6)),
    "index negative": ("csr", _set("indices", 0, -1)),
    "pointers fall": ("csr", _set("indptr", 3, 1)),
    "pointers start late": ("csr", _set("indptr", 0, 1)),
    "pointers negative": ("csr", _set("indptr", slice(0, 2), -5)),
    "pointers end beyond": ("csr", _set("indptr", -1, 10**6)),
    "too few pointers": ("csr", _replace("indptr", lambda a: a[:-1])),
    "too few indices": ("csr", _replace("indices", lambda a: a[:-1])),
    "too few values": ("csr", _replace("data", lambda a: a[:-1])),
    "indices are floats": ("csr", _replace("indices", lambda a: a.astype(float))),
    "indices in a table": ("csr", _replace("indices", lambda a: a[:, None])),
    "a part is a list": ("csr", _replace("indptr", lambda a: a.tolist())),
    "a row too large": ("csc", _set("indices", 2, 9)),
    "columns fall": ("csc", _set("indptr", 2, 0)),
    "a block too large": ("bsr", _set("indices", 2, 6)),
    "a column beyond": ("coo", _coordinates(6)),
    "a column before": ("coo", _coordinates(-1)),
    "fewer values than places": ("coo", _replace("data", lambda a: a[:-1])),
    "an index in a list": ("lil", _set("rows", 1, [0, 99])),
    "lists of two lengths": ("lil", _set("data", 0, [1.0])),
    "a key beyond": ("dok", _key),
    "too many offsets": ("dia", _replace("offsets", lambda a: np.append(a, 1))),
}


@pytest.fixture(scope="module")
def doors(X: sparse.csr_matrix) -> dict[str, Callable[[Any], Any]]:
    """Where sparse matrices come in."""
    model = BPRMF(2, DNS(1, 3), epochs=1, batch_size=8, rng=0).fit(X)
    last = sparse.csr_matrix(np.arange(6) + np.zeros((9, 1)) == 5)
    scores = np.random.default_rng(1).random(X.shape)
    new = BPRMF(2, DNS(1, 3), epochs=1, rng=0)
    return {
        "fit": new.fit,
        "partial_fit": model.partial_fit,
        "ignore": lambda m: new.fit(last, ignore=m),
        "valid": lambda m: new.fit(last, valid=m),
        "LightGCN": LightGCN(2, DNS(1, 3), layers=1, epochs=1, rng=0).fit,
        "evaluate": lambda m: evaluate(model, m, ks=[2]),
        "exclude": lambda m: evaluate(model, last, exclude=m),
        "rank_positives": lambda m: rank_positives(model.user_factors, model.item_factors, m),
        "recommend": lambda m: model.recommend(np.arange(9), m, N=2),
        "y_true": lambda m: auc(m, scores),
        "metric's exclude": lambda m: ndcg_at_k(np.ones(X.shape), scores, 2, exclude=m),
        "from_csr": from_csr,
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_no_door_lets_a_broken_matrix_in(
    X: sparse.csr_matrix, doors: dict[str, Callable[[Any], Any]], fault: str
) -> None:
    kind, change = FAULTS[fault]
    matrix = X.asformat(kind, copy=True)
    change(matrix)
    for door, call in doors.items():
        with pytest.raises(ValueError, match=r"^\w+ must be a whole sparse matrix, got \w+ of .* with .") as error:
            call(matrix)
        assert "\n" not in str(error.value), door


def test_rows_of_a_csr_array_are_rows(X: sparse.csr_matrix) -> None:
    """They have one axis in scipy; so may what is left out for one user, and labels."""
    model = BPRMF(2, DNS(1, 3), epochs=1, batch_size=8, rng=0).fit(X)
    array = sparse.csr_array(X)
    for u in range(9):
        for row in (array[u], array[u].tocoo(), sparse.csr_array(array[[u]])):
            for one in (u, [u]):
                found, expected = model.recommend(one, row, N=3), model.recommend(one, X[u], N=3)
                assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    for bad in (sparse.coo_array(np.ones(5)), sparse.csr_array(np.ones(7))):
        with pytest.raises(ValueError, match=r"user_items must have shape \(1, 6\)"):
            model.recommend(0, bad, N=2)
    with pytest.raises(ValueError, match=r"user_items must have shape \(2, 6\), got \(6,\)"):
        model.recommend([0, 1], array[0], N=2)
    with pytest.raises(ValueError, match=r"user_items must have shape .*, got \(6,\)"):
        model.fit(array[0])
    broken = array[0].tocsr(copy=True)
    broken.indices[0] = 99
    with pytest.raises(ValueError, match="indices in"):
        model.recommend(0, broken, N=2)


@pytest.mark.parametrize("kind", ["coo_array", "csr_array", "dok_array"])
def test_sparse_labels_with_one_axis(kind: str) -> None:
    rng = np.random.default_rng(3)
    labels, gone = (rng.random(40) < 0.3).astype(int), rng.random(40) < 0.2
    scores = rng.random(40)
    make = getattr(sparse, kind)
    assert auc(make(labels), scores) == auc(labels, scores)
    assert auc(make(labels), scores, exclude=make(gone.astype(int))) == auc(labels, scores, exclude=gone)
    assert ndcg_at_k(make(labels), scores, 5) == ndcg_at_k(labels, scores, 5)
    for bad, says in ((labels[:-1], r"shape \(40,\) of y_score, got \(39,\)"), (2 * labels, "0 and 1 only")):
        with pytest.raises(ValueError, match=says):
            auc(make(bad), scores)
    with pytest.raises(ValueError, match="shape"):
        auc(sparse.csr_matrix(labels), scores)
    twice = sparse.coo_array((np.ones(2), ([3, 3],)), shape=(40,))
    with pytest.raises(ValueError, match="each pair stored once"):
        auc(twice, scores)


def test_read_only_parts_give_the_same_bits(X: sparse.csr_matrix) -> None:
    frozen = X.copy()
    for part in (frozen.data, frozen.indices, frozen.indptr):
        part.flags.writeable = False
    scores = np.random.default_rng(1).random(X.shape)
    labels = X.toarray()
    expected = auc(labels, scores).copy()
    scores.flags.writeable = labels.flags.writeable = False
    a, b = (BPRMF(2, DNS(1, 3), epochs=2, batch_size=8, rng=0).fit(m) for m in (X, frozen))
    assert a.item_factors.tobytes() == b.item_factors.tobytes()
    assert np.array_equal(auc(labels, scores), expected) and np.array_equal(auc(frozen, scores), expected)
    assert np.array_equal(a.recommend(np.arange(9), frozen, N=2)[0], a.recommend(np.arange(9), X, N=2)[0])
