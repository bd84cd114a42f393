"""The store as a table: tidy, nothing mixed, damage named."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from sim.bpr.epoch import BITS
from sim.core.npz import read_npz, write_npz
from sim.runs.cells import FAILED, Cell, compute_cells, measure, read_cell
from sim.runs.means import means_of
from sim.runs.store import CellStore
from sim.sampling import DNS, SoftmaxV, Uniform
from sim.studies import Options


@pytest.fixture(scope="module")
def cells(data_file: Path) -> list[Cell]:
    model = {"factors": 4, "epochs": 4}
    return [
        Cell(str(data_file), DNS(10, 20), 0, model, "test", 2),
        Cell(str(data_file), DNS(5, 20), 0, model, "test", 2),
        Cell(str(data_file), SoftmaxV(0.5, 20), 1, model | {"lr": 0.02, "loss": "bce"}),
        Cell(str(data_file), Uniform(), 0, model | {"layers": 1}, hidden=0.25, shielded=True),
    ]


@pytest.fixture
def results(cells: list[Cell], tmp_path: Path) -> Path:
    compute_cells(cells, Options(results=tmp_path, jobs=1))
    return tmp_path


def change(cell: Cell, results: Path, **entries: object) -> None:
    """Another header for the same arrays."""
    meta, arrays = read_npz(cell.path(results))
    write_npz(cell.path(results), meta | entries, arrays)


def test_a_row_per_cell_epoch_and_metric(cells, results):
    table = CellStore(results).table(["ndcg@5", "opauc@0.1"])
    assert list(table.columns) == [
        "key", "data", "split", "bits", "held_out", "hidden", "shielded", "model", "model.epochs", "model.factors",
        "model.layers", "model.loss", "model.lr", "model.refresh", "sampler", "sampler.M", "sampler.N", "sampler.rho",
        "seed", "epoch", "metric", "value", "users",
    ]  # fmt: skip
    assert len(table) == (2 + 2 + 1 + 1) * 2
    for cell in cells:
        result = read_cell(cell, results)
        for at, epoch in enumerate(result.meta["epochs"]):
            rows = table[(table.key == cell.key) & (table.epoch == epoch)].set_index("metric")
            for metric in ("ndcg@5", "opauc@0.1"):
                assert rows.value[metric] == np.nanmean(measure(result.at(at), metric))
            assert (rows.users == 60).all()


def test_cells_of_two_versions_of_the_arithmetic_are_told(cells, results):
    with warnings.catch_warnings(action="error"):
        assert set(CellStore(results).table().bits) == {BITS}
    change(cells[0], results, bits=BITS + 1)
    with pytest.warns(UserWarning, match=rf"versions of the arithmetic: {BITS} \(3 cells\), {BITS + 1} \(1\)"):
        CellStore(results).table()
    meta, arrays = read_npz(cells[0].path(results))
    write_npz(cells[0].path(results), {k: v for k, v in meta.items() if k != "bits"}, arrays)  # as older versions did
    with pytest.warns(UserWarning, match=r"unrecorded \(1\)"):
        assert CellStore(results).table().bits.isna().sum() == 2
    with pytest.warns(UserWarning, match=r"cells: .*unrecorded \(1\)"):
        means_of(cells[:2], ["ndcg@5"], Options(results=results))


def test_settings_have_their_defaults_where_others_change_them(cells, results):
    table = CellStore(results).table(last=True).set_index("key").loc[[cell.key for cell in cells]]
    assert table["model.lr"].tolist() == [0.001, 0.001, 0.02, 0.001]
    assert table["model.loss"].tolist() == ["bpr", "bpr", "bce", "bpr"]
    assert table["model"].tolist() == ["BPRMF"] * 3 + ["LightGCN"]
    assert table["hidden"].tolist() == [0.0, 0.0, 0.0, 0.25]
    assert table["sampler.M"].tolist()[:2] == [10, 5]


def test_rows_are_in_order_of_their_settings(results):
    table = CellStore(results).table()
    dns = table[table.sampler == "DNS"]
    assert dns["sampler.M"].tolist() == [5, 5, 10, 10]
    assert dns["epoch"].tolist() == [2, 4, 2, 4]


def test_only_these(cells, results):
    assert set(CellStore(results, [cells[1].key]).table().key) == {cells[1].key}
    assert CellStore(results, ["none"]).table().empty
    assert len(CellStore(results, data=cells[0].data).cells) == len(cells) and not CellStore(results, data="*").cells
    assert CellStore(results / "nowhere").table().empty


def test_another_schema_is_refused(cells, results):
    change(cells[0], results, config=cells[0].config() | {"schema": 1})
    with pytest.raises(ValueError, match="results must be cells of schema 2, got .* of schema 1: use another folder"):
        CellStore(results)


def test_two_contents_of_one_data_set_are_refused(cells, results):
    change(cells[0], results, split="another")
    with pytest.raises(ValueError, match="must be of one content of it, got .*: move the old ones away"):
        CellStore(results, [cells[1].key])


def test_damage_is_named_and_passed_over(cells, results):
    whole = CellStore(results).table()
    cut, flipped, renamed = (cell.path(results) for cell in cells[:3])
    cut.write_bytes(cut.read_bytes()[:200])
    content = bytearray(flipped.read_bytes())
    content[content.index(b"ranks.npy") + 60] ^= 1  # found only where the ranks are read
    flipped.write_bytes(content)
    renamed.rename(other := renamed.with_stem("0" * 20))
    store = CellStore(results)
    table = store.table()
    assert set(store.damaged) == {cut, flipped, other}
    assert all("\n" not in why for why in store.damaged.values())
    assert table.value.tolist() == whole.value[whole.key == cells[3].key].tolist()


def test_failures_are_told_until_they_are_mended(cells, results, data_file):
    bad = Cell(str(data_file), DNS(1, 2), 0, {"lr": 1e30, "epochs": 2})
    compute_cells([bad], Options(results=results, jobs=1))
    assert list(CellStore(results).failed) == [bad.key]
    assert CellStore(results, [cells[0].key]).failed == {}
    assert "Diverged" in CellStore(results).failed[bad.key]
    meta, arrays = read_npz(cells[0].path(results))
    write_npz(bad.path(results), meta | {"config": bad.config()}, arrays)
    assert CellStore(results).failed == {}
    broken = cells[0].path(results).with_name("0.error.json")
    broken.write_text("[]")
    assert list(CellStore(results).damaged) == [broken]


@pytest.mark.skipif(os.name == "nt", reason="no such files")
def test_nothing_but_plain_files_is_opened(cells, results):
    """In a folder that others may write to: no FIFO is waited for, no link followed, here or where cells are made."""
    folder = cells[0].path(results).parent
    os.mkfifo(folder / "fifo.npz")
    os.mkfifo(folder / f"fifo{FAILED}")
    (folder / "zero.npz").symlink_to("/dev/zero")
    (folder / f"zero{FAILED}").symlink_to("/dev/zero")
    (folder / "folder.npz").mkdir()
    (results / "elsewhere").symlink_to(folder)
    store = CellStore(results)
    assert len(store.cells) == len(cells) and not store.failed
    found = {path.name: why for path, why in store.damaged.items()}
    link, fifo = "it is a symbolic link, no plain file", "it is a FIFO, no plain file"
    assert found == {
        "fifo.npz": fifo, f"fifo{FAILED}": fifo, "zero.npz": link, f"zero{FAILED}": link,
        "folder.npz": "it is a folder, no plain file", "elsewhere": "it is a symbolic link, which is not followed",
    }  # fmt: skip
    path, options = cells[0].path(results), Options(results=results, jobs=1)
    kept = path.rename(results / "kept")
    os.mkfifo(path)
    with pytest.raises(OSError, match="results must hold plain files, got .*: it is a FIFO: move it away"):
        compute_cells(cells[:1], options)
    path.unlink()
    path.symlink_to(kept)
    with pytest.raises(OSError, match="results must hold plain files, got .*: it is a symbolic link: move it away"):
        compute_cells(cells[:1], options)
    with pytest.raises(OSError, match="it is a symbolic link"):
        read_cell(cells[0], results)


@pytest.mark.parametrize("data", ["", ".", "..", "/", "a/.."])
def test_data_is_a_name(results, data):
    with pytest.raises(ValueError, match="data must be the name of a data set or of a file, got '"):
        CellStore(results, data=data)
    assert CellStore(results, data="/no/such/file.csv").cells == {}
