"""hns sweep and hns results as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.cli.main import main

GRID = """
data = "{data}"
seed = [0, 1]
[model]
factors = 4
epochs = 2
lr = {lr}
[[sampler]]
name = "DNS"
M = [1, 2]
N = 5
"""


@pytest.fixture
def sweep(tmp_path: Path) -> list[str]:
    data = tmp_path / "clicks.csv"
    data.write_text("user,item\n" + "\n".join(f"{u},{i}" for u in range(30) for i in range(40) if (u + 3 * i) % 5 == 0))
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID.format(data=data, lr=0.01))
    return ["sweep", str(grid), "--quiet", "--jobs", "1", "--results", str(tmp_path / "results")]


def results(sweep: list[str], *more: str) -> list[str]:
    return ["results", sweep[1], "--results", sweep[-1], *more]


@pytest.mark.parametrize("command", ["sweep", "results"])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "hns results grid.toml --metrics ndcg@20 recall@50" in capsys.readouterr().out


def test_dry_run_computes_nothing(sweep, tmp_path, capsys):
    assert main([*sweep, "--dry-run"]) == 0
    assert "4 cells, 0 of them done" in (out := capsys.readouterr().out)
    assert "DNS(M=2, N=5)" in out
    assert not (tmp_path / "results").exists()


def test_sweep_then_list_then_export(sweep, tmp_path, capsys):
    assert main(sweep) == 0
    assert "4 cells, 0 of them done\n4 done in" in capsys.readouterr().out
    assert main(sweep) == 0
    assert "4 cells, 4 of them done" in capsys.readouterr().out
    assert main(results(sweep, "--metrics", "ndcg@5", "hit@1")) == 0
    out = capsys.readouterr().out
    assert "4 runs in" in out
    said, *lines = out.splitlines()
    columns, *rows = lines[[line.startswith("M ") for line in lines].index(True) :]
    assert said.startswith("in all rows: data ") and said.endswith(
        "sampler DNS, N 5, epoch 2"
    )  # what varies is a column, no more
    assert columns.split() == ["M", "seeds", "ndcg@5", "hit@1"]
    found = [line.split() for line in rows]
    assert {row[0] for row in found} == {"1", "2"} and [row[1] for row in found] == ["2", "2"]  # means over seeds
    assert float(found[0][2]) >= float(found[1][2]) and [row[4:] for row in found] == [["best"], []]
    csv = tmp_path / "all.csv"
    assert main(results(sweep, "--metrics", "ndcg@5", "recall@50", "--csv", str(csv))) == 0
    assert f"4 runs in {sweep[-1]}, 8 rows written to {csv}" in capsys.readouterr().out
    table = pd.read_csv(csv)
    assert set(table["sampler.M"]) == {1, 2}
    assert set(table.metric) == {"ndcg@5", "recall@50"}
    assert table.value.between(0, 1).all()


def test_progress(sweep, capsys):
    sweep.remove("--quiet")
    assert main(sweep) == 0
    assert "4 done, 0 left" in capsys.readouterr().err


def test_failed_cells(sweep, tmp_path, capsys):
    grid = Path(sweep[1])
    grid.write_text(grid.read_text().replace("0.01", "[0.01, 1e30]"))
    assert main(sweep) == 1
    out, error = capsys.readouterr()
    assert "8 cells, 0 of them done\n4 done in" in out
    assert error.startswith("hns: 4 of 8 cells failed: DNS(") and error.count("\n") == 1
    assert main(results(sweep)) == 0
    out, error = capsys.readouterr()
    assert "4 runs in" in out
    assert error.count("failed: DNS(") == 4


def test_damaged_and_foreign_files(sweep, tmp_path, capsys):
    assert main(sweep) == 0
    damaged = next((tmp_path / "results").glob("*/*.npz"))
    damaged.write_bytes(b"no zip")
    capsys.readouterr()
    assert main(results(sweep)) == 0
    out, error = capsys.readouterr()
    assert "3 runs in" in out
    assert error.startswith(f"passed over {damaged}: ") and error.count("\n") == 1
    assert main(sweep) == 0
    assert "4 cells, 3 of them done" in capsys.readouterr().out
    assert main(results(sweep)) == 0
    assert "4 runs in" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["sweep", "results"])
def test_another_schema_is_one_line(command, sweep, capsys, monkeypatch):
    assert main(sweep) == 0
    monkeypatch.setattr("sim.runs.store.SCHEMA", 3)
    capsys.readouterr()
    assert main(sweep if command == "sweep" else results(sweep)) == 2
    error = capsys.readouterr().err
    assert "results must be cells of schema 3" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("[[sampler]]", "[[sampler", "grid.toml: "),
        ("DNS", "DMS", "did you mean dns"),
        ("clicks.csv", "klicks.csv", "data must be a known data set or an existing file"),
        ("factors", "factor", "did you mean factors"),
        ("[0, 1]", "[]", "seed must have at least one entry"),
    ],
)
def test_errors_are_one_line(was, now, says, sweep, capsys):
    grid = Path(sweep[1])
    grid.write_text(grid.read_text().replace(was, now))
    assert main(sweep) == 2
    error = capsys.readouterr().err
    assert says in error and error.startswith(f"hns: {grid}: ") and error.count("\n") == 1


def test_bad_options_are_one_line(sweep, capsys):
    for more in (["--jobs", "0"], ["--backend", "loky", "--scheduler", "tcp://x:1"]):
        assert main([*sweep, *more]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main(sweep) == 0
    capsys.readouterr()
    assert main(results(sweep, "--metrics", "ndgc@5")) == 2
    assert "metric must be" in capsys.readouterr().err


def test_reproduce_knows_backends(tmp_path, capsys):
    command = ["reproduce", "--only", "F2", "--profile", "smoke", "--quiet", "--out", str(tmp_path)]
    assert main([*command, "--backend", "threading"]) == 0
    assert main([*command, "--backend", "loky", "--scheduler", "tcp://x:1"]) == 2
