"""Tables 2 and 3: the budget, the choice on validation, the rows and their marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.data import FetchError
from sim.runs.cells import Cell
from sim.runs.means import means_of
from sim.sampling import DNS, NonSampling
from sim.studies.guideline import grids as guideline
from sim.studies.tables import table2
from sim.studies.tables.methods import (
    METRICS,
    Method,
    MethodGrid,
    candidates,
    draw,
    markdown,
    reduced,
    run_grid,
    run_grids,
    sentences,
)


@pytest.fixture
def grid(data_file):
    method = Method(candidates(DNS(1, 20), DNS(10, 20), lr=0.02), (0.01, 1.0), 2)
    return MethodGrid(str(data_file), {"DNS(M,N)": method}, {"factors": 4, "lr": 0.01, "epochs": 4}, 1)


def test_rows_are_of_the_best_candidates_on_validation(grid, options):
    rows = run_grid(grid, {grid.data: {"DNS(M,N)": (0.5, 1e9)}}, options)
    assert [r["metric"] for r in rows] == list(METRICS)
    best = -1.0
    for M, decay in ((1, 0.01), (1, 1.0), (10, 0.01), (10, 1.0)):
        model = {"factors": 4, "lr": 0.02, "epochs": 4, "weight_decay": decay}
        (trial,) = means_of([Cell(grid.data, DNS(M, 20), 0, model, "valid", 1)], [METRICS[0]], options)
        values = trial.values[METRICS[0]]
        if values.max() > best:
            best, wanted = values.max(), (M, decay, int(values.argmax()) + 1)
    M, decay, epochs = wanted
    for row, metric in zip(rows, METRICS):
        assert row["setting"] == f"DNS(M={M}, N=20), lr=0.02"
        assert (row["weight_decay"], row["epochs"], row["last"]) == (decay, epochs, epochs == 4)
        model = {"factors": 4, "lr": 0.02, "epochs": epochs, "weight_decay": decay}
        cells = [Cell(grid.data, DNS(M, 20), seed, model, "test", epochs) for seed in (1, 2)]
        means = [one.values[metric][-1] for one in means_of(cells, [metric], options)]
        assert row["mean"] == pytest.approx(np.mean(means), rel=1e-12)
        assert row["low"] <= min(means) and max(means) <= row["high"]  # t with one degree of freedom is wide
        assert (row["seeds"], row["trainings"]) == (2, 4)
    assert rows[0]["far"] == (abs(rows[0]["mean"] / 0.5 - 1) > 0.1) and rows[1]["far"]


def test_one_seed_has_no_interval(grid, options):
    one = replace(grid, methods={"DNS(M,N)": replace(grid.methods["DNS(M,N)"], seeds=1)})
    row = run_grid(one, {}, options)[0]
    assert np.isnan([row["low"], row["high"], row["paper"]]).all() and not row["far"]


def test_a_missing_set_is_left_out_and_all_missing_is_the_error(grid, options, monkeypatch):
    from sim.studies.tables import methods as _method_table

    inner = _method_table.run_grid

    def some(one, paper, given):
        if one.data == "gowalla":
            raise FetchError("gowalla could not be downloaded (no network)")
        return inner(one, paper, given)

    monkeypatch.setattr(_method_table, "run_grid", some)
    missing = replace(grid, data="gowalla")
    assert set(_method_table.run_grids((missing, grid), {}, options).data) == {grid.data}
    with pytest.raises(FetchError, match="gowalla"):
        _method_table.run_grids((missing,), {}, options)


def test_the_budget_is_equal():
    for grid in (p for grids in table2.GRIDS.values() for p in grids):
        budgets = {name: len(m.candidates) * len(m.decays) for name, m in grid.methods.items()}
        assert len(set(budgets.values())) == 1
        assert list(grid.methods)[:12] == list(table2.PAPER["gowalla"])
    assert set(map(len, table2.PAPER.values())) == {12}


def test_gowalla_shares_the_cells_of_the_guidelines():
    def keys(grid, samplers):
        return {
            Cell(grid.data, s, 0, grid.model | {"weight_decay": d}, "valid", grid.every).key
            for s in samplers for d in grid.decays
        }  # fmt: skip

    theirs = keys(guideline.GOWALLA, [s for points in guideline.GOWALLA.points.values() for s in points])
    for name in ("DNS(M,N)", "Softmax-v"):
        method = table2.GOWALLA.methods[name]
        assert {table2.GOWALLA.cell(c, d, 0).key for c in method.candidates for d in method.decays} <= theirs


def test_a_reduced_plan_keeps_the_middle_and_a_part_of_the_epochs():
    grid = reduced(table2.GOWALLA, tried=1, decays=(0.1,), seeds=2, shorter=10)
    whole = reduced(table2.GOWALLA, tried=9, decays=(0.1,), seeds=2).methods
    assert all(whole[name].candidates == method.candidates for name, method in table2.GOWALLA.methods.items())
    assert grid.model["epochs"] == 3 and grid.every == 1
    assert grid.methods["DNS(M,N)"] == Method(candidates(DNS(5, 200)), (0.1,), 2)
    assert grid.methods["NonSampling"].candidates[0] == candidates(NonSampling(), lr=0.02, epochs=2)[0]
    assert grid.methods["BPR"].candidates[0].model == {"lr": 0.005, "epochs": 6}


def test_marks_in_words_and_in_the_picture():
    row = {"data": "gowalla", "setting": "", "metric": "ndcg@50", "seeds": 3, "users": 7, "trainings": 9}
    rows = [
        row | {"method": "BPR", "mean": 0.2, "low": 0.19, "high": 0.21, "paper": 0.1, "far": True},
        row | {"method": "AOBPR", "mean": 0.2, "low": 0.19, "high": 0.21, "paper": 0.19, "far": False, "trainings": 3},
        row | {"method": "AHNS", "mean": 0.2, "low": np.nan, "high": np.nan, "paper": np.nan, "far": False},
    ]
    table = pd.DataFrame([r | {"metric": m} for r in rows for m in METRICS])
    text = sentences(table)
    assert "9 on gowalla, AOBPR 3" in text
    assert "BPR 0.2000 (paper 0.1000, far); AOBPR 0.2000 (paper 0.1900); AHNS 0.2000" in text
    legend = [t.get_text() for t in draw(table, "paper").legends[0].get_texts()]
    assert legend == ["this package, 95%", "paper", "paper, more than 10% away"]


def test_only_the_named_methods_are_run(grid, options):
    two = replace(grid, methods=grid.methods | {"BPR": replace(grid.methods["DNS(M,N)"], seeds=1)})
    table = run_grids((two,), {}, replace(options, methods=("BPR",)))
    assert table.method.unique().tolist() == ["BPR"]
    with pytest.raises(ValueError, match=r"method must be one of .*got 'bpr'"):
        run_grids((two,), {}, replace(options, methods=("bpr",)))


def test_pages_have_the_means_the_printed_numbers_and_the_commands(grid, options):
    table = run_grids((grid,), {grid.data: {"DNS(M,N)": (0.5, np.nan)}}, options)
    text = markdown(table, "Heading", "the paper")
    first, second = table.itertuples()
    assert text.startswith("# Heading\n\nMeans with 95% intervals over seeds; in brackets: the paper.\n")
    means = [f"{r.mean:.4f} ± {r.high - r.mean:.4f}" for r in (first, second)]
    assert f"| DNS(M,N) | {means[0]} (0.5000) | {means[1]} |" in text
    assert f"| 4 | 2 | `{first.command}` |" in text
    assert first.command.startswith(f"hns train {grid.data} --sampler dns --M ") and "--seed 1" in first.command
