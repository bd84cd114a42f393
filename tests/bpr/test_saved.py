"""Files of runs that lie, tables that cannot be written to, calls that fail: refused, the same bits, or as before."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF, LightGCN, evaluate
from sim.bpr import epoch as training
from sim.core.npz import read_npz, write_npz
from sim.data import from_csr
from sim.sampling import DNS, AdaSIR

Change = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture(scope="module")
def X() -> sparse.csr_matrix:
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


@pytest.fixture(scope="module")
def files(X: sparse.csr_matrix, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    new(AdaSIR(1, 4)).fit(X, checkpoint=folder / "run.npz").save(folder / "model.npz")
    return folder


def new(sampler: Any) -> BPRMF:
    return BPRMF(4, sampler, epochs=2, batch_size=64, rng=0)


def field(name: str, value: Any) -> Change:
    return lambda meta, arrays: meta.update({name: value})


def inside(name: str, **values: Any) -> Change:
    return lambda meta, arrays: meta[name].update(values)


def table(name: str, change: Callable[[np.ndarray], Any]) -> Change:
    return lambda meta, arrays: arrays.update({name: change(arrays[name])})


def put(value: Any, at: Any = (0, 0)) -> Callable[[np.ndarray], Any]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[at] = value
        return array

    return change


BOTH: dict[str, tuple[Change, str]] = {
    "epoch negative": (field("epoch", -1), "epoch must be in"),
    "epoch huge": (field("epoch", 10**30), "epoch must be in"),
    "epoch a float": (field("epoch", 1.5), "epoch must be an integer"),
    "batch negative": (field("batch", -3), "batch must be in"),
    "loss a text": (field("loss", "0.5"), "loss as a number"),
    "loss infinite": (field("loss", float("inf")), "loss as a finite number"),
    "loss beyond floats": (field("loss", 10**400), "loss as a finite number"),
    "a loss of history beyond floats": (field("history", [{"epoch": 1, "loss": -(10**400)}]), "history as epochs"),
    "no history": (field("history", None), "history as a list"),
    "a history of numbers": (field("history", [1, 2]), "history as epochs with their loss"),
    "a history out of order": (field("history", [{"epoch": 2, "loss": 0.1}, {"epoch": 1, "loss": 0.1}]), "history's"),
    "NaN": (table("U", put(np.nan)), "U as finite"),
    "infinite moments": (table("vV", put(np.inf)), "vV as finite"),
    "a table too short": (table("mU", lambda a: a[1:]), "mU as float32 of shape"),
    "a table of one axis": (table("V", np.ravel), "V as float32 of shape"),
    "a cache of items that are not there": (table("state_caches", put(31)), r"caches must be in -1\.\.30"),
    "a cache with a gap": (table("state_caches", put(-1, (0, 1))), "caches must not have empty places"),
    "a cache of floats": (table("state_caches", lambda a: a.astype(float)), "caches must be int32"),
    "another state": (lambda meta, arrays: arrays.update(state_x=np.zeros(3)), "parts caches, got caches, x"),
}


def rewrite(source: Path, target: Path, change: Change) -> Path:
    meta, arrays = read_npz(source)
    change(meta, arrays)
    write_npz(target, meta, arrays)
    return target


def one_line(error: pytest.ExceptionInfo[ValueError], path: Path) -> None:
    assert "\n" not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("what", BOTH)
def test_a_field_out_of_range_is_refused(what: str, files: Path, X: sparse.csr_matrix, tmp_path: Path) -> None:
    change, says = BOTH[what]
    with pytest.raises(ValueError, match=says) as error:
        BPRMF.load(path := rewrite(files / "model.npz", tmp_path / "model.npz", change))
    one_line(error, path)
    model = new(AdaSIR(1, 4))
    with pytest.raises(ValueError, match=says) as error:
        model.fit(X, checkpoint=(path := rewrite(files / "run.npz", tmp_path / "run.npz", change)))
    one_line(error, path)
    assert not model.history_ and not model._tables


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (field("sampler", "simulate_rank_distribution"), "saved with simulate_rank_distribution, not of this"),
        (field("sampler", "__name__"), "saved with __name__, not"),
        (field("sampler", "Sampler"), "saved with Sampler, not"),
        (field("sampler", ["DNS"]), "sampler as a text"),
        (field("sampler_params", {"N": "8"}), "N must be an integer"),
        (field("sampler_params", []), "sampler_params as a table"),
        (inside("settings", factors=10**9), "factors must be <= 65536"),
        (inside("settings", factors=60_000), "must hold U as float32 of shape"),
        (inside("settings", dtype="object"), "dtype must be one of"),
        (inside("settings", sampler=1), "model of this version"),
        (field("seed", "1"), "seed as an integer"),
        (field("pairs", 7), "pairs as a text"),
        (field("kind", "LightGCN"), "must be a saved BPRMF"),
    ],
)
def test_a_model_that_lies_is_refused(change: Change, says: str, files: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says) as error:
        BPRMF.load(rewrite(files / "model.npz", tmp_path / "model.npz", change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (field("best", [0.5, 1]), "best as value, epoch and misses"),
        (field("best", ["x", 1, 0]), "best as value"),
        (field("best", [10**400, 1, 0]), "best as value"),
        (field("best", [0.5, -1, 0]), "best epoch must be in"),
        (field("best", [0.5, 1, 0]), "must hold best_U"),
        (field("identity", None), "identity as a table"),
        (field("batch", 50), "interrupted epoch must have <"),
    ],
)
def test_a_checkpoint_that_lies_is_refused(
    change: Change, says: str, files: Path, X: sparse.csr_matrix, tmp_path: Path
) -> None:
    path = rewrite(files / "run.npz", tmp_path / "run.npz", change)
    model = new(AdaSIR(1, 4))
    with pytest.raises(ValueError, match=says):
        model.fit(X, checkpoint=path)
    assert not model._tables


def test_what_is_no_model_is_said_without_bad_advice(tmp_path: Path) -> None:
    (path := tmp_path / "ratings.csv").write_text("user,item\n1,2\n")
    with pytest.raises(ValueError, match=r"must be a whole model or checkpoint file, got .*ratings\.csv") as error:
        BPRMF.load(path)
    assert "pickle" not in str(error.value)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="it has no header"):
        BPRMF.load(tmp_path / "other.npz")
    np.savez(tmp_path / "objects.npz", meta=np.array({"a": 1}, dtype=object))
    with pytest.raises(ValueError, match="not a plain array"):
        BPRMF.load(tmp_path / "objects.npz")
    with pytest.raises(OSError, match="it is a folder"):
        BPRMF.load(tmp_path)


def test_other_things_than_matrices_get_their_advice(X: sparse.csr_matrix) -> None:
    import pandas as pd

    model = new(DNS(1, 5))
    for given, says in (
        (from_csr(X), r"got Dataset: give the data set's matrix, data\.train, or data\.fit"),
        (pd.DataFrame({"user": [1], "item": [2]}), r"got DataFrame: make one by sim\.data\.from_pairs"),
        (X.toarray(), r"got ndarray: make one by scipy\.sparse\.csr_matrix"),
        ("ml-100k", "must be a scipy sparse matrix, got str$"),
        (None, "must be a scipy sparse matrix, got NoneType$"),
    ):
        with pytest.raises(TypeError, match=says):
            model.fit(given)


@pytest.mark.parametrize("make", [lambda s: new(s), lambda s: LightGCN(4, s, layers=1, epochs=2, batch_size=64, rng=0)])
@pytest.mark.parametrize("sampler", [DNS(2, 5), AdaSIR(1, 4)], ids=str)
def test_read_only_tables_give_the_same_bits(make: Any, sampler: Any, X: sparse.csr_matrix) -> None:
    """As those of a model that joblib maps into its workers."""
    model = make(sampler).fit(X)
    model.item_factors  # noqa: B018 (LightGCN's final tables too)
    frozen = copy.deepcopy(model)
    for array in frozen._tables.values():
        array.flags.writeable = False
    before = {name: array.copy() for name, array in frozen._tables.items()}
    users = np.arange(23)
    for a, b in zip(model.recommend(users, X, N=4), frozen.recommend(users, X, N=4)):
        assert a.tobytes() == b.tobytes()
    held = sparse.csr_matrix(X.toarray() == 0)
    assert evaluate(model, held, exclude=X) == evaluate(frozen, held, exclude=X)
    assert np.array_equal(model.similar_items(3)[0], frozen.similar_items(3)[0])
    mapped = frozen._tables
    more = [m.partial_fit(X, epochs=2) for m in (model, frozen)]
    assert more[0].item_factors.tobytes() == more[1].item_factors.tobytes()
    assert all(mapped[name].tobytes() == before[name].tobytes() for name in before)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("at", ["__init__", "run"])
def test_a_failing_call_leaves_the_model_as_it_was(
    call: str, at: str, X: sparse.csr_matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new(AdaSIR(1, 4)).fit(X)
    before = copy.deepcopy(vars(model))
    whole = getattr(training.Epoch, at)

    def fail(self: Any, *rest: Any) -> Any:
        whole(self, *rest)  # the tables it works on are others by now
        raise MemoryError("no room")

    monkeypatch.setattr(training.Epoch, at, fail)
    with pytest.raises(MemoryError):
        getattr(model, call)(X)
    monkeypatch.undo()
    assert {k: v for k, v in vars(model).items() if k != "_tables"} == {
        k: v for k, v in before.items() if k != "_tables"
    }
    for name, array in before["_tables"].items():
        assert model._tables[name].tobytes() == array.tobytes()
    assert model.partial_fit(X).history_[-1]["epoch"] == 3


def test_a_loss_beyond_64_bits_is_a_number(files: Path, X: sparse.csr_matrix, tmp_path: Path) -> None:
    path = rewrite(files / "run.npz", tmp_path / "run.npz", field("loss", 10**30))
    assert new(AdaSIR(1, 4)).fit(X, checkpoint=path)._loss == 1e30


def test_labels_of_recommendations() -> None:
    """The filling of a user with few items left is no item."""
    dense = np.ones((3, 5))
    dense[0, 4] = dense[1, 2] = 0
    data = from_csr(dense, test_fraction=0.0, valid_fraction=0.0)
    model = BPRMF(2, DNS(1, 2), epochs=1, rng=0).fit(data.fit)
    ids, scores = model.recommend(0, data.fit[0], N=3)
    assert ids.tolist() == data.items_of(ids).tolist() == [4] and scores.shape == (1,)
    none, _ = model.recommend(2, data.fit[2], N=3)
    assert none.size == 0 and data.items_of(none).tolist() == []
    ids, _ = model.recommend([0, 1, 2], data.fit, N=2)
    assert ids.tolist() == [[4, -1], [2, -1], [-1, -1]]
    assert data.items_of(ids).tolist() == [[4, None], [2, None], [None, None]]
    assert data.items_of(3) == 3 and data.items_of([0, 4]).dtype == data.items.dtype
    for bad in (-2, 5, [0, 99]):
        with pytest.raises(ValueError, match=r"ids must be in -1\.\.4"):
            data.items_of(bad)
    with pytest.raises(TypeError, match="ids must be integers, got float64"):
        data.items_of([0.5])
