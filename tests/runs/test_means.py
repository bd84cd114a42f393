"""Means of cells: the same from a table of an earlier run as from the cells, and nothing of it computed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.cli.main import main
from sim.runs.cells import Cell
from sim.runs.means import means_of
from sim.sampling import DNS
from sim.studies import Options, get_study, make, studies

METRICS = ["ndcg@5", "recall@10"]


@pytest.fixture(scope="module")
def cells(data_file):
    model = {"factors": 4, "epochs": 4, "lr": 0.02}
    return [Cell(str(data_file), DNS(M, 20), 0, model, "valid", 1) for M in (1, 5, 20)]


@pytest.fixture(scope="module")
def first(cells, tmp_path_factory):
    """Options of a run that has done the first two cells."""
    options = Options(results=tmp_path_factory.mktemp("results"), jobs=1)
    means_of(cells[:2], METRICS, options)
    return options


@pytest.fixture
def table(first, tmp_path):
    path = tmp_path / "means.csv"
    assert main(["results", "--results", str(first.results), "--metrics", *METRICS, "--csv", str(path)]) == 0
    return path


def files(folder):
    return {path.stem for path in folder.rglob("*.npz")}


def test_a_table_stands_for_its_cells(cells, first, table, tmp_path):
    options = Options(results=tmp_path / "new", jobs=1, reuse=(table,))
    found, wanted = means_of(cells, METRICS, options), means_of(cells, METRICS, first)
    assert files(options.results) == {cells[2].key}
    for one, two in zip(found, wanted):
        assert one.epochs.tolist() == two.epochs.tolist() == [1, 2, 3, 4]
        assert (one.users, one.split) == (two.users, two.split)
        for metric in METRICS:
            assert np.allclose(one.values[metric], two.values[metric], rtol=1e-9, atol=0)


def test_a_metric_that_the_table_lacks_is_computed(cells, table, tmp_path):
    options = Options(results=tmp_path / "new", jobs=1, reuse=(table,))
    (found,) = means_of(cells[:1], ["ndcg@5", "mrr@5"], options)
    assert set(found.values) == {"ndcg@5", "mrr@5"}
    assert files(options.results) == {cells[0].key}


def test_a_cell_without_a_number_is_computed(cells, table, tmp_path):
    rows = pd.read_csv(table)
    rows.loc[(rows.key == cells[0].key) & (rows.epoch == 2) & (rows.metric == "ndcg@5"), "value"] = np.nan
    rows.to_csv(table, index=False)
    options = Options(results=tmp_path / "new", jobs=1, reuse=(table,))
    means_of(cells[:2], METRICS, options)
    assert files(options.results) == {cells[0].key}


def test_another_content_of_the_data_is_refused(cells, first, table):
    rows = pd.read_csv(table)
    rows[rows.key == cells[0].key].assign(split="another").to_csv(table, index=False)
    with pytest.raises(ValueError, match="must be of one content of it: leave out the older table of --reuse"):
        means_of(cells, METRICS, replace(first, reuse=(table,)))


def test_a_table_grows_by_what_another_store_has(cells, table, tmp_path):
    options = Options(results=tmp_path / "new", jobs=1)
    means_of(cells[2:], METRICS, options)
    command = ["results", "--results", str(options.results), "--metrics", *METRICS, "--csv", str(table), "--add"]
    before = pd.read_csv(table)
    before = before[before.key != cells[2].key]
    for _ in range(2):  # the second time nothing is new
        assert main(command) == 0
        both = pd.read_csv(table)
        assert both.key.nunique() == 3 and len(both) == 3 * 4 * len(METRICS)
        kept = both[both.key != cells[2].key]
        assert kept.value.tolist() == before.value.tolist()
    assert (
        main(["results", "--results", str(options.results), "--metrics", METRICS[0], "--csv", str(table), "--add"]) == 0
    )
    assert len(pd.read_csv(table)) == len(both)  # the other metric's rows are kept
    both[both.key != cells[2].key].assign(split="another").to_csv(table, index=False)
    assert main(command) == 2
    table.write_text("key,value\n1,2\n")
    assert main(command) == 2


@pytest.mark.parametrize("content", [None, "", "key,value\n1,2\n"])
def test_what_is_no_such_table_is_refused(content, cells, tmp_path):
    path = tmp_path / "other.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"reuse must be a table of 'hns results --csv', got .*other\.csv"):
        means_of(cells, METRICS, Options(results=tmp_path, reuse=(path,)))


def test_the_record_of_a_figure_names_the_table(tmp_path, monkeypatch):
    made = {"run": lambda options: pd.DataFrame({"x": [1]}), "plot": lambda table: None, "caption": lambda table: "c"}
    made["findings"] = lambda table: {"all": "There is one row."}
    monkeypatch.setitem(studies(), "T1", replace(get_study("T1"), **made))
    outcome = make("T1", Options(reuse=(tmp_path / "means.csv",)), tmp_path)
    assert f"--reuse {tmp_path / 'means.csv'}" in next(p for p in outcome.paths if p.suffix == ".json").read_text()
