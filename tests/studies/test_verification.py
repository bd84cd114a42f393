"""The verification finds what deviates and nothing else, touches nothing published, and says what shows it."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.cli.main import main
from sim.runs import cells as engine
from sim.runs.cells import Cell, CellsMissing, compute_cells
from sim.runs.evidence import committed_runs, retrain, stratified
from sim.runs.means import means_of
from sim.runs.output import as_stored
from sim.sampling import DNS, SoftmaxV, Uniform
from sim.studies import Options, get_study, make, studies
from sim.studies.reproduce import losses
from sim.studies.verification.compare import TOLERANCE, compare
from sim.studies.verification.verify import LONGEST

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "figures"


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {"data": list("aabb"), "k": [1, 2, 1, 2], "x": rng.normal(size=4), "y": [1.0, np.nan, 0.0, 2.0]}
    )


class TestCompare:
    def test_a_table_is_itself(self, table):
        found = compare(table, table.copy())
        assert (found.rows, found.made, found.equal, found.worst, found.agrees) == (4, 4, 4, 0.0, True)

    @pytest.mark.parametrize("column", ["x", "y"])
    @pytest.mark.parametrize("row", [0, 3])
    def test_one_number_altered_is_named(self, table, column, row):
        other = table.copy()
        other.loc[row, column] *= 1.001
        found = compare(table, other)
        assert not found.agrees and found.equal == 3
        assert found.where.startswith(f"{column} of row {row + 1} ({table.data[row]}")
        assert found.worst == pytest.approx(0.001 / 1.001)

    def test_what_is_within_the_last_digit_agrees(self, table):
        other = table.assign(x=table.x * (1 + TOLERANCE / 2))
        found = compare(table, other)
        assert found.agrees and found.equal == 0 and found.worst > 0

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t.assign(data=list("aabc")), lambda t: t[:3].assign(data=list("aab")),
            lambda t: t.drop(columns="y"), lambda t: t.assign(y=[1.0, 5.0, 0.0, 2.0]),
            lambda t: t.assign(y=[1.0, np.nan, 1e-3, 2.0]),
            lambda t: t.assign(y=[1.0, np.nan, np.inf, 2.0]),
        ],
    )  # fmt: skip
    def test_other_words_rows_columns_and_missing_numbers_deviate(self, table, change):
        assert not compare(table, change(table)).agrees

    def test_rows_that_could_not_be_made_are_left_out(self, table):
        found = compare(table, table[table.data == "b"])
        assert (found.rows, found.made, found.equal, found.agrees) == (4, 2, 2, True)
        other = table[table.data == "b"].assign(k=[1, 3])
        assert compare(table, other).where.startswith("k of row 4 (b)")


def test_numbers_below_their_error_are_zero_and_whole_ones_keep_all_digits():
    table = pd.DataFrame({"e": [3e-17, 2e-3], "v": [3e-17, 1.0], "n": [1_684_846.0, np.nan]})
    stored = as_stored(table, {"e": 1e-12})
    assert stored.e.tolist() == [0.0, 0.002] and stored.v.tolist() == [3e-17, 1.0]
    assert stored.n[0] == 1_684_846 and np.isnan(stored.n[1])


@pytest.mark.parametrize("study", studies().values(), ids=lambda study: study.id)
def test_the_published_keep_their_errors_as_zero_and_their_seconds_apart(study):
    record = json.loads((FIGURES / f"{study.id}.json").read_text(encoding="utf-8"))
    assert record.get("zero_below", {}) == dict(study.zero_below)  # the bound stands beside
    table = pd.read_csv(FIGURES / f"{study.id}.csv")
    for name, error in study.zero_below.items():
        assert not ((table[name] != 0) & (table[name].abs() < error)).any(), name
    for made in (record, *record.get("others", {}).values()):
        assert not {"seconds", "versions"} & set(made)
        assert set(made.get("run", {})) <= {"seconds", "versions"}


@pytest.fixture(scope="module")
def evidence(data_file, tmp_path_factory) -> tuple[Path, list[Cell]]:
    """A folder "figures" whose table of means holds seven runs on a small data set."""
    figures = tmp_path_factory.mktemp("published") / "figures"
    results = tmp_path_factory.mktemp("results")
    model = {"factors": 4, "epochs": 4, "lr": 0.02, "batch_size": 64}
    cells = [Cell(str(data_file), DNS(m, 20), 1, model, "test", 4) for m in (1, 5, 20)]
    cells += [Cell(str(data_file), SoftmaxV(rho, 20), 0, model, "valid", 2) for rho in (0.5, 2.0)]
    cells += [Cell(str(data_file), Uniform(1), 2, model | {"layers": 1, "weight_decay": 0.003}, "valid", 1)]
    cells += [Cell(str(data_file), DNS(5, 20), 1, model, "test", 4, hidden=0.25, shielded=True)]
    compute_cells(cells, Options(results=results, jobs=1))
    (figures / "cells").mkdir(parents=True)
    command = ["results", "--results", str(results), "--metrics", "ndcg@5", "recall@10"]
    assert main([*command, "--csv", str(figures / "cells" / f"{data_file.name}.csv.gz")]) == 0
    return figures, cells


def means_file(figures: Path) -> Path:
    return next((figures / "cells").iterdir())


def altered(path: Path, change) -> None:
    table = pd.read_csv(path, dtype=str)
    change(table)
    path.write_bytes(gzip.compress(table.to_csv(index=False).encode(), mtime=0))


def test_every_run_is_rebuilt_from_its_row(evidence):
    figures, cells = evidence
    runs = committed_runs(means_file(figures))
    assert set(runs) == {cell.key for cell in cells}
    assert all(run.cell.key == key for key, run in runs.items())


@pytest.mark.parametrize("path", sorted((FIGURES / "cells").glob("*.csv.gz")), ids=lambda p: p.name)
def test_every_committed_run_is_rebuilt_from_its_row(path):
    runs = committed_runs(path)
    assert runs and all(
        run.cell.key == key and run.cell.data == path.name.partition(".csv")[0] for key, run in runs.items()
    )


def test_a_row_that_does_not_lead_to_its_key_is_named(evidence, tmp_path):
    path = shutil.copy(means_file(evidence[0]), tmp_path / "t.csv.gz")
    altered(path, lambda t: t.__setitem__("seed", "9"))
    with pytest.raises(ValueError, match="t.csv.gz must hold runs whose keys follow from their columns, got "):
        committed_runs(path)


def test_a_sample_takes_every_sampler_and_both_ends(evidence):
    runs = committed_runs(means_file(evidence[0]))
    families = {run.family for run in runs.values()}
    for seed in range(5):
        chosen = stratified(runs, 6, seed)
        assert chosen == stratified(runs, 6, seed) and len(set(chosen)) == 6
        assert {runs[key].family for key in chosen[: len(families)]} == families
        dns = {runs[key].cell.sampler.M for key in chosen if runs[key].family == ("DNS", "BPRMF")}
        assert {1, 20} <= dns
    assert set(stratified(runs, 99, 0)) == set(runs)
    cheap = stratified(runs, 9, 0, most=0.0)  # of each family one run all the same, the cheapest
    assert sorted(runs[key].family for key in cheap) == sorted(families)
    assert all(runs[key].cost == min(r.cost for r in runs.values() if r.family == runs[key].family) for key in cheap)


def test_the_committed_runs_that_anyone_can_train_have_every_family_and_both_ends():
    """Of ml-100k, which comes through the package index, the default sample takes them all."""
    runs = committed_runs(FIGURES / "cells" / "ml-100k.csv.gz")
    chosen = stratified(runs, 24, 0, LONGEST)
    assert len(chosen) == 24 and {runs[key].family for key in chosen} == {run.family for run in runs.values()}
    names = {run.family for run in runs.values()}
    assert {"LightGCN", "BPRMF"} == {model for _, model in names}
    assert {name for name, _ in names} >= {"DNS", "SoftmaxV", "SoftmaxExact", "Softmax", "Uniform", "WARP", "AHNS"}
    shares = [runs[key].cell.sampler.M / runs[key].cell.sampler.N for key in chosen if runs[key].family[0] == "DNS"]
    assert min(shares) <= 0.1 and max(shares) >= 0.5


def test_runs_trained_anew_are_equal_and_one_altered_digit_is_told(evidence, tmp_path):
    figures, _ = evidence
    path = Path(shutil.copy(means_file(figures), tmp_path / "t.csv.gz"))
    found = retrain(list(committed_runs(path).values()), Options(results=tmp_path / "a", jobs=1))
    assert all((rows.deviation == 0).all() for rows in found)

    def change(table):
        table.loc[0, "value"] = f"{float(table.value[0]) * (1 + 1e-9):.10g}"

    altered(path, change)
    runs = committed_runs(path)
    found = retrain(list(runs.values()), Options(results=tmp_path / "a", jobs=1))
    worst = [rows.deviation.max() for rows in found]
    assert sum(w > 0 for w in worst) == 1 and max(worst) == pytest.approx(1e-9, rel=0.5)


def test_without_computing_a_missing_run_is_an_error(evidence, tmp_path):
    figures, cells = evidence
    options = Options(results=tmp_path, jobs=1, reuse=(means_file(figures),), compute=False)
    assert len(means_of(cells, ["ndcg@5"], options)) == len(cells)
    other = Cell(cells[0].data, DNS(2, 20), 1, cells[0].model)
    with pytest.raises(CellsMissing, match="1 of 1 runs are neither stored nor in a table of means"):
        means_of([other], ["ndcg@5"], options)


@pytest.fixture
def published(evidence, tmp_path) -> Path:
    """F2 and the means as they are published."""
    figures = tmp_path / "figures"
    shutil.copytree(evidence[0], figures)
    make("F2", Options(), figures)
    return figures


def verify(figures: Path, tmp_path: Path, *more: str) -> int:
    return main([
        "reproduce", "--figures", str(figures), "--out", str(tmp_path / "out"), "--results", str(tmp_path / "runs"),
        "--jobs", "1", "--quiet", *more,
    ])  # fmt: skip


def test_what_is_published_agrees_and_is_not_touched(published, tmp_path, capsys):
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert verify(published, tmp_path, "--only", "F2") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 table agrees with what is published."
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["agrees"] and report["studies"][0]["table"]["equal"] == report["studies"][0]["table"]["rows"] > 200
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'src="../figures/F2.png"' in page and 'src="F2.png"' in page and "http" not in page


def test_one_altered_number_is_named_and_the_status_is_1(published, tmp_path, capsys):
    table = pd.read_csv(published / "F2.csv")
    table.loc[17, "y"] += 0.01
    table.to_csv(published / "F2.csv", index=False)
    assert verify(published, tmp_path, "--only", "F2") == 1
    out = capsys.readouterr().out
    assert "F2: y of row 18 (roc)" in out and "Show it: hns reproduce --only F2" in out
    assert out.splitlines()[-1] == "0 of 1 figures and tables agree with what is published."
    assert math.isfinite(json.loads((tmp_path / "out" / "report.json").read_text())["studies"][0]["table"]["worst"])


def test_an_altered_sentence_is_named(published, tmp_path, capsys):
    record = json.loads((published / "F2.json").read_text())
    record["findings"]["heads"] = record["findings"]["heads"].replace("0.75", "0.76")
    (published / "F2.json").write_text(json.dumps(record))
    assert verify(published, tmp_path, "--only", "F2") == 1
    assert "its words do not follow from its table: heads" in capsys.readouterr().out
    assert verify(published, tmp_path, "--only", "F2", "--words") == 0
    assert capsys.readouterr().out == "F2: words written anew\n"
    assert verify(published, tmp_path, "--only", "F2", "--words") == 0
    assert not capsys.readouterr().out
    assert verify(published, tmp_path, "--only", "F2") == 0


def test_named_runs_are_trained_anew(published, evidence, tmp_path, capsys):
    key = evidence[1][0].key
    assert verify(published, tmp_path, "--run", key) == 0
    assert "1 of 7 runs trained anew, all equal" in capsys.readouterr().out

    def change(table):
        table.loc[table.key == key, "value"] = "0.125"

    altered(means_file(published), change)
    assert verify(published, tmp_path, "--run", key) == 1
    assert f"Show it: hns reproduce --run {key}" in capsys.readouterr().out
    assert verify(published, tmp_path, "--run", "0" * 20) == 2
    assert "run must be one of those in" in capsys.readouterr().err


def test_another_arithmetic_is_told_with_the_runs_that_differ_and_by_how_much(
    published, evidence, tmp_path, capsys, monkeypatch
):
    """A trainer whose steps are longer for one sampler: its runs deviate, the others do not."""
    train = engine._train

    def longer(cell, data, n_threads):
        model = cell.model | ({"lr": 0.1} if isinstance(cell.sampler, SoftmaxV) else {})
        return train(dataclasses.replace(cell, model=model), data, n_threads)

    monkeypatch.setattr(engine, "_train", longer)
    runs = evidence[1][:5]
    assert verify(published, tmp_path, "--run", *(cell.key for cell in runs)) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if "deviates by" in line]
    differ = [cell for cell in runs if isinstance(cell.sampler, SoftmaxV)]
    assert [re.match(r"run (\w+) \(.*\): deviates by \d\.\de-\d\d\. Show it:", line)[1] for line in said] == [
        cell.key for cell in differ
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--publish", "--profile", "smoke"], "profile must be default or paper to be published, got 'smoke'"),
        (["--train", "--out", "figures"], "out must not be figures, where what is published lies: use --publish"),
        (["--publish", "--out", "x"], "out must be left out with --publish"),
        (["--sample", "-1"], "sample must be >= 0, got -1"),
        (["--out", "figures"], "out must be another folder than that of what is published, got figures"),
    ],
)
def test_what_is_published_is_safe(words, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "--only", "F2", "--quiet", *words]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()


def test_rows_are_not_replaced_by_lesser_ones(tmp_path, monkeypatch):
    from dataclasses import replace as changed

    def run(options):
        seeds, tried = {"default": (3, 2), "paper": (5, 6)}[options.profile]
        return pd.DataFrame(
            {"data": ["a"], "method": ["m"], "mean": [0.5], "seeds": seeds - options.seed, "trainings": tried}
        )

    made = {"run": run, "plot": lambda t: None, "caption": lambda t: "c", "findings": lambda t: {}, "page": None}
    monkeypatch.setitem(studies(), "Table2", changed(get_study("Table2"), **made))
    make("Table2", Options(profile="paper"), tmp_path, guard=True)
    before = (tmp_path / "Table2.csv").read_bytes()
    with pytest.raises(
        ValueError, match=r"Table2 must not be replaced by less .*paper, not default.*5 seeds.*6 trainings"
    ):
        make("Table2", Options(profile="default"), tmp_path, guard=True)
    with pytest.raises(ValueError, match="a, m has 5 seeds on average, not 4"):
        make("Table2", Options(profile="paper", seed=1), tmp_path, guard=True)
    assert (tmp_path / "Table2.csv").read_bytes() == before
    make("Table2", Options(profile="paper"), tmp_path, guard=True)  # as much is no loss
    make("Table2", Options(profile="default"), tmp_path)  # --force
    assert pd.read_csv(tmp_path / "Table2.csv").seeds.tolist() == [3]
    assert losses(tmp_path / "none.csv", pd.DataFrame(), "paper", ()) == []


def test_a_set_that_cannot_be_had_keeps_its_published_row(tmp_path, monkeypatch):
    from sim.data import FetchError
    from sim.studies.tables import t1

    row = {"data": "ml-100k", "users": 9, "items": 8, "train": 7, "test": 6, "sparsity": 0.5, "status": "loaded"}
    columns = t1.run(Options(profile="smoke", data_dir=tmp_path)).columns
    pd.DataFrame([row]).reindex(columns=columns).to_csv(tmp_path / "T1.csv", index=False)
    (tmp_path / "T1.json").write_text(json.dumps({"profile": "default", "command": "c"}))

    def offline(*args, **kwargs):
        raise FetchError("no network")

    monkeypatch.setattr(t1, "load", offline)
    make("T1", Options(profile="smoke"), tmp_path)
    kept = pd.read_csv(tmp_path / "T1.csv")
    assert kept.users.tolist() == [9] and kept.status.tolist() == ["loaded"]
