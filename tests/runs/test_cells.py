"""Cells: skip what is done, keep the bits, record what failed, never mix configurations."""

from __future__ import annotations

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from sim import sampling
from sim.data import FetchError
from sim.runs import cells as module
from sim.runs.cells import Cell, CellsFailed, compute_cells, measure, read_cell, run_cells
from sim.runs.means import Means
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Sampler,
    Softmax,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
)  # fmt: skip
from sim.studies import Options

SAMPLERS = [
    Uniform(3), popularity(0.75, 3), DNS(2, 6), DNS(2, 6, proposal="log-count", corrected=True), Softmax(0.5, 6),
    SoftmaxV(1.0, 6), SoftmaxExact(0.5, 6), TopKOptimal("ndcg", 3, 6, 5, 6), pris(6), pris(6, popular=True),
    TopKOptimal("recall", 3, 6, 5, 6, falling=True), WARP(6, 1.0, 6), AHNS(0.5, 1.0, -2.0, 6), Kernel(3, 6),
    Kernel(3, 6, 5.0, corrected=False), IRGAN(2, 6, 0.5, 0.01), AOBPR(3.0, 2), AdaSIR(2, 6),
    AdaSIR(2, 6, proposal="log-count"), NonSampling(),
]  # fmt: skip
MODELS = [{}, {"lr": 0.02, "loss": "bce", "item_bias": True, "optimizer": "sgd"}, {"layers": 2, "refresh": 3}]


@pytest.fixture
def cell(data_file):
    return Cell(str(data_file), DNS(3, 10), 7, {"factors": 8, "lr": 0.02, "epochs": 4, "batch_size": 64}, "test", 2)


def test_result_holds_ranks_at_every_kept_epoch(cell, tmp_path):
    (result,) = run_cells([cell], Options(results=tmp_path, jobs=1))
    assert result.meta["epochs"] == [2, 4]
    assert result.ranks.shape[0] == 2
    assert len(result.meta["loss"]) == 4
    assert result.meta["config"] == cell.config()
    values = result.at().top_k([5])["recall@5"]
    assert values.shape == (60,)
    assert np.allclose(Means.of(result, ["recall@5"]).values["recall@5"][-1], values.mean())


def test_done_cells_are_not_computed_again(cell, tmp_path):
    options = Options(results=tmp_path, jobs=1)
    run_cells([cell], options)
    before = cell.path(tmp_path).stat().st_mtime_ns
    run_cells([cell, cell], options)
    assert cell.path(tmp_path).stat().st_mtime_ns == before


def test_processes_and_threads_give_the_same_bits(cell, tmp_path):
    cells = [replace(cell, seed=s) for s in (1, 2, 3)]
    one = run_cells(cells, Options(results=tmp_path / "one", jobs=1))
    two = run_cells(cells, Options(results=tmp_path / "two", jobs=2))
    for a, b in zip(one, two):
        assert np.array_equal(a.ranks, b.ranks)
        assert a.meta["loss"] == b.meta["loss"]
    assert not np.array_equal(one[0].ranks, one[1].ranks)


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"sampler": DNS(2, 10)}, {"sampler": SoftmaxV(1.0, 10)}, {"held_out": "valid"}, {"every": 4},
     {"model": {"epochs": 5}}],
)  # fmt: skip
def test_every_setting_is_in_the_name(cell, change):
    assert replace(cell, **change).key != cell.key


def test_name_does_not_depend_on_spelled_out_defaults(cell):
    assert replace(cell, model={**cell.model, "weight_decay": 0.01}).key == cell.key


def test_config_is_json(cell):
    assert json.loads(json.dumps(cell.config())) == cell.config()


def test_damaged_cell_is_one_clear_error(cell, tmp_path):
    run_cells([cell], Options(results=tmp_path, jobs=1))
    path = cell.path(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="whole"):
        read_cell(cell, tmp_path)


def test_truncated_cell_is_computed_again(cell, tmp_path):
    options = Options(results=tmp_path, jobs=1)
    (whole,) = run_cells([cell], options)
    path = cell.path(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    (again,) = run_cells([cell], options)
    assert np.array_equal(again.ranks, whole.ranks)


def test_keys_of_existing_cells():
    """As first given out: stores from then must stay readable."""
    tuned = {"lr": 0.005, "batch_size": 1024, "epochs": 20, "weight_decay": 0.1}
    own = {"loss": "hinge", "optimizer": "sgd", "item_bias": True}
    keys = {
        "00e456e98ce7e5221442": Cell("ml-100k", DNS(50, 100), 2, tuned, "test", 20, 0.75, True),
        "d12b618e9fb434a85700": Cell("gowalla", SoftmaxV(1.0, 200), 0, {"lr": 0.005, "epochs": 30}, "valid", 5),
        "3ec7f83ae96a389306e9": Cell(
            "ml-100k", AdaSIR(C=200, proposal="log-count"), 1, {"layers": 3, "lr": 0.005}, "test", 40
        ),
        "116e7f204bd3b221faff": Cell("ml-100k", pris(40, popular=True), 1, {"epochs": 4}),
        "6ce2f08f30e23f40c3d4": Cell("clicks.csv", WARP(900, 1.0, 100), 0, own),
        "e48c62a5d7a5156b0142": Cell("irb-gowalla", NonSampling(), 7, {"factors": 64}),
    }
    assert [cell.key for cell in keys.values()] == list(keys)


def test_every_sampler_is_tried_here():
    classes = {c for c in vars(sampling).values() if isinstance(c, type) and issubclass(c, Sampler)} - {Sampler}
    assert {type(s) for s in SAMPLERS} == classes


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_cell_to_json_and_back(sampler, model):
    for cell in (Cell("ml-100k", sampler, 3, model), Cell("x.csv", sampler, 0, model, "valid", 7, 0.25, True)):
        again = Cell.from_config(json.loads(json.dumps(cell.config())))
        assert again == cell
        assert again.key == cell.key


def test_every_sampler_fills_its_cell(data_file, tmp_path):
    """In BPRMF and in LightGCN."""
    models = ({"factors": 4, "epochs": 1}, {"factors": 4, "epochs": 1, "layers": 1})
    cells = [Cell(str(data_file), sampler, 0, model) for sampler in SAMPLERS for model in models]
    for result in run_cells(cells, Options(results=tmp_path, jobs=1)):
        assert result.ranks.min() >= 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"held_out": "tets"}, "held_out must be one of 'valid', 'test', got 'tets'"),
        ({"seed": -1}, "seed must be >= 0"),
        ({"every": 0}, "every must be >= 1"),
        ({"hidden": 2.0}, "hidden must be in"),
        ({"model": {"epochs": 0}}, "epochs must be >= 1"),
    ],
)
def test_cells_of_nonsense(cell, change, says):
    with pytest.raises(ValueError, match=says):
        replace(cell, **change)


def test_configurations_of_others(cell):
    with pytest.raises(ValueError, match="schema must be one of 2, got 1"):
        Cell.from_config(cell.config() | {"schema": 1})
    with pytest.raises(ValueError, match="sampler must be one of"):
        Cell.from_config(cell.config() | {"sampler": {"name": "Band"}})


def test_failed_cells_are_recorded_and_do_not_stop_the_rest(cell, tmp_path):
    bad = replace(cell, model=cell.model | {"lr": 1e30})
    options = Options(results=tmp_path, jobs=1)
    failed = compute_cells([bad, cell], options)
    assert list(failed) == [bad.key]
    assert "seed 7: Diverged: " in failed[bad.key]
    record = json.loads((bad.path(tmp_path).with_suffix(".error.json")).read_text())
    assert record["config"] == bad.config()
    assert record["error"] == failed[bad.key]
    assert "Traceback" in record["trace"]
    assert read_cell(cell, tmp_path).meta["epochs"] == [2, 4]
    with pytest.raises(CellsFailed, match=r"1 of 2 cells failed: DNS\(M=3, N=10\) on .*: Diverged: "):
        run_cells([bad, cell], options)


def test_failed_cells_are_tried_again(cell, tmp_path, monkeypatch):
    options = Options(results=tmp_path, jobs=1)
    with monkeypatch.context() as patch:
        patch.setattr(module, "rank_positives", lambda *a, **k: 1 / 0)
        assert "ZeroDivisionError" in compute_cells([cell], options)[cell.key]
    assert compute_cells([cell], options) == {}
    assert [p.name for p in cell.path(tmp_path).parent.iterdir()] == [f"{cell.key}.npz"]


def test_full_disk_stops_all(cell, tmp_path, monkeypatch):
    """There is no place for the others either: they are not trained in vain."""
    trained = []
    real = module._train

    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_train", lambda *args: trained.append(args) or real(*args))
    monkeypatch.setattr("numpy.savez_compressed", full)
    with pytest.raises(OSError, match="results must be writable, got .*: No space left on device"):
        compute_cells([cell, replace(cell, seed=8)], Options(results=tmp_path, jobs=1))
    assert len(trained) == 1
    assert list(cell.path(tmp_path).parent.iterdir()) == []


def test_unwritable_folder_is_noticed_before_training(cell, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="path must be writable"):
        compute_cells([cell], Options(results=tmp_path / "file", jobs=1))


def test_missing_data_are_the_error_themselves(cell, tmp_path, monkeypatch):
    """Experiments leave such a data set out."""

    def nothing(*args, **more):
        raise FetchError("no network")

    monkeypatch.setattr(module, "load", nothing)
    with pytest.raises(FetchError, match="no network"):
        run_cells([cell], Options(results=tmp_path))


def test_workers_that_write_elsewhere_are_noticed(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "in_parallel", lambda function, tasks, options: ((task[0].key, "") for task in tasks))
    with pytest.raises(CellsFailed, match="all workers must share it"):
        compute_cells([cell], Options(results=tmp_path))


def test_metrics(cell, tmp_path):
    (result,) = run_cells([cell], Options(results=tmp_path, jobs=1))
    ranks = result.at()
    assert np.array_equal(measure(ranks, "mrr@7"), ranks.top_k([7])["mrr@7"])
    assert np.array_equal(measure(ranks, "opauc@0.05"), ranks.opauc([0.05])["opauc(0.05)"])
    for bad in ("ndcg", "ndcg@x", "ndcg@0", "mdcg@5", "opauc@2", "auc"):
        with pytest.raises(ValueError, match="metric must be .* like ndcg@20, got"):
            measure(ranks, bad)
