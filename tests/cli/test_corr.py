"""``hns corr``: exact, in the limit and simulated, and what it says about bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sim.cli.main import main
from sim.rankings import Binormal, lattice_moments, limit_correlation


def curves(tmp_path, *arguments):
    path = tmp_path / "curve.csv"
    assert main(["corr", *arguments, "--csv", str(path)]) == 0
    return pd.read_csv(path)


def test_prints_the_reference_point_and_writes_the_curve(tmp_path, capsys):
    table = curves(tmp_path, "200", "800", "--k", "20")
    out = capsys.readouterr().out
    assert "0.9362" in out and "0.2425" in out and "0.9246" in out
    assert "curves written to" in out
    assert list(table.columns) == ["metric", "k", "how", "m", "beta", "correlation", "standard_error"]
    assert set(table.how) == {"exact"}
    assert table.m[table.correlation.idxmax()] == 24


def test_metrics_that_are_not_linear_and_llpauc_are_exact_too(tmp_path):
    table = curves(tmp_path, "20", "80", "--metric", "mrr", "--alpha", "0.1", "--k", "5")
    expected = lattice_moments(20, 80, "mrr", 5, alpha=0.1).correlation
    np.testing.assert_allclose(table.correlation, expected, rtol=1e-9)


def test_simulated_stands_beside_the_exact(tmp_path, capsys):
    table = curves(tmp_path, "20", "80", "--k", "5", "10", "--simulate", "2000")
    assert " .. " in capsys.readouterr().out
    wide = table.pivot(index=["k", "m"], columns="how", values="correlation")
    error = table[table.how == "simulated"].standard_error.to_numpy()
    assert (np.abs(wide.simulated - wide.exact) < 6.5 * error).all()  # Student's t, 63 degrees: 1.5e-8 each


def test_a_score_model_has_its_law_and_a_simulation(tmp_path, capsys):
    model = ["--model", "binormal", "--auc", "0.9", "--shape", "2"]
    table = curves(tmp_path, "50", "450", "--k", "50", *model, "--simulate", "1000")
    assert "binormal scores of AUC 0.9" in capsys.readouterr().out
    law = limit_correlation(50, 450, "recall", 50, score_model=Binormal.from_auc(0.9, sigma=2.0))
    np.testing.assert_allclose(table[table.how == "law"].correlation, law, rtol=1e-9)
    assert set(table.how) == {"law", "simulated"}


def test_the_law_gives_way_where_the_top_k_holds_few_negatives(tmp_path):
    # 0.07 and 17 of 5 and 100: the law would put Recall@5's peak at 0.26, where 0.41 is drawn
    model = ["--model", "binormal", "--auc", "0.9"]
    table = curves(tmp_path, "200", "800", "--k", "5", "100", *model)
    assert table.groupby("k").how.first().to_dict() == {5: "simulated", 100: "law"}
    assert table[table.k == 5].correlation.max() > 0.35


@pytest.mark.parametrize(
    "extra",
    [
        ["--method", "kendall"],
        ["--method", "spearman", "--metric", "hit"],
        ["--model", "student-t", "--shape", "1.5", "--metric", "ap"],
        ["--model", "gumbel", "--alpha", "0.5"],
        *(["--model", name, "--method", "kendall"] for name in ("logistic", "power", "beta", "popularity")),
        ["--model", "false-negatives", "--shape", "0.2", "--metric", "mrr"],
    ],
    ids=" ".join,
)
def test_where_there_is_no_closed_form_it_simulates(extra, tmp_path):
    table = curves(tmp_path, "20", "80", "--k", "5", "--simulate", "300", *extra)
    assert set(table.how) == {"simulated"}
    assert table.correlation.between(-1, 1).all()
    assert {5, 80} <= set(table.m)


def test_a_constant_metric_is_said_to_have_none(capsys):
    for extra in ([], ["--method", "kendall", "--simulate", "100"]):
        assert main(["corr", "3", "4", "--k", "7", *extra]) == 0
        assert "the same for every ranking" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0", "5"], "n_pos must be in 1.."),
        (["5", "0"], "n_neg must be in 1.."),
        (["5", "5", "--k", "11"], "k must be in 1..10, got 11"),
        (["5", "5", "--k", "2", "--alpha", "0.5"], "alpha must make alpha * n_pos an integer"),
        (["5", "5", "--k", "2", "--simulate", "3"], "n_rankings must be in 10.."),
        (["5", "5", "--k", "2", "--auc", "0.9"], "auc needs a score model: choose one with --model, got none"),
        (["5", "5", "--k", "2", "--model", "gumbel", "--shape", "2"], "shape must be left out for the model gumbel"),
        (["5", "5", "--k", "2", "--model", "beta", "--auc", "1.5"], "auc must be in (0, 1], got 1.5"),
        (["5", "5", "--k", "2", "--method", "kendall", "--simulate", "1000000000"], "pearson, which is streamed"),
    ],
)
def test_errors_are_one_line(arguments, says, capsys):
    assert main(["corr", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
